#!/usr/bin/env python3
"""CPython's own tests (package libpython3.11-testsuite), test by test: what passes natively here must pass in direct and soft.

usage: pytests.py --build BUILD [--modes direct,soft] [--only test_os,...] [--jobs N] [--record]

A test that does not is a failure unless pytests-exceptions.txt names it with a reason, and so is an exception that nothing needs:
each must match only tests that fail here, and one that says "starts a process" only tests that get as far as trying to.
--record writes docs/pytests.json and, from it, docs/pytests.md.
"""
import argparse, concurrent.futures, fnmatch, json, os, pathlib, shutil, signal, subprocess, sys, time

from cases import PYTHON, Case
from run import ENV, HERE, ROOT, Runner

MODULES = ('test_os test_posix test_io test_fileio test_mmap test_socket test_ssl test_select test_selectors test_epoll test_threading test_thread '
           'test_queue test_signal test_time test_tempfile test_shutil test_zipfile test_sqlite3 test_asyncio test_fcntl test_stat test_pathlib '
           'test_memoryview test_ctypes').split()
LONGEST = 'test_asyncio test_socket test_zipfile test_ssl test_io test_threading test_signal test_ctypes test_posix'.split()  # begun first
WHERE = {'test_ctypes': 'ctypes.test'}
# As root they set the machine's clock and name.
NEVER = ['test.test_time.TimeTestCase.test_monotonic_settime', 'test.test_socket.GeneralModuleTests.test_sethostname']
QUIET_SECONDS = 90   # without progress: hung
QUIET_PROCESS = 15   # here, once a process was to be started: what waits for it will wait for ever
MOST_HUNG, MOST_DEATHS = 3, 40  # of one module, then the rest counts as not run
STARTS = 'starts a process'

class Exceptions:
    """Lines `mode pattern: reason`; mode `*` is both. A pattern is a shell pattern over MODULE.Class.test."""
    def __init__(self, path):
        self.lines, self.used, self.wrong = [], set(), []
        for line in path.read_text().splitlines():
            if line.strip() and not line.startswith('#'):
                what, reason = line.split(': ', 1)
                mode, pattern = what.split()
                self.lines.append((mode, pattern, reason))

    def find(self, mode, test):
        return next((i for i, (m, p, _) in enumerate(self.lines) if m in ('*', mode) and fnmatch.fnmatchcase(test, p)), None)

    def excuses(self, mode, test, got):
        """Is this failure one that is named? A process that is never tried is no excuse."""
        line = self.find(mode, test)
        if line is None or (self.lines[line][2].startswith(STARTS) and not got.process):
            return False
        self.used.add(line)
        return True

    def unused(self, modules):
        return [f'exception matches no failure: {m} {p}' for i, (m, p, _) in enumerate(self.lines) if i not in self.used and p.split('.')[0] in modules]

class Result:
    def __init__(self, outcome, why='', process=False):
        self.outcome, self.why, self.process = outcome, why, process

def read_results(path):
    """Test -> Result; the one that was running at the end, if any; whether the end was reached."""
    found, running, ended, process = {}, None, False, False
    for line in path.read_text(errors='replace').splitlines():
        test, outcome, why = (line.split('\t') + ['', ''])[:3]
        if outcome == 'end':
            ended = True
        elif outcome == 'started':
            running, process = test, False
        elif outcome == 'process':
            process = True
        else:
            found[test], running = Result(outcome, why, process), None
    return found, running, ended

def watch(process, results, native):
    """Wait until it ends or makes no progress. True: hung."""
    last, seen, quiet = time.monotonic(), -1, QUIET_SECONDS
    while process.poll() is None:
        time.sleep(0.1)
        size = results.stat().st_size
        if size != seen:
            last, seen = time.monotonic(), size
            quiet = QUIET_PROCESS if not native and results.read_bytes().endswith(b'\tprocess\t\n') else QUIET_SECONDS
        elif time.monotonic() - last > quiet:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    return False

def run_module(build, module, mode, more):
    """Test -> Result. A test that takes the process down or hangs costs itself only: the rest is run again without it."""
    runner = Runner(build)
    case = Case(f'pytests-{module}-{mode}', 'python3.11', [PYTHON], size='16G', threads=300)
    runner.words(case)
    work = runner.work
    app = None if mode == 'native' else runner.sign(case, ENV)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    results, done, log = (work.with_suffix(f'.{s}') for s in ('results', 'done', 'log'))
    results.write_text('')
    done.write_text('\n'.join(NEVER))
    words = [HERE / 'programs/run_tests.py', WHERE.get(module, module), results, done, more]
    command = [PYTHON, *words] if mode == 'native' else [runner.cloister, 'run', '--mode', mode, app, *words]
    hangs = 0
    with open(log, 'w') as out:
        for _ in range(MOST_DEATHS):
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=work, env=ENV if mode == 'native' else runner.env,
                                       start_new_session=True)
            hung = watch(process, results, mode == 'native')
            found, running, ended = read_results(results)
            hangs += hung
            if not ended:
                with open(results, 'a') as f:
                    f.write(f'{running or "(module)"}\t{"hung" if hung else "died"}\texit status {process.returncode}, see {log}\n')
            if ended or not running or hangs == MOST_HUNG:
                break
            done.write_text('\n'.join([*NEVER, *found, running]))
    return read_results(results)[0]

def short(test):
    return test.removeprefix('test.').replace('ctypes.test.', 'test_ctypes.')

def compare(native, here, mode, exceptions):
    """Counts, and what is to be said."""
    c = {'passed': 0, 'excepted': 0, 'failed': 0}
    said = []
    for test, was in native.items():
        if was.outcome != 'ok':
            continue
        got = here.get(test, Result('not run'))
        if got.outcome == 'ok':
            c['passed'] += 1
            line = exceptions.find(mode, short(test))
            if line is not None:
                exceptions.wrong.append(f'exception no longer needed: {short(test)} passes in {mode}: {exceptions.lines[line][1]}')
        elif exceptions.excuses(mode, short(test), got):
            c['excepted'] += 1
        else:
            c['failed'] += 1
            said.append(f'    {short(test)}: {got.outcome}: {got.why}' + (f' ({STARTS})' if got.process else ''))
    return c, said

def write_docs(rows, exceptions):
    """The data (modules that did not run keep their rows) and the page made from it."""
    stored = ROOT / 'docs/pytests.json'
    kept = {(m, mode): (m, mode, n, c) for m, mode, n, c in json.loads(stored.read_text())} if stored.exists() else {}
    kept |= {(m, mode): (m, mode, n, c) for m, mode, n, c in rows}
    rows = [kept[m, mode] for m in MODULES for mode in ('direct', 'soft') if (m, mode) in kept]
    stored.write_text('[\n' + ',\n'.join(json.dumps(r) for r in rows) + '\n]\n')
    lines = ["# CPython's own tests", '', 'Generated by `make pytests` (tests/apps/pytests.py); not to be edited. Of the tests that pass natively in the same sandbox',
             '(test_sqlite3, which no binary package of Debian 12 has, is that of its source package python3.11; the others are libpython3.11-testsuite\'s):', '',
             '| module | native | mode | passed | excepted | failed |', '|---|---|---|---|---|---|']
    lines += [f"| {m} | {n} | {mode} | {c['passed']} | {c['excepted']} | {c['failed']} |" for m, mode, n, c in rows]
    total = {mode: [sum(v) for v in zip(*([n, *c.values()] for _, at, n, c in rows if at == mode))] for mode in ('direct', 'soft')}
    lines += [f'| **all** | {t[0]} | {mode} | {t[1]} | {t[2]} | {t[3]} |' for mode, t in total.items() if t]
    lines += ['', f'Exceptions (tests/apps/pytests-exceptions.txt). Of each that "{STARTS}" the run has seen that it tries to, natively and here:', '',
              '| mode | tests | reason |', '|---|---|---|']
    lines += [f'| {"both" if m == "*" else m} | {p.replace("*", chr(92) + "*")} | {r} |' for m, p, r in exceptions.lines]
    (ROOT / 'docs/pytests.md').write_text('\n'.join(lines) + '\n')

def run_all(build, modules, modes, jobs, more):
    """(module, mode) -> what run_module() found; progress is printed as it comes."""
    wanted = [(m, mode) for m in sorted(modules, key=lambda m: LONGEST.index(m) if m in LONGEST else len(LONGEST)) for mode in ('native', *modes)]
    found, start = {}, time.monotonic()
    def one(module, mode):
        begun = time.monotonic()
        return run_module(build, module, mode, more), time.monotonic() - begun
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(one, *w): w for w in wanted}
        for done in concurrent.futures.as_completed(running):
            found[running[done]], seconds = done.result()
            module, mode = running[done]
            print(f'[{time.monotonic() - start:5.0f} s, {len(found)} of {len(wanted)}] {module} {mode}: {seconds:.0f} s', flush=True)
    return found

def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build', default='build')
    parser.add_argument('--modes', default='direct,soft')
    parser.add_argument('--only', default='')
    parser.add_argument('--jobs', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--record', action='store_true')
    o = parser.parse_args()
    for n in (signal.SIGINT, signal.SIGQUIT):  # a shell's background job has them ignored, and tests would inherit that
        signal.signal(n, signal.default_int_handler)
    build, exceptions, rows = pathlib.Path(o.build).resolve(), Exceptions(HERE / 'pytests-exceptions.txt'), []
    modules, modes = o.only.split(',') if o.only else MODULES, o.modes.split(',')
    Runner(build)  # makes the key, once
    more = build / 'tests/apps/python'
    if 'test_sqlite3' in modules and subprocess.run([HERE / 'python_source.sh', more]).returncode:
        modules = [m for m in modules if m != 'test_sqlite3']
    found = run_all(build, modules, modes, o.jobs, more)
    for module in modules:
        native = found[module, 'native']
        passing = sum(r.outcome == 'ok' for r in native.values())
        for mode in modes:
            counts, said = compare(native, found[module, mode], mode, exceptions)
            rows.append((module, mode, passing, counts))
            print(f"{module:16} {mode:7} {passing:5} natively, {counts['passed']} passed, {counts['excepted']} excepted, {counts['failed']} failed")
            print('\n'.join(said), end='\n' if said else '')
    wrong = exceptions.wrong + (exceptions.unused(modules) if set(modes) == {'direct', 'soft'} else [])
    print('\n'.join(wrong), end='\n' if wrong else '')
    if o.record:
        write_docs(rows, exceptions)
    return 1 if wrong or any(c['failed'] for _, _, _, c in rows) else 0

if __name__ == '__main__':
    sys.exit(main())
