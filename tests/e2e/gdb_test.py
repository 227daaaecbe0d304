"""cloister run --gdb: breakpoints, backtraces across the boundary, the stop before a crash, attaching; in direct and soft.

usage: gdb_test.py CLOISTER PROGRAM GDB_SCRIPT [PYTEST ARGUMENT]...
"""
import os, pathlib, re, subprocess, sys, time
import pytest

CLOISTER, PROGRAM, SCRIPT = (os.environ.get(n, '') for n in ('CLOISTER', 'PROGRAM', 'SCRIPT'))
SOURCE = pathlib.Path(__file__).with_name('gdb_program.c').read_text()
CRASH_LINE = 1 + SOURCE[:SOURCE.index('(volatile int *)8')].count('\n')
MANIFEST = '''
loader.log_level = "error"
libos.entrypoint = "{program}"
loader.insecure__use_cmdline_argv = true
fs.mounts = [{{ path = "/lib", uri = "file:/lib" }}, {{ path = "/lib64", uri = "file:/lib64" }}, {{ path = "{folder}", uri = "file:{folder}" }}]
sgx.enclave_size = "256M"
sgx.max_threads = 8
sgx.use_exinfo = true
sgx.trusted_files = ["file:{program}", "file:/lib/x86_64-linux-gnu/libc.so.6", "file:/lib64/ld-linux-x86-64.so.2"]
'''

@pytest.fixture(params=['direct', 'soft'])
def mode(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('CONFIG', 'STATE', 'CACHE'):
        monkeypatch.setenv(f'XDG_{name}_HOME', str(tmp_path / name.lower()))
    monkeypatch.setenv('DEBUGINFOD_URLS', '')
    pathlib.Path('app.manifest').write_text(MANIFEST.format(program=PROGRAM, folder=os.path.dirname(PROGRAM)))
    for words in (['keygen', 'key.pem'], ['sign', '-k', 'key.pem', 'app.manifest']):
        subprocess.run([CLOISTER, *words], check=True, capture_output=True)
    return request.param

def frames(text):
    """Names of the functions of one backtrace."""
    return re.findall(r'^(?:\(gdb\) )?#\d+ +(?:0x[0-9a-f]+ in )?([\w<>? ]+?)(?: \(|$)', text, re.M)

def in_order(names, wanted):
    rest = iter(names)
    return all(w in rest for w in wanted)

def debug(mode, *commands, arguments=()):
    """What gdb printed for each command."""
    script = ['set pagination off', 'set confirm off', 'set width 0']
    for i, command in enumerate(commands):
        script += [f'echo \\n@@{i}\\n', command]
    r = subprocess.run([CLOISTER, 'run', '--mode', mode, '--gdb', 'app', *arguments], input='\n'.join([*script, 'kill', 'quit', '']),
                       capture_output=True, text=True, timeout=120)
    parts = re.split(r'^(?:\(gdb\) )?@@\d+$', r.stdout, flags=re.M)[1:]
    assert len(parts) == len(commands), r.stdout + r.stderr
    return parts

def test_a_breakpoint_in_the_program_shows_its_frames_and_values(mode):
    _, _, trace, value, _ = debug(mode, 'break innermost', 'run', 'bt', 'print number', 'continue')
    assert in_order(frames(trace), ['innermost', 'outer', 'main']), trace
    assert '= 42' in value

def test_a_backtrace_goes_from_the_library_os_into_the_program(mode):
    *_, trace = debug(mode, 'break innermost', 'run', 'break sys_write', 'continue', 'bt')
    assert in_order(frames(trace), ['sys_write', 'libos_syscall', 'innermost', 'outer', 'main']), trace

def test_a_thread_that_sleeps_on_the_host_shows_who_put_it_to_sleep(mode):
    *_, trace = debug(mode, 'break innermost', 'run', 'thread apply all bt')
    thread = next(t for t in trace.split('\nThread ') if 'waiting_thread' in t)
    wanted = ['host_blocking_syscall', 'sgx_call'] if mode == 'soft' else ['direct_thread_wait']
    assert in_order(frames(thread), wanted + ['file_read', 'libos_syscall', 'waiting_thread']), thread

def test_it_stops_where_the_program_would_be_killed(mode):
    _, trace = debug(mode, 'run', 'bt', arguments=['crash'])
    assert in_order(frames(trace), ['debugger_event', 'main']) and f'gdb_program.c:{CRASH_LINE}' in trace, trace

def test_run_again_works(mode):
    first, again = debug(mode, 'run', 'run')
    assert 'number 42' in first and 'number 42' in again, first + again

def test_gdb_attaches_to_a_running_program(mode):
    process = subprocess.Popen([CLOISTER, 'run', '--mode', mode, 'app', 'wait'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout.readline() == b'number 42\n'
        time.sleep(0.3)  # it waits
        r = subprocess.run(['gdb', '-q', '-batch', '-p', str(process.pid), '-x', SCRIPT, '-ex', 'cloister load', '-ex', 'bt', '-ex', 'cloister maps'],
                           capture_output=True, text=True, timeout=120)
        assert in_order(frames(r.stdout), ['libos_syscall', 'main']), r.stdout + r.stderr
        assert re.search(rf'r-x 00001000 {PROGRAM}', r.stdout) and '[stack]' in r.stdout
    finally:
        process.kill()
        process.wait()

def test_hardware_is_refused_with_the_reason():
    r = subprocess.run([CLOISTER, 'run', '--mode', 'sgx', '--gdb', 'app'], capture_output=True, text=True)
    assert r.returncode == 2 and 'soft and direct' in r.stderr

if __name__ == '__main__':
    os.environ |= dict(zip(('CLOISTER', 'PROGRAM', 'SCRIPT'), map(os.path.abspath, sys.argv[1:4])))
    sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', __file__, *sys.argv[4:]]))
