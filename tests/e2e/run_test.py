"""cloister run and cloister doctor, driven as a person does, with tiny images in place of the real one.

usage: run_test.py CLOISTER HOST IMAGE_SOFT IMAGE_DIRECT [PYTEST ARGUMENT]...
"""
import json, os, pathlib, re, subprocess, sys
import pytest

CLOISTER, HOST, SOFT, DIRECT = (os.environ.get(n, '') for n in ('CLOISTER', 'HOST', 'IMAGE_SOFT', 'IMAGE_DIRECT'))

MANIFEST = '''
loader.log_level = "error"
libos.entrypoint = "/bin/true"
loader.argv = ["true"]
fs.mounts = [{ path = "/bin", uri = "file:/bin" }]
sgx.enclave_size = "64M"
sgx.max_threads = 2
'''

@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in {'CLOISTER_HOST': HOST, 'CLOISTER_IMAGE': SOFT, 'XDG_CONFIG_HOME': str(tmp_path / 'config'),
                        'XDG_STATE_HOME': str(tmp_path / 'state'), 'XDG_CACHE_HOME': str(tmp_path / 'cache')}.items():
        monkeypatch.setenv(name, value)
    pathlib.Path('app.manifest').write_text(MANIFEST)
    return tmp_path

def run(*args, **more):
    return subprocess.run([CLOISTER, *args], capture_output=True, text=True, timeout=60, **more)

def sign(*more):
    assert run('keygen').returncode == 0
    r = run('sign', 'app.manifest', *more)
    assert r.returncode == 0, r.stderr

def test_a_signed_program_runs_in_the_software_device(room):
    sign()
    r = run('run', '--mode', 'soft', 'app', 'w')
    assert (r.returncode, r.stdout) == (0, 'hello\n'), r.stderr
    assert re.search('protects NOTHING', r.stderr) and r.stderr.count('\n') == 1

def test_its_exit_status_is_the_programs(room):
    sign()
    assert run('run', '--mode', 'soft', 'app', 'unknown-test').returncode > 2

def test_direct_runs_an_unsigned_manifest(room):
    r = run('run', '--mode', 'direct', '--image', DIRECT, 'app', 'one', 'two')
    assert r.stdout == 'one\0two\0' and 'protects NOTHING' in r.stderr

def test_a_kept_plan_is_used_only_for_the_very_same_manifest(room):
    def argv(manifest):
        pathlib.Path('app.manifest').write_text(manifest)
        os.utime('app.manifest', (1, 1))
        return [run('run', '--mode', 'direct', '--image', DIRECT, 'app', 'w').stdout for _ in range(2)]
    assert argv(MANIFEST) == ['w\0'] * 2
    plans = list((room / 'cache/cloister/plans').iterdir())
    assert len(plans) == 1 and plans[0].stat().st_mode & 0o777 == 0o600
    wrong = argv(MANIFEST.replace('"error"', '"eRror"'))
    assert wrong == [''] * 2 and argv(MANIFEST) == ['w\0'] * 2
    plans[0].write_bytes(plans[0].read_bytes()[:-1])
    assert argv(MANIFEST) == ['w\0'] * 2

def test_a_plan_made_from_other_files_is_not_kept(room):
    pathlib.Path('words').write_bytes(b'one\0two\0')
    pathlib.Path('app.manifest').write_text(MANIFEST.replace('loader.argv = ["true"]', 'loader.argv_src_file = "file:words"'))
    assert run('run', '--mode', 'direct', '--image', DIRECT, 'app').returncode >= 0
    assert not (room / 'cache/cloister/plans').exists()

def test_stats_are_printed_as_json(room):
    sign()
    r = run('run', '--mode', 'soft', '--stats=json', 'app', 'w')
    stats = json.loads(r.stderr.splitlines()[-1])
    assert stats['mode'] == 'soft' and stats['calls']['write'] == 1 and stats['eenter'] >= stats['eexit'] > 0

def test_a_changed_manifest_is_refused(room):
    sign()
    text = pathlib.Path('app.manifest.sgx').read_text()
    pathlib.Path('app.manifest.sgx').write_text(text.replace('"/bin/true"', '"/bin/false"'))
    r = run('run', '--mode', 'soft', 'app', 'w')
    assert r.returncode == 1 and re.search('MRENCLAVE [0-9a-f]{64} differs', r.stderr), r.stderr

def test_a_quote_comes_from_the_software_quoting_service(room):
    with open('app.manifest', 'a') as f:
        f.write('sgx.remote_attestation = "dcap"\n')
    sign()
    r = subprocess.run([CLOISTER, 'run', '--mode', 'soft', 'app', 'q'], capture_output=True, timeout=60)
    assert r.returncode == 0 and len(r.stdout) > 436 and r.stdout[0] == 3, r.stderr
    stop_service(room)

def stop_service(room):
    """The service would end by itself when idle; it is the process that was started with this state folder."""
    for p in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            mine = str(room).encode() in (p / 'environ').read_bytes() and b'cloister' in (p / 'cmdline').read_bytes()
        except OSError:
            continue
        if mine and int(p.name) != os.getpid():
            os.kill(int(p.name), 15)

@pytest.mark.parametrize('args, code, says', [
    (['run'], 2, 'no APP'),
    (['run', '--mode', 'wrong', 'app'], 2, 'unknown mode: wrong'),
    (['run', '--trace', 'sys,wrong', 'app'], 2, 'unknown trace: wrong'),
    (['run', '--log-level', 'wrong', 'app'], 2, 'unknown log level'),
    (['run', '--stats=wrong', 'app'], 2, 'unknown form of statistics'),
    (['run', '--wrong', 'app'], 2, 'unknown option'),
    (['run', '--mode', 'direct', 'nothing'], 1, 'cannot read the manifest: nothing.manifest'),
    (['run', '--mode', 'soft', 'app'], 1, "cannot read the manifest: app.manifest.sgx"),
    (['doctor', '--wrong'], 2, 'unknown option'),
])
def test_mistakes_are_told_in_words(room, args, code, says):
    r = run(*args)
    assert r.returncode == code and says in r.stderr, r.stderr

def test_a_missing_or_short_signature_is_told(room):
    sign()
    pathlib.Path('app.sig').write_bytes(b'short')
    r = run('run', '--mode', 'soft', 'app')
    assert r.returncode == 1 and '1808 bytes' in r.stderr
    os.remove('app.sig')
    r = run('run', '--mode', 'soft', 'app')
    assert r.returncode == 1 and 'cannot read the signature: app.sig' in r.stderr

@pytest.mark.skipif(os.path.exists('/dev/sgx_enclave'), reason='this machine has SGX')
def test_without_sgx_the_default_mode_names_soft(room):
    r = run('run', 'app')
    assert r.returncode == 1 and '--mode soft' in r.stderr

def test_doctor_says_what_can_run(room):
    r = run('doctor')
    assert 'mode soft' in r.stdout
    d = json.loads(run('doctor', '--json').stdout)
    assert set(d['modes']) == {'direct', 'soft', 'sgx'} and (r.returncode == 0) == d['modes']['soft']
    assert all('remedy' in c for c in d['checks'] if not c['ok'])

if __name__ == '__main__':
    names = ('CLOISTER', 'HOST', 'IMAGE_SOFT', 'IMAGE_DIRECT')
    os.environ.update({n: os.path.abspath(v) for n, v in zip(names, sys.argv[1:5])})
    CLOISTER, HOST, SOFT, DIRECT = (os.environ[n] for n in names)
    sys.exit(pytest.main([__file__, '-q', '-p', 'no:cacheprovider', *sys.argv[5:]]))
