"""A FastAPI service in a soft enclave over RA-TLS, and its clients: Python, curl, C. What must be refused is refused before a
byte of HTTP has left the client: a proxy between the two keeps what was sent.

usage: ratls_test.py BUILD C_CLIENT [PYTEST ARGUMENT]...
"""
import asyncio, http.client, json, os, pathlib, shutil, signal, socket, ssl, subprocess, sys, threading, time
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('BUILD', ROOT / 'build')).resolve()
C_CLIENT = os.environ.get('C_CLIENT', str(BUILD / 'tests/e2e/ratls_client'))
sys.path.insert(0, str(ROOT / 'python'))

OTHER = 'ab' * 32
YEARS = 20 * 365 * 86400
HELLO = {'message': 'Hello from the enclave'}
HANDSHAKE, APPLICATION_DATA = 22, 23
# In TLS 1.3 the end of the handshake and alerts travel as records that look like application data: a Finished of SHA-256
# or SHA-384 and a two-byte alert have these lengths, and no HTTP request fits into them.
FINISHED, ALERT = (4 + 32 + 17, 4 + 48 + 17), 2 + 17


class Service:
    """examples/fastapi in an enclave; `key` signs it."""

    def __init__(self, folder, key, debug=False):
        with socket.create_server(('127.0.0.1', 0)) as probe:
            self.port = probe.getsockname()[1]
        environment = {**os.environ, 'BUILD': str(BUILD), 'PREPARE_ONLY': '1', 'PORT': str(self.port), 'ENCLAVE_KEY': str(key)}
        if debug:
            environment['DEBUG_ENCLAVE'] = '1'
        subprocess.run([ROOT / 'examples/fastapi/run.sh', folder], env=environment, check=True)
        shown = json.loads(subprocess.run([BUILD / 'cli/cloister', 'inspect', '--json', folder / 'service/fastapi.sig'],
                                          capture_output=True, check=True).stdout)
        values = {name.replace('_', ''): value for name, value in shown.items() if isinstance(value, str)}
        self.mrenclave, self.mrsigner = values['mrenclave'], values['mrsigner']
        self.log_path = folder / 'service.log'
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen([BUILD / 'cli/cloister', 'run', '--mode', 'soft', 'fastapi'], cwd=folder / 'service',
                                            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 90
        while 'Uvicorn running' not in self.log():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def log(self):
        return self.log_path.read_text(errors='replace')

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Proxy:
    """Between a client and a service: keeps, for each connection, the bytes that the client sent."""

    def __init__(self, port):
        self.target, self.sent = port, []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.threads = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(('127.0.0.1', self.target))
            kept = bytearray()
            self.sent.append(kept)
            for source, sink, keep in ((client, server, kept), (server, client, None)):
                thread = threading.Thread(target=self.pump, args=(source, sink, keep), daemon=True)
                thread.start()  # first: records() joins whatever is in the list
                self.threads.append(thread)

    @staticmethod
    def pump(source, sink, keep):
        try:
            while data := source.recv(65536):
                if keep is not None:
                    keep += data
                sink.sendall(data)
        except OSError:
            pass
        for s, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
            try:
                s.shutdown(how)
            except OSError:
                pass

    def records(self):
        """The TLS records that clients sent: one list of (type, length) for each connection."""
        for thread in self.threads:
            thread.join(10)
        return [list(records_of(bytes(one))) for one in self.sent]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def records_of(data):
    at = 0
    while at + 5 <= len(data):
        length = int.from_bytes(data[at + 3:at + 5], 'big')
        yield data[at], length
        at += 5 + length
    assert at == len(data)


def application_data(records):
    """What of a client's records may be application data: not the end of the handshake, not an alert."""
    rest = [length for kind, length in records if kind == APPLICATION_DATA]
    if rest and rest[0] in FINISHED:
        rest.pop(0)
    if rest and rest[-1] == ALERT:
        rest.pop()
    return rest


@pytest.fixture(scope='session')
def room(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ratls')
    os.environ['CLOISTER_STATE_DIR'] = str(folder / 'state')
    os.environ['XDG_CONFIG_HOME'] = str(folder / 'config')
    subprocess.run([BUILD / 'cli/cloister', 'keygen', folder / 'key.pem'], check=True, capture_output=True)
    return folder


def started(room, name, **options):
    service = Service(room / name, room / 'key.pem', **options)
    yield service
    service.stop()


@pytest.fixture(scope='session')
def service(room):
    yield from started(room, 'production')


@pytest.fixture(scope='session')
def debug_service(room):
    yield from started(room, 'debug', debug=True)


@pytest.fixture(scope='session')
def pki(room, service):
    return room / 'state/soft/pki/collateral'


class Demand:
    """A policy and a clock, as each kind of client takes them."""

    def __init__(self, pki, mrenclave=None, mrsigner=None, root=True, years=0):
        self.pki, self.mrenclave, self.mrsigner, self.root, self.offset = pki, mrenclave, mrsigner, root, years

    def verifier(self):
        from cloister.verify import Policy, Verifier
        policy = Policy(mrenclave=[self.mrenclave] if self.mrenclave else [], mrsigner=[self.mrsigner] if self.mrsigner else [],
                        isv_prod_id=0, trust_root=self.pki / 'root_ca.pem' if self.root else None, collateral=self.pki)
        return Verifier(policy, clock=lambda: time.time() + self.offset)

    def environment(self):
        values = {'RA_TLS_MRENCLAVE': self.mrenclave or 'any', 'RA_TLS_MRSIGNER': self.mrsigner or 'any', 'RA_TLS_ISV_PROD_ID': '0',
                  'RA_TLS_ISV_SVN': '0', 'CLOISTER_COLLATERAL': str(self.pki), 'TEST_CLOCK_OFFSET': str(self.offset)}
        if self.root:
            values['CLOISTER_TRUST_ROOT'] = str(self.pki / 'root_ca.pem')
        return values


class Refused(Exception):
    """The one way in which every client below says that it did not accept the enclave."""


def by_client(demand, port):
    from cloister.verify import AttestationError, Client
    try:
        return json.loads(Client(f'https://127.0.0.1:{port}', demand.verifier()).get('').read())
    except AttestationError as error:
        raise Refused(error.report.reason) from error


def by_client_tls12(demand, port):
    from cloister.verify import AttestationError, Client
    client = Client(f'https://127.0.0.1:{port}', demand.verifier())
    client.context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        return json.loads(client.get('').read())
    except AttestationError as error:
        raise Refused(error.report.reason) from error


def by_requests(demand, port):
    import requests
    from cloister.requests import attestation_error, session
    with session(demand.verifier()) as s:
        s.trust_env = False
        try:
            return s.get(f'https://127.0.0.1:{port}/', timeout=30).json()
        except requests.exceptions.SSLError as error:
            raise Refused(attestation_error(error).report.reason) from error


def cause_of(error):
    from cloister.verify import AttestationError
    while error is not None and not isinstance(error, AttestationError):
        error = error.__cause__ or error.__context__
    return error


def by_httpx(demand, port):
    import httpx
    from cloister.httpx import client
    with client(demand.verifier(), trust_env=False, timeout=30) as c:
        try:
            return c.get(f'https://127.0.0.1:{port}/').json()
        except (httpx.ConnectError, ssl.SSLError) as error:
            raise Refused(cause_of(error).report.reason) from error


def by_httpx_async(demand, port):
    import httpx
    from cloister.httpx import async_client

    async def go():
        async with async_client(demand.verifier(), trust_env=False, timeout=30) as c:
            return (await c.get(f'https://127.0.0.1:{port}/')).json()
    try:
        return asyncio.run(go())
    except (httpx.ConnectError, ssl.SSLError) as error:
        raise Refused(cause_of(error).report.reason) from error


def with_c(interface):
    def ask(demand, port):
        environment = {n: v for n, v in os.environ.items() if not n.startswith('RA_TLS_')} | demand.environment()
        done = subprocess.run([C_CLIENT, interface, '127.0.0.1', str(port)], capture_output=True, env=environment, text=True, timeout=60)
        if done.returncode == 0:
            return json.loads(done.stdout.split('\n\n', 1)[1])
        assert 'not connected' in done.stderr, done
        if interface == 'cloister':
            raise Refused(done.stderr.split()[-1])
        raise Refused(None)
    return ask


CLIENTS = {'Client': by_client, 'Client-TLS1.2': by_client_tls12, 'requests': by_requests, 'httpx': by_httpx,
           'httpx-async': by_httpx_async, 'c-gramine': with_c('gramine'), 'c-cloister': with_c('cloister')}


@pytest.mark.parametrize('ask', CLIENTS.values(), ids=CLIENTS)
def test_the_demanded_enclave_answers(ask, service, pki):
    with Proxy(service.port) as proxy:
        assert ask(Demand(pki, service.mrenclave, service.mrsigner), proxy.port) == HELLO
        assert any(application_data(records) for records in proxy.records())  # the trace sees what it must


REFUSALS = {
    'wrong-mrenclave': lambda s, pki: Demand(pki, mrenclave=OTHER),
    'wrong-mrsigner': lambda s, pki: Demand(pki, mrenclave=s.mrenclave, mrsigner=OTHER),
    'expired-collateral': lambda s, pki: Demand(pki, mrenclave=s.mrenclave, years=YEARS),
    'untrusted-root': lambda s, pki: Demand(pki, mrenclave=s.mrenclave, root=False),
    'debug-enclave': lambda s, pki: Demand(pki, mrenclave=s.mrenclave),
}


@pytest.mark.parametrize('reason', REFUSALS)
@pytest.mark.parametrize('ask', CLIENTS.values(), ids=CLIENTS)
def test_refused_before_any_http_byte_is_sent(ask, reason, request, service, pki):
    one = request.getfixturevalue('debug_service') if reason == 'debug-enclave' else service
    before = one.log()
    with Proxy(one.port) as proxy:
        with pytest.raises(Refused) as refused:
            ask(REFUSALS[reason](one, pki), proxy.port)
        assert refused.value.args[0] in (reason, None)
        connections = proxy.records()
    assert connections and all(records[0][0] == HANDSHAKE for records in connections)
    for records in connections:
        assert application_data(records) == []
        if ask is by_client_tls12:  # there the types tell all
            assert all(kind != APPLICATION_DATA for kind, _ in records)
    assert one.log() == before  # and the service has seen no request


def test_curl_reaches_the_service_with_the_certificate_that_was_verified(service, pki, tmp_path):
    from cloister.verify import fetch_certificate
    pem = tmp_path / 'verified.pem'
    pem.write_bytes(fetch_certificate('127.0.0.1', service.port, Demand(pki, service.mrenclave).verifier()))
    curl = ['curl', '-sS', '--noproxy', '*', '--connect-to', f'RATLS:443:127.0.0.1:{service.port}', 'https://RATLS/']
    done = subprocess.run([*curl, '--cacert', pem], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and json.loads(done.stdout) == HELLO, done
    assert subprocess.run(curl, capture_output=True, timeout=60).returncode == 60  # not without the certificate


def test_gramine_ratls_client_gets_posts_sends_headers_and_refuses(service, pki, monkeypatch):
    from gramine_ratls.verify import AttestationError, Client
    for name, value in Demand(pki).environment().items():
        monkeypatch.setenv(name, value)
    demands = (0, 0, False, False, False, False)
    client = Client(f'https://127.0.0.1:{service.port}', service.mrenclave, None, *demands)
    assert json.loads(client.get('').read()) == HELLO
    assert json.loads(client.get('get_headers', {'X-Own': 'seen'}).read())['headers']['x-own'] == 'seen'
    answer = client.post('log_body', data=json.dumps({'message': 'abc'}).encode())
    assert answer.status == 200 and json.loads(answer.read()) == {'message': 'Success', 'length': 3}
    with Proxy(service.port) as proxy:
        with pytest.raises(AttestationError) as refused:
            Client(f'https://127.0.0.1:{proxy.port}', OTHER, None, *demands).get('')
        assert refused.value.args == (-0x2700,)
        assert [application_data(r) for r in proxy.records()] == [[]]


def test_gramine_ratls_checks_arguments_before_it_loads_the_library():
    from gramine_ratls.verify import Client
    rest = ('0', '0', None, None, None, None)
    with pytest.raises(ValueError):
        Client('http://localhost', OTHER, None, *rest)
    with pytest.raises(TypeError):
        Client('https://localhost', None, None, *rest)
    with pytest.raises(ValueError):
        Client('https://localhost', OTHER, None, *rest, protocol='epid')


def test_large_bodies_cross_intact_and_in_parallel(service, pki):
    from cloister.verify import Client
    verifier, body, results = Demand(pki, service.mrenclave).verifier(), json.dumps({'message': 'x' * 300_000}), []

    def post():
        answer = Client(f'https://127.0.0.1:{service.port}', verifier).post('log_body', {'Content-Type': 'application/json'}, body)
        results.append(json.loads(answer.read()))
    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [{'message': 'Success', 'length': 300_000}] * 8


def test_a_context_cannot_be_weakened_nor_used_without_a_handshake(service, pki):
    from cloister.verify import ssl_context
    context = ssl_context(Demand(pki, OTHER).verifier())
    context.verify_mode = ssl.CERT_NONE
    assert context.verify_mode == ssl.CERT_REQUIRED
    with Proxy(service.port) as proxy:
        raw = socket.create_connection(('127.0.0.1', proxy.port))
        with context.wrap_socket(raw, do_handshake_on_connect=False) as tls, pytest.raises(ssl.SSLError):
            tls.sendall(b'GET / HTTP/1.0\r\n\r\n')
        assert all(r == [] for r in proxy.records())


def test_an_ordinary_tls_server_is_no_enclave(pki, tmp_path):
    from cloister.verify import AttestationError, Client
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes', '-subj', '/CN=RATLS', '-keyout',
                    tmp_path / 'k', '-out', tmp_path / 'c'], check=True, capture_output=True)
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_tls.load_cert_chain(tmp_path / 'c', tmp_path / 'k')
    listener = socket.create_server(('127.0.0.1', 0))

    def serve():
        raw, _ = listener.accept()
        try:
            with server_tls.wrap_socket(raw, server_side=True) as tls:
                got.append(tls.recv(100))
        except OSError:
            got.append(b'')
    got = []
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with pytest.raises(AttestationError) as refused:
        Client(f'https://127.0.0.1:{listener.getsockname()[1]}', Demand(pki, OTHER).verifier()).get('')
    assert refused.value.report.reason == 'bad-evidence'
    thread.join(10)
    assert got == [b'']


def test_outside_an_enclave_no_certificate_is_made(tmp_path):
    from cloister import attest
    with pytest.raises(attest.NotInEnclave):
        attest.write_key_and_certificate(tmp_path / 'k', tmp_path / 'c')
    assert list(tmp_path.iterdir()) == []
    done = subprocess.run([BUILD / 'attest/gramine-ratls', tmp_path / 'c', tmp_path / 'k'], capture_output=True, text=True)
    assert done.returncode == 1 and 'ra_tls_create_key_and_crt_der returned -10496' in done.stderr
    assert subprocess.run([BUILD / 'attest/gramine-ratls', 'c'], capture_output=True).returncode == 2
    assert subprocess.run([BUILD / 'attest/gramine-ratls', '-h'], capture_output=True).returncode == 0


TOOL_MANIFEST = """
libos.entrypoint = "/app/gramine-ratls"
loader.argv = {argv}
loader.log_level = "error"
loader.env.LD_LIBRARY_PATH = "/app"
fs.root.type = "tmpfs"
fs.mounts = [
  {{ path = "/usr", uri = "file:/usr" }}, {{ path = "/lib", uri = "file:/usr/lib" }}, {{ path = "/lib64", uri = "file:/usr/lib64" }},
  {{ path = "/app", uri = "file:app" }}, {{ path = "/tmp", type = "tmpfs" }},
]
sgx.enclave_size = "512M"
sgx.max_threads = 8
sgx.use_exinfo = true
sgx.remote_attestation = "dcap"
sgx.trusted_files = [
  "file:app/", "file:/usr/bin/openssl", "file:/usr/lib64/ld-linux-x86-64.so.2", "file:/usr/lib/ssl/openssl.cnf",
  "file:/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "file:/usr/lib/x86_64-linux-gnu/libssl.so.3", "file:/usr/lib/x86_64-linux-gnu/libc.so.6",
]
"""


@pytest.mark.parametrize('form', ['-P', '-D'])
def test_gramine_ratls_makes_a_certificate_in_the_enclave_and_becomes_the_command(form, room, tmp_path):
    (tmp_path / 'app').mkdir()
    for name in ('gramine-ratls', 'libra_tls_attest.so'):
        shutil.copy(BUILD / 'attest' / name, tmp_path / 'app')
    command = ['/usr/bin/openssl', 'x509', '-inform', 'PEM' if form == '-P' else 'DER', '-in', '/tmp/crt', '-noout', '-subject', '-enddate', '-nameopt', 'RFC2253']
    (tmp_path / 'tool.manifest').write_text(TOOL_MANIFEST.format(argv=json.dumps(['gramine-ratls', form, '/tmp/crt', '/tmp/key', '--', *command])))
    subprocess.run([BUILD / 'cli/cloister', 'sign', '--quiet', '--key', room / 'key.pem', 'tool.manifest'], cwd=tmp_path, check=True)
    done = subprocess.run([BUILD / 'cli/cloister', 'run', '--mode', 'soft', 'tool'], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    assert 'subject=C=US,O=GramineDevelopers,CN=RATLS' in done.stdout and 'notAfter=Dec 31 23:59:59 2030 GMT' in done.stdout


def test_the_packages_install_by_pip_without_a_network(tmp_path):
    shutil.copytree(ROOT / 'python', tmp_path / 'python')
    subprocess.run(['/usr/bin/python3', '-m', 'pip', 'install', '--quiet', '--no-index', '--no-build-isolation', '--root-user-action=ignore',
                    '--target', tmp_path / 'to', tmp_path / 'python'], check=True, timeout=120)
    done = subprocess.run(['/usr/bin/python3', '-c', 'import cloister.verify as v, gramine_ratls.attest; print(v.__file__)'],
                          env={**os.environ, 'PYTHONPATH': str(tmp_path / 'to')}, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path / 'to'))
    assert (tmp_path / 'to/cloister/py.typed').exists()


if __name__ == '__main__':
    if 'BUILD' not in os.environ or 'C_CLIENT' not in os.environ:  # again, with the libraries to be found by their names
        os.environ.update(BUILD=str(pathlib.Path(sys.argv[1]).resolve()), C_CLIENT=str(pathlib.Path(sys.argv[2]).resolve()))
        os.environ['LD_LIBRARY_PATH'] = os.environ['BUILD'] + '/attest'
        os.execv(sys.executable, [sys.executable, *sys.argv])
    sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', __file__, *sys.argv[3:]]))
