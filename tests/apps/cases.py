"""The programs, one Case each, easiest first. Words in braces are filled in by run.py: {work} the folder of this run,
{here} tests/apps/programs, {port} a free port, {peer} another."""
from dataclasses import dataclass, field

PYTHON = '/usr/bin/python3.11'

@dataclass
class Case:
    name: str
    package: str                # whose version the table shows; the first is the program's
    command: list
    client: str = ''            # a shell line run natively against the server; empty: not a server
    beside: list = None         # a native server that the program talks to
    prepare: str = ''           # a shell line run natively in {work} before each run
    hide: list = field(default_factory=list)  # regular expressions of what may differ between two runs
    any_order: bool = False     # lines come as threads please
    size: str = '1G'
    threads: int = 64
    timeout: int = 60
    fast: bool = False          # in the subset that CI runs
    speed: str = ''             # regular expression whose first group is a figure that grows with speed; else wall time
    env: dict = field(default_factory=dict)

def command(name, package, *words, **more):
    return Case(name, package, list(words), **more)

def server(name, package, *words, client, **more):
    return Case(name, package, list(words), client=client, **more)

GET = 'curl -s --max-time 20'
BUSY = 'busybox-static'
TEN = 'for i in 1 2 3 4 5 6 7 8 9 10; do {}; done'

CASES = [
    command('busybox sha256sum', BUSY, '/bin/busybox', 'sha256sum', '/usr/bin/python3.11', '/bin/busybox'),
    command('busybox ls', BUSY, '/bin/busybox', 'ls', '-la', '/usr/share/doc/libc6', '/usr/share/common-licenses'),
    command('busybox find', BUSY, '/bin/busybox', 'find', '/usr/share/doc/python3', '/usr/share/perl', '-name', '*.p*'),
    command('busybox tar', BUSY, '/bin/busybox', 'tar', 'cf', 'a.tar', '-C', '/usr/share', 'common-licenses'),
    command('busybox awk', BUSY, '/bin/busybox', 'awk', 'BEGIN{for(i=0;i<300000;i++)s+=i*i; print s}'),
    command('busybox gzip', BUSY, '/bin/busybox', 'gzip', '-k', 'words', prepare='seq 200000 >words'),
    command('busybox sort', BUSY, '/bin/busybox', 'sort', '-rn', 'words', prepare='seq 50000 >words'),
    command('busybox df', BUSY, '/bin/busybox', 'stat', '-f', '-c', '%S', '/'),
    command('perl', 'perl-base', '/usr/bin/perl', '{here}/basics.pl', fast=True),
    command('lua', 'lua5.4', '/usr/bin/lua5.4', '{here}/basics.lua'),
    command('ripgrep', 'ripgrep', '/usr/bin/rg', '-c', '--sort', 'path', 'Copyright', '/usr/share/doc', timeout=120),
    command('ripgrep, threads', 'ripgrep', '/usr/bin/rg', '-j', '4', '--no-filename', '-o', '--stats', 'warrant[iy]\\w*', '/usr/share/common-licenses',
            hide=[r'[\d.]+ seconds.*'], any_order=True),
    command('openssl dgst', 'openssl', '/usr/bin/openssl', 'dgst', '-sha256', '/usr/bin/python3.11', fast=True),
    command('openssl speed', 'openssl', '/usr/bin/openssl', 'speed', '-seconds', '1', '-bytes', '16384', '-evp', 'aes-256-gcm',
            hide=[r'.*\n'], speed=r'AES-256-GCM +([\d.]+)k'),
    command('curl', 'curl', '/usr/bin/curl', '-s', 'http://localhost:{peer}/words', beside=[PYTHON, '-m', 'http.server', '-b', '127.0.0.1', '{peer}'],
            prepare='seq 100000 >words', fast=True),
    command('sqlite3', 'sqlite3', '/usr/bin/sqlite3', 's.db', '.read {here}/database.sql', fast=True),
    command('python3 stdlib', 'python3.11-minimal', PYTHON, '{here}/stdlib.py', fast=True),
    command('numpy', 'python3-numpy', PYTHON, '{here}/arrays.py', fast=True),
    command('scikit-learn', 'python3-sklearn', PYTHON, '{here}/forest.py', timeout=180, size='2G'),
    server('Flask', 'python3-flask', PYTHON, '-m', 'flask', '--app', '{here}/flask_app.py', 'run', '-p', '{port}',
           client=TEN.format(GET + ' http://127.0.0.1:{port}/$i')),
    server('FastAPI + uvicorn', 'uvicorn', PYTHON, '-m', 'uvicorn', '--app-dir', '{here}', '--log-level', 'warning', 'fastapi_app:app', '--port', '{port}',
           client=TEN.format(GET + ' http://127.0.0.1:{port}/; ' + GET + ' http://127.0.0.1:{port}/as')
           + '; wrk -t1 -c8 -d2s http://127.0.0.1:{port}/as', hide=[r'(?s)Running 2s.*'], speed=r'Requests/sec: +([\d.]+)'),
    server('hypercorn, TLS and h2', 'python3-hypercorn', PYTHON, '-m', 'hypercorn', '--keyfile', 'k.pem', '--certfile', 'c.pem', '-b', '127.0.0.1:{port}', 'fastapi_app:app',
           env={'PYTHONPATH': '{here}'},
           prepare='openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=localhost 2>/dev/null',
           client=TEN.format(GET + 'k -w "%{http_version}\\n" --http1.1 https://127.0.0.1:{port}/; ' + GET + 'k -w "%{http_version}\\n" --http2 https://127.0.0.1:{port}/as')),
    server('redis', 'redis-server', '/usr/bin/redis-server', '--port', '{port}', '--save', '', '--appendonly', 'no',
           client='redis-cli -p {port} set a b; redis-cli -p {port} lpush l 1 2 3; redis-cli -p {port} lrange l 0 -1; '
                  'redis-benchmark -p {port} -n 20000 -c 20 -q -t set,get,lpush --csv', hide=[r'".*\n'], speed=r'"GET","([\d.]+)"'),
    server('memcached', 'memcached', '/usr/bin/memcached', '-u', 'root', '-l', '127.0.0.1', '-p', '{port}', '-t', '4', '-U', '0',
           client=PYTHON + ' {here}/memcached_client.py {port}', speed=r'([\d.]+) requests/s', hide=[r'[\d.]+ requests/s']),
    server('nginx', 'nginx-light', '/usr/sbin/nginx', '-p', '{work}', '-c', 'nginx.conf',
           prepare='mkdir -p www; seq 20000 >www/f; head -c 1024 www/f >www/k; sed "s,PORT,{port},;s,WORK,{work}," {here}/nginx.conf >nginx.conf',
           client=GET + ' http://127.0.0.1:{port}/f | sha256sum; ' + GET + ' -I http://127.0.0.1:{port}/missing | head -1; '
                  'wrk -t1 -c8 -d2s http://127.0.0.1:{port}/k', hide=[r'(?s)Running 2s.*'], speed=r'Requests/sec: +([\d.]+)'),
    server('lighttpd', 'lighttpd', '/usr/sbin/lighttpd', '-D', '-f', 'lighttpd.conf',
           prepare='mkdir -p www; seq 20000 >www/f; printf \'server.document-root="{work}/www"\\nserver.port={port}\\nserver.bind="127.0.0.1"\\nserver.max-worker=0\\n\' >lighttpd.conf',
           client=GET + ' http://127.0.0.1:{port}/f | sha256sum; wrk -t1 -c8 -d2s http://127.0.0.1:{port}/f', hide=[r'(?s)Running 2s.*'],
           speed=r'Requests/sec: +([\d.]+)'),
    server('mosquitto', 'mosquitto', '/usr/sbin/mosquitto', '-p', '{port}',
           client='(timeout 5 mosquitto_sub -p {port} -t a -C 3 & sleep 0.5; for m in 1 2 3; do mosquitto_pub -p {port} -t a -m $m; done; wait)'),
    server('haproxy', 'haproxy', '/usr/sbin/haproxy', '-db', '-f', 'haproxy.conf', beside=[PYTHON, '-m', 'http.server', '-b', '127.0.0.1', '{peer}'],
           prepare='seq 20000 >words; sed "s,PORT,{port},;s,PEER,{peer}," {here}/haproxy.conf >haproxy.conf',
           client=TEN.format(GET + ' http://127.0.0.1:{port}/words | sha256sum')),
    server('etcd', 'etcd-server', '/usr/bin/etcd', '--data-dir', '{work}/data', '--listen-client-urls', 'http://127.0.0.1:{port}',
           '--advertise-client-urls', 'http://127.0.0.1:{port}', '--listen-peer-urls', 'http://127.0.0.1:{peer}', '--initial-advertise-peer-urls',
           'http://127.0.0.1:{peer}', '--initial-cluster', 'default=http://127.0.0.1:{peer}', prepare='rm -rf data', size='32G',
           client='export ETCDCTL_API=3; for i in 1 2 3 4 5; do etcdctl --endpoints=127.0.0.1:{port} put a $i; etcdctl --endpoints=127.0.0.1:{port} get a; done'),
    command('Go net/http, static', 'golang-go', '{build}/gohttp', size='2G', fast=True),
    command('ruby, threads', 'ruby3.1', '/usr/bin/ruby3.1', '{here}/threads.rb', size='2G'),
    server('php server', 'php8.2-cli', '/usr/bin/php8.2', '-S', '127.0.0.1:{port}', '-t', '{here}', client=TEN.format(GET + ' http://127.0.0.1:{port}/page.php')),
    command('R matrix solve', 'r-base-core', '/usr/lib/R/bin/exec/R', '--no-echo', '--no-restore', '--vanilla', '--file={here}/solve.R', size='2G',
            env={'R_HOME': '/usr/lib/R', 'R_SHARE_DIR': '/usr/share/R/share', 'R_INCLUDE_DIR': '/usr/share/R/include', 'R_DOC_DIR': '/usr/share/R/doc',
                 'LD_LIBRARY_PATH': '/usr/lib/R/lib', 'R_DEFAULT_PACKAGES': 'NULL'}),
    command('node', 'nodejs', '/usr/bin/node', '{here}/server.js', size='4G', timeout=120),
    command('java', 'openjdk-17-jre-headless', '/usr/lib/jvm/java-17-openjdk-amd64/bin/java', '-Xmx512m', '-cp', '.', 'Pool', size='16G', timeout=180,
            prepare='javac -d . {here}/Pool.java'),
    command('torch AlexNet', 'python3-torch', PYTHON, '{here}/alexnet.py', size='4G', timeout=400),
    command('sysbench threads', 'sysbench', '/usr/bin/sysbench', 'threads', '--threads=4', '--time=2', 'run', hide=[r'(?s)General statistics.*'],
            speed=r'total number of events: +(\d+)'),
    command('sysbench mutex', 'sysbench', '/usr/bin/sysbench', 'mutex', '--threads=4', '--mutex-locks=20000', 'run', hide=[r'(?s)General statistics.*'],
            speed=''),
    command('fio psync', 'fio', '/usr/bin/fio', '--name=a', '--size=16M', '--rw=randrw', '--ioengine=psync', '--thread', '--directory={work}', '--output-format=terse',
            hide=[r'.*\n']),
]
