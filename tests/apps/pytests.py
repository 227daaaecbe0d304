#!/usr/bin/env python3
"""CPython's own tests (package libpython3.11-testsuite), test by test: what passes natively here must pass in direct and soft.

usage: pytests.py --build BUILD [--modes direct,soft] [--only test_os,...] [--record]

A test that does not is a failure unless pytests-exceptions.txt names it with a reason. --record writes docs/pytests.md.
"""
import argparse, fnmatch, json, os, pathlib, shutil, subprocess, sys, time

from cases import PYTHON, Case
from run import ENV, HERE, ROOT, Runner

MODULES = ('test_os test_posix test_io test_fileio test_mmap test_socket test_ssl test_select test_selectors test_epoll test_threading test_thread '
           'test_queue test_signal test_time test_tempfile test_shutil test_zipfile test_asyncio test_fcntl test_stat test_pathlib '
           'test_memoryview test_ctypes').split()  # Debian's package has no test_sqlite3
WHERE = {'test_ctypes': 'ctypes.test'}
# As root they set the machine's clock and name.
NEVER = ['test.test_time.TimeTestCase.test_monotonic_settime', 'test.test_socket.GeneralModuleTests.test_sethostname']
QUIET_SECONDS = 90   # without progress: hung
MOST_DEATHS = 40     # of one module, then the rest counts as not run

class Exceptions:
    """Lines `mode pattern: reason`; mode `*` is both. A pattern is a shell pattern over MODULE.Class.test."""
    def __init__(self, path):
        self.lines = []
        for line in path.read_text().splitlines():
            if line.strip() and not line.startswith('#'):
                what, reason = line.split(': ', 1)
                mode, pattern = what.split()
                self.lines.append((mode, pattern, reason))
    def reason(self, mode, test):
        return next((r for m, p, r in self.lines if m in ('*', mode) and fnmatch.fnmatchcase(test, p)), None)

def read_results(path):
    """Test -> (outcome, why); the one that was running at the end, if any; whether the end was reached."""
    found, running, ended = {}, None, False
    for line in path.read_text(errors='replace').splitlines() if path.exists() else []:
        test, outcome, why = (line.split('\t') + ['', ''])[:3]
        if outcome == 'end':
            ended = True
        elif outcome == 'started':
            running = test
        else:
            found[test], running = (outcome, why), None
    return found, running, ended

def watch(process, results):
    """Wait until it ends or makes no progress. True: hung."""
    last, seen = time.monotonic(), -1
    while process.poll() is None:
        time.sleep(0.1)
        size = results.stat().st_size if results.exists() else 0
        if size != seen:
            last, seen = time.monotonic(), size
        elif time.monotonic() - last > QUIET_SECONDS:
            process.kill()
            process.wait()
            return True
    return False

def run_module(runner, app, module, mode):
    work = runner.work
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    results, done = work.with_suffix('.results'), work.with_suffix('.done')
    results.unlink(missing_ok=True)
    done.write_text('\n'.join(NEVER))
    words = [HERE / 'programs/run_tests.py', module, results, done]
    command = [PYTHON, *words] if mode == 'native' else [runner.cloister, 'run', '--mode', mode, app, *words]
    log = open(work.with_suffix(f'.{mode}.log'), 'w')
    for deaths in range(MOST_DEATHS):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=work, env=ENV if mode == 'native' else runner.env)
        hung = watch(process, results)
        found, running, ended = read_results(results)
        if ended:
            break
        if not running:
            found['(module)'] = ('hung' if hung else 'died', f'exit status {process.returncode}, see {log.name}')
            break
        with open(results, 'a') as f:
            f.write(f'{running}\t{"hung" if hung else "died"}\texit status {process.returncode}\n')
        found[running] = ('hung' if hung else 'died', '')
        done.write_text('\n'.join([*NEVER, *found]))
    found, _, _ = read_results(results)
    return found

def short(test):
    return test.removeprefix('test.').replace('ctypes.test.', 'test_ctypes.')

def compare(native, here, mode, exceptions):
    """Counts, and what is to be said."""
    c = {'passed': 0, 'excepted': 0, 'failed': 0}
    said = []
    for test, (outcome, _) in native.items():
        if outcome != 'ok':
            continue
        got, why = here.get(test, ('not run', ''))
        if got == 'ok':
            c['passed'] += 1
        elif exceptions.reason(mode, short(test)):
            c['excepted'] += 1
        else:
            c['failed'] += 1
            said.append(f'    {short(test)}: {got}: {why}')
    return c, said

def write_docs(rows, exceptions):
    """The data (modules that did not run keep their rows) and the page made from it."""
    stored = ROOT / 'docs/pytests.json'
    kept = {(m, mode): (m, mode, n, c) for m, mode, n, c in json.loads(stored.read_text())} if stored.exists() else {}
    kept |= {(m, mode): (m, mode, n, c) for m, mode, n, c in rows}
    rows = [kept[m, mode] for m in MODULES for mode in ('direct', 'soft') if (m, mode) in kept]
    stored.write_text('[\n' + ',\n'.join(json.dumps(r) for r in rows) + '\n]\n')
    lines = ["# CPython's own tests", '', 'Generated by `make pytests` (tests/apps/pytests.py); not to be edited. Of the tests that pass natively in the same sandbox:', '',
             '| module | native | mode | passed | excepted | failed |', '|---|---|---|---|---|---|']
    lines += [f"| {m} | {n} | {mode} | {c['passed']} | {c['excepted']} | {c['failed']} |" for m, mode, n, c in rows]
    lines += ['', 'Exceptions (tests/apps/pytests-exceptions.txt):', '', '| mode | tests | reason |', '|---|---|---|']
    lines += [f'| {"both" if m == "*" else m} | {p.replace("*", chr(92) + "*")} | {r} |' for m, p, r in exceptions.lines]
    (ROOT / 'docs/pytests.md').write_text('\n'.join(lines) + '\n')

def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build', default='build')
    parser.add_argument('--modes', default='direct,soft')
    parser.add_argument('--only', default='')
    parser.add_argument('--record', action='store_true')
    o = parser.parse_args()
    runner, exceptions, rows, failed = Runner(pathlib.Path(o.build).resolve()), Exceptions(HERE / 'pytests-exceptions.txt'), [], 0
    for module in o.only.split(',') if o.only else MODULES:
        case = Case('pytests-' + module, 'python3.11', [PYTHON], size='16G', threads=300)
        runner.words(case)
        app = runner.sign(case, ENV)
        native = run_module(runner, app, WHERE.get(module, module), 'native')
        passing = sum(outcome == 'ok' for outcome, _ in native.values())
        for mode in o.modes.split(','):
            counts, said = compare(native, run_module(runner, app, WHERE.get(module, module), mode), mode, exceptions)
            rows.append((module, mode, passing, counts))
            failed += counts['failed']
            print(f"{module:16} {mode:7} {passing:5} natively, {counts['passed']} passed, {counts['excepted']} excepted, {counts['failed']} failed", flush=True)
            print('\n'.join(said), end='\n' if said else '', flush=True)
    if o.record:
        write_docs(rows, exceptions)
    return 1 if failed else 0

if __name__ == '__main__':
    sys.exit(main())
