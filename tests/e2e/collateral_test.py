"""cloister collateral and quote: over real HTTPS against our own server, and against servers that misbehave.

usage: collateral_test.py CLOISTER [PYTEST ARGUMENT]...
"""
import contextlib, http.server, json, os, pathlib, shutil, ssl, subprocess, sys, threading, time
import pytest

CLOISTER = os.environ.get('CLOISTER', 'cloister')
FMSPC = '434c4f495354'
DCAP = pathlib.Path(__file__).resolve().parents[2] / '../shared/vectors/dcap'
ITEMS = ['tcb_info.json', 'qe_identity.json', 'pck_crl.der', 'root_ca_crl.der', 'tcb_issuer_chain.pem']


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('CLOISTER_STATE_DIR', str(tmp_path / 'state'))
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('QCNL_CONF_PATH', str(tmp_path / 'qcnl.conf'))
    (tmp_path / 'qcnl.conf').write_text('{}')
    (tmp_path / 'state').mkdir()
    return tmp_path


def cloister(*args, code=0):
    done = subprocess.run([CLOISTER, *map(str, args)], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done
    return done


def fails(*args, code=1):
    """One line on stderr, nothing cached."""
    done = cloister(*args, code=code)
    lines = done.stderr.splitlines()
    assert lines and lines[0].startswith('cloister ') and (code == 2 or len(lines) == 1), done
    return lines[0]


def cached(room):
    return sorted(p for p in (room / 'cache').rglob('*') if p.is_file())


@contextlib.contextmanager
def serving(*args):
    process = subprocess.Popen([CLOISTER, 'collateral', 'serve', '--make-cert', 'certs', '--port', '0', *map(str, args)],
                               stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split()[1]
    finally:
        process.terminate()
        assert process.wait(20) == 0


class Hostile(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.0'

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        self.server.behave(self)

    def say(self, status, body, headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def hostile(behave):
    cloister('collateral', 'bundle', '--soft', '-o', 'soft.json')
    if not os.path.exists('certs/server.crt'):
        with serving('--soft'):
            pass
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Hostile)
    server.daemon_threads = True
    server.behave, server.asked = behave, []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain('certs/server.crt', 'certs/server.key')
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server, f'https://localhost:{server.server_port}/sgx/certification/v4/'
    finally:
        server.shutdown()


def fetch_args(url, *more):
    return ['collateral', 'fetch', '--server', url, '--ca-cert', 'certs/ca.crt', '--fmspc', FMSPC, '--ca', 'platform', *more]


def test_a_set_is_fetched_over_https_cached_and_taken_from_the_cache(room):
    with serving('--soft') as url:
        first = json.loads(cloister(*fetch_args(url, '--json', '-o', 'bundle.json')).stdout)
        assert first['from_cache'] is False and first['fmspc'] == FMSPC and len(cached(room)) == 1
        assert json.loads(cloister(*fetch_args(url, '--json')).stdout)['from_cache'] is True
        assert json.loads(cloister(*fetch_args(url, '--json', '--refresh')).stdout)['from_cache'] is False
    # the server is gone; the cache serves, a refresh says so and leaves the cache alone
    before = cached(room)[0].read_bytes()
    assert json.loads(cloister(*fetch_args(url, '--json')).stdout)['from_cache'] is True
    assert 'cannot connect' in fails(*fetch_args(url, '--refresh'))
    assert cached(room)[0].read_bytes() == before
    assert json.loads(cloister('collateral', 'show', 'bundle.json', '--json').stdout)['fmspc'] == FMSPC
    cloister('collateral', 'bundle', 'bundle.json', '--output', 'again.json')
    assert json.loads(pathlib.Path('again.json').read_text()) == json.loads(pathlib.Path('bundle.json').read_text())


def test_api_3_and_a_qcnl_file_in_both_forms(room):
    with serving('--soft') as url:
        v3 = url.replace('/v4/', '/v3/')
        pathlib.Path('a.conf').write_text('// as Intel writes it\n{ "pccs_url": "%s", // here\n "use_secure_cert": false,\n'
                                          ' "retry_times": 1, "verify_collateral_cache_expire_hours": 1 }' % v3)
        pathlib.Path('b.conf').write_text(f'# older\nPCCS_URL={url}\nUSE_SECURE_CERT=FALSE\nPCCS_API_VERSION=3.1\n')
        base = ['collateral', 'fetch', '--fmspc', FMSPC, '--ca', 'platform', '--json']
        one = json.loads(cloister(*base, '--qcnl', 'a.conf').stdout)
        assert one['source'] == v3 and len(cached(room)) == 1
        two = json.loads(cloister(*base, '--qcnl', 'b.conf').stdout)
        assert two['source'] == url and len(cached(room)) == 1      # absent: 0 hours, not cached
        (room / 'qcnl.conf').write_text(json.dumps({'pccs_url': v3, 'local_cache_only': True}))
        assert json.loads(cloister(*base).stdout)['from_cache'] is True
        (room / 'qcnl.conf').write_text(json.dumps({'pccs_url': url, 'local_cache_only': True}))
        assert 'local_cache_only' in fails(*base)
    for text, says in [('{', 'not JSON'), ('{"retry_times": "six"}', 'retry_times: wrong type'), ('{"pccs_url": "ftp://x"}', 'pccs_url'),
                       ('PCCS_URL', ':1:'), ('RETRY_TIMES=-1', ':1:')]:
        pathlib.Path('bad.conf').write_text(text)
        assert says in fails(*base, '--qcnl', 'bad.conf')


def test_without_the_ca_the_server_is_not_trusted(room):
    with serving('--soft') as url:
        assert 'not trusted' in fails('collateral', 'fetch', '--server', url, '--fmspc', FMSPC, '--ca', 'platform')
        assert 'answered 404' in fails(*fetch_args(url)[:-1], 'processor')
        assert 'answered 404' in fails(*fetch_args(url), '--tdx')
    assert not cached(room)


@pytest.mark.parametrize('name,behave,says', [
    ('404', lambda h: h.say(404, b'nothing'), 'answered 404'),
    ('500', lambda h: h.say(500, b'oops'), 'answered 500'),
    ('redirect', lambda h: h.say(302, b'', [('Location', 'https://elsewhere.invalid/')]), 'redirects'),
    ('garbage', lambda h: h.say(200, bytes(range(256)) * 10), 'malformed or cut off'),
    ('HTML', lambda h: h.say(200, b'<!DOCTYPE html><html>log in</html>'), 'HTML'),
    ('empty', lambda h: h.say(200, b''), 'is empty'),
    ('JSON', lambda h: h.say(200, b'{"tcbInfo": {}}'), 'not such a document'),
    ('nested', lambda h: h.say(200, b'{"tcbInfo":' + b'[' * 100000), 'not such a document'),
    ('truncated', lambda h: h.say(200, b'{"tcbInfo":{"id":', length=5000), 'cut off'),
    ('never', lambda h: time.sleep(30), 'no answer within 1 seconds'),
    ('closed', lambda h: None, 'cut off'),
    ('endless', lambda h: [h.say(200, b'x' * (3 << 20), length=1 << 40)], 'too large'),
    ('headers', lambda h: h.say(200, b'x', [(f'X-{i}', 'y' * 1000) for i in range(90)]), 'too large'),
])
def test_a_bad_server_is_one_clear_line_and_no_cache(room, name, behave, says):
    with hostile(behave) as (_, url):
        assert says in fails(*fetch_args(url, '--timeout', '1' if name == 'never' else '20'))
    assert not cached(room)


def good(handler, change=lambda kind, answer: answer):
    """What our own server says, but for `change`."""
    from urllib.parse import quote
    soft = pathlib.Path('state/soft/pki/collateral')
    chain = quote((soft / 'tcb_issuer_chain.pem').read_text(), safe='')
    path = handler.path.split('?')[0].rsplit('/v4/')[-1]
    kind = {'tcb': 'tcb_info.json', 'qe/identity': 'qe_identity.json', 'pckcrl': 'pck_crl.der', 'crl': 'root_ca_crl.der'}[path]
    header = {'tcb': 'TCB-Info-Issuer-Chain', 'qe/identity': 'SGX-Enclave-Identity-Issuer-Chain'}.get(path, 'X')
    body, name, value = change(kind, ((soft / kind).read_bytes(), header, chain))
    handler.say(200, body, [(name, value)])


def replacing(kind, function):
    return lambda handler: good(handler, lambda k, a: function(*a) if k == kind else a)


@pytest.mark.parametrize('behave,says', [
    (replacing('tcb_info.json', lambda b, n, v: (b, 'X-Other', v)), 'header TCB-Info-Issuer-Chain is missing'),
    (replacing('tcb_info.json', lambda b, n, v: (b, n, v[:-300].rsplit('%', 1)[0])), 'does not parse'),
    (replacing('tcb_info.json', lambda b, n, v: (b, n, v + '%')), 'malformed'),
    (replacing('tcb_info.json', lambda b, n, v: (b, n, v * 8)), 'number of certificates'),
    (replacing('tcb_info.json', lambda b, n, v: (b.replace(b'"pcesvn":', b'"pcesvn": '), n, v)), 'signature of the TCB info is wrong'),
    (replacing('qe_identity.json', lambda b, n, v: (b[:-10], n, v)), 'QE identity'),
    (replacing('pck_crl.der', lambda b, n, v: (b[:-1], n, v)), 'PCK revocation list'),
    (replacing('root_ca_crl.der', lambda b, n, v: (b[:-1] + bytes([b[-1] ^ 1]), n, v)), 'root CA revocation list'),
    (replacing('root_ca_crl.der', lambda b, n, v: (b'<html>', n, v)), 'HTML'),
])
def test_a_server_that_fails_at_the_last_request_leaves_no_partial_cache(room, behave, says):
    with hostile(behave) as (server, url):
        assert says in fails(*fetch_args(url))
        assert server.asked
    assert not cached(room)


def test_the_client_recovers_when_retries_are_allowed(room):
    tries = []

    def sometimes(handler):
        tries.append(1)
        handler.say(503, b'') if len(tries) < 3 else good(handler)
    with hostile(sometimes) as (_, url):
        (room / 'qcnl.conf').write_text(json.dumps({'pccs_url': url, 'retry_times': 3, 'retry_delay': 1, 'use_secure_cert': False,
                                                    'pccs_api_version': '3.1'}))
        cloister('collateral', 'fetch', '--fmspc', FMSPC, '--ca', 'platform')
        assert len(tries) == 6


def vector(name):
    if not DCAP.exists():
        pytest.skip(f'no vectors at {DCAP}')
    return DCAP / name


def test_a_real_quote_gets_its_status_in_words(room):
    case = vector('real/005-sgx-v3-oasis-tcbinfo-v2')
    done = json.loads(cloister('quote', 'verify', case / 'quote.bin', '--collateral', case, '--at', '2022-05-25T10:57:37Z', '--json').stdout)
    assert done['accepted'] and done['tcb']['status'] == 'UpToDate' and done['root'] == 'Intel SGX Root CA'
    outdated = vector('real/025-sgx-v3-00906ed50000-pair-eval19')
    args = ['quote', 'verify', outdated / 'quote.bin', '--collateral', outdated, '--at', '2025-06-11 19:08:46']
    assert 'OutOfDate' in fails(*args)
    pathlib.Path('policy.toml').write_text('any_enclave = true\ntcb_status = ["OutOfDate"]\n')
    cloister(*args, '--policy', 'policy.toml')
    with open('policy.toml', 'a') as f:
        f.write('refused_advisories = ["INTEL-SA-00219"]\n')
    assert 'advisory' in fails(*args, '--policy', 'policy.toml')
    pathlib.Path('policy.toml').write_text('any_enclave = true\ntcb_status = ["OutOfDate"]\nmax_collateral_age_days = 1\n')
    assert 'older than the policy allows' in fails(*args, '--policy', 'policy.toml')
    pathlib.Path('policy.toml').write_text(f'mrenclave = ["{"00" * 32}"]\ntcb_status = ["OutOfDate"]\n')
    assert 'MRENCLAVE' in fails(*args, '--policy', 'policy.toml')


def test_clocks_before_2018_and_after_2049_refuse(room):
    case = vector('real/005-sgx-v3-oasis-tcbinfo-v2')
    base = ['quote', 'verify', case / 'quote.bin', '--collateral', case, '--at']
    assert 'from the future' in fails(*base, '2017-12-31')
    assert 'from the future' in fails(*base, '@0')
    assert 'has expired' in fails(*base, '2050-01-01')
    assert 'has expired' in fails(*base, '9999-12-31T23:59:59Z')
    assert 'has expired' in fails(*base, '@9223372036854775807')
    assert 'not a time' in fails(*base, '2022-02-30', code=2)


def test_damaged_quotes_and_collateral_are_refused_in_words(room):
    case = vector('real/005-sgx-v3-oasis-tcbinfo-v2')
    quote = (case / 'quote.bin').read_bytes()
    args = ['--collateral', case, '--at', '2022-05-25T10:57:37Z']
    for name, data, says in [('empty', b'', 'shorter'), ('short', quote[:1000], 'shorter'), ('cut', quote[:3000], 'cut off'),
                             ('version', b'\x63' + quote[1:], 'version'), ('random', os.urandom(5000), 'malformed'),
                             ('flipped', quote[:200] + bytes([quote[200] ^ 1]) + quote[201:], 'signature of the quote'),
                             ('large', quote + bytes(1 << 18), 'larger than any quote'), ('huge', bytes(2 << 20), 'larger than any quote')]:
        pathlib.Path(name).write_bytes(data)
        assert says in fails('quote', 'verify', name, *args), name
    for item in ITEMS:
        shutil.copytree(case, item + '.case')
        broken = pathlib.Path(item + '.case') / item
        broken.write_bytes(broken.read_bytes()[:-20])
        assert 'refused' in fails('quote', 'verify', case / 'quote.bin', '--collateral', item + '.case', *args[2:])
        broken.unlink()
        assert item in fails('quote', 'verify', case / 'quote.bin', '--collateral', item + '.case', *args[2:])
    assert 'nowhere' in fails('quote', 'verify', 'nowhere', *args)
    assert 'not a trusted root' in fails('quote', 'verify', case / 'quote.bin', *args, '--trust-root', soft_root())
    assert 'not a trusted root' in fails('quote', 'verify', case / 'quote.bin', '--soft', '--at', '2022-05-25')


def bare(quote):
    """A quote without its certificates: their place holds the platform's id (type 3), as where nobody has fetched them yet."""
    version, at = quote[0], 48 + (384 if quote[4] == 0 else 584)
    inner = at + 4 + 128 + (0 if version == 3 else 6)
    auth = int.from_bytes(quote[inner + 448:inner + 450], 'little')
    cert = inner + 450 + auth
    size = int.from_bytes(quote[cert + 2:cert + 6], 'little')
    chain = quote[cert + 6:cert + 6 + size].rstrip(b'\0').decode()
    out = bytearray(quote[:cert] + (3).to_bytes(2, 'little') + (404).to_bytes(4, 'little') + bytes([0xee]) * 384 + bytes(20))
    out[at:at + 4] = (len(out) - at - 4).to_bytes(4, 'little')
    if version != 3:
        out[at + 134:at + 138] = (len(out) - inner).to_bytes(4, 'little')
    return bytes(out), chain


def tcbm_of(leaf):
    der, prefix = ssl.PEM_cert_to_DER_cert(leaf), bytes.fromhex('2a864886f84d010d0102')
    cpusvn = der.index(prefix + b'\x12\x04\x10') + 13
    pcesvn = der.index(prefix + b'\x11\x02') + 13
    number = int.from_bytes(der[pcesvn:pcesvn + der[pcesvn - 1]], 'big')
    return der[cpusvn:cpusvn + 16].hex() + number.to_bytes(2, 'little').hex()


@pytest.mark.parametrize('name,at', [('real/005-sgx-v3-oasis-tcbinfo-v2', '2022-05-25T10:57:37Z'),
                                     ('real/011-tdx-v4-teepot-tdx1', '2024-12-05T13:55:35Z')])
@pytest.mark.parametrize('form', ['azure', 'azure-escaped', 'headers'])
def test_a_quote_without_certificates_is_completed_by_azures_json_and_by_headers(room, name, at, form):
    from urllib.parse import quote as escape
    case = vector(name)
    quote, chain = bare((case / 'quote.bin').read_bytes())
    end = chain.index('-----END') + len('-----END CERTIFICATE-----\n')
    leaf, rest = chain[:end], chain[end:]
    seen = []

    def answer(handler):
        seen.append(dict(handler.headers))
        if form == 'headers':
            return handler.say(200, leaf.encode(), [('sgx-pck-certificate-issuer-chain', escape(rest, safe='')), ('SGX-TCBm', tcbm_of(leaf))])
        body = {'pckCert': leaf, 'sgx-Pck-Certificate-Issuer-Chain': escape(rest, safe='') if form == 'azure-escaped' else rest,
                'sgx-Tcbm': tcbm_of(leaf), 'sgx-Fmspc': '00606A000000'}
        return handler.say(200, json.dumps(body).encode(), [('Content-Type', 'application/json')])
    pathlib.Path('bare').write_bytes(quote)
    assert 'no PCK certificate chain' in fails('quote', 'verify', 'bare', '--collateral', case, '--at', at)
    with hostile(answer) as (server, url):
        (room / 'qcnl.conf').write_text(json.dumps({'local_pck_url': url, 'use_secure_cert': False, 'custom_request_options': {
            'get_cert': {'headers': {'metadata': 'true'}, 'params': {'api-version': '2021-07-22-preview'}}}}))
        cloister('quote', 'complete', 'bare', '-o', 'whole')
        assert len(server.asked) == 1 and seen[0]['metadata'] == 'true'
        assert server.asked[0].startswith('/sgx/certification/v4/pckcert?qeid=') and server.asked[0].endswith('&api-version=2021-07-22-preview')
    done = json.loads(cloister('quote', 'verify', 'whole', '--collateral', case, '--at', at, '--json').stdout)
    assert done['accepted'] and done['tcb']['status'] == 'UpToDate'
    assert 'already' in fails('quote', 'complete', 'whole', '-o', 'again')


@pytest.mark.parametrize('behave,says', [
    (lambda h: h.say(404, b'{}'), 'no certificate of this platform'),
    (lambda h: h.say(461, b''), 'does not know the platform'),
    (lambda h: h.say(401, b''), 'wants a key'),
    (lambda h: h.say(200, b''), 'is empty'),
    (lambda h: h.say(200, b'{"pckCert": 1}'), 'pckCert'),
    (lambda h: h.say(200, b'{"pckCert": "x", "sgx-Pck-Certificate-Issuer-Chain": "%4", "sgx-Tcbm": ""}'), 'pckCert'),
    (lambda h: h.say(200, b'{"pckCert": "x", "sgx-Pck-Certificate-Issuer-Chain": "y", "sgx-Tcbm": ""}'), 'does not parse'),
    (lambda h: h.say(200, b'{' * 90000), 'pckCert'),
    (lambda h: h.say(200, b'x' * 200000), 'larger than any certificate'),
    (lambda h: h.say(200, b'<html>'), 'Issuer-Chain is missing'),
    (lambda h: time.sleep(30), 'no answer within 1 seconds'),
])
def test_a_bad_answer_with_a_certificate_is_one_clear_line(room, behave, says):
    pathlib.Path('bare').write_bytes(bare((vector('real/005-sgx-v3-oasis-tcbinfo-v2') / 'quote.bin').read_bytes())[0])
    with hostile(behave) as (_, url):
        assert says in fails('quote', 'complete', 'bare', '-o', 'whole', '--server', url, '--ca-cert', 'certs/ca.crt', '--timeout', '1')
    assert not pathlib.Path('whole').exists()


def soft_root():
    cloister('collateral', 'show', '--soft')
    return 'state/soft/pki/collateral/root_ca.pem'


def test_show_tells_claims_and_wrong_command_lines_are_named(room):
    case = vector('real/011-tdx-v4-teepot-tdx1')
    shown = json.loads(cloister('quote', 'show', case / 'quote.bin', '--json').stdout)
    assert shown['tee'] == 'TDX' and shown['certification_data_type'] == '5: PCK certificate chain' and 'no:' in shown['verified']
    assert cloister('quote', 'verify', case / 'quote.bin', '--collateral', case, '--at', '2024-12-05T13:55:35Z').returncode == 0
    for args in (['quote'], ['quote', 'verify'], ['quote', 'judge', 'x'], ['quote', 'verify', 'x', '--bogus'], ['quote', 'complete', __file__], ['collateral'],
                 ['collateral', 'fetch'], ['collateral', 'fetch', '--fmspc', 'zz', '--ca', 'platform'], ['collateral', 'bundle', 'x'],
                 ['collateral', 'serve', 'x'], ['collateral', 'fetch', '--server', 'x', '--fmspc', FMSPC, '--ca', 'platform']):
        fails(*args, code=2)


def test_disk_trouble_is_said_and_nothing_is_left(room):
    assert 'nowhere' in fails('collateral', 'bundle', '--soft', '-o', 'nowhere/x.json')
    (room / 'cache').write_text('a file where the cache folder should be')
    with serving('--soft') as url:
        assert 'cache folder' in fails(*fetch_args(url))


if __name__ == '__main__':
    CLOISTER = os.environ['CLOISTER'] = str(pathlib.Path(sys.argv[1]).resolve())
    sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', __file__, *sys.argv[2:]]))
