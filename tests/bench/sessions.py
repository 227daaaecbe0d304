"""Programs of the bench while they run: one process in each mode, asked in turns."""
import os, pathlib, re, socket, subprocess, sys, time

BENCH = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH.parent / 'guest'))
from guest_run import Guest, ENV, libraries_of

PER_UNIT = {'ns': 1, 'us': 1e3, 'ms': 1e6}  # nanoseconds
PATIENCE = 120
STARTS_MOST = 50

class Failed(Exception):
    pass

class Place(Guest):
    """Where the bench's programs are signed and run."""
    def __init__(self, build):
        super().__init__(build, pathlib.Path(build) / 'tests/bench/run', template=BENCH / 'bench.manifest.template')
        (self.scratch / 'trusted').mkdir(exist_ok=True)
        (self.scratch / 'trusted/bench-trusted').write_bytes(bytes(65536))
        self.ports, self.signed = {}, {}

    def fill(self, text, program, mode):
        """The words in braces of rows.py."""
        values = {'build': self.build / 'tests/bench', 'bench': BENCH, 'apps': BENCH.parent / 'apps/programs', 'host': self.scratch / 'host',
                  'trusted': self.scratch / 'trusted', 'encrypted': self.place('encrypted', mode), 'port': self.ports.get((program.name, mode)), 'mode': mode}
        return re.sub(r'\{(\w+)\}', lambda m: str(values[m[1]]), text)

    def new_port(self, program, mode):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.ports[program.name, mode] = s.getsockname()[1]

    def absent(self, program):
        """What must be installed before this program can run; None when nothing is missing."""
        for path in (self.fill(program.command[0], program, 'native'), *program.tools):
            if not os.path.exists(path):
                return path

    def app(self, program):
        if program.name not in self.signed:
            key, app = self.scratch / 'apps/key.pem', self.scratch / 'apps' / program.name
            if not key.exists():
                self.command('keygen', key)
            entry = self.fill(program.command[0], program, 'direct')
            env = ' '.join(f'{k}={v}' for k, v in (ENV | program.env).items())
            self.command('manifest', f'-Dentrypoint={entry}', f'-Dscratch={self.scratch}', f'-Dsize={program.size}', f'-Dtrusted={self.trusted(program, entry)}', f'-Dallowed={program.allowed}',
                         f'-Denv={env}', f'-Dbench={BENCH}', *(['-Dencrypted=yes'] if program.encrypted else []), self.template, f'{app}.manifest')
            self.command('sign', '-k', key, f'{app}.manifest')
            self.signed[program.name] = app
        return self.signed[program.name]

    def trusted(self, program, entry):
        linked = ' '.join(libraries_of(f) for f in [entry, *program.linked.split()])
        return ' '.join(dict.fromkeys(f'{linked} {program.trusted}'.split()))

    def words(self, program, mode, more=(), options=()):
        words = [self.fill(w, program, mode) for w in [*program.command, *more]]
        return words if mode == 'native' else [self.cloister, 'run', '--mode', mode, *options, self.app(program), *words[1:]]

    def environment(self, program, mode):
        return ENV | program.env if mode == 'native' else self.env

    def start(self, program, mode, more=(), options=(), **streams):
        if program.kind == 'server':
            self.new_port(program, mode)
        if program.prepare:
            subprocess.run(['bash', '-c', self.fill(program.prepare, program, mode)], check=True, cwd=self.scratch / 'host')
        words, env = self.words(program, mode, more, options), self.environment(program, mode)
        return subprocess.Popen(words, env=env, cwd=self.scratch / 'host', text=True, **streams)

    def run(self, program, mode, more=(), options=(), text=''):
        """A whole run: its output and its errors."""
        process = self.start(program, mode, more, options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, errors = process.communicate(text, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failed(f'still running after {PATIENCE} s')
        if process.returncode:
            raise Failed(f'exit {process.returncode}: {errors.strip()[-300:]}')
        return out, errors

class Rounds:
    """A process that answers `NAME COUNT` with nanoseconds (bench.h, rounds.py)."""
    def __init__(self, place, program, mode):
        self.log = open(place.scratch / f'{program.name}-{mode}.log', 'w+')
        self.process = place.start(program, mode, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        self.target, self.counts = program.round_ms * 1e6, {}

    def ask(self, name, count):
        try:
            self.process.stdin.write(f'{name} {count}\n')
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ''
        if not answer:
            self.log.seek(0)
            raise Failed(f'{name}: ended with {self.process.wait()}: {self.log.read().strip()[-300:]}')
        return int(answer)

    def count_for(self, name):
        """As many operations as make a round long enough; finding out is the warm-up too."""
        if name not in self.counts:
            count = 1
            while (took := min(self.ask(name, count) for _ in range(2))) < self.target / 2 and count < 1 << 26: # once: what is slow only at first would count
                count *= 2
            self.counts[name] = max(1, int(count * self.target / took))
        return self.counts[name]

    def measure(self, row):
        name = row.ask or row.name
        count = self.count_for(name)
        ns = self.ask(name, count) / count
        return row.size * 1e9 / 1048576 / ns if row.unit == 'MB/s' else ns / PER_UNIT[row.unit]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)

class Server:
    """A server in one mode, and its load from outside."""
    def __init__(self, place, program, mode, options=()):
        self.place, self.program, self.mode = place, program, mode
        self.log = open(place.scratch / f'{program.name}-{mode}.log', 'w+')
        self.process = place.start(program, mode, options=options, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.await_port(place.ports[program.name, mode])

    def await_port(self, port):
        for _ in range(PATIENCE * 10):
            if self.process.poll() is not None:
                raise Failed(f'did not start: {self.output()[-300:]}')
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', port)) == 0:
                    return
            time.sleep(0.1)
        raise Failed(f'does not listen after {PATIENCE} s')

    def load(self, row):
        command = self.place.fill(row.load, self.program, self.mode)
        return subprocess.run(['bash', '-c', command], capture_output=True, text=True, timeout=PATIENCE).stdout

    def measure(self, row):
        return found(row.figure, self.load(row))

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self.output()

class Commands:
    """A program that is run whole for each figure."""
    def __init__(self, place, program, mode):
        self.place, self.program, self.mode = place, program, mode

    def measure(self, row):
        return found(row.figure, self.place.run(self.program, self.mode, arguments(self.program, row))[0])

    def stop(self):
        pass

class Starts(Commands):
    """How long a whole run takes, start and end included: the fastest of so many as make a round."""
    def __init__(self, place, program, mode):
        super().__init__(place, program, mode)
        self.counts = {}

    def ask(self, row, count):
        words = [self.place.build / 'tests/bench/bench_start', str(count), *self.place.words(self.program, self.mode, arguments(self.program, row))]
        r = subprocess.run(words, env=self.place.environment(self.program, self.mode), capture_output=True, text=True, timeout=PATIENCE)
        if r.returncode:
            raise Failed(r.stderr.strip()[-300:])
        return map(float, r.stdout.split())

    def measure(self, row):
        if row.name not in self.counts:
            self.ask(row, 1)  # the first makes the plan
            took, _ = self.ask(row, 1)
            self.counts[row.name] = min(max(1, int(self.program.round_ms * 1e6 / took)), STARTS_MOST)
        took, resident = self.ask(row, self.counts[row.name])
        return resident if row.unit == 'kB' else took / PER_UNIT[row.unit]

SESSIONS = {'rounds': Rounds, 'server': Server, 'command': Commands, 'start': Starts}

def arguments(program, row):
    return (['-c', row.load] if row.load else []) if program.kind == 'start' else row.load.split()

def found(pattern, text):
    m = re.search(pattern, text)
    if not m:
        raise Failed(f'no figure in: {text.strip()[-300:]}')
    return float(m[1])
