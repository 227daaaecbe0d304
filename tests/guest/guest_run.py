"""Build the manifest of a guest program, sign it once, and run it natively, in direct or in soft."""
import os, pathlib, shutil, subprocess

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = '/usr/bin/python3.11'
ENV = {'HOME': '/root', 'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8', 'PYTHONDONTWRITEBYTECODE': '1', 'OPENBLAS_NUM_THREADS': '2'}
MODES = ('native', 'direct', 'soft')

def libraries_of(program):
    """What ldd finds, the interpreter included; empty for a static program."""
    r = subprocess.run(['ldd', program], capture_output=True, text=True)
    words = [w for line in r.stdout.splitlines() for w in line.split() if w.startswith('/')]
    return ' '.join(dict.fromkeys(words))

class Guest:
    """All guest programs of one build directory, in one scratch directory. also: a second folder of scripts under tests/."""
    def __init__(self, build, scratch, also='', template=HERE / 'guest.manifest.template', size='1G'):
        self.build, self.scratch, self.template, self.size = pathlib.Path(build).resolve(), pathlib.Path(scratch).resolve(), template, size
        self.scripts = ' '.join(str(p) for p in (HERE / 'py', HERE.parent / also if also else None) if p)
        self.programs = self.build / 'tests/guest'
        self.cloister = self.build / 'cli/cloister'
        self.apps, self.native_results, self.calls = {}, {}, {}
        for name in ('apps', 'host', 'tmpfs', 'encrypted'):
            shutil.rmtree(self.scratch / name, ignore_errors=True)
            (self.scratch / name).mkdir(parents=True)
        self.env = dict(os.environ, XDG_CONFIG_HOME=str(self.scratch / 'config'), XDG_CACHE_HOME=str(self.scratch / 'cache'),
                        XDG_STATE_HOME=str(self.scratch / 'state'))

    def missing(self):
        """Why direct and soft cannot run here; None when they can."""
        for part in ('libos/cloister.enclave', 'host/cloister-host', 'cli/cloister'):
            if not (self.build / part).exists():
                return f'{part} is not built'

    def command(self, *args):
        r = subprocess.run([self.cloister, *map(str, args)], capture_output=True, text=True, env=self.env)
        if r.returncode:
            raise RuntimeError(f"cloister {' '.join(map(str, args))}: {r.returncode}\n{r.stdout}{r.stderr}")
        return r.stdout

    def app(self, entrypoint, encrypted=False):
        """The signed application of this entry point, with or without an encrypted mount: made once."""
        if (entrypoint, encrypted) in self.apps:
            return self.apps[entrypoint, encrypted]
        key = self.scratch / 'apps/key.pem'
        if not key.exists():
            self.command('keygen', key)
        app = self.scratch / 'apps' / (pathlib.Path(entrypoint).name + ('-encrypted' if encrypted else ''))
        more = [f'-Dscripts={self.scripts}'] if entrypoint == PYTHON else []
        more += ['-Dencrypted'] if encrypted else []
        self.command('manifest', f'-Dentrypoint={entrypoint}', f'-Dscratch={self.scratch}', f'-Dsize={self.size}',
                     f'-Dlibraries={libraries_of(entrypoint)}', *more, self.template, f'{app}.manifest')
        self.command('sign', '-k', key, f'{app}.manifest')
        self.apps[entrypoint, encrypted] = app
        return app

    def place(self, where, mode):
        """The scratch directory named `where` (host, tmpfs or encrypted) as the program sees it."""
        return str(self.scratch / where) if mode == 'native' or where == 'host' else f'/guest-{where}'

    def run(self, mode, entrypoint, args=(), stdin=b'', timeout=60, options=()):
        entrypoint, encrypted = str(entrypoint), '@encrypted' in args
        args = [self.place(a[1:], mode) if a.startswith('@') else a for a in map(str, args)]
        if mode == 'native':
            command, env = [entrypoint, *args], ENV
        else:
            command = [self.cloister, 'run', '--mode', mode, *options, self.app(entrypoint, encrypted), *args]
            env = self.env
        return subprocess.run(command, input=stdin, capture_output=True, timeout=timeout, env=env, cwd=self.scratch)

    def native(self, name, entrypoint, args, **more):
        if name not in self.native_results:
            self.native_results[name] = self.run('native', entrypoint, args, **more)
            for where in ('host', 'tmpfs', 'encrypted'):
                shutil.rmtree(self.scratch / where)
                (self.scratch / where).mkdir()
        return self.native_results[name]
