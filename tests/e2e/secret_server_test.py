"""cloister secret-server and quoting-service, driven as a person does; clients that are no enclaves.

usage: secret_server_test.py CLOISTER [PYTEST ARGUMENT]...
"""
import json, os, pathlib, re, signal, socket, ssl, stat, subprocess, sys, time
import pytest

CLOISTER = os.environ.get('CLOISTER', 'cloister')
ENCLAVE = 'ab' * 32


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('CLOISTER_STATE_DIR', str(tmp_path / 'state'))
    (tmp_path / 'key').write_bytes(bytes(range(16)))
    return tmp_path


class Server:
    def __init__(self, *args):
        self.process = subprocess.Popen([CLOISTER, 'secret-server', '--key-file', 'key', '--make-cert', 'certs', '--soft',
                                         '--port', '0', *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        self.port = int(re.search(r'127\.0\.0\.1:(\d+)', first)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0

    def line(self):
        return self.process.stdout.readline()

    def connect(self):
        context = ssl.create_default_context(cafile='certs/ca.crt')
        raw = socket.create_connection(('127.0.0.1', self.port), 10)
        return context.wrap_socket(raw, server_hostname='localhost')


def fails(code, *args):
    done = subprocess.run([CLOISTER, 'secret-server', *args], capture_output=True, text=True, timeout=30)
    assert done.returncode == code, done
    first = done.stderr.splitlines()[0]
    assert first.startswith('cloister secret-server: ') and (code == 2 or len(done.stderr.splitlines()) == 1)
    return first


def test_a_client_that_is_no_enclave_gets_nothing_and_the_log_says_so(room):
    with Server('--mrenclave', ENCLAVE, '--json') as server:
        with server.connect() as tls, pytest.raises((ssl.SSLError, ConnectionError)):
            if tls.recv(1) == b'':
                raise ConnectionError
        entry = json.loads(server.line())
        assert entry['verdict'] == 'broken' and 'mrenclave' not in entry


def test_a_key_is_never_printed_and_private_files_are_private(room):
    with Server('--any-enclave') as server:
        pass
    assert stat.S_IMODE(os.stat('certs/server.key').st_mode) == 0o600
    assert stat.S_IMODE(os.stat('state/soft/pki/root_ca.key').st_mode) == 0o600
    assert bytes(range(16)).hex() not in server.process.stdout.read() + server.process.stderr.read()


def test_a_port_in_use_is_said_in_one_line(room):
    with Server('--any-enclave') as server:
        line = fails(1, '--key-file', 'key', '--make-cert', 'certs', '--soft', '--any-enclave', '--port', str(server.port))
        assert str(server.port) in line and 'in use' in line


def test_wrong_options_and_files_are_named(room):
    base = ['--key-file', 'key', '--make-cert', 'certs', '--soft']
    (room / 'short').write_bytes(b'123')
    (room / 'policy').write_text('mrenclav = ["00"]')
    (room / 'open').write_text('mrenclave = []')
    assert 'mrenclave' in fails(2, *base)                        # nobody named: not everybody
    assert '16' in fails(1, *base[2:], '--any-enclave', '--key-file', 'short')
    assert 'nowhere' in fails(1, *base[2:], '--any-enclave', '--secret-file', 'nowhere')
    assert 'zz' in fails(2, *base, '--mrenclave', 'zz')
    assert 'not a valid SIGSTRUCT' in fails(1, *base, '--mrenclave', '@key')
    assert "policy:1: unknown key: mrenclav: did you mean 'mrenclave'?" in fails(1, *base, '--policy', 'policy')
    assert 'an empty list' in fails(1, *base, '--policy', 'open')
    assert '--bogus' in fails(2, *base, '--bogus')
    assert 'collateral' in fails(2, '--key-file', 'key', '--make-cert', 'certs', '--any-enclave')
    assert 'trust root: key' in subprocess.run([CLOISTER, 'secret-server', *base, '--any-enclave', '--trust-root', 'key'],
                                               capture_output=True, text=True).stderr


def set_of_secrets(room, *names):
    for name in names:
        (room / f'{name}.toml').write_text(f'mrenclave = ["{ENCLAVE}"]')
        (room / name).write_bytes(b'secret of ' + name.encode())
    (room / 'secrets.toml').write_text('\n'.join(f'[secret.{n}]\nfile = "{n}"\npolicy = "{n}.toml"' for n in names))


def test_wrong_files_of_secrets_are_named(room):
    def with_secrets(text, code=1):
        (room / 'secrets.toml').write_text(text)
        return fails(code, '--make-cert', 'certs', '--soft', '--secrets', 'secrets.toml')
    set_of_secrets(room, 'a')
    (room / 'open.toml').write_text('allow_debug = true')
    assert 'no [secret.NAME]' in with_secrets('')
    assert 'secrets.toml:1' in with_secrets('[secrets.a]')
    assert 'unknown key' in with_secrets('[secret.a]\nfile = "a"\npolicy = "a.toml"\nport = 1')
    assert 'file and policy' in with_secrets('[secret.a]\nfile = "a"')
    assert 'wrong type' in with_secrets('[secret.a]\nfile = 1\npolicy = "a.toml"')
    assert 'who may have it' in with_secrets('[secret.a]\nfile = "a"\npolicy = "open.toml"')
    assert '16 raw bytes' in with_secrets('[secret.a]\nfile = "a"\nkey = true\npolicy = "a.toml"')
    assert 'a name has' in with_secrets('[secret."a b"]\nfile = "a"\npolicy = "a.toml"')
    assert 'gone' in with_secrets('[secret.a]\nfile = "gone"\npolicy = "a.toml"')
    (room / 'secrets.toml').unlink()
    assert 'secrets.toml' in fails(1, '--make-cert', 'certs', '--soft', '--secrets', 'secrets.toml')


def test_hangup_reloads_all_or_nothing_and_reopens_the_audit_log(room):
    set_of_secrets(room, 'a')
    process = subprocess.Popen([CLOISTER, 'secret-server', '--secrets', 'secrets.toml', '--make-cert', 'certs', '--soft', '--port', '0',
                                '--audit-log', 'audit.jsonl'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port = int(process.stdout.readline().rsplit(':', 1)[1])

    def note(what):
        while line := process.stderr.readline():
            if what in line:
                return line

    def audited():
        with socket.create_connection(('127.0.0.1', port)) as s:
            s.sendall(b'GET / HTTP/1.0\r\n\r\n')
            s.recv(100)
        process.stdout.readline()
        time.sleep(0.1)
        return [json.loads(line)['verdict'] for line in (room / 'audit.jsonl').read_text().splitlines()]
    assert audited() == ['broken']
    set_of_secrets(room, 'a', 'b')
    os.rename('audit.jsonl', 'audit.jsonl.1')
    process.send_signal(signal.SIGHUP)
    assert 'reloaded: 2 secrets' in note('reload')
    assert audited() == ['broken'] and stat.S_IMODE(os.stat('audit.jsonl').st_mode) == 0o600
    (room / 'b.toml').write_text('mrenclav = []')
    process.send_signal(signal.SIGHUP)
    assert 'stay in use' in note('reload:')
    assert audited() == ['broken', 'broken']              # and goes on serving
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_an_audit_log_that_cannot_be_opened_is_an_error_at_start(room):
    base = ['--key-file', 'key', '--make-cert', 'certs', '--soft', '--any-enclave']
    assert 'audit log' in fails(1, *base, '--audit-log', 'no/such/folder/audit')


def test_the_quoting_service_starts_once_and_leaves_when_its_folder_goes(room):
    def ask():
        return subprocess.run([CLOISTER, 'quoting-service', '--background'], capture_output=True, text=True, timeout=30)
    first, second = ask(), ask()
    assert first.returncode == second.returncode == 0 and first.stdout == second.stdout
    path = first.stdout.removeprefix('listening on ').strip()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(b'\x02\0\0\0\x0a\0')                           # initQuote (EPID): not served, but answered
        assert s.recv(100)[4:6] == b'\xa2\x01'
    os.unlink(path)
    time.sleep(2.5)
    again = subprocess.run([CLOISTER, 'quoting-service', '--idle-exit', '1'], capture_output=True, text=True, timeout=30)
    assert again.returncode == 0 and 'runs already' not in again.stderr


if __name__ == '__main__':
    CLOISTER = os.environ['CLOISTER'] = str(pathlib.Path(sys.argv[1]).resolve())
    sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', __file__, *sys.argv[2:]]))
