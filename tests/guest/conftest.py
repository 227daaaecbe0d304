"""Options of the guest tests, and the closing line that tests/run.sh adds up."""
import pathlib
import pytest
from guest_run import Guest, MODES

def pytest_addoption(parser):
    parser.addoption('--build', default='build', help='the build directory')
    parser.addoption('--modes', default=','.join(MODES), help='comma-separated: native, direct, soft')

def pytest_generate_tests(metafunc):
    if 'mode' in metafunc.fixturenames:
        metafunc.parametrize('mode', metafunc.config.getoption('--modes').split(','))

@pytest.fixture(scope='session')
def guest(request):
    build = pathlib.Path(request.config.getoption('--build'))
    return Guest(build, build / 'tests/guest/run')

def pytest_terminal_summary(terminalreporter):
    count = lambda *names: sum(len(terminalreporter.stats.get(n, [])) for n in names)
    terminalreporter.write_line(f"guest: {count('passed')} passed, {count('failed', 'error')} failed, {count('skipped')} skipped")
