"""GDB for programs in Cloister, in direct and soft: symbols of the library OS and of every file that the program maps as code,
backtraces from the launcher through the library OS into the program, and a stop where the program would be killed.

`cloister run --gdb APP` loads it; or: gdb -p PID -x cloister.py, then `cloister load`.
All that it knows it reads from the memory of cloister-host, by the debug information of the launcher and the image.
"""
import os, struct
import gdb

KICK_SIGNAL = 63                     # lib/boundary/start.h
CODE_MAPPED, KILLED = 1, 2           # enclave/debugger.h
SITE_AFTER, SLOT_SIZE = 4, 64        # libos/exec/rewrite.c
SYSCALL_SIZE = 2
PT_LOAD, PF_X, PAGE = 1, 1, 4096
PLAN_MOUNT_HOST = 0                  # lib/plan/plan.h

g_loaded = {}                        # load bias -> (path, first address, end)

def number(value):
    return int(value.cast(gdb.lookup_type('unsigned long')))

def evaluate(expression):
    """A value, or None where it cannot be had: no symbol, no memory."""
    try:
        return gdb.parse_and_eval(expression)
    except gdb.error:
        return None

# ---- mappings of the program -------------------------------------------------------------------------------------------

def tree_nodes(node):
    """In order of address; no recursion: the memory may be anything."""
    stack = []
    while node or stack:
        while node:
            stack.append(node)
            node = node['left']
        node = stack.pop()
        yield node
        node = node['right']

def contained(node, name, member='node'):
    """container_of(node, struct name, member)"""
    pointer = gdb.lookup_type(f'struct {name}').pointer()
    return gdb.Value(number(node) - offset_of(name, member)).cast(pointer)

def offset_of(name, member):
    return next(f.bitpos // 8 for f in gdb.lookup_type(f'struct {name}').fields() if f.name == member)

def processes():
    head = evaluate('&g_processes')
    link = head['next'] if head is not None else None
    while link is not None and number(link) not in (0, number(head)):
        yield contained(link, 'process', 'link')
        link = link['next']

def mappings():
    for process in processes():
        mm = process['mm']
        for node in tree_nodes(mm['tree']['root']) if mm else ():
            yield contained(node, 'vma')

def host_path(file):
    """Where the debugger finds a mapped file: on a host mount. None: in memory or encrypted."""
    dentry = file['dentry']
    inode = dentry['inode'] if dentry else None
    plan = inode['mount']['plan'] if inode else None
    if not plan or int(plan['type']) != PLAN_MOUNT_HOST:
        return None
    path = inode.cast(gdb.lookup_type('struct host_inode').pointer())['path'].address.cast(gdb.lookup_type('char').pointer()).string()
    return os.path.join(f'/proc/{gdb.selected_inferior().pid}/cwd', path)

# ---- symbols -----------------------------------------------------------------------------------------------------------

def program_headers(path):
    with open(path, 'rb') as f:
        head = f.read(64)
        if head[:5] != b'\x7fELF\x02':
            return []
        offset, size, count = struct.unpack_from('<Q', head, 32)[0], *struct.unpack_from('<HH', head, 54)
        f.seek(offset)
        table = f.read(size * count)
    return [struct.unpack_from('<IIQQQQQQ', table, i * size) for i in range(count) if size >= 56]

def add_symbols(path, address, offset):
    """The file's page at `offset` stands at `address`, executable."""
    try:
        headers = program_headers(path)
    except OSError:
        return
    loads = [h for h in headers if h[0] == PT_LOAD]
    for _, flags, at, virtual, *_ in loads:
        if flags & PF_X and at // PAGE * PAGE == offset:
            bias = address - virtual // PAGE * PAGE
            load_at(path, bias, bias + min(h[3] for h in loads), bias + max(h[3] + h[6] for h in loads), bias + virtual)
            return

def load_at(path, bias, low, end, code):
    if g_loaded.get(bias, ('',))[0] == path:
        return
    for other, (_, first, last, its_code) in list(g_loaded.items()):
        if first < end and low < last:  # what stood there is gone: exec, dlclose
            quietly(f'remove-symbol-file -a {its_code:#x}')
            del g_loaded[other]
    if quietly(f'add-symbol-file "{path}" -o {bias:#x}'):
        g_loaded[bias] = (path, low, end, code)

def quietly(command):
    try:
        gdb.execute(command, to_string=True)
        return True
    except gdb.error as e:
        print(f'cloister: {command}: {e}')
        return False

def load_image(path, base):
    load_at(path, base, base, base + 1, base)
    stop_at('debugger_event', on_event)

def load_mapping(address, file, offset):
    path = host_path(file)
    if path:
        add_symbols(path, address, offset)

def load_all():
    for vma in mappings():
        if int(vma['prot']) & 4 and vma['file']:
            load_mapping(number(vma['start']), vma['file'], number(vma['offset']))

# ---- stops -------------------------------------------------------------------------------------------------------------

class Stop(gdb.Breakpoint):
    """Calls its handler; stops for the person only when that returns True."""
    def __init__(self, where, handler):
        super().__init__(where, internal=True)
        self.silent, self.handler = True, handler
    def stop(self):
        return bool(self.handler(*(number(evaluate(r)) for r in ('$rdi', '$rsi', '$rdx', '$rcx'))))

g_stops = {}

def stop_at(where, handler):
    if where not in g_stops or not g_stops[where].is_valid():
        g_stops[where] = Stop(where, handler)

def on_image(path, base, *_):
    load_image(gdb.Value(path).cast(gdb.lookup_type('char').pointer()).string(), base)

def on_event(what, value, file, offset):
    if what & 0xffffffff == CODE_MAPPED:
        load_mapping(value, gdb.Value(file).cast(gdb.lookup_type('struct file').pointer()), offset)
    if what & 0xffffffff == KILLED:
        print(f'cloister: the program is about to be killed by signal {value}; its frames stand behind the library OS\'s')
        return True

# ---- frames ------------------------------------------------------------------------------------------------------------

class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc

def site_of(pc):
    """Address behind the system call whose trampoline holds this pc; None: pc is no trampoline."""
    sites = evaluate('g_sites')
    if sites is None:
        return None
    low, high = sites.type.range()
    memory = gdb.selected_inferior().read_memory(number(sites.address), sites.type.sizeof)
    size, copy, state = sites.type.target().sizeof, offset_of('site', 'copy'), offset_of('site', 'state')
    for i in range(low, high + 1):
        if memory[i * size + state][0] != SITE_AFTER:
            continue
        at, = struct.unpack_from('<Q', memory, i * size + copy)
        if at <= pc < at + SLOT_SIZE:
            return struct.unpack_from('<Q', memory, i * size)[0] + SYSCALL_SIZE

from gdb.unwinder import Unwinder, register_unwinder

class TrampolineUnwinder(Unwinder):
    """A system call whose next instruction was moved to a trampoline returns there; to the person it is at its place."""
    KEPT = ('rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15')
    def __init__(self):
        super().__init__('cloister-trampolines')
    def __call__(self, pending):
        pc = number(pending.read_register('rip'))
        if not g_loaded or any(low <= pc < end for _, low, end, _ in g_loaded.values()):
            return None
        site = site_of(pc)
        if site is None:
            return None
        info = pending.create_unwind_info(FrameId(pending.read_register('rsp'), pending.read_register('rip')))
        for name in self.KEPT:
            info.add_saved_register(name, pending.read_register(name))
        info.add_saved_register('rip', gdb.Value(site).cast(pending.read_register('rip').type))
        return info

# ---- commands ----------------------------------------------------------------------------------------------------------

class Cloister(gdb.Command):
    """cloister load: symbols of the library OS and of all that the program has mapped (after attaching).
cloister maps: the program's mappings."""
    def __init__(self):
        super().__init__('cloister', gdb.COMMAND_DATA)
    def invoke(self, argument, from_tty):
        if argument == 'load':
            return self.load()
        if argument == 'maps':
            return self.maps()
        raise gdb.GdbError('usage: cloister load | cloister maps')
    def complete(self, text, word):
        return [w for w in ('load', 'maps') if w.startswith(word)]
    def load(self):
        image = evaluate('g_debugger_image')
        if image is None or not image['path']:
            raise gdb.GdbError('this process is no cloister-host with an image: gdb -p PID, or cloister run --gdb')
        load_image(image['path'].string(), number(image['base']))
        load_all()
    def maps(self):
        for vma in mappings():
            prot = ''.join(c if int(vma['prot']) & bit else '-' for c, bit in (('r', 1), ('w', 2), ('x', 4)))
            what = host_path(vma['file']) or '(not on the host)' if vma['file'] else vma['comment'].string() if vma['comment'] else ''
            print(f"{number(vma['start']):012x}-{number(vma['end']):012x} {prot} {number(vma['offset']):08x} {what}")

def main():
    # What the program's system calls, CPUID and the like are made of, and what the kernel's own faults are to the program.
    for name in ('SIGSYS', 'SIGILL', 'SIGSEGV', 'SIGBUS', 'SIGFPE', f'SIG{KICK_SIGNAL}'):
        gdb.execute(f'handle {name} nostop noprint pass', to_string=True)
    gdb.execute('set breakpoint pending on')
    gdb.execute('set auto-load libthread-db off')  # the launcher has threads of its own making
    register_unwinder(None, TrampolineUnwinder(), replace=True)
    Cloister()
    stop_at('debugger_image_loaded', on_image)

main()
