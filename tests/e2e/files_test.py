"""What the file policy promises, with the real image: tampered, cut, unlisted files; keys, quotes; crashes, a full disk.

usage: files_test.py CLOISTER [PYTEST ARGUMENT]...
"""
import hashlib, json, os, pathlib, random, re, signal, socket, subprocess, sys, textwrap
import pytest

CLOISTER = os.environ.get('CLOISTER', '')
PYTHON = '/usr/bin/python3.11'
SIZE = 300_000
DATA = bytes((i * 7 + i // 4096) & 255 for i in range(SIZE))
KEY = '00112233445566778899aabbccddeeff'

MANIFEST = '''
libos.entrypoint = "%s"
loader.insecure__use_cmdline_argv = true
loader.log_level = "warning"
loader.env.PATH = "/usr/bin:/bin"
loader.env.LC_ALL = "C.UTF-8"
loader.env.PYTHONDONTWRITEBYTECODE = "1"
fs.root = { uri = "file:/" }
sgx.debug = true
sgx.enclave_size = "256M"
sgx.max_threads = 8
''' % PYTHON
ALLOWED = 'sgx.allowed_files = ["file:/usr/", "file:/lib/", "file:/lib64/", "file:/etc/"]'

@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('CONFIG', 'STATE', 'CACHE'):
        monkeypatch.setenv(f'XDG_{name}_HOME', str(tmp_path / name.lower()))
    (tmp_path / 'data').write_bytes(DATA)
    yield tmp_path
    for p in pathlib.Path('/proc').glob('[0-9]*'): # the quoting service that was started for this state folder
        try:
            mine = f'XDG_STATE_HOME={tmp_path}/state'.encode() in (p / 'environ').read_bytes() and b'cloister' in (p / 'cmdline').read_bytes()
        except OSError:
            continue
        if mine and int(p.name) != os.getpid():
            os.kill(int(p.name), signal.SIGTERM)

def sign(*lines):
    if not any('allowed_files' in line for line in lines):
        lines += (ALLOWED,)
    pathlib.Path('app.manifest').write_text(MANIFEST + '\n'.join(lines) + '\n')
    for command in (['keygen'], ['sign', '-q', 'app.manifest']):
        r = subprocess.run([CLOISTER, *command], capture_output=True, text=True, timeout=120)
        assert r.returncode == 0 or command == ['keygen'], r.stderr

def command(script, *args, mode='soft', options=()):
    return [CLOISTER, 'run', '--mode', mode, *options, 'app', '-I', '-c', textwrap.dedent(script), *map(str, args)]

def run(script, *args, **more):
    return subprocess.run(command(script, *args, **more), capture_output=True, text=True, timeout=120)

READ = '''
    import errno, os, sys
    def attempt(what, f):
        try: print(what, f())
        except OSError as e: print(what, errno.errorcode[e.errno])
    path = sys.argv[1]
    def read_all():
        with open(path, 'rb', buffering=0) as f: data = f.read()
        import hashlib
        return hashlib.sha256(data).hexdigest()
    def first():
        with open(path, 'rb', buffering=0) as f: return f.read(100)[:4].hex()
    def mapped():
        import mmap
        with open(path, 'rb') as f: return len(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:])
    attempt('first', first)
    attempt('all', read_all)
    attempt('mapped', mapped)
'''
GOOD = f'first {DATA[:4].hex()}\nall {hashlib.sha256(DATA).hexdigest()}\nmapped {SIZE}\n'

def trust(how):
    """A trusted entry with a Merkle root, or, for a file that was not there when it was signed, with its SHA-256 alone."""
    data = pathlib.Path('data').resolve()
    if how == 'verity':
        sign(f'sgx.trusted_files = ["file:{data}"]')
    else:
        content = data.read_bytes()
        data.unlink()
        sign(f'sgx.trusted_files = [{{ uri = "file:{data}", sha256 = "{hashlib.sha256(content).hexdigest()}" }}]')
        data.write_bytes(content)
        assert 'verity = ' not in pathlib.Path('app.manifest.sgx').read_text()
    return data

@pytest.mark.parametrize('how', ['verity', 'sha256'])
def test_a_trusted_file_is_read_as_signed(room, how):
    data = trust(how)
    r = run(READ, data)
    assert (r.returncode, r.stdout) == (0, GOOD), r.stderr
    assert 'data' not in r.stderr

@pytest.mark.parametrize('how', ['verity', 'sha256'])
def test_one_changed_byte_is_an_error_and_the_log_names_the_file(room, how):
    data = trust(how)
    content = bytearray(DATA)
    content[SIZE // 2] ^= 1
    data.write_bytes(content)
    r = run(READ, data)
    lines = dict(line.split() for line in r.stdout.splitlines())
    assert lines['all'] == lines['mapped'] == 'EPERM', r.stdout + r.stderr
    # only blocks that are what was signed are ever handed on; a plain digest says nothing of parts
    assert lines['first'] == (DATA[:4].hex() if how == 'verity' else 'EPERM')
    assert f'file "{data}": content at offset' in r.stderr and 'is not what was signed' in r.stderr

@pytest.mark.parametrize('how', ['verity', 'sha256'])
@pytest.mark.parametrize('size', [0, 4096, SIZE - 1])
def test_a_file_that_was_cut_is_an_error(room, how, size):
    data = trust(how)
    data.write_bytes(DATA[:size])
    r = run(READ, data)
    assert 'all EPERM' in r.stdout and 'mapped EPERM' in r.stdout, r.stdout + r.stderr
    assert f'file "{data}"' in r.stderr

@pytest.mark.parametrize('how', ['verity', 'sha256'])
def test_what_was_appended_is_never_read(room, how):
    data = trust(how)
    data.write_bytes(DATA + b'more')
    r = run(READ, data)
    if how == 'verity': # the size is signed too: what stands behind does not exist for the program
        assert r.stdout == GOOD, r.stdout + r.stderr
    else:
        assert 'all EPERM' in r.stdout, r.stdout + r.stderr

def test_attributes_of_a_trusted_file_are_asked_once_and_follow_the_programs_changes(room):
    data = trust('verity')
    r = run('''
        import os, sys
        path = sys.argv[1]
        st = os.stat(path)
        for i in range(500): os.stat(path); os.lstat(path)
        os.utime(path, (1000, 2000))
        print(st.st_size, os.stat(path).st_mtime, st.st_mtime != 2000)
        os.chmod(path, 0o600)
        with open(path) as f: print(oct(os.fstat(f.fileno()).st_mode), oct(os.lstat(path).st_mode))
        with open(path, 'rb') as f:
            os.unlink(path)
            print(os.path.exists(path), os.fstat(f.fileno()).st_nlink, os.path.exists(path))
        ''', data, options=['--stats=json'])
    assert r.stdout == f'{SIZE} 2000.0 True\n0o100600 0o100600\nFalse 0 False\n', r.stdout + r.stderr
    assert json.loads(r.stderr.splitlines()[-1])['calls']['newfstatat'] < 500

def ask_twice(script, path, change, mode):
    """What the script printed before and after the change, which others make."""
    p = subprocess.Popen(command(script, path, mode=mode), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    before = p.stdout.readline()
    change()
    after, err = p.communicate('go\n', timeout=60)
    assert p.returncode == 0, err
    return before.strip(), after.strip()

def test_in_direct_attributes_of_a_trusted_file_follow_what_others_and_the_program_change(room):
    data = trust('verity')
    before, after = ask_twice('''
        import os, sys, time
        path = sys.argv[1]
        f = open(path, 'rb')
        def sizes(): return [os.stat(path).st_size, os.fstat(f.fileno()).st_size]
        for i in range(100): seen = sizes()
        print(seen, flush=True)
        sys.stdin.readline()
        time.sleep(0.15)
        seen = sizes()
        with open(path, 'ab', buffering=0) as g: g.write(b'xyz')
        print(seen, sizes())
        ''', data, lambda: data.write_bytes(b'1'), 'direct')
    assert (before, after) == (f'[{SIZE}, {SIZE}]', '[1, 1] [4, 4]')

def test_a_missing_name_that_could_not_be_opened_is_asked_once(room):
    sign()
    r = run('''
        import os, sys
        path = sys.argv[1] + '/missing'
        for i in range(500): assert not os.path.exists(path) and not os.path.lexists(path)
        os.mkdir(path)
        print(os.path.isdir(path))
        os.rmdir(path)
        print(os.path.exists(path))
        ''', room, options=['--stats=json'])
    assert r.stdout == 'True\nFalse\n', r.stdout + r.stderr
    assert json.loads(r.stderr.splitlines()[-1])['calls']['newfstatat'] < 500

def test_in_direct_a_name_missing_beside_trusted_files_is_kept_for_a_moment(room):
    path = trust('verity').with_name('late')
    before, after = ask_twice('''
        import os, sys, time
        path = sys.argv[1]
        for i in range(500): seen = os.path.exists(path), os.path.lexists(path)
        print(seen, flush=True)
        sys.stdin.readline()
        time.sleep(0.15)
        seen = [os.path.exists(path), os.path.lexists(path)]
        os.unlink(path)
        for i in range(2): seen += [os.path.exists(path), os.path.lexists(path)]
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        seen.append(os.path.exists(path))
        os.rename(path, path + '2')
        seen += [os.path.exists(path), os.path.exists(path + '2')]
        os.rename(path + '2', path)
        seen += [os.path.exists(path), os.path.exists(path + '2')]
        print(seen)
        ''', path, lambda: path.write_text('x'), 'direct')
    assert before == '(False, False)'
    assert after == '[True, True, False, False, False, False, True, False, True, True, False]'

def test_in_direct_a_missing_name_that_is_found_to_be_there_is_missing_no_more(room):
    path = trust('verity').with_name('late')
    assert ask_twice('''
        import os, sys
        path = sys.argv[1]
        seen = os.path.exists(path), os.path.lexists(path)
        print(seen, flush=True)
        sys.stdin.readline()
        open(path).close()
        print(os.path.exists(path), os.path.lexists(path))
        ''', path, lambda: path.write_text('x'), 'direct') == ('(False, False)', 'True True')

def test_in_direct_a_missing_name_beside_trusted_files_is_asked_once(room):
    path = trust('verity').with_name('late')
    r = run('''
        import os, sys
        for i in range(500): assert not os.path.exists(sys.argv[1])
        ''', path, mode='direct', options=['--trace=host'])
    assert r.returncode == 0, r.stderr
    assert 0 < r.stderr.count('newfstatat(') < 500

@pytest.mark.parametrize('mode', ['direct', 'soft'])
def test_an_allowed_name_that_others_make_appears(room, mode):
    sign(f'sgx.allowed_files = ["file:/usr/", "file:/lib/", "file:/lib64/", "file:/etc/", "file:{room}/"]')
    path = room / 'late'
    assert ask_twice('''
        import os, sys
        for i in range(2): seen = os.path.exists(sys.argv[1])
        print(seen, flush=True)
        sys.stdin.readline()
        print(os.path.exists(sys.argv[1]))
        ''', path, lambda: path.write_text('x'), mode) == ('False', 'True')

def test_a_file_that_changes_while_it_is_open_is_an_error(room):
    for how in ('verity', 'sha256'):
        data = trust(how)
        p = subprocess.Popen(command('''
            import os, sys
            fd = os.open(sys.argv[1], os.O_RDONLY)
            print(len(os.pread(fd, 10, 0)), flush=True)
            sys.stdin.readline()
            try: print(len(os.pread(fd, 10, 200000)))
            except OSError as e: print(e.errno)
            ''', data), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert p.stdout.readline() == '10\n'
        with open(data, 'r+b') as f:
            f.seek(200_005)
            f.write(b'\xff\xff')
        out, err = p.communicate('go\n', timeout=60)
        assert out == '1\n' and 'is not what was signed' in err, out + err
        data.write_bytes(DATA)

def test_an_unlisted_file_is_refused_with_the_line_to_add(room):
    sign()
    other = room / 'other'
    other.write_text('x')
    r = run('''
        import errno, sys
        for mode in 'rwx':
            try: open(sys.argv[1] + ('new' if mode == 'x' else ''), mode)
            except OSError as e: print(mode, errno.errorcode[e.errno])
        ''', other)
    assert r.stdout == 'r EACCES\nw EACCES\nx EACCES\n', r.stdout + r.stderr
    assert f'add "file:{other}" to sgx.trusted_files' in r.stderr
    assert f'add "file:{other}new" to sgx.allowed_files' in r.stderr
    assert other.read_text() == 'x' and not (room / 'othernew').exists()

def test_report_and_quote_are_files(room):
    sign('sgx.remote_attestation = "dcap"')
    r = run('''
        import os
        def read(name): return open('/dev/attestation/' + name, 'rb').read()
        def write(name, data):
            with open('/dev/attestation/' + name, 'wb') as f: f.write(data)
        print(read('attestation_type').decode())
        data = bytes(range(64))
        write('user_report_data', data)
        write('target_info', read('my_target_info'))
        report = read('report')
        print(len(report), report[320:384] == data)
        quote = read('quote')
        print(len(quote) > 1000, quote[0], quote[48 + 320:48 + 384] == data, quote[48 + 64:48 + 96] == report[64:96])
        print(report[64:96].hex())
        ''')
    assert r.returncode == 0, r.stderr
    lines = r.stdout.split('\n')
    assert lines[:3] == ['dcap', '432 True', 'True 3 True True'], r.stdout + r.stderr
    view = subprocess.run([CLOISTER, 'sign', '-n', 'app.manifest'], capture_output=True, text=True)
    assert lines[3] in view.stdout + view.stderr

def encrypted(room, *lines, where='enc', members=''):
    (room / where).mkdir(exist_ok=True)
    sign(f'fs.mounts = [{{ path = "/enc", type = "encrypted", uri = "file:{room}/{where}", key_name = "default"{members} }}]', *lines)

@pytest.mark.parametrize('mode', ['soft', 'direct'])
def test_a_key_can_be_given_while_the_program_runs(room, mode):
    encrypted(room)
    script = '''
        import errno, sys
        try: open('/enc/secret', 'wb')
        except OSError as e: print('without', errno.errorcode[e.errno])
        with open('/dev/attestation/keys/default', 'wb') as f: f.write(bytes.fromhex(sys.argv[1]))
        print(open('/dev/attestation/keys/default', 'rb').read().hex())
        if sys.argv[2] == 'write':
            with open('/enc/secret', 'wb') as f: f.write(b'plain text')
        try: print(open('/enc/secret', 'rb').read())
        except OSError as e: print(errno.errorcode[e.errno])
        '''
    r = run(script, KEY, 'write', mode=mode)
    assert r.returncode == 0 and r.stdout == f"without EACCES\n{KEY}\nb'plain text'\n", r.stdout + r.stderr
    assert b'plain' not in (room / 'enc/secret').read_bytes()
    r = run(script, 'ff' * 16, 'read', mode=mode)
    assert r.stdout.splitlines()[-1] == 'EACCES', r.stdout + r.stderr

CRASH = '''
    import sqlite3, sys
    db = sqlite3.connect('/enc/db', isolation_level=None)
    db.execute('pragma journal_mode=%s' % sys.argv[2])
    db.execute('pragma synchronous=full')
    db.execute('create table if not exists t (id integer primary key, v blob)')
    print('ok', db.execute('pragma integrity_check').fetchone()[0], db.execute('select coalesce(max(id), 0), count(*) from t').fetchone(), flush=True)
    n = db.execute('select coalesce(max(id), 0) from t').fetchone()[0]
    while sys.argv[1] == 'write':
        n += 1
        db.execute('begin')
        db.execute('insert into t values (?, randomblob(20000))', (n,))
        db.execute('update t set v = randomblob(8000) where id = ?', (n // 2,))
        db.execute('commit')
        print(n, flush=True)
'''

@pytest.mark.parametrize('mode', ['soft', 'direct'])
@pytest.mark.parametrize('journal', ['delete', 'truncate'])
def test_an_encrypted_database_survives_being_killed(room, mode, journal):
    encrypted(room, f'fs.insecure__keys.default = "{KEY}"', members=', enable_recovery = true')
    rng, committed = random.Random(journal), 0
    for round in range(6):
        p = subprocess.Popen(command(CRASH, 'write', journal, mode=mode), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = p.stdout.readline()
        assert re.match(r'ok ok \((\d+), \1\)', first), f'round {round}: {first}' + p.stderr.read()
        assert int(re.search(r'\d+', first)[0]) >= committed, 'a committed row is lost'
        for _ in range(3):
            line = p.stdout.readline()
            assert line, f'round {round}: ended: {p.stderr.read()}'
            committed = int(line)
        try: # somewhere in the middle of a later transaction
            p.wait(rng.random() * 0.3)
        except subprocess.TimeoutExpired:
            pass
        p.kill()
        rest = p.communicate()[0].split('\n')[:-1]
        committed = int(rest[-1]) if rest else committed
    r = run(CRASH, 'check', journal, mode=mode)
    assert r.returncode == 0 and r.stdout.startswith('ok ok ('), r.stdout + r.stderr

@pytest.mark.parametrize('mode', ['soft', 'direct'])
@pytest.mark.parametrize('recovery', ['false', 'true'])
def test_a_full_disk_is_enospc_and_harms_no_earlier_content(room, mode, recovery):
    encrypted(room, f'fs.insecure__keys.default = "{KEY}"', where='small', members=f', enable_recovery = {recovery}')
    script = '''
        import errno, os, sys
        if sys.argv[1] == 'fill':
            for name in ('good', 'grown'):
                with open('/enc/' + name, 'wb') as f: f.write(b'earlier' * 20000)
            try:
                with open('/enc/full', 'wb', buffering=0) as f:
                    for i in range(3000): f.write(b'x' * 65536)
                print('wrote all')
            except OSError as e: print(errno.errorcode[e.errno])
            try:
                fd = os.open('/enc/grown', os.O_WRONLY)
                try:
                    for i in range(3000): os.pwrite(fd, b'y' * 65536, 140000 + 65536 * i)
                    os.fsync(fd)
                finally: os.close(fd)
                print('wrote all')
            except OSError as e: print(errno.errorcode[e.errno])
        print(open('/enc/good', 'rb').read() == b'earlier' * 20000)
        print(open('/enc/grown', 'rb').read()[:140000] == b'earlier' * 20000)
        '''
    steps = f'mount -t tmpfs -o size=2m none {room}/small && "$@" fill && "$@" check'
    words = command(script, mode=mode)
    r = subprocess.run(['unshare', '-m', 'sh', '-c', steps, 'sh', *words], capture_output=True, text=True, timeout=120)
    if 'unshare' in r.stderr or 'mount:' in r.stderr:
        pytest.skip('no mount namespaces here')
    assert r.returncode == 0 and r.stdout.split() == ['ENOSPC', 'ENOSPC', 'True', 'True', 'True', 'True'], r.stdout + r.stderr

@pytest.mark.parametrize('mode', ['soft', 'direct'])
def test_the_programs_umask_counts_and_the_hosts_does_not(room, mode):
    encrypted(room, f'fs.insecure__keys.default = "{KEY}"', f'sgx.allowed_files = ["file:{room}/", "file:/usr/", "file:/lib/", "file:/lib64/", "file:/etc/"]')
    old = os.umask(0o077)
    try:
        r = run('''
            import os, sys
            for where in sys.argv[1], '/enc':
                for mask in (0o022, 0o002):
                    os.umask(mask)
                    os.close(os.open(f'{where}/f{mask}', os.O_WRONLY | os.O_CREAT, 0o666))
                    os.mkdir(f'{where}/d{mask}', 0o777)
                    print(oct(os.stat(f'{where}/f{mask}').st_mode), oct(os.stat(f'{where}/d{mask}').st_mode))
            ''', room, mode=mode)
    finally:
        os.umask(old)
    assert r.stdout == '0o100644 0o40755\n0o100664 0o40775\n' * 2, r.stdout + r.stderr

NAMES = '''
    import os, socket
    print(sorted({a[4][0] for a in socket.getaddrinfo('localhost', 80, socket.AF_INET)}))
    print(os.uname().nodename, open('/proc/sys/kernel/hostname').read().strip())
    print(open('/etc/resolv.conf').read(), end='')
'''

@pytest.mark.parametrize('mode', ['soft', 'direct'])
def test_resolv_conf_is_written_anew_from_the_hosts(room, mode):
    sign('sys.enable_extra_runtime_domain_names_conf = true')
    (room / 'resolv.conf').write_text('# comment\nnameserver 10.1\nnameserver\t::1\n nameserver 9.9.9.9\nnameserver bad\n'
                                      'search old.example\nsearch a.example -bad.example b.example # c\noptions rotate ndots:3 edns0\ndomain x\n')
    steps = f'mount --bind {room}/resolv.conf /etc/resolv.conf && exec "$@"'
    r = subprocess.run(['unshare', '-m', 'sh', '-c', steps, 'sh', *command(NAMES, mode=mode)], capture_output=True, text=True, timeout=60)
    if 'unshare' in r.stderr or 'mount:' in r.stderr:
        pytest.skip('no mount namespaces here')
    name = socket.gethostname()
    assert r.stdout == (f"['127.0.0.1']\n{name} {name}\nnameserver 10.0.0.1\nnameserver 0:0:0:0:0:0:0:1\n"
                        'search a.example b.example\noptions edns0\noptions rotate\n'), r.stdout + r.stderr
    assert 'name server bad is not an address' in r.stderr and 'not a domain name' in r.stderr

def test_without_the_key_the_host_tells_no_name(room):
    sign()
    r = run(NAMES)
    assert r.stdout.splitlines()[:2] == ["['127.0.0.1']", 'localhost localhost'], r.stdout + r.stderr

if __name__ == '__main__':
    CLOISTER = os.environ['CLOISTER'] = str(pathlib.Path(sys.argv[1]).resolve())
    sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', __file__, *sys.argv[2:]]))
