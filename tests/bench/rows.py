"""The rows of `make bench`, the programs that answer them, and what issue 3 asks of each: data only.

A row's goal compares `direct` with native: at_most for what should be small (times), at_least for what should be
large (per second). Words in braces are filled in by run.py: {build} tests/bench of the build, {bench} this folder, {apps}
tests/apps/programs, {host} a scratch directory allowed as it is, {trusted} one whose files are trusted, {encrypted} one
that is an encrypted mount (natively: a plain one), {port} a free port,
{mode} the mode.
"""
from dataclasses import dataclass, field

PYTHON = '/usr/bin/python3.11'
PACKAGES = '/usr/lib/python3/dist-packages/'
PYTHON_TRUSTS = f'/usr/lib/python3.11/ {PACKAGES}numpy/'
NUMPY = f'{PACKAGES}numpy/core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so {PACKAGES}numpy/linalg/_umath_linalg.cpython-311-x86_64-linux-gnu.so'
LIBRARIES = '/lib/ /usr/lib/ /usr/local/lib/ /usr/share/ /var/lib/'

@dataclass
class Program:
    name: str
    kind: str                   # rounds: asked for rounds on stdin (bench.h, rounds.py); server; command: run whole each time; start: timed by start.c
    command: list
    prepare: str = ''           # a shell line run natively in {host} before
    encrypted: bool = False     # has {encrypted}
    size: str = '1G'            # of the enclave
    trusted: str = ''           # more trusted files and directories, separated by spaces
    linked: str = ''            # files whose shared libraries are trusted too
    allowed: str = LIBRARIES    # folders whose files are read unchecked
    env: dict = field(default_factory=dict)
    tools: tuple = ()           # what else must be installed
    round_ms: int = 25          # a round is made this long

@dataclass
class Row:
    name: str
    program: str
    unit: str = 'ns'            # ns, us, ms: of one operation; kB: resident (of kind `start`); MB/s: of `size` bytes an operation; req/s, ev/s, s: as the figure says
    at_most: float = None
    at_least: float = None
    above: float = None         # direct at most so much more than native
    ask: str = ''               # what a program of kind `rounds` calls it; default: the name
    size: int = 0
    load: str = ''              # server: a shell line run natively; command: arguments; start: Python code
    figure: str = ''            # server, command: regular expression whose first group is the figure
    count: str = ''             # server, command: regular expression (or a number) that tells how many operations that was

def rounds(name, *command, **more):
    return Program(name, 'rounds', list(command) or ['{build}/bench_' + name], **more)

def server(name, *command, **more):
    return Program(name, 'server', list(command), **more)

PROGRAMS = [
    rounds('getppid-dynamic', '{build}/getppid-dynamic'),
    rounds('getppid-static', '{build}/getppid-static'),
    rounds('getppid-musl', '{build}/getppid-musl'),
    rounds('getppid-go', '{build}/getppid-go', size='2G'),
    rounds('clock'),
    rounds('files', '{build}/bench_files', '{host}', '{trusted}', '{mode}'),
    rounds('waits'),
    rounds('threads', round_ms=300), # two threads on one CPU fall in and out of step for longer than the usual round
    rounds('parallel'),
    rounds('memory'),
    rounds('sockets'),
    rounds('stream', '{build}/bench_stream', '{encrypted}', '{mode}', encrypted=True),
    rounds('spin', env={'OMP_WAIT_POLICY': 'active'}),
    rounds('numpy', PYTHON, '{bench}/matmul.py', env={'OPENBLAS_NUM_THREADS': '2'}, size='2G', trusted=PYTHON_TRUSTS, round_ms=500),
    rounds('torch', PYTHON, '{bench}/inference.py', env={'OMP_NUM_THREADS': '2'}, size='4G', tools=('/usr/lib/python3/dist-packages/torch',), round_ms=500),
    server('redis', '/usr/bin/redis-server', '--port', '{port}', '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', tools=('/usr/bin/redis-benchmark',)),
    server('nginx', '/usr/sbin/nginx', '-p', '{host}', '-c', '{host}/nginx.conf', tools=('/usr/bin/wrk',),
           prepare='mkdir -p www; head -c 1024 /usr/bin/python3.11 >www/1k; head -c 102400 /usr/bin/python3.11 >www/100k; '
                   'sed "s,PORT,{port},;s,WORK,{host},g;s,access_log [^;]*,access_log off," {apps}/nginx.conf >nginx.conf'),
    server('memcached', '/usr/bin/memcached', '-u', 'root', '-l', '127.0.0.1', '-p', '{port}', '-U', '0', '-t', '4'),
    server('uvicorn', PYTHON, '-m', 'uvicorn', '--app-dir', '{bench}', '--port', '{port}', '--log-level', 'error', 'hello_asgi:app', tools=('/usr/bin/wrk', '/usr/bin/uvicorn')),
    Program('sysbench', 'command', ['/usr/bin/sysbench']),
    Program('hello', 'start', ['{build}/bench_hello'], allowed='', round_ms=200),
    # Every file that they read is trusted: the incumbent hashes all that the manifest lists before the first instruction.
    Program('python', 'start', [PYTHON], trusted=PYTHON_TRUSTS, allowed='/usr/local/lib/ /usr/lib/locale/',
            linked=NUMPY),
    Program('python-torch', 'start', [PYTHON], size='4G', trusted=f'{PYTHON_TRUSTS} {PACKAGES}torch/ {PACKAGES}astunparse/ {PACKAGES}certifi/ '
                    f'{PACKAGES}six.py {PACKAGES}typing_extensions.py',
            allowed='/usr/local/lib/ /usr/lib/locale/', linked=f'{PACKAGES}torch/_C.cpython-311-x86_64-linux-gnu.so {NUMPY}',
            tools=(f'{PACKAGES}torch',)),
]

REDIS = 'redis-benchmark -p {port} -c 50 --csv '
WRK = 'wrk -t1 -c8 -d1s http://127.0.0.1:{port}/'
WRK_FIGURES = {'unit': 'req/s', 'figure': r'Requests/sec: +([\d.]+)', 'count': r'(\d+) requests in'}

def getppid(how):
    return Row('getppid-' + how, 'getppid-' + how, ask='getppid', at_most=0.4)

def redis(what, pipeline, count):
    return Row(f'redis-{what}-P{pipeline}', 'redis', 'req/s', at_least=0.95, load=f'{REDIS}-t {what} -P {pipeline} -n {count}', figure=r'"[GS]ET","([\d.]+)"', count=str(count))

def sysbench(name, words):
    return Row('sysbench-' + name, 'sysbench', 'ev/s', at_least=0.8, load=words, figure=r'total number of events: +(\d+)', count=r'total number of events: +(\d+)')

ROWS = [
    *map(getppid, ('dynamic', 'static', 'musl', 'go')),
    Row('clock_gettime', 'clock', at_most=1.2),
    Row('read-zero-1', 'files', at_most=0.6),
    Row('read-zero-4k', 'files', at_most=0.6),
    Row('lseek', 'files', at_most=0.6),
    Row('fstat', 'files', at_most=0.6),  # of a trusted file, as stat; -allowed: others may change it, the host is asked
    Row('fstat-allowed', 'files'),
    Row('sigprocmask', 'waits', at_most=0.6),
    Row('pread-4k', 'files', at_most=1.25),
    Row('pwrite-4k', 'files', at_most=1.25),
    Row('open-close', 'files', at_most=1.3),
    Row('open-close-trusted', 'files', at_most=1.3),
    Row('stat', 'files', at_most=0.3),
    Row('stat-allowed', 'files'),
    Row('stat-missing', 'files', at_most=1.2),
    Row('stat-missing-trusted', 'files', at_most=1.2),
    Row('pipe-to-self', 'waits', at_most=0.6),
    Row('eventfd', 'waits', at_most=0.6),
    Row('poll', 'waits', at_most=0.6),
    Row('epoll_wait', 'waits', at_most=0.6),
    Row('futex-ping-pong', 'threads', at_most=1.1),
    Row('condvar-ping-pong', 'threads', at_most=1.1),
    Row('futex-ping-pong-2-cpus', 'threads'),
    Row('thread-create-join', 'threads', at_most=1.5),
    # What a thread's call takes alone, and with another thread that makes the same call on objects of its own.
    *(Row(f'{who}-{call}', 'parallel') for call in ('read', 'eventfd', 'poll', 'futex', 'mincore') for who in ('thread', 'threads')),
    Row('mmap-touch-munmap', 'memory', at_most=1.2),
    Row('touch-256m', 'memory', 'ms', at_most=1.05),
    Row('tcp-round-trip', 'sockets', at_most=1.1),
    Row('unix-round-trip', 'sockets', at_most=0.5),
    *(redis(what, *how) for how in ((1, 60000), (16, 600000)) for what in ('get', 'set')),
    Row('nginx-1k', 'nginx', at_least=0.95, load=WRK + '1k', **WRK_FIGURES),
    Row('nginx-100k', 'nginx', at_least=0.95, load=WRK + '100k', **WRK_FIGURES),
    Row('memcached', 'memcached', at_least=0.95, load='{build}/bench_memcached_load {port} 8 50000', unit='req/s', figure=r'([\d.]+) requests/s', count='50000'),
    Row('uvicorn-hello', 'uvicorn', at_least=0.9, load=WRK, **WRK_FIGURES),
    Row('torch-alexnet', 'torch', 'ms', at_most=1.03),
    Row('numpy-matmul-512', 'numpy', 'ms', at_most=1.03),
    Row('omp-spin-n', 'spin', 'us', at_most=1.2),
    Row('omp-spin-2n', 'spin', 'us', at_most=1.2),
    sysbench('threads-4', 'threads --threads=4 --time=1 run'),
    sysbench('threads-8', 'threads --threads=8 --time=1 run'),
    Row('sysbench-mutex', 'sysbench', 's', at_most=1.25, load='mutex --threads=4 --mutex-locks=20000 --mutex-num=64 run', figure=r'total time: +([\d.]+)s'),
    Row('encrypted-write', 'stream', 'MB/s', size=128 << 10),
    Row('encrypted-read', 'stream', 'MB/s', size=128 << 10),
    Row('hello-start', 'hello', 'us', at_most=3),
    Row('hello-resident', 'hello', 'kB', above=8192),
    Row('python-pass', 'python', 'ms', at_most=1.5, load='pass'),
    Row('import-numpy', 'python', 'ms', at_most=1.2, load='import numpy'),
    Row('import-torch', 'python-torch', 'ms', at_most=1.2, load='import torch'),
]
