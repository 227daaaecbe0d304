"""Each guest program: it passes on Linux, and is no different in direct and in soft.

usage: pytest test_guest.py --build BUILD [--modes native,direct,soft] [-k NAME]
"""
import json, subprocess, sys
import pytest
from guest_run import HERE, PYTHON

sys.path.insert(0, str(HERE.parent / 'checks'))
import syscalls_page

LINES = b'first line\nsecond line\n'
C = ['threads', 'futex', 'signals', 'signal_context', 'clocks', 'waiting', 'syscall_sites', 'proc_dev', 'abuse', 'cputime',
     'futex_more', 'pidfd', 'barrier', 'sysv_shm', 'sysv_sem', 'sysv_msg', 'mqueue', 'sigio', 'prctl', 'identity', 'moments', 'policies', 'reserving',
     'threads_static', 'signals_static', 'threads_musl', 'signals_musl']
# name -> program, arguments (@host, @tmpfs, @encrypted: that scratch directory), the rest
CASES = {name: (name, [], {}) for name in C}
CASES |= {name: (name, ['7', 'two words', ''], {'stdin': LINES}) for name in ('hello', 'hello_static', 'hello_static_pie', 'hello_musl')}
CASES |= {f'{name}-{where}': (name, [f'@{where}'], {}) for name in ('files', 'names', 'named_nodes', 'dir_nodes', 'metadata', 'older', 'memory', 'mapping', 'wakeups', 'limits') for where in ('host', 'tmpfs')}
CASES |= {f'{name}-{where}': (name, [f'@{where}'], {}) for name in ('inotify', 'dnotify', 'xattrs', 'sendfile') for where in ('host', 'tmpfs')}
CASES |= {f'{name}-encrypted': (name, ['@encrypted'], {}) for name in ('inotify', 'sendfile')}
CASES |= {f'remap_file-{where}': ('remap_file', [f'@{where}'], {}) for where in ('host', 'encrypted')}
CASES |= {'many_mappings': ('many_mappings', [], {}), 'passing': ('passing', ['@tmpfs'], {'timeout': 60})}
CASES |= {'restartable': ('restartable', [], {'timeout': 60})}
CASES |= {'pty': ('pty', [], {})}
CASES |= {'files-encrypted': ('files', ['@encrypted'], {})} # names: no links and no modes there, since names and metadata are the host's
CASES |= {'memory_static': ('memory_static', ['@tmpfs'], {})}
CASES |= {f'sockets-{where}': ('sockets', [f'@{where}'], {}) for where in ('host', 'tmpfs', 'encrypted')}
CASES |= {'sockets_control': ('sockets_control', ['@host'], {}), 'stream_waits': ('stream_waits', [], {}), 'epoll_sleep': ('epoll_sleep', [], {}), 'bad_pointers-tmpfs': ('bad_pointers', ['@tmpfs'], {}), 'bad_pointers-host': ('bad_pointers', ['@host'], {})}
CASES |= {'bad_arguments-tmpfs': ('bad_arguments', ['@tmpfs'], {'timeout': 120})}
CASES |= {'go': ('gohello', ['one'], {'timeout': 120})}
CASES |= {'python-pass': (PYTHON, ['-c', 'pass'], {}), 'python-exit': (PYTHON, ['-c', 'print(6 * 7); raise SystemExit(3)'], {})}
CASES |= {f'python-{name}': (PYTHON, [HERE / 'py' / f'{name}.py', '@tmpfs'], {'timeout': 120}) for name in ('matmul', 'echo', 'threads', 'stdlib', 'network', 'aio')}
CASES |= {f'python-database-{where}': (PYTHON, [HERE / 'py/database.py', f'@{where}'], {'timeout': 120}) for where in ('tmpfs', 'encrypted', 'host')}

def show(r):
    return f'exit {r.returncode}\n--- stdout\n{r.stdout.decode(errors="replace")[-4000:]}\n--- stderr\n{r.stderr.decode(errors="replace")[-4000:]}'

@pytest.mark.parametrize('name', CASES)
def test_guest(guest, name, mode):
    program, args, more = CASES[name]
    entrypoint = program if program.startswith('/') else guest.programs / program
    if not (guest.programs / entrypoint).exists():
        pytest.skip(f'{program} is not built')
    if mode != 'native' and guest.missing():
        pytest.skip(guest.missing())
    native = guest.native(name, entrypoint, args, **more)
    if mode == 'native':
        expected = 7 if name.startswith('hello') else 3 if name == 'python-exit' else 0
        assert native.returncode == expected, show(native)
        return
    try:
        r = guest.run(mode, entrypoint, args, options=('--stats=json',) if mode == 'direct' else (), **more)
    except subprocess.TimeoutExpired as e:
        pytest.fail(f'no end after {e.timeout} s\n--- stdout\n{(e.stdout or b"").decode(errors="replace")[-2000:]}\n'
                    f'--- stderr\n{(e.stderr or b"").decode(errors="replace")[-2000:]}', pytrace=False)
    if mode == 'direct':
        remember_calls(guest, program, r.stderr)
    if (r.returncode, r.stdout) != (native.returncode, native.stdout):
        pytest.fail(f'differs from native: {show(r)}\n--- native: {show(native)}', pytrace=False)

def remember_calls(guest, program, stderr):
    """What --stats=json says about the library OS: which calls this program made."""
    for line in stderr.decode(errors='replace').splitlines():
        if line.startswith('{"libos"'):
            guest.calls.setdefault(program, set()).update(json.loads(line)['libos']['calls'])

def test_missing_rows_answer_enosys(guest):
    if guest.missing():
        pytest.skip(guest.missing())
    missing = [r for r in syscalls_page.rows(HERE.parents[1]) if r.support == 'MISSING']
    numbers = [str(r.number) for r in missing] + ['511', '512', '100000']
    r = guest.run('direct', guest.programs / 'missing_rows', numbers)
    assert r.stdout.decode() == ''.join(f'{n} -1 ENOSYS\n' for n in numbers), show(r)

def test_restartable_sequences_are_the_hosts_in_direct_only(guest):
    if guest.missing():
        pytest.skip(guest.missing())
    said = b'rseq: ENOSYS'
    native, direct, soft = (guest.run(mode, guest.programs / 'restartable', [], timeout=60).stderr for mode in ('native', 'direct', 'soft'))
    assert (said in direct) == (said in native) and said in soft

def test_the_encrypted_database_is_no_plaintext(guest):
    if guest.missing():
        pytest.skip(guest.missing())
    r = guest.run('direct', PYTHON, [HERE / 'py/database.py', '@encrypted'], timeout=120)
    assert r.returncode == 0, show(r)
    data = (guest.scratch / 'encrypted/test.db').read_bytes()
    assert len(data) > 100000 and b'SQLite' not in data and b'name 1234' not in data

def test_every_row_is_called(guest):
    """docs/syscalls.md names programs for each row: one of them at least has really made the call. Last of all."""
    programs = syscalls_page.sources(HERE.parents[1])
    if not guest.calls.keys() >= {name for name in programs if (guest.programs / name).exists()}:
        pytest.skip('not all programs have run in direct')
    rows = [r for r in syscalls_page.rows(HERE.parents[1]) if r.support != 'MISSING']
    never = [f'{r.name}: none of {", ".join(syscalls_page.testers(r, programs)) or "the programs"} has made this call'
             for r in rows if not any(r.name in guest.calls.get(p, ()) for p in syscalls_page.testers(r, programs))]
    assert not never, 'rows of syscalls.def without a test:\n' + '\n'.join(never)
