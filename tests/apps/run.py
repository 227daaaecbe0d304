#!/usr/bin/env python3
"""Run real programs natively, in direct and in soft; compare their output; write the compatibility table.

usage: run.py --build BUILD [--modes native,direct,soft] [--only WORD,...] [--fast] [--record] [--keep-going]

--record writes docs/compatibility.json (rows that did not run are kept) and, from it, docs/compatibility.md.
Exit status 1 when a program that known.py does not name failed.
"""
import argparse, json, os, pathlib, re, shutil, signal, socket, subprocess, sys, time

from cases import CASES
from known import KNOWN

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENV = {'HOME': '/root', 'PATH': '/usr/sbin:/usr/bin:/bin', 'LC_ALL': 'C.UTF-8', 'PYTHONDONTWRITEBYTECODE': '1', 'OPENBLAS_NUM_THREADS': '2',
       'PYTHONHASHSEED': '0', 'TZ': 'UTC', 'TMPDIR': '/tmp'}
ATTEMPTS_TO_CONNECT = 600  # 100 ms apart

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

def stop(process, patience=5):
    """SIGTERM, then SIGKILL. Returns the seconds that SIGTERM took, or None when it did not do."""
    if process.poll() is not None:
        return 0
    start = time.perf_counter()
    process.terminate()
    try:
        process.wait(patience)
        return time.perf_counter() - start
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

def await_port(port, process):
    for _ in range(ATTEMPTS_TO_CONNECT):
        if process.poll() is not None:
            return False
        with socket.socket() as s:
            s.settimeout(1)
            if s.connect_ex(('127.0.0.1', port)) == 0:
                return True
        time.sleep(0.1)
    return False

SHORT = 1  # seconds of a command from which on it does not matter that the first run makes the plan of its manifest, which is kept

class Outcome:
    """What one run printed, how it ended and how fast it was."""
    def __init__(self, status, output, errors, seconds, case):
        self.status, self.output, self.errors, self.seconds = status, output, errors, seconds
        found = re.search(case.speed, output, re.M) if case.speed else None
        self.figure = float(found.group(1)) if found else None
        self.shown = output
        for pattern in case.hide:
            self.shown = re.sub(pattern, '', self.shown)
        if case.any_order:
            self.shown = '\n'.join(sorted(self.shown.splitlines()))

class Runner:
    def __init__(self, build):
        self.build, self.cloister = build, build / 'cli/cloister'
        self.scratch = build / 'tests/apps/run'
        self.env = dict(os.environ, **{f'XDG_{n}_HOME': str(self.scratch / n.lower()) for n in ('CONFIG', 'CACHE', 'STATE')})
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.key = self.scratch / 'key.pem'
        if self.cloister.exists() and not self.key.exists():
            subprocess.run([self.cloister, 'keygen', self.key], check=True, env=self.env, stdout=subprocess.DEVNULL)

    def words(self, case):
        self.work = self.scratch / re.sub(r'\W+', '-', case.name)
        self.values = {'work': self.work, 'here': HERE / 'programs', 'build': self.build / 'tests/apps', 'port': free_port(), 'peer': free_port()}

    def fill(self, text):
        for name, value in self.values.items():
            text = text.replace('{' + name + '}', str(value))
        return text

    def sign(self, case, env):
        app = self.work.with_suffix('.app')
        entry = self.fill(case.command[0])
        text = render(HERE / 'app.manifest.template', entrypoint=entry, work=self.work, size=case.size, threads=case.threads, env=env)
        pathlib.Path(f'{app}.manifest').write_text(text)
        subprocess.run([self.cloister, 'sign', '-k', self.key, f'{app}.manifest'], check=True, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return app

    def command(self, case, mode, env):
        words = [self.fill(w) for w in case.command]
        return words if mode == 'native' else [self.cloister, 'run', '--mode', mode, self.sign(case, env), *words[1:]]

    def run(self, case, mode):
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        env = dict(ENV, **{k: self.fill(v) for k, v in case.env.items()})
        if case.prepare:
            subprocess.run(['bash', '-c', self.fill(case.prepare)], check=True, cwd=self.work)
        command = self.command(case, mode, env)
        beside = None
        if case.beside:
            beside = subprocess.Popen([self.fill(w) for w in case.beside], cwd=self.work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            await_port(self.values['peer'], beside)
        try:
            how = self.run_server if case.client else self.run_command
            return how(case, command, env if mode == 'native' else self.env)
        finally:
            if beside:
                stop(beside)

    def run_command(self, case, command, env):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.work, env=env)
        try:
            out, err = process.communicate(timeout=case.timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            err += b'\nstill running after %d s' % case.timeout
        return Outcome(process.returncode, out.decode(errors='replace'), err.decode(errors='replace'), time.perf_counter() - start, case)

    def run_server(self, case, command, env):
        """The output is the client's; the status is 0 when the server came up and SIGTERM ended it."""
        log = open(self.work.with_suffix('.log'), 'w+')
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.work, env=env)
        up, status, output, start = await_port(self.values['port'], process), 'did not start', '', time.perf_counter()
        if up:
            start = time.perf_counter()
            client = subprocess.Popen(['bash', '-c', self.fill(case.client)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.work, start_new_session=True)
            try:
                output, status = client.communicate(timeout=case.timeout)[0].decode(errors='replace'), 0
            except subprocess.TimeoutExpired:
                os.killpg(client.pid, signal.SIGKILL)
                client.wait()
                status = f'client still waiting after {case.timeout} s'
        seconds = time.perf_counter() - start
        died = process.poll()
        ended = stop(process)
        if status == 0 and died is not None:
            status = f'died: {died}'
        elif status == 0 and ended is None:
            status = 'SIGTERM did not end it'
        log.seek(0)
        return Outcome(status, output, log.read(), seconds, case)

def render(template, **values):
    import jinja2
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(template.read_text()).render(**values)

def version_of(package):
    r = subprocess.run(['dpkg-query', '-W', '-f', '${Version}', package], capture_output=True, text=True)
    return r.stdout if r.returncode == 0 else None

def verdict(native, here):
    if here.status != native.status:
        return f'exit status {here.status}, natively {native.status}' if isinstance(here.status, int) else here.status
    return 'same output' if here.shown == native.shown else 'other output'

def speed(native, here):
    """Times native: 1.0 is as fast, 0.5 half as fast."""
    if native.figure and here.figure:
        return here.figure / native.figure
    return native.seconds / here.seconds

def first_difference(a, b):
    for x, y in zip(a.splitlines() + ['(end)'], b.splitlines() + ['(end)']):
        if x != y:
            return f'native: {x[:200]!r}\n    here:   {y[:200]!r}'
    return ''

def run_case(runner, case, modes, rows):
    """One row for each mode; returns how many failed that were not expected to."""
    failed = 0
    program = runner.fill(case.command[0]) if runner.words(case) is None else ''
    if not os.path.exists(program):
        print(f'{case.name:24} skipped: {program} is not there (tools/setup.sh --apps)')
        return 0
    runner.run(case, 'native')  # so that what it reads is in the page cache for all
    native = runner.run(case, 'native')
    for mode in (m for m in modes if m != 'native'):
        here = runner.run(case, mode)
        result = verdict(native, here)
        if result == 'same output' and not case.client and here.seconds < SHORT:
            here.seconds = min(here.seconds, runner.run(case, mode).seconds)
        good, expected = result == 'same output', KNOWN.get((case.name, mode))
        ratio = speed(native, here) if good else None
        cause = '' if good else expected or here.errors.strip()[-160:].replace('\n', ' ')
        rows[f'{case.name}|{mode}'] = {'program': case.name, 'version': version_of(case.package), 'mode': mode, 'result': result, 'cause': cause,
                                       'speed': round(ratio, 2) if ratio else None}
        failed += not good and not expected
        print(f'{case.name:24} {mode:7} {result:30} ' + (f'{ratio:5.2f} of native' if good else 'KNOWN' if expected else 'FAILED'), flush=True)
        if not good and not expected:
            print(f'    {first_difference(native.shown, here.shown)}\n    stderr: {here.errors.strip()[-1000:]}', flush=True)
    return failed

def record(rows):
    """The data, and the table made from it in the order of cases.py."""
    stored = ROOT / 'docs/compatibility.json'
    everything = json.loads(stored.read_text())['rows'] if stored.exists() else []
    merged = {f"{r['program']}|{r['mode']}": r for r in everything} | rows
    ordered = [merged[k] for c in CASES for k in (f'{c.name}|direct', f'{c.name}|soft') if k in merged]
    stored.write_text(json.dumps({'rows': ordered}, indent=1) + '\n')
    lines = ['# Programs that run', '', 'Generated by `make apps` (tests/apps/run.py) from docs/compatibility.json; not to be edited. Each program is Debian 12\'s own,',
             'untouched. *same output*: standard output (of a server: what its clients saw) and exit status are those of the native run.',
             'Speed is native\'s divided into ours: 1.00 is as fast as native, 0.50 half as fast; of a command it includes the start,',
             'but not what the first run of a manifest makes and keeps: the faster of two runs, where they are short.', '',
             '| program | version | mode | result | speed |', '|---|---|---|---|---|']
    for r in ordered:
        result = r['result'] + (f": {r['cause']}" if r['cause'] else '')
        lines.append(f"| {r['program']} | {r['version']} | {r['mode']} | {result.replace('|', '/')} | {'n/a' if r['speed'] is None else format(r['speed'], '.2f')} |")
    (ROOT / 'docs/compatibility.md').write_text('\n'.join(lines) + '\n')

def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build', default='build')
    parser.add_argument('--modes', default='native,direct,soft')
    parser.add_argument('--only', default='', help='only programs with one of these in their name')
    parser.add_argument('--fast', action='store_true', help='the subset that CI runs')
    parser.add_argument('--record', action='store_true', help='write docs/compatibility.{json,md}')
    o = parser.parse_args()
    runner, rows, failed = Runner(pathlib.Path(o.build).resolve()), {}, 0
    for case in CASES:
        if (case.fast or not o.fast) and any(w in case.name for w in o.only.split(',')):
            failed += run_case(runner, case, o.modes.split(','), rows)
    if o.record:
        record(rows)
    good = sum(r['result'] == 'same output' for r in rows.values())
    print(f'apps: {good} passed, {failed} failed, {len(rows) - good - failed} failed as known.py says')
    return 1 if failed else 0

if __name__ == '__main__':
    sys.exit(main())
