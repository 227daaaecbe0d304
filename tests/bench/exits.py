"""How often `soft` leaves the enclave for one operation: --stats of a run with operations, less those of a run without."""
import json

from sessions import Failed, Server, arguments, found

OPERATIONS = 2000        # of kind `rounds`, unless they take too long
SLOW_NS = 1e6            # an operation from here on is slow
FEW = 20

def eexits(text):
    for line in text.splitlines():
        if line.startswith('{"mode"'):
            return json.loads(line)['eexit']
    raise Failed('no --stats in its output')

def asking(place, program, text):
    return eexits(place.run(program, 'soft', options=['--stats=json'], text=text)[1])

def of_rounds(place, program, rows, slow):
    """slow: names of the rows of which a few operations must do."""
    idle = asking(place, program, '')
    for row in rows:
        count = FEW if row.name in slow else OPERATIONS
        yield row.name, (asking(place, program, f'{row.ask or row.name} {count}\n') - idle) / count

def loaded(place, program, row=None):
    server = Server(place, program, 'soft', options=['--stats=json'])
    out = server.load(row) if row else ''
    return eexits(server.stop()), out

def of_server(place, program, rows):
    idle = loaded(place, program)[0]
    for row in rows:
        exits, out = loaded(place, program, row)
        yield row.name, (exits - idle) / (float(row.count) if row.count.isdigit() else found(row.count, out))

def of_commands(place, program, rows):
    """Of the whole run where a row counts no operations."""
    for row in rows:
        out, errors = place.run(program, 'soft', arguments(program, row), options=['--stats=json'])
        yield row.name, eexits(errors) / (found(row.count, out) if row.count else 1)

def per_operation(place, program, rows, results):
    if program.kind == 'rounds':
        unit = {'ns': 1, 'us': 1e3, 'ms': 1e6, 'MB/s': 1}
        slow = {r.name for r in rows if results[r.name].get('soft', 0) * unit[r.unit] > SLOW_NS}
        return of_rounds(place, program, rows, slow)
    return of_server(place, program, rows) if program.kind == 'server' else of_commands(place, program, rows)
