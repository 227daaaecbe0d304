"""Run one of CPython's test modules and write what became of each test to a file as it happens, so that whoever started
us knows which one took the process down.

usage: run_tests.py MODULE RESULTS DONE      DONE: a file with the names of tests not to be run again
"""
import gc, sys, unittest
from test import support

module, results, done = sys.argv[1:4]
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

def flat(suite):
    for t in suite:
        if isinstance(t, unittest.TestSuite): yield from flat(t)
        else: yield t

suite = unittest.defaultTestLoader.loadTestsFromName(module if '.' in module else 'test.' + module)
def prune(s):
    s._tests = [t for t in s._tests if isinstance(t, unittest.TestSuite) or t.id() not in skip]
    for t in s._tests:
        if isinstance(t, unittest.TestSuite): prune(t)
prune(suite)
if any(True for _ in flat(suite)):
    suite.run(Recorder())
gc.collect()
open(results, 'a').write('-\tend\t\n')
