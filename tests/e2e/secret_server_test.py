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
    assert '16' in fails(1, '--key-file', 'short')
    assert 'nowhere' in fails(1, '--secret-file', 'nowhere')
    assert 'zz' in fails(2, *base, '--mrenclave', 'zz')
    assert 'not a valid SIGSTRUCT' in fails(1, *base, '--mrenclave', '@key')
    assert "policy:1: unknown key: mrenclav: did you mean 'mrenclave'?" in fails(1, *base, '--policy', 'policy')
    assert 'an empty list' in fails(1, *base, '--policy', 'open')
    assert '--bogus' in fails(2, *base, '--bogus')
    assert 'collateral' in fails(2, '--key-file', 'key', '--make-cert', 'certs', '--any-enclave')
    assert 'trust root: key' in subprocess.run([CLOISTER, 'secret-server', *base, '--any-enclave', '--trust-root', 'key'],
                                               capture_output=True, text=True).stderr


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
