#!/usr/bin/env python3
"""Native, direct and soft in one run, taking turns: a table with ratios and goals, everything as JSON with --out.

usage: run.py --build BUILD [--out FILE] [--record] [--modes native,direct,soft] [--only WORD,...] [--rounds N]

Rows, programs and goals: rows.py. --record writes docs/performance.json and, from it, docs/performance.md. On a busy machine
nothing is recorded. A program that is not installed is skipped with a message (tools/setup.sh --apps). Exit status 1 when a row could not be measured.
"""
import argparse, json, os, pathlib, statistics, sys, time

import report
from exits import per_operation
from rows import PROGRAMS, PYTHON, ROWS
from sessions import BENCH, Failed, Place, SESSIONS

MODES = ('native', 'direct', 'soft')
LOAD_MOST = 2  # per CPU, the bench's own programs included: above it the figures are others' as much as ours

class Bench:
    def __init__(self, options):
        self.modes, self.rounds, self.words = options.modes.split(','), options.rounds, options.only.split(',')
        self.place, self.results, self.failures, self.loads = Place(options.build), {}, 0, []

    def wanted(self, program):
        return [r for r in ROWS if r.program == program.name and any(w in r.name or w == program.name for w in self.words)]

    def failed(self, what, why):
        self.failures += 1
        print(f'bench: {what}: {why}', file=sys.stderr)

    def measure(self, program, rows):
        """Every row, in every mode that could be started: the modes take turns, so that a busy moment hits all of them."""
        sessions = {}
        for mode in self.modes:
            try:
                sessions[mode] = SESSIONS[program.kind](self.place, program, mode)
            except Failed as e:
                self.failed(f'{program.name} in {mode}', e)
        for row in rows:
            figures = {mode: [] for mode in sessions}
            for _ in range(self.rounds):
                for mode in list(sessions):
                    try:
                        figures[mode].append(sessions[mode].measure(row))
                    except (Failed, OSError) as e:
                        self.failed(f'{row.name} in {mode}', e)
                        sessions.pop(mode)
            self.results[row.name] = {'unit': row.unit} | {mode: statistics.median(f) for mode, f in figures.items() if f}
        for session in sessions.values():
            session.stop()

    def count_exits(self, program, rows):
        try:
            for name, exits in per_operation(self.place, program, rows, self.results):
                self.results[name]['exits'] = max(exits, 0)
        except Failed as e:
            self.failed(f'exits of {program.name}', e)

    def run(self):
        for program in PROGRAMS:
            rows = self.wanted(program)
            absent = self.place.absent(program) if rows else None
            if absent:
                print(f'bench: {program.name} skipped: {absent} is not there (tools/setup.sh --apps)', file=sys.stderr)
            elif rows:
                start = time.perf_counter()
                self.loads.append(os.getloadavg()[0])
                self.measure(program, rows)
                if 'soft' in self.modes:
                    self.count_exits(program, rows)
                print(f'bench: {program.name}: {time.perf_counter() - start:.0f} s', file=sys.stderr)

def count_calls(place, modes):
    """System calls of some Python runs, and how many of them trapped."""
    from guest_run import Guest
    guest = Guest(place.build, place.scratch / 'counts', also='bench')
    runs = {name: [BENCH.parent / 'guest/py' / f'{name}.py', '@tmpfs'] for name in ('threads', 'stdlib', 'echo', 'database')} | {'python-pass': ['-c', 'pass']}
    counts = {}
    for name, args in runs.items():
        for mode in (m for m in modes if m != 'native'):
            r = guest.run(mode, PYTHON, args, timeout=120, options=['--stats=json'])
            lines = [json.loads(l) for l in r.stderr.decode(errors='replace').splitlines() if l.startswith('{')]
            counts.setdefault(name, {})[mode] = {k: v for line in lines for k, v in (line['libos'] if 'libos' in line else {'host': line}).items()}
    return counts

def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build', default='build')
    parser.add_argument('--out', help='the JSON, here too')
    parser.add_argument('--record', action='store_true', help='write docs/performance.{json,md}')
    parser.add_argument('--modes', default=','.join(MODES))
    parser.add_argument('--only', default='', help='only rows with one of these words in their name')
    parser.add_argument('--rounds', type=int, default=5)
    o = parser.parse_args()
    bench = Bench(o)
    if bench.place.missing() and o.modes != 'native':
        sys.exit(f'bench: {bench.place.missing()}: build first')
    bench.run()
    counts = {} if o.only else count_calls(bench.place, bench.modes)
    report.show(bench.results)
    report.show_counts(counts)
    data = {'kernel': os.uname().release, 'cpus': os.cpu_count(), 'date': time.strftime('%Y-%m-%d'), 'rounds': o.rounds, 'load': round(statistics.median(bench.loads or [0]), 1), 'results': bench.results, 'system calls': counts}
    if o.out:
        pathlib.Path(o.out).write_text(json.dumps(data, indent=1) + '\n')
    load = statistics.median(bench.loads or [0])
    if load > LOAD_MOST * os.cpu_count():
        print(f'bench: the load was {load:.0f} on {os.cpu_count()} CPUs: others were measured too' + ('; nothing recorded' if o.record else ''), file=sys.stderr)
        return 1
    if o.record:
        report.record(data)
    return 1 if bench.failures else 0

if __name__ == '__main__':
    sys.exit(main())
