"""cloister encrypt, cloister decrypt and gramine-sgx-pf-crypt, driven as a person does.

usage: encrypt_decrypt_test.py CLOISTER [PYTEST ARGUMENT]...
"""
import hashlib, json, os, pathlib, shutil, stat, subprocess, sys
import pytest

CLOISTER = os.environ.get('CLOISTER', 'cloister')
HERE = pathlib.Path(__file__).resolve().parent
DECODER = HERE.parent / 'unit/lib/pf_decode.py'
VECTORS = pathlib.Path(os.environ.get('VECTORS', HERE.parents[2] / 'shared/vectors/pf'))
SIZES = [0, 1, 3072, 3073, 7168, 7169, 396288, 396289, 3_000_000]

def pattern(size):
    return bytes((i * 131 + (i >> 8) * 17 + (i >> 16) * 31 + 7) & 255 for i in range(size))

@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path('key').write_bytes(bytes.fromhex('ffeeddccbbaa99887766554433221100'))
    pathlib.Path('other').write_bytes(bytes(range(16)))
    return tmp_path

def run(*args, name=None, **more):
    return subprocess.run([CLOISTER, *args] if not name else [name, *args], executable=CLOISTER,
                          capture_output=True, text=True, **more)

def ok(*args, **more):
    r = run(*args, **more)
    assert r.returncode == 0, r.stderr
    return r

def fails(*args, code=1, says='', **more):
    """One line that says why, and nothing left behind."""
    before = listing()
    r = run(*args, **more)
    assert r.returncode == code, (r.returncode, r.stderr)
    assert says in r.stderr, r.stderr
    if code == 1:
        assert r.stderr.count('\n') == 1, r.stderr
        assert r.stdout == ''
    assert listing() == before
    return r

def listing(top='.'):
    return {str(p): p.read_bytes() if p.is_file() else None for p in sorted(pathlib.Path(top).rglob('*'))}

def encrypt(i, o, *more, key='key'):
    return ok('encrypt', '-w', key, '-i', i, '-o', o, *more)

@pytest.mark.parametrize('size', SIZES)
def test_a_file_comes_back_as_it_was(room, size):
    data = pattern(size)
    pathlib.Path('in').write_bytes(data)
    encrypt('in', 'enc')
    assert os.path.getsize('enc') % 4096 == 0
    if size > 16:
        assert data[:16] not in pathlib.Path('enc').read_bytes()
    ok('decrypt', '-w', 'key', '-i', 'enc', '-o', 'out', '-V')
    assert pathlib.Path('out').read_bytes() == data
    assert sorted(os.listdir()) == ['enc', 'in', 'key', 'other', 'out']

def test_an_independent_decoder_reads_what_encrypt_wrote(room):
    pytest.importorskip('cryptography')
    pathlib.Path('in').write_bytes(pattern(500000))
    encrypt('in', './x/..//enc')
    subprocess.run([sys.executable, DECODER, '--check-pattern', '--path', 'enc',
                    'ffeeddccbbaa99887766554433221100', 'enc'], check=True)

def test_files_of_gramines_own_tool_decrypt_and_damaged_ones_do_not(room):
    if not VECTORS.exists():
        pytest.skip(f'no {VECTORS}')
    manifest = json.loads((VECTORS / 'manifest.json').read_text())
    for v in manifest['valid'] + manifest['ops']:
        ok('decrypt', '-w', 'key', '-i', str(VECTORS / v['file']), '-o', 'out', '--path', v['bound_path'])
        assert hashlib.sha256(pathlib.Path('out').read_bytes()).hexdigest() == v['plaintext_sha256']
        os.unlink('out')
    for v in manifest['corrupt']:
        key = 'key' if v['key'] == 'wrap_key.bin' else 'other'
        args = ['decrypt', '-w', key, '-i', str(VECTORS / v.get('file', v['base'])), '-o', 'out']
        if v['decrypt']['exit'] == 0:
            ok(*args)
            os.unlink('out')
        else:
            fails(*args)

def test_an_interrupted_write_is_undone_on_a_copy(room):
    if not VECTORS.exists():
        pytest.skip(f'no {VECTORS}')
    want = {v['file']: v for v in json.loads((VECTORS / 'manifest.json').read_text())['recovery']}['recovery/crash_2.pf']
    shutil.copy(VECTORS / 'recovery/crash_2.pf', 'f')
    os.chmod('f', 0o444)
    fails('decrypt', '-w', 'key', '-i', 'f', '-o', 'out', says='.gramine.recovery')
    shutil.copy(VECTORS / 'recovery/crash_2.pf.gramine.recovery', 'f.gramine.recovery')
    before = pathlib.Path('f').read_bytes()
    assert 'interrupted' in ok('decrypt', '-w', 'key', '-i', 'f', '-o', 'out').stderr
    assert hashlib.sha256(pathlib.Path('out').read_bytes()).hexdigest() == want['plaintext_before_sha256']
    assert pathlib.Path('f').read_bytes() == before

def test_a_wrong_key_is_named_and_leaves_nothing(room):
    pathlib.Path('in').write_bytes(pattern(9000))
    encrypt('in', 'enc')
    fails('decrypt', '-w', 'other', '-i', 'enc', '-o', 'out', says='enc: wrong key, or the file was tampered with: check')

def test_a_tampered_file_leaves_neither_part_nor_loss(room):
    pathlib.Path('in').write_bytes(pattern(2_500_000))
    encrypt('in', 'enc')
    raw = bytearray(pathlib.Path('enc').read_bytes())
    raw[-5000] ^= 1
    pathlib.Path('enc').write_bytes(raw)
    pathlib.Path('out').write_text('precious')
    fails('decrypt', '-w', 'key', '-i', 'enc', '-o', 'out', says='tampered')
    assert pathlib.Path('out').read_text() == 'precious'
    pathlib.Path('enc').write_bytes(raw[:-8192])
    fails('decrypt', '-w', 'key', '-i', 'enc', '-o', 'new', says='truncated')
    fails('decrypt', '-w', 'key', '-i', 'in', '-o', 'new', says='not an encrypted file')

def test_the_bound_path_is_the_normalised_output_or_the_given_one(room):
    pathlib.Path('in').write_bytes(b'x')
    os.mkdir('d')
    encrypt('in', './d//../d/enc')
    ok('decrypt', '-V', '-w', 'key', '-i', 'd/./enc', '-o', 'out')
    os.rename('d/enc', 'd/moved')
    fails('decrypt', '-V', '-w', 'key', '-i', 'd/moved', '-o', 'o2', says="bound to the path 'd/enc', not to 'd/moved'")
    ok('decrypt', '--path', 'd/enc', '-w', 'key', '-i', 'd/moved', '-o', 'o2')
    encrypt('in', 'enc', '--path', '/data/../models/a')
    r = json.loads(ok('decrypt', '--json', '-w', 'key', '-i', 'enc', '-o', 'out').stdout)
    assert r == {'ok': True, 'skipped': [], 'files': [
        {'input': 'enc', 'output': 'out', 'bound_path': '/models/a', 'size': 1, 'recovered': False}]}
    fails('encrypt', '-w', 'key', '-i', 'in', '-o', 'enc', '--path', 'p' * 772, says='longer than 771')

def test_directories_are_done_recursively(room):
    for name, size in {'in/a': 10, 'in/sub/b': 5000, 'in/sub/deeper/c': 400000}.items():
        pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(name).write_bytes(pattern(size))
    os.mkfifo('in/fifo')
    assert 'in/fifo: skipped' in encrypt('in/', 'enc').stderr
    os.unlink('in/fifo')
    ok('decrypt', '-V', '-w', 'key', '-i', 'enc', '-o', 'out')
    assert list(listing('in').values()) == list(listing('out').values())
    ok('decrypt', '-V', '-w', 'key', '-i', 'enc/sub/b', '-o', 'b')
    fails('encrypt', '-w', 'key', '-i', 'in', '-o', 'key', says='key')
    r = run('encrypt', '-w', 'key', '-i', 'in', '-o', 'in/sub/new')
    assert r.returncode == 1 and 'inside the input' in r.stderr
    shutil.rmtree('in/sub/new')
    encrypt('in', 'in')
    ok('decrypt', '-V', '-w', 'key', '-i', 'in', '-o', 'in')
    assert list(listing('in').values()) == list(listing('out').values())

def test_files_below_dot_are_bound_to_their_names(room):
    os.makedirs('in/sub')
    pathlib.Path('in/a').write_bytes(b'a')
    pathlib.Path('in/sub/b').write_bytes(b'b')
    encrypt('in', 'x/..')
    ok('decrypt', '--path', 'a', '-w', 'key', '-i', 'a', '-o', 'out')
    ok('decrypt', '-V', '-w', 'key', '-i', './sub', '-o', 'out2')
    assert pathlib.Path('out2/b').read_bytes() == b'b'

def test_being_killed_leaves_nothing(room):
    pathlib.Path('enc').write_text('old')
    child = subprocess.Popen([CLOISTER, 'encrypt', '-w', 'key', '-i', '/dev/stdin', '-o', 'enc'], stdin=subprocess.PIPE)
    child.stdin.write(pattern(3_000_000))
    child.stdin.flush()
    child.kill()
    child.wait()
    assert sorted(os.listdir()) == ['enc', 'key', 'other'] and pathlib.Path('enc').read_text() == 'old'

def test_keys_are_checked_and_made(room):
    pathlib.Path('in').write_bytes(b'x')
    for name, content, says in [('k1', b'x' * 15, '15 bytes, not 16'), ('k2', b'', '0 bytes'), ('k3', b'x' * 100, 'at least 64'),
                                ('k4', b'0123456789abcdef' * 2 + b'\n', 'hexadecimal')]:
        pathlib.Path(name).write_bytes(content)
        fails('encrypt', '-w', name, '-i', 'in', '-o', 'enc', says=f'{name}: ')
        fails('encrypt', '-w', name, '-i', 'in', '-o', 'enc', says=says)
    fails('encrypt', '-w', 'none', '-i', 'in', '-o', 'enc', says='none: cannot read the key: No such file')
    ok('encrypt', '--new-key', '-w', 'new')
    assert os.path.getsize('new') == 16 and stat.S_IMODE(os.stat('new').st_mode) == 0o600
    fails('encrypt', '--new-key', '-w', 'new', says='exists')
    encrypt('in', 'enc', key='new')

def test_what_cannot_be_read_or_written_is_named(room):
    pathlib.Path('in').write_bytes(b'x')
    fails('encrypt', '-w', 'key', '-i', 'none', '-o', 'enc', says='none: cannot read: No such file')
    fails('encrypt', '-w', 'key', '-i', 'in', '-o', 'nodir/enc', says='nodir/enc: cannot create: No such file')
    fails('encrypt', '-w', 'key', '-i', 'in', '-o', '/dev/null', says='not a regular file')
    os.mkdir('d')
    fails('encrypt', '-w', 'key', '-i', 'in', '-o', 'd', says='is a directory')
    encrypt('in', 'enc')
    fails('decrypt', '-w', 'key', '-i', 'enc', '-o', '/dev/full', says='No space left')
    if os.geteuid():
        os.chmod('d', 0o555)
        fails('encrypt', '-w', 'key', '-i', 'in', '-o', 'd/enc', says='Permission denied')

def test_usage_errors_exit_2(room):
    for args in [(), ('-w', 'key'), ('-w', 'key', '-i', 'in'), ('-i', 'in', '-o', 'x'), ('-w',), ('--none',),
                 ('-w', 'key', '-i', 'in', '-o', 'x', 'extra')]:
        for command in 'encrypt', 'decrypt':
            fails(command, *args, code=2, says='Try')
            assert run(command, '--help').returncode == 0
    fails('decrypt', '--new-key', '-w', 'x', code=2)

def test_decrypt_streams_to_a_pipe_and_encrypt_reads_one(room):
    data = pattern(1_500_000)
    subprocess.run([CLOISTER, 'encrypt', '-w', 'key', '-i', '/dev/stdin', '-o', 'enc'], input=data, check=True)
    out = subprocess.run([CLOISTER, 'decrypt', '-w', 'key', '-i', 'enc', '-o', '/dev/stdout'], capture_output=True, check=True)
    assert out.stdout == data

def test_an_existing_output_keeps_its_mode_and_links_are_followed(room):
    pathlib.Path('in').write_bytes(b'new')
    pathlib.Path('target').write_bytes(b'old')
    os.chmod('target', 0o600)
    os.symlink('target', 'link')
    encrypt('in', 'enc')
    assert stat.S_IMODE(os.stat('enc').st_mode) == 0o664 & ~umask()
    ok('decrypt', '-w', 'key', '-i', 'enc', '-o', 'link')
    assert os.path.islink('link') and pathlib.Path('target').read_bytes() == b'new'
    assert stat.S_IMODE(os.stat('target').st_mode) == 0o600

def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask

def small_disk(script):
    """Run a shell script with a 1 MiB file system at ./small; None when it cannot be mounted."""
    r = subprocess.run(['unshare', '-rm', 'sh', '-c', 'mount -t tmpfs -o size=1m none small || exit 99\n' + script],
                       capture_output=True, text=True, env={**os.environ, 'C': CLOISTER})
    return None if r.returncode == 99 or 'unshare' in r.stderr else r

def test_a_full_disk_leaves_the_old_file_and_no_part(room):
    os.mkdir('small')
    pathlib.Path('in').write_bytes(pattern(3_000_000))
    encrypt('in', 'enc')
    r = small_disk('echo old > small/out; '
                   '"$C" encrypt -w key -i in -o small/out; echo $?; "$C" decrypt -w key -i enc -o small/out; echo $?; '
                   'cat small/out; ls -A small; df --output=used small | tail -1')
    if r is None:
        pytest.skip('no file system can be mounted here')
    lines = r.stdout.split()
    assert lines[:4] == ['1', '1', 'old', 'out'], (r.stdout, r.stderr)
    assert int(lines[4]) <= 8
    assert r.stderr.count('No space left on device: free some space; nothing was changed') == 2, r.stderr

def test_the_compatible_name_behaves_as_gramines(room):
    pf = lambda *a: run(*a, name='gramine-sgx-pf-crypt')
    r = pf('gen-key', '-w', 'k')
    assert (r.returncode, r.stdout, r.stderr) == (0, '', 'Wrap key saved to: k\n')
    assert pf('g', '--wrap-key', 'k').returncode == 0, 'gen-key overwrites'
    pathlib.Path('in').write_bytes(pattern(5000))
    r = pf('-w', 'key', 'encrypt', '-i', 'in', '--output', './enc')
    assert r.returncode == 0 and r.stdout == '' and 'Encrypting: in -> enc' in r.stderr
    assert pf('decrypt', '-V', '-w', 'key', '-i', 'enc', '-o', 'out').returncode == 0
    assert pathlib.Path('out').read_bytes() == pattern(5000)
    assert pf('--help').returncode == 0
    for bad in [(), ('x',), ('encrypt',), ('encrypt', '-w', 'key'), ('decrypt', '-w', 'other', '-i', 'enc', '-o', 'o'),
                ('decrypt', '-w', 'key', '-i', 'none', '-o', 'o'), ('decrypt', '--none')]:
        r = pf(*bad)
        assert r.returncode == 255 and r.stdout == '' and r.stderr
    assert run('decrypt', '-w', 'key', '-i', 'enc', '-o', 'o2', name='pf_crypt').returncode == 0
    assert not os.path.exists('o')

if __name__ == '__main__':
    os.environ['CLOISTER'] = os.path.abspath(sys.argv[1])
    sys.exit(pytest.main([__file__, '-q', '-p', 'no:cacheprovider', *sys.argv[2:]]))
