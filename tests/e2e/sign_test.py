"""cloister keygen, manifest, sign, inspect and their compatible names, driven as a person does.

usage: sign_test.py CLOISTER [PYTEST ARGUMENT]...
"""
import hashlib, json, os, pathlib, shutil, stat, subprocess, sys
import pytest

CLOISTER = os.environ.get('CLOISTER', 'cloister')
HERE = pathlib.Path(__file__).resolve().parent
MANIFEST = '''libos.entrypoint = "/usr/bin/python3"
loader.argv = ["python3", "a.py"]
sgx.trusted_files = ["file:a.py", "file:data/"]
'''


@pytest.fixture(scope='session')
def made(tmp_path_factory):
    """What is made once: an image and a key."""
    home = tmp_path_factory.mktemp('made')
    subprocess.run(['gcc', '-nostdlib', '-static-pie', '-Wl,-z,noexecstack', '-Wl,--build-id=none',
                    HERE / 'tiny_image.S', '-o', home / 'cloister.enclave'], check=True)
    subprocess.run([CLOISTER, 'keygen', '-q', home / 'key.pem'], check=True)
    return home


def fill(path):
    (path / 'data/sub').mkdir(parents=True)
    (path / 'a.py').write_text('print(1)\n')
    (path / 'data/big').write_bytes(bytes(range(256)) * 400)
    (path / 'data/sub/x').write_text('x')
    (path / 'app.manifest').write_text(MANIFEST)


@pytest.fixture
def room(tmp_path, monkeypatch, made):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('CLOISTER_IMAGE', str(made / 'cloister.enclave'))
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path / 'config'))
    fill(tmp_path)
    shutil.copy(made / 'key.pem', tmp_path / 'key.pem')
    return tmp_path


def run(*args, name='cloister', **more):
    more.setdefault('capture_output', True)
    return subprocess.run([name, *map(str, args)], executable=CLOISTER, text=True, **more)


def ok(*args, **more):
    r = run(*args, **more)
    assert r.returncode == 0, (r.stdout, r.stderr)
    return r.stdout


def fails(*args, code=1, says='', **more):
    r = run(*args, **more)
    assert r.returncode == code, (r.returncode, r.stdout, r.stderr)
    assert says in r.stderr, r.stderr
    if code == 1:
        assert r.stderr.count('\n') == 1, r.stderr
    return r


def sign(*args):
    ok('sign', '-q', '-k', 'key.pem', *args, 'app.manifest')
    return mrenclave()


def mrenclave(sig='app.sig'):
    return json.loads(ok('inspect', '--json', sig))['mr_enclave']


def dry(*args):
    out = ok('sign', '--dry-run', *args, 'app.manifest').strip()
    assert len(out) == 64
    return out


# The command itself

def test_help_is_everywhere_and_exits_0(room):
    for command in ['keygen', 'manifest', 'sign', 'inspect', 'encrypt', 'decrypt']:
        assert 'Usage' in ok(command, '--help')
        assert command in ok('--help')
    assert ok('--version').startswith('cloister ')
    for name in ['gramine-sgx-sign', 'gramine-manifest', 'gramine-manifest-check', 'gramine-sgx-gen-private-key', 'gramine-sgx-sigstruct-view']:
        assert name in ok('--help', name=name)


def test_wrong_command_lines_exit_2(room):
    fails(code=2)
    fails('sgin', code=2, says="did you mean 'sign'?")
    fails('xyzzy', code=2, says='unknown command: xyzzy')
    for command in ['keygen', 'manifest', 'sign', 'inspect']:
        fails(command, '--nope', code=2, says=f'cloister {command}: unknown option: --nope')
    fails('sign', code=2, says='no manifest given')
    fails('sign', '-m', code=2, says='needs a value')
    fails('inspect', code=2)


def test_output_that_does_not_arrive_is_a_failure(room):
    with open('/dev/full', 'w') as full:
        r = run('inspect', 'app.manifest', capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert r.returncode == 1 and 'cannot write output' in r.stderr


# keygen

def test_a_key_is_made_where_it_is_looked_for_and_not_overwritten(room):
    ok('keygen')
    key = room / 'config/cloister/enclave-key.pem'
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    assert before.startswith(b'-----BEGIN RSA PRIVATE KEY-----')
    fails('keygen', code=2, says='exists already')
    assert key.read_bytes() == before
    ok('keygen', '-f', '-q')
    assert key.read_bytes() != before
    ok(name='gramine-sgx-gen-private-key')
    assert (room / 'config/gramine/enclave-key.pem').exists()


# manifest

def test_a_template_is_rendered_checked_and_completed(room):
    (room / 't').write_text('libos.entrypoint = "{{ entry }}"\n{% for i in range(2) %}loader.env.V{{ i }} = "{{ env.HOME }}"\n{% endfor %}'
                            'fs.mounts = [{% for p in python.get_sys_path("/usr/bin/python3") %}{% if loop.first %}{ path = "{{ p }}", uri = "file:{{ p }}" }{% endif %}{% endfor %}]\n'
                            'sgx.debug = {{ "true" if dbg else "false" }}\n')
    ok('manifest', '-Dentry=/bin/sh', '-Ddbg', 't', 'out')
    text = (room / 'out').read_text()
    for line in ['entrypoint = "/bin/sh"', 'V1 = ', 'debug = true', 'max_threads = 4', 'enclave_size = "256M"', 'mpx = "disabled"']:
        assert line in text
    ok('manifest', '--check', 'out')
    assert ok('manifest', 'out') == text


def test_globals_of_templates_are_there(room):
    out = ok('manifest', '--no-check', '-c', '{{ gramine.libos }} {{ gramine.pkglibdir }} {{ gramine.runtimedir() }} {{ gramine.runtimedir / "x" }} '
             '{{ gramine.PAGESIZE }} {{ python.stdlib }} {{ python.distlib }} {{ python.ext_suffix }} {{ python.implementation.name }} '
             '{{ python.get_path("purelib") }} {{ env.get("NOPE", "d") }} {{ ldd("/bin/sh")|join(",") }}\n')
    assert '/cloister.enclave ' in out and ' 4096 /usr/lib/python3' in out and '/usr/lib/python3/dist-packages' in out
    assert 'libc.so.6' in out and 'ld-linux-x86-64.so.2' in out and out.endswith('\n')


def test_errors_in_templates_say_where(room):
    (room / 't').write_text('libos.entrypoint = "x"\n{{ nope }}\n')
    fails('manifest', 't', says="cannot render: t:2: 'nope' is undefined")
    (room / 't').write_text('\n{% if %}\n')
    fails('manifest', 't', says='cannot render: t:2: ')
    fails('manifest', 'missing', says='cannot render: missing: No such file or directory')
    fails('manifest', '-c', '{{ env.NOPE_NOPE }}', says='NOPE_NOPE')
    fails('manifest', '-c', 'libos.entrypoint = ', says='not a valid manifest: <string>:1:')
    fails('manifest', '-c', 'libos.entrypont = "x"', says='did you mean libos.entrypoint?')
    fails('manifest', 't', 'no/such/dir/out', '-c', code=2)


def test_a_failed_rendering_keeps_the_old_output(room):
    (room / 'out').write_text('old')
    (room / 't').write_text('sgx.debug = 1')
    fails('manifest', 't', 'out', says='must be a boolean')
    assert (room / 'out').read_text() == 'old'


def test_compatible_manifest_tools(room):
    ok('app.manifest', 'full', name='gramine-manifest')
    assert hashlib.sha256((room / 'a.py').read_bytes()).hexdigest() in (room / 'full').read_text()
    ok('full', name='gramine-manifest-check')
    (room / 'bad').write_text('libos.entrypoint = 1')
    r = run('bad', name='gramine-manifest-check')
    assert r.returncode == 1 and 'must be a string' in r.stdout
    (room / 'bad').write_text('= =')
    assert run('bad', name='gramine-manifest-check').returncode == 2
    assert run(name='gramine-manifest-check', input=MANIFEST).returncode == 0


# sign

def test_dry_run_needs_no_key_writes_nothing_and_agrees(room):
    before = sorted(p.name for p in room.iterdir())
    predicted = dry('--no-cache')
    assert sorted(p.name for p in room.iterdir()) == before
    assert sign() == predicted


def test_two_runs_and_two_directories_give_the_same(room, tmp_path_factory, monkeypatch):
    first = sign()
    one = {n: (room / n).read_bytes() for n in ['app.manifest.sgx', 'app.verity']}
    assert sign() == first
    other = tmp_path_factory.mktemp('elsewhere')
    fill(other)
    monkeypatch.chdir(other)
    shutil.copy(room / 'key.pem', 'key.pem')
    assert sign() == first
    for name, content in one.items():
        assert (room / name).read_bytes() == content == (other / name).read_bytes()


@pytest.mark.parametrize('change', ['a.py', 'data/big', 'data/sub/x'])
def test_any_trusted_file_changes_the_measurement(room, change):
    before = dry()
    content = bytearray((room / change).read_bytes())
    content[-1] ^= 1
    (room / change).write_bytes(content)
    assert dry() != before


def test_a_new_trusted_file_changes_the_measurement(room):
    before = dry()
    (room / 'data/new').write_text('')
    assert dry() != before


@pytest.mark.parametrize('line', ['sgx.debug = true', 'sgx.isvsvn = 1', 'sgx.max_threads = 5', 'sgx.enclave_size = "512M"', 'loader.env.A = "1"',
                                  'sgx.allowed_files = ["file:out"]', 'fs.mounts = [{ type = "tmpfs", path = "/tmp" }]', 'sgx.remote_attestation = "dcap"'])
def test_any_key_changes_the_measurement(room, line):
    before = dry()
    (room / 'app.manifest').write_text(MANIFEST + line + '\n')
    assert dry() != before


def test_a_comment_does_not_change_the_measurement(room):
    before = dry()
    (room / 'app.manifest').write_text('# hello\n' + MANIFEST)
    assert dry() == before


def test_any_measured_image_byte_changes_the_measurement(room, made):
    before = dry()
    image = bytearray((made / 'cloister.enclave').read_bytes())
    for at in [0x1000, image.index(b'some data'), 0x30]:   # code, data, a header that is loaded
        changed = bytearray(image)
        changed[at] ^= 1
        (room / 'changed').write_bytes(changed)
        assert dry('--image', 'changed') != before


def test_failures_say_what_and_leave_good_files_alone(room):
    sign()
    before = {n: (room / n).read_bytes() for n in ['app.manifest.sgx', 'app.verity', 'app.sig']}
    subprocess.run(['openssl', 'genrsa', '-out', 'small.pem', '2048'], check=True, capture_output=True)
    subprocess.run(['openssl', 'genrsa', '-out', 'e.pem', '3072'], check=True, capture_output=True)
    fails('sign', '-k', 'small.pem', 'app.manifest', says='cannot use key: small.pem: RSA key of 2048 bits, SGX needs exactly 3072')
    fails('sign', '-k', 'e.pem', 'app.manifest', says='public exponent is not 3')
    fails('sign', '-k', 'a.py', 'app.manifest', says='not a PEM private key')
    fails('sign', 'app.manifest', says="enclave-key.pem: No such file or directory; 'cloister keygen' makes a key")
    fails('sign', '-k', 'key.pem', '--image', 'a.py', 'app.manifest', says='a.py: not an enclave image')
    fails('sign', '-k', 'key.pem', '--image', 'none', 'app.manifest', says='no enclave image: none: not found')
    fails('sign', '-k', 'key.pem', '-o', 'no/dir/x', 'app.manifest', says='cannot write: no/dir/')
    fails('sign', '-k', 'key.pem', '-d', '2024-13', 'app.manifest', code=2, says='not a date')
    (room / 'app.manifest').write_text(MANIFEST + 'sgx.enclave_size = "512K"\n')
    fails('sign', '-k', 'key.pem', 'app.manifest', says='needs at least')
    (room / 'app.manifest').write_text(MANIFEST + 'sgx.enclave_size = "100M"\n')
    fails('sign', '-k', 'key.pem', 'app.manifest', says='100M is not a power of two')
    (room / 'app.manifest').write_text(MANIFEST + 'sgx.debug = 1\n')
    fails('sign', '-k', 'key.pem', 'app.manifest', says='app.manifest:4:13: sgx.debug: must be a boolean')
    (room / 'app.manifest').write_text(MANIFEST)
    (room / 'a.py').unlink()
    fails('sign', '-k', 'key.pem', 'app.manifest', says='app.manifest:3:22: sgx.trusted_files: a.py: No such file or directory')
    for name, content in before.items():
        assert (room / name).read_bytes() == content
    assert not [p.name for p in room.iterdir() if p.name.startswith('app.') and p.name not in [*before, 'app.manifest']]


def test_the_least_size_that_is_named_is_enough(room):
    (room / 'app.manifest').write_text(MANIFEST + 'sgx.enclave_size = "512K"\n')
    size = run('sign', '-n', 'app.manifest').stderr.split('needs at least ')[1].split(':')[0]
    (room / 'app.manifest').write_text(MANIFEST + f'sgx.enclave_size = "{size}"\n')
    dry()


def test_a_manifest_signed_by_gramine_is_read(room):
    (room / 'app.manifest').write_text(f'''libos.entrypoint = "/x"
sgx.max_threads = 4
[[sgx.trusted_files]]
uri = "file:not-here"
sha256 = "{'ab' * 32}"
[loader.entrypoint]
uri = "file:/usr/lib/x86_64-linux-gnu/gramine/libsysdb.so"
sha256 = "{'cd' * 32}"
''')
    shown = json.loads(ok('inspect', '--json', 'app.manifest'))
    assert shown['trusted_files'] == [{'path': 'not-here', 'sha256': 'ab' * 32}]
    dry()


def test_a_given_digest_is_checked(room):
    digest = hashlib.sha256((room / 'a.py').read_bytes()).hexdigest()
    text = 'libos.entrypoint = "/x"\nsgx.trusted_files = [{ uri = "file:a.py", sha256 = "%s" }]\n'
    (room / 'app.manifest').write_text(text % digest)
    dry()
    (room / 'app.manifest').write_text(text % ('00' * 32))
    fails('sign', '-n', 'app.manifest', says=f'a.py has sha256 {digest}, but the manifest says 00')


def test_insecure_settings_are_noted(room):
    (room / 'app.manifest').write_text(MANIFEST + 'sgx.debug = true\n')
    assert "note: sgx.debug: anyone can read a debug enclave's memory" in run('sign', '-n', 'app.manifest').stderr


def test_chroot_measures_files_inside(room):
    (room / 'root/etc').mkdir(parents=True)
    (room / 'root/etc/f').write_text('inside')
    (room / 'app.manifest').write_text('libos.entrypoint = "/x"\nsgx.trusted_files = ["file:/etc/f"]\n')
    sign('--chroot', 'root')
    shown = json.loads(ok('inspect', '--json', 'app.manifest.sgx'))
    assert shown['trusted_files'][0]['path'] == '/etc/f'
    assert shown['trusted_files'][0]['sha256'] == hashlib.sha256(b'inside').hexdigest()


def test_gramine_sgx_sign_prints_and_exits_as_gramine_does(room):
    out = ok('-m', 'app.manifest', '-o', 'app.manifest.sgx', '-k', 'key.pem', '--depfile', 'dep', '-d', '2024-12-31', name='gramine-sgx-sign')
    lines = out.splitlines()
    assert lines[0] == 'Attributes (required for enclave measurement):' and 'Memory:' in lines and lines[-2] == 'Measurement:'
    assert lines[-1] == '    ' + mrenclave()
    assert (room / 'dep').read_text().startswith('app.manifest.sgx: \\\n\ta.py \\\n\tdata/big \\\n')
    assert (room / 'app.sig').stat().st_size == 1808
    assert (room / 'app.sig').read_bytes()[20:24] == bytes.fromhex('31122420')
    fails('-m', 'app.manifest', name='gramine-sgx-sign', code=2)
    fails('-m', 'app.manifest', '-o', 'x', '-k', 'a.py', name='gramine-sgx-sign', code=2)
    (room / 'a.py').unlink()
    fails('-m', 'app.manifest', '-o', 'x', '-k', 'key.pem', name='gramine-sgx-sign', code=2)


# inspect

def test_inspect_knows_each_format_by_content(room, made):
    sign()
    shutil.copy('app.sig', 'renamed')
    sig = json.loads(ok('inspect', '--json', 'renamed'))
    assert sig['format'] == 'sigstruct' and not sig['debug_enclave']
    manifest = json.loads(ok('inspect', '--json', 'app.manifest.sgx'))
    assert manifest['format'] == 'manifest' and [t['path'] for t in manifest['trusted_files']] == ['a.py', 'data/big', 'data/sub/x']
    assert json.loads(ok('inspect', '--json', 'app.manifest'))['trusted_files_without_digest'] == 2
    image = json.loads(ok('inspect', '--json', made / 'cloister.enclave'))
    assert image['format'] == 'image' and image['enclave_image'] is True and image['enclu_sites'] == 1
    assert 'mr_enclave: ' in ok('inspect', 'app.sig')


def test_inspect_refuses_what_it_does_not_know(room):
    sign()
    (room / 'empty').write_bytes(b'')
    fails('inspect', 'empty', says='cannot show: empty: not a signature')
    fails('inspect', 'none', says='cannot read: none: No such file or directory')
    (room / 'bin').write_bytes(bytes(range(256)))
    fails('inspect', 'bin')
    for name, cut in [('app.sig', 1807), ('app.sig', 100)]:
        (room / 'cut').write_bytes((room / name).read_bytes()[:cut])
        fails('inspect', 'cut')
    (room / 'plan').write_bytes(b'CLOPLAN\0' + bytes(300))
    fails('inspect', 'plan', says='not a valid plan of version 1')


def test_inspect_shows_vectors_of_others(room):
    vectors = pathlib.Path(os.environ.get('VECTORS', HERE.parents[2] / 'shared/vectors'))
    if not vectors.is_dir():
        pytest.skip('../shared/vectors is not here')
    for quote in sorted(vectors.glob('dcap/real/*/quote.bin')):
        assert json.loads(ok('inspect', '--json', quote))['format'] == 'quote'
    for encrypted in sorted(vectors.glob('pf/v2/*.pf'))[:3]:
        assert json.loads(ok('inspect', '--json', encrypted))['major_version'] == 2


def test_sigstruct_view_prints_as_gramine_does(room):
    sign()
    view = 'gramine-sgx-sigstruct-view'
    lines = ok('app.sig', name=view).splitlines()
    assert lines[0] == 'Attributes:' and [l.split(':')[0] for l in lines[1:]] == ['    mr_signer', '    mr_enclave', '    isv_prod_id', '    isv_svn', '    debug_enclave']
    assert lines[-1] == '    debug_enclave: False'
    assert list(json.loads(ok('-v', '--output-format', 'json', 'app.sig', name=view)))[4:] == [
        'attribute_flags', 'attribute_xfrms', 'misc_select', 'attribute_flags_mask', 'attribute_xfrm_mask', 'misc_mask', 'date', 'debug_enclave']
    assert 'debug_enclave = false' in ok('--output-format', 'toml', 'app.sig', name=view)
    fails('a.py', name=view)


if __name__ == '__main__':
    CLOISTER = os.environ['CLOISTER'] = str(pathlib.Path(sys.argv[1]).resolve())
    sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', __file__, *sys.argv[2:]]))
