#!/usr/bin/env python3
"""Merkle roots by hashlib, independent of lib/verity: prints verity_roots.h."""
import hashlib

def blocks(data):
    return [data[i:i + 4096].ljust(4096, b'\0') for i in range(0, len(data), 4096)]

def root_and_tree(data):
    if not data:
        return bytes(32), 0
    level, tree = [hashlib.sha256(b).digest() for b in blocks(data)], 0
    while len(level) > 1:
        above = blocks(b''.join(level))
        tree += 4096 * len(above)
        level = [hashlib.sha256(b).digest() for b in above]
    return level[0], tree

SIZES = [0, 1, 4095, 4096, 4097, 8192, 4096 * 128, 4096 * 128 + 1, 4096 * 1000 + 1234, 4096 * 128 * 128 + 1]
data = bytes((i * 7 + (i >> 8) * 13 + (i >> 16) * 29 + 3) & 255 for i in range(max(SIZES)))
print('/* Made by verity_roots.py. */')
print('static const struct {\n    uint64_t size, tree_size;\n    const char *root;\n} verity_roots[] = {')
for size in SIZES:
    root, tree = root_and_tree(data[:size])
    print(f'    {{ {size}, {tree}, "{root.hex()}" }},')
print('};')
