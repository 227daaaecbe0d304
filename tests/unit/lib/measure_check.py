#!/usr/bin/env python3
"""MRENCLAVE computed a second time, from lib/sgx/layout.h and specs/sgx-image.md §3 alone.

usage: measure_check.py MEASURE_TOOL

Builds small images and plans, lays them out and measures them here, and compares with what
MEASURE_TOOL (lib/sgx) prints for the same files.
"""
import hashlib
import os
import random
import struct
import subprocess
import sys
import tempfile

PAGE = 4096
R, W, X, TCS, REG = 1, 2, 4, 0x100, 0x200
DEBUG, EDMM = 1, 2
EVENT, STACK, SSA, SSA_PAGES, HEAP_START = 16 << 10, 128 << 10, 2 * 4 * PAGE, 4, 0x10000


def up(n):
    return (n + PAGE - 1) // PAGE * PAGE


def make_elf(segments, entry, rng):
    """segments: (flags, offset, vaddr, filesz, memsz). The note stands at 0x400 of the first one."""
    size = max(s[1] + s[3] for s in segments)
    f = bytearray(rng.randbytes(size))
    phdrs = [struct.pack('<IIQQQQQQ', 1, fl, off, va, va, fs, ms, PAGE) for fl, off, va, fs, ms in segments]
    phdrs.append(struct.pack('<IIQQQQQQ', 4, 4, 0x400, 0x400, 0x400, 56, 56, 4))
    f[0:64] = struct.pack('<16sHHIQQQIHHHHHH', b'\x7fELF\2\1\1', 3, 62, 1, 0, 64, 0, 0, 64, 56, len(phdrs), 0, 0, 0)
    f[64:64 + 56 * len(phdrs)] = b''.join(phdrs)
    f[0x400:0x400 + 56] = struct.pack('<III', 9, 32, 1) + b'Cloister\0\0\0\0' + struct.pack('<qqQQ', entry - 0x418, 0, 0, 0)
    return bytes(f)


def make_plan(size, flags, threads, enclave_size, rng):
    head = struct.pack('<8sIIIIIIQ', b'CLOPLAN\0', 1, size, flags, 0, 0, threads, enclave_size)
    return head + rng.randbytes(size - len(head))


def pages(elf, segments, entry, plan, flags, threads, size):
    """Yield (address, secinfo, content or None, measured) in the order of EADD."""
    high = up(max(va + ms for _, _, va, _, ms in segments))
    plan_base = size - up(len(plan))
    image = plan_base - high
    stride = PAGE + EVENT + PAGE + STACK + SSA + PAGE + PAGE
    first = image - threads * stride
    heap_end = first - PAGE
    if not flags & EDMM:
        for a in range(HEAP_START, heap_end, PAGE):
            yield a, REG | R | W | X, None, False
    for t in range(threads):
        event = first + t * stride + PAGE
        stack = event + EVENT + PAGE
        ssa = stack + STACK
        tcs, gs = ssa + SSA, ssa + SSA + PAGE
        for a in [*range(event, event + EVENT, PAGE), *range(stack, ssa, PAGE)]:
            yield a, REG | R | W, None, False
        for a in range(ssa, tcs, PAGE):
            yield a, REG | R | W, bytes(PAGE), True
        yield tcs, TCS, struct.pack('<QQQIIQQQQII', 0, 0, ssa, 0, 2, image + entry, 0, 0, gs, 0xfff, 0xfff).ljust(PAGE, b'\0'), True
        block = struct.pack('<16Q', gs, ssa, stack, ssa, tcs, t, 0, size, HEAP_START, heap_end, image, image + high,
                            plan_base, len(plan), flags & (DEBUG | EDMM), event + EVENT)
        yield gs, REG | R | W, block.ljust(PAGE, b'\0'), True
    for fl, off, va, fs, ms in segments:
        start, end = va // PAGE * PAGE, up(va + ms)
        content = bytearray(end - start)
        content[va - start:va - start + fs] = elf[off:off + fs]
        rwx = (R if fl & 4 else 0) | (W if fl & 2 else 0) | (X if fl & 1 else 0)
        for i in range(0, len(content), PAGE):
            yield image + start + i, REG | rwx, bytes(content[i:i + PAGE]), True
    padded = plan.ljust(up(len(plan)), b'\0')
    for i in range(0, len(padded), PAGE):
        yield plan_base + i, REG | R, padded[i:i + PAGE], True


def mrenclave(elf, segments, entry, plan, flags, threads, size):
    h = hashlib.sha256(struct.pack('<8sIQ', b'ECREATE', SSA_PAGES, size).ljust(64, b'\0'))
    for address, secinfo, content, measured in pages(elf, segments, entry, plan, flags, threads, size):
        h.update(struct.pack('<8sQQ', b'EADD', address, secinfo).ljust(64, b'\0'))
        if measured:
            for i in range(0, PAGE, 256):
                h.update(struct.pack('<8sQ', b'EEXTEND', address + i).ljust(64, b'\0') + content[i:i + 256])
    return h.hexdigest()


def main():
    tool = sys.argv[1]
    rng = random.Random(7)
    layouts = [
        [(4, 0, 0, 0x800, 0x800), (5, 0x1000, 0x1000, 0x2345, 0x2345), (6, 0x3800, 0x4800, 0x900, 0x3000)],
        [(5, 0, 0, 0x3000, 0x3000), (6, 0x3000, 0x8000, 0x1000, 0x1000)],
        [(5, 0, 0, 0x1fff, 0x1fff), (4, 0x2000, 0x2000, 0x10, 0x10), (6, 0x2ff8, 0x3ff8, 8, 9), (6, 0x3100, 0x6100, 0, 0x5000)],
    ]
    count = 0
    with tempfile.TemporaryDirectory() as d:
        image_path, plan_path = os.path.join(d, 'image'), os.path.join(d, 'plan')
        for segments in layouts:
            for flags, threads, size in [(0, 1, 1 << 20), (EDMM, 4, 1 << 22), (DEBUG, 3, 1 << 23), (EDMM | DEBUG | 0x100, 1, 1 << 40)]:
                entry = 0x1100
                elf = make_elf(segments, entry, rng)
                plan = make_plan(rng.choice([500, 4096, 4097, 20000]), flags, threads, size, rng)
                open(image_path, 'wb').write(elf)
                open(plan_path, 'wb').write(plan)
                ours = mrenclave(elf, segments, entry, plan, flags, threads, size)
                theirs = subprocess.run([tool, image_path, plan_path], capture_output=True, text=True).stdout.strip()
                if ours != theirs:
                    sys.exit(f'mrenclave differs: here {ours}, lib/sgx {theirs}: {segments} {flags} {threads} {size:#x}')
                count += 1
    print(f'{count} enclaves measure the same')


main()
