#!/usr/bin/env python3
"""Fuzz the system-call table in direct or soft: rounds of the fuzzer until the time is over, each with a seed of its own.

usage: run.py --build BUILD [--seconds N] [--seed N] [--mode direct|soft] [--round N] [--threads N]

A round fails when it does not come to its end: when the fuzzer or the library OS dies, hangs or answers wrongly; and when
it leaves memory or descriptors behind. No call that the fuzzer makes may end it (rules.c), so there is no excuse.
The fuzzer runs as a user of its own without capabilities, in namespaces of its own (processes, network, IPC, mounts),
on a small tmpfs: a system call that reached the kernel by mistake could do no harm here. One seed and one thread
(--threads 1) make the same calls every time.
"""
import argparse, os, pathlib, random, re, shutil, signal, struct, subprocess, sys, tempfile, threading, time

HERE = pathlib.Path(__file__).resolve().parent
USER = 61834
SILENCE = 150           # seconds without a line: the whole process hangs
LEAK = 128              # KiB of the library OS's own memory that may come on top
RESIDENT = 4096         # KiB of the host's memory, in direct: in soft a page of the enclave that was touched once stays
WARM = 4                # phases before descriptors are compared
EXITS = {93: 'a thread hangs', 94: 'the library OS no longer works', 95: 'a wrong answer', 96: 'a phase could not begin', 97: 'no start',
         98: "the fuzzer's own fault, or its memory was changed", 134: 'internal error of the library OS'}
INNER = r'''
set -e
mount -t tmpfs -o size=96m none "$1"
mkdir "$1/h" "$1/log"
touch "$1/h/inside-cloister"
chown -R {user}:{user} "$1"
ip link set lo up 2>/dev/null || true
shift
ulimit -c 0
exec setpriv --reuid {user} --regid {user} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
'''.replace('{user}', str(USER))


def names_by_number(root):
    return {int(nr): name for nr, name in re.findall(r'^SYS\d\(\s*(\d+),\s*(\w+)', (root / 'libos/sys/syscalls.def').read_text(), re.M)}


def children(pid):
    try:
        return [int(p) for task in os.listdir(f'/proc/{pid}/task') for p in pathlib.Path(f'/proc/{pid}/task/{task}/children').read_text().split()]
    except OSError:
        return []


def family(pid):
    for child in children(pid):
        yield child
        yield from family(child)


def launcher(pid):
    """The process that runs the library OS: the last of the family, when it has our program's manifest."""
    for p in reversed(list(family(pid))):
        try:
            if 'fuzz-syscalls' in pathlib.Path(f'/proc/{p}/cmdline').read_text():
                return p
        except OSError:
            pass


def resident(pid):
    text = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text()
    return sum(int(n) for n in re.findall(r'^Anonymous:\s+(\d+)', text, re.M))


def growth(sizes):
    """From the second quarter of the phases to the last one, each by its median: what a phase needs for its own is in both."""
    quarter = len(sizes) // 4
    median = lambda part: sorted(part)[len(part) // 2]
    return median(sizes[-quarter:]) - median(sizes[quarter:2 * quarter]) if quarter > 1 else 0


class Round:
    def __init__(self, options, app, scratch, seed, seconds):
        self.options, self.seed, self.scratch = options, seed, scratch
        self.lines, self.used, self.rss, self.fds, self.calls = [], [], [], [], 0
        env = dict(os.environ, XDG_STATE_HOME=str(scratch.parent / 'state'), XDG_CACHE_HOME=str(scratch.parent / 'cache'), HOME=str(scratch.parent))
        command = ['unshare', '--net', '--ipc', '--uts', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'bash', '-c', INNER, 'inner', scratch,
                   options.build / 'cli/cloister', 'run', '--mode', options.mode, app, seed, seconds, options.threads]
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, text=True,
                                        errors='replace', restore_signals=False)
        self.silent = 0
        self.hung, self.stacks, self.log = '', '', None

    def watch(self):
        while self.process.poll() is None:
            time.sleep(1)
            self.silent += 1  # seconds that we have seen: a machine that was paused is no hang
            if self.silent > self.options.silence:
                pid = launcher(self.process.pid)
                self.hung = backtrace(pid, self.options.build / 'libos/cloister.enclave') if pid else 'no launcher'
                self.process.kill()

    def measure(self):
        pid = launcher(self.process.pid)
        try:
            self.rss.append(resident(pid))
            self.fds.append(len(os.listdir(f'/proc/{pid}/fd')))
        except OSError:
            pass

    def run(self):
        threading.Thread(target=self.watch, daemon=True).start()
        pid = None
        for line in self.process.stdout:
            self.silent = 0
            self.lines = (self.lines + [line])[-400:]
            pid = pid or launcher(self.process.pid)
            if self.options.verbose:
                print(line, end='', flush=True)
            if found := re.match(r'fuzz: phase \d+: (\d+) calls, \d+ a second, (\d+) KiB', line):
                self.calls = int(found[1])
                self.used.append(int(found[2]))
                self.measure()
            if pid and not self.log:
                self.open_log(pid)
            if line.startswith('fuzz: HANG'):
                self.stacks = backtrace(pid, self.options.build / 'libos/cloister.enclave') if pid else 'no launcher'
        return self.verdict(self.process.wait())

    def open_log(self, pid):
        """In the launcher's mounts; kept open, it can be read when the launcher is dead."""
        try:
            self.log = open(f'/proc/{pid}/root{self.scratch}/log/calls', 'rb')
        except OSError:
            pass

    def verdict(self, status):
        if self.hung:
            return f'HANG: nothing for {self.options.silence} s\n{self.hung}'
        if status:
            return f'exit status {status}: ' + EXITS.get(status, 'killed by a signal' if status > 128 or status < 0 else 'unknown')
        if not any(line.startswith('fuzz: done: ') for line in self.lines):
            return 'exit status 0 before the end'
        if growth(self.used) > LEAK:
            return f'LEAK: {" ".join(map(str, self.used))} KiB of the library OS after the phases'
        if self.options.mode == 'direct' and growth(self.rss) > RESIDENT:
            return f'LEAK: {" ".join(map(str, self.rss))} KiB resident after the phases'
        if len(self.fds) > WARM + 1 and self.fds[-1] - self.fds[WARM] > 20:
            return f'LEAK: {self.fds} descriptors of the host after the phases'
        return None


def backtrace(pid, image):
    if not shutil.which('gdb'):
        return 'no gdb for a backtrace'
    base = next((line.split('-')[0] for line in pathlib.Path(f'/proc/{pid}/maps').read_text().splitlines() if 'cloister.enclave' in line), '0')
    r = subprocess.run(['gdb', '-p', str(pid), '-batch', '-ex', f'add-symbol-file {image} -o 0x{base}', '-ex', 'thread apply all bt 24'],
                       capture_output=True, text=True, timeout=120, errors='replace')
    return '\n'.join(line for line in r.stdout.splitlines() if line.startswith(('#', 'Thread')))


def last_calls(root, text):
    """The calls file, as words. Its layout is struct call of fuzz.h."""
    names, out = names_by_number(root), []
    size = struct.calcsize('=QQ6QqQ')
    calls = [struct.unpack('=QQ6QqQ', text[i:i + size]) for i in range(0, len(text) - size + 1, size)]
    for slot in range(len(calls) // 32):
        out.append(f'thread {slot}:')
        for c in sorted(c for c in calls[slot * 32:slot * 32 + 32] if c[0])[-8:]:
            out.append(f"  {c[0]} {names.get(c[1], c[1])}({', '.join(hex(a) for a in c[2:8])}) = {c[8] if c[9] else 'not ended'}")
    return '\n'.join(out)


def make_app(options, work):
    env = dict(os.environ, HOME=str(work), XDG_CONFIG_HOME=str(work / 'config'), XDG_STATE_HOME=str(work / 'state'), XDG_CACHE_HOME=str(work / 'cache'))
    program = work / 'program'
    program.mkdir()
    shutil.copy(options.build / 'tests/fuzz/syscalls/fuzz_syscalls', program)
    cloister = options.build / 'cli/cloister'
    for command in (['keygen', work / 'key.pem'],
                    ['manifest', f'-Dprogram={program}', f'-Dscratch={work / "scratch"}', HERE / 'fuzz.manifest.template', work / 'fuzz.manifest'],
                    ['sign', '-k', work / 'key.pem', work / 'fuzz.manifest']):
        r = subprocess.run([cloister, *map(str, command)], env=env, capture_output=True, text=True)
        if r.returncode:
            sys.exit(f'run.py: cloister {command[0]}: {r.stdout}{r.stderr}')
    return work / 'fuzz'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', type=pathlib.Path, required=True)
    parser.add_argument('--seconds', type=int, default=20)
    parser.add_argument('--round', type=int, default=120, help='seconds of one round at most')
    parser.add_argument('--seed', type=int, default=None, help='of the first round; the next ones follow (default: random)')
    parser.add_argument('--mode', default='direct')
    parser.add_argument('--threads', type=int, default=4)
    parser.add_argument('--silence', type=int, default=SILENCE, help='seconds without a word that mean a hang')
    parser.add_argument('--keep-going', action='store_true')
    parser.add_argument('--verbose', action='store_true')
    options = parser.parse_args()
    options.build = options.build.resolve()
    if os.geteuid():
        sys.exit('run.py: needs root for its namespaces')
    seed = random.randrange(1 << 31) if options.seed is None else options.seed
    failures = total = 0
    with tempfile.TemporaryDirectory(prefix='fuzz-syscalls.') as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        (work / 'scratch').mkdir()
        app = make_app(options, work)
        subprocess.run(['chown', '-R', str(USER), str(work)], check=True)
        begin = time.monotonic()
        while (left := options.seconds - (time.monotonic() - begin)) > 0:
            r = Round(options, app, work / 'scratch', seed, max(1, int(min(left, options.round))))
            wrong = r.run()
            total += r.calls
            print(f'seed {seed}: {r.calls} calls, {len(r.used)} phases, {(r.used or [0])[-1]} KiB used, {growth(r.used)} on top; '
                  f'{(r.rss or [0])[-1]} KiB resident, {growth(r.rss)} on top: {wrong or "clean"}', flush=True)
            if wrong:
                failures += 1
                print(''.join('    ' + l for l in r.lines[-60:]))
                print(last_calls(HERE.parents[2], r.log.read()) if r.log else '')
                print(r.stacks)
                if not options.keep_going:
                    break
            seed += 1
    spent = time.monotonic() - begin
    print(f'fuzz-syscalls: {options.mode}: {total} calls in {spent:.0f} s, {total / spent:.0f} a second, {failures} failed')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
