#!/usr/bin/env python3
"""Run stress-ng's stressors with --verify natively, in direct and in soft; look for failures and leaks; write the table.

usage: run.py --build BUILD [--modes native,direct,soft] [--only NAME,...] [--seconds N] [--record]

Every run has fork_thread.so preloaded (see there), natively too: what fails natively is not asked of the others.
--record writes docs/stress.json (rows that did not run are kept) and, from it, docs/stress.md.
Exit status 1 when a stressor that passes natively failed or leaked and known.py does not name it.
"""
import argparse, json, os, pathlib, re, shutil, signal, subprocess, sys, tempfile, threading, time

from cases import NEEDS_PROCESS, cases
from known import KNOWN

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENV = {'HOME': '/root', 'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8'}
# What may be more at the end than at the half: something a stressor holds at random, but not what each operation leaves.
SLACK = {'rss': 12 << 10, 'fds': 8, 'maps': 24}  # KiB, descriptors, mappings

FEW = 20  # operations in a native run from which on none at all here is a failure

class Watch(threading.Thread):
    """Resident memory, descriptors and mappings of one process, as the host sees them."""
    def __init__(self, pid, output):
        super().__init__(daemon=True)
        self.proc, self.output, self.samples, self.over = pathlib.Path(f'/proc/{pid}'), output, [], threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.05):
            if not self.samples and 'dispatching hogs' not in self.output.read_text():
                continue
            try:
                rss = int(re.search(r'VmRSS:\s+(\d+)', (self.proc / 'status').read_text()).group(1))
                maps = (self.proc / 'maps').read_text().count('\n')
                self.samples.append({'at': time.monotonic(), 'rss': rss, 'fds': len(os.listdir(self.proc / 'fd')), 'maps': maps})
            except (OSError, AttributeError):
                return

    def growth(self, seconds):
        """For each figure: the least near the end over the most around the half, when beyond the slack."""
        self.over.set()
        if not self.samples or self.samples[-1]['at'] - self.samples[0]['at'] < seconds * 0.75:
            return {}
        end = self.samples[-1]['at']
        early = [s for s in self.samples if 0.35 < (end - s['at']) / seconds < 0.6]
        late = [s for s in self.samples if 0.02 < (end - s['at']) / seconds < 0.2]
        if not early or not late:
            return {}
        more = {k: min(s[k] for s in late) - max(s[k] for s in early) for k in SLACK}
        return {k: v for k, v in more.items() if v > SLACK[k]}

class Runner:
    def __init__(self, build, seconds):
        self.build, self.seconds = build, seconds
        self.cloister, self.shim = build / 'cli/cloister', build / 'tests/stress/fork_thread.so'
        self.hammer = build / 'tests/stress/hammer'
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix='stress.', dir=build / 'tests/stress'))
        self.env = dict(os.environ, **{f'XDG_{n}_HOME': str(self.scratch / n.lower()) for n in ('CONFIG', 'CACHE', 'STATE')})
        if self.cloister.exists():
            self.sign()

    def sign(self):
        import jinja2
        text = jinja2.Template((HERE / 'stress.manifest.template').read_text(), undefined=jinja2.StrictUndefined)
        self.cloister_quietly('keygen', self.scratch / 'key.pem')
        for app, entrypoint in (('stress-ng', '/usr/bin/stress-ng'), ('hammer', self.hammer)):
            manifest = self.scratch / f'{app}.manifest'
            manifest.write_text(text.render(entrypoint=entrypoint, shim=self.shim, scratch=self.scratch, size='2G'))
            self.cloister_quietly('sign', '-k', self.scratch / 'key.pem', manifest)

    def cloister_quietly(self, *words):
        subprocess.run([self.cloister, *words], check=True, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def command(self, name, place, mode):
        if place == 'hammer':
            app, words = self.hammer, [name, str(self.seconds)]
        else:
            where = '/dev/shm' if (place, mode) == ('tmpfs', 'native') else '/stress-tmpfs' if place == 'tmpfs' else self.scratch / 'files'
            app, words = pathlib.Path('/usr/bin/stress-ng'), [f'--{name}', '1', '--timeout', str(self.seconds), '--verify', '--metrics', '--temp-path', str(where)]
        return [app, *words] if mode == 'native' else [self.cloister, 'run', '--mode', mode, self.scratch / app.name, *words]

    def run(self, name, place, mode):
        """The output, the exit status (None: it had to be killed) and what grew."""
        shutil.rmtree(self.scratch / 'files', ignore_errors=True)
        (self.scratch / 'files').mkdir()
        env = dict(ENV, LD_PRELOAD=str(self.shim)) if mode == 'native' else self.env
        with open(self.scratch / 'output', 'w+', errors='replace') as out:
            process = subprocess.Popen(self.command(name, place, mode), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=self.scratch,
                                       start_new_session=True)
            watch = Watch(process.pid, self.scratch / 'output')
            try:
                status = process.wait(self.seconds * 3 + 40)
            except subprocess.TimeoutExpired:
                status = None
            grown = watch.growth(self.seconds)
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                pass
            out.seek(0)
            return out.read(), status, grown

def judge(name, output, status):
    """What stress-ng says of this run: passed, or why not, in one line; and how many operations it did."""
    ops = re.search(rf'metrc: \[\d+\] {re.escape(name)} +(\d+)|hammer: (\d+) operations', output)
    ops = int(ops.group(1) or ops.group(2)) if ops else 0
    failures = [l.split('] ', 1)[-1] for l in output.splitlines() if re.match(r'stress-ng: fail: |hammer: .*: got ', l)]
    skipped = re.search(r'info: +\[-?\d+\] (.*(?:skipping|not implemented|will be skipped).*)', output)
    if status is None:
        return 'did not end', ops
    if failures:
        return 'failed: ' + failures[0], ops
    if skipped and not ops:
        return 'skipped: ' + skipped.group(1), ops
    if status != 0:
        last = [l for l in output.splitlines() if not re.search(r'stress-ng: (metrc|info)', l)]
        return f'exit status {status}' + (': ' + last[-1] if last else ''), ops
    return 'passed', ops

def run_case(runner, name, place, modes, rows):
    native = None
    for mode in modes:
        output, status, grown = runner.run(name, place, mode)
        result, ops = judge(name, output, status)
        leak = ', '.join(f'{k} +{v}' for k, v in grown.items()) or 'none'
        leak = leak if result == 'passed' else '-'
        row = {'stressor': name, 'place': place, 'mode': mode, 'ops': ops, 'result': result, 'leak': leak}
        rows[f'{name}|{place}|{mode}'] = row
        native = row if mode == 'native' else native
        if mode != 'native' and native and result == 'passed' and ops == 0 and native['ops'] >= FEW:
            row['result'] = result = 'passed without an operation'
        expected = mode == 'native' or native and native['result'] != 'passed' or (name, mode) in KNOWN or (name, '*') in KNOWN
        leaks = leak not in ('none', '-') and not (native and native['leak'] != 'none')
        row['bad'] = bool(not expected and (result != 'passed' or leaks))
        print(f'{name + (" on " + place if place else ""):24} {mode:7} {ops:10} ops  {result[:150]}' + (f'  LEAK {leak}' if leak not in ('none', '-') else '') +
              ('  FAILED' if row['bad'] else ''), flush=True)
        if row['bad'] and result != 'passed':
            print('    ' + '\n    '.join(l for l in output.splitlines() if not re.search(r'metrc:|setting to|dispatching', l))[-1500:], flush=True)

def cause(row, rows):
    native = rows.get(f"{row['stressor']}|{row['place']}|native")
    known = KNOWN.get((row['stressor'], row['mode'])) or KNOWN.get((row['stressor'], '*'))
    if native and native['result'] != 'passed' and row['mode'] != 'native':
        return 'not passed natively either'
    return known if known and (row['result'] != 'passed' or row['leak'] not in ('none', '-')) else ''

def record(rows):
    stored = ROOT / 'docs/stress.json'
    old = json.loads(stored.read_text())['rows'] if stored.exists() else []
    merged = {f"{r['stressor']}|{r['place']}|{r['mode']}": r for r in old} | rows
    order = [f'{n}|{p}|{m}' for n, p in sorted({(r['stressor'], r['place']) for r in merged.values()}) for m in ('native', 'direct', 'soft')]
    rows = {k: {x: v for x, v in merged[k].items() if x != 'bad'} for k in order if k in merged}
    stored.write_text(json.dumps({'rows': list(rows.values())}, indent=1) + '\n')
    (ROOT / 'docs/stress.md').write_text('\n'.join(table(rows)) + '\n')

def table(rows):
    passed = {m: sum(r['result'] == 'passed' for r in rows.values() if r['mode'] == m) for m in ('native', 'direct', 'soft')}
    yield from ['# Stressors', '', 'Generated by `make stress` (tests/stress/run.py) from docs/stress.json; not to be edited. Each is `stress-ng --NAME 1 --verify` of Debian 12,',
                'with its forks made without a second process (tests/stress/fork_thread.c), natively as well: a stressor that does not pass natively that way needs a',
                'child process, or something this machine lacks, and says nothing of the others. Leaks: resident memory (KiB), descriptors and mappings of the',
                'launcher that are more in the last fifth of the run than they ever were around its half.', '',
                f'Passed: {passed["native"]} natively, {passed["direct"]} in direct, {passed["soft"]} in soft.', '',
                '| stressor | files on | mode | operations | result | leak |', '|---|---|---|---|---|---|']
    for r in rows.values():
        why = cause(r, rows)
        result = r['result'].replace('|', '/') + (f' ({why})' if why else '')
        yield f"| {r['stressor']} | {r['place'] or '-'} | {r['mode']} | {r['ops']} | {result} | {r['leak']} |"
    yield from ['', 'Not run, because they need a child process: ' + '; '.join(f'{n} ({why})' for n, why in NEEDS_PROCESS.items()) + '.']

def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build', default='build')
    parser.add_argument('--modes', default='native,direct,soft')
    parser.add_argument('--only', default='', help='these stressors (names, comma-separated; NAME@host, NAME@tmpfs)')
    parser.add_argument('--seconds', type=int, default=5)
    parser.add_argument('--record', action='store_true', help='write docs/stress.{json,md}')
    o = parser.parse_args()
    if not shutil.which('stress-ng'):
        sys.exit('stress: stress-ng is not installed (tools/setup.sh --apps)')
    known = subprocess.run(['stress-ng', '--stressors'], capture_output=True, text=True).stdout.split()
    only = [w for w in o.only.split(',') if w]
    runner, rows = Runner(pathlib.Path(o.build).resolve(), o.seconds), {}
    try:
        for name, place in cases(known):
            if not only or name in only or f'{name}@{place}' in only:
                run_case(runner, name, place, o.modes.split(','), rows)
                if o.record:
                    record(rows)
    finally:
        shutil.rmtree(runner.scratch, ignore_errors=True)
    bad = [r for r in rows.values() if r['bad']]
    print(f"stress: {sum(r['result'] == 'passed' for r in rows.values())} of {len(rows)} runs passed, {len(bad)} failed or leaked unexpectedly")
    return 1 if bad else 0

if __name__ == '__main__':
    sys.exit(main())
