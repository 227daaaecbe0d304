"""Run one of CPython's test modules and write what became of each test to a file as it happens, so that whoever started
us knows which one took the process down.

usage: run_tests.py MODULE RESULTS DONE MORE      DONE: a file with the names of tests not to be run again; MORE: a
folder with parts of the package `test` that Debian does not pack

Lines of RESULTS: test, outcome, why. Outcome `process`: it is about to start a process (noted before it is tried).
"""
import gc, pathlib, sys, _posixsubprocess, unittest, test
from test import support

module, results, done, more = sys.argv[1:5]
test.__path__.append(more)
support.use_resources = []
support.verbose = 0
try:
    skip = set(open(done).read().split())
except FileNotFoundError:
    skip = set()

class Recorder(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.out = open(results, 'a', buffering=1)
    def say(self, test, outcome, why=''):
        self.out.write(f'{test.id()}\t{outcome}\t{" ".join(str(why).split())[-300:]}\n')
    def startTest(self, test):
        super().startTest(test)
        self.running, self.noted = test, False
        self.outcome = ('ok', '')
        self.say(test, 'started')
    def worse(self, test, outcome, why=''):
        if hasattr(self, 'outcome') and not isinstance(test, unittest.suite._ErrorHolder):
            self.outcome = (outcome, why)
        else:
            self.say(test, outcome, why)
    def stopTest(self, test):
        super().stopTest(test)
        self.say(test, *self.outcome)
    def addError(self, test, err):
        self.worse(test, 'failed', f'{err[0].__name__}: {err[1]}')
    addFailure = addError
    def addSubTest(self, test, subtest, err):
        if err: self.worse(test, 'failed', f'{err[0].__name__}: {err[1]}')
    def addSkip(self, test, reason): self.worse(test, 'skipped', reason)
    def addExpectedFailure(self, test, err): self.worse(test, 'skipped', 'expected failure')
    def addUnexpectedSuccess(self, test): self.worse(test, 'failed', 'unexpected success')

recorder = Recorder()
STARTS = {'subprocess.Popen', 'os.fork', 'os.forkpty', 'os.posix_spawn', 'os.system', 'os.spawn', 'pty.spawn'}
def note_process():
    if hasattr(recorder, 'running') and not recorder.noted:
        recorder.noted = True
        recorder.say(recorder.running, 'process')
def on_event(event, args):
    if event in STARTS:
        note_process()
sys.addaudithook(on_event)
fork_exec = _posixsubprocess.fork_exec
def noted_fork_exec(*args):  # multiprocessing calls it without an event
    note_process()
    return fork_exec(*args)
_posixsubprocess.fork_exec = noted_fork_exec

def flat(suite):
    for t in suite:
        if isinstance(t, unittest.TestSuite): yield from flat(t)
        else: yield t

parts = [f'test.{module}.{p.stem}' for p in sorted(pathlib.Path(more, module).glob('test_*.py'))]
suite = unittest.defaultTestLoader.loadTestsFromNames(parts or [module if '.' in module else 'test.' + module])
def prune(s):
    s._tests = [t for t in s._tests if isinstance(t, unittest.TestSuite) or t.id() not in skip]
    for t in s._tests:
        if isinstance(t, unittest.TestSuite): prune(t)
prune(suite)
if any(True for _ in flat(suite)):
    suite.run(recorder)
gc.collect()
open(results, 'a').write('-\tend\t\n')
