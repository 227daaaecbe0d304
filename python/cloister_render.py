#!/usr/bin/env python3
"""Render a manifest template (Jinja2) to TOML text on stdout. Started by `cloister manifest`.

usage: cloister_render.py --image IMAGE --libdir DIR [-D NAME[=VALUE]]... [-c TEXT | FILE]

FILE `-` is stdin. The globals are those of Gramine's templates: gramine, python, env, ldd().
Exit status: 0; 1 and one line on stderr that says where and why.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import sysconfig

try:
    import jinja2
except ImportError:
    sys.exit('jinja2 is missing: install python3-jinja2')

# Facts of the layout that templates may use, as gramine.NAME.
CONSTANTS = {'PAGESIZE': 4096, 'SSA_FRAME_SIZE': 16384, 'SSA_FRAME_NUM': 2, 'DEFAULT_ENCLAVE_BASE': 0, 'MMAP_MIN_ADDR': 0x10000}


class RuntimeDir:
    """gramine.runtimedir() and, without a call, gramine.runtimedir / "x".

    Cloister runs the system's own libc, so this is where that libc stands, not a patched copy.
    """
    PLACES = {'glibc': ('/lib/x86_64-linux-gnu', '/lib64'), 'musl': ('/lib/x86_64-linux-musl', '/usr/lib/musl/lib', '/lib')}

    def __call__(self, libc='glibc'):
        if libc not in self.PLACES:
            raise ValueError(f'runtimedir: libc is "glibc" or "musl", not "{libc}"')
        for place in self.PLACES[libc]:
            if os.path.isdir(place):
                return pathlib.Path(place).resolve()
        raise FileNotFoundError(f'runtimedir: no {libc} on this machine')

    def __truediv__(self, other):
        return self() / other

    def __str__(self):
        return str(self())


class Gramine:
    def __init__(self, image, libdir):
        self.libos = pathlib.Path(image)
        self.pkglibdir = pathlib.Path(libdir)
        self.runtimedir = RuntimeDir()
        self.__dict__.update(CONSTANTS)


class Python:
    """Where the interpreter that runs this tool keeps its parts."""
    get_path = staticmethod(sysconfig.get_path)
    get_paths = staticmethod(sysconfig.get_paths)
    get_config_var = staticmethod(sysconfig.get_config_var)
    implementation = sys.implementation

    def __init__(self):
        self.stdlib = pathlib.Path(sysconfig.get_path('stdlib'))
        self.platstdlib = pathlib.Path(sysconfig.get_path('platstdlib'))
        self.purelib = pathlib.Path(sysconfig.get_path('purelib'))
        major = str(sys.version_info.major)
        self.distlib = pathlib.Path(sysconfig.get_path('stdlib', vars={'py_version_short': major})) / 'dist-packages'
        self.ext_suffix = sysconfig.get_config_var('EXT_SUFFIX')

    @staticmethod
    def get_sys_path(interpreter, include_nonexisting=False):
        out = subprocess.run([interpreter, '-c', 'import sys; print("\\n".join(p for p in sys.path if p))'],
                             stdout=subprocess.PIPE, check=True, text=True).stdout
        for line in out.splitlines():
            path = pathlib.Path(line)
            if include_nonexisting or path.exists():
                yield path


def ldd(*binaries):
    """All shared libraries of the binaries, with the loader, sorted."""
    out = subprocess.run(['ldd', *map(str, binaries)], stdout=subprocess.PIPE, check=True, text=True,
                         env={**os.environ, 'LC_ALL': 'C'}).stdout
    found = set()
    for line in out.splitlines():
        words = line.split()
        if line.rstrip().endswith(':') or not words:
            continue
        if len(words) >= 3 and words[1] == '=>' and words[2].startswith('/'):
            found.add(words[2])
        elif len(words) >= 3 and words[1] == '=>':
            raise FileNotFoundError(f'ldd: {words[0]}: not found')
        elif words[0].startswith('/'):
            found.add(words[0])
    return sorted(found)


class Env(dict):
    """The process environment; env.X of a variable that is not set is undefined, hence an error."""


def render(text, name, variables, image, libdir):
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    environment.globals.update(gramine=Gramine(image, libdir), python=Python(), env=Env(os.environ), ldd=ldd)
    code = environment.compile(text, name=name, filename=name)
    return jinja2.Template.from_code(environment, code, environment.make_globals(None)).render(**variables)


def line_of(error, name):
    """The template line on which a run-time error stands."""
    line, trace = 0, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--image', required=True)
    parser.add_argument('--libdir', required=True)
    parser.add_argument('-D', action='append', default=[], dest='defines')
    parser.add_argument('-c', dest='string')
    parser.add_argument('file', nargs='?')
    args = parser.parse_args()
    variables = {}
    for define in args.defines:
        name, equals, value = define.partition('=')
        variables[name] = value if equals else True
    name = '<string>' if args.string is not None else '<stdin>' if args.file == '-' else args.file
    try:
        if args.string is not None:
            text = args.string
        elif args.file == '-':
            text = sys.stdin.read()
        else:
            text = pathlib.Path(args.file).read_text(encoding='utf-8')
        sys.stdout.write(render(text, name, variables, args.image, args.libdir))
        sys.stdout.flush()
    except jinja2.TemplateSyntaxError as e:
        sys.exit(f'{name}:{e.lineno}: {e.message}')
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) and e.strerror else e
        sys.exit(f'{getattr(e, "filename", None) or name}: {reason}')
    except Exception as e:  # whatever an expression in the template raised
        sys.exit(f'{name}:{line_of(e, name)}: {e}')


if __name__ == '__main__':
    main()
