#!/usr/bin/env python3
"""An independent decoder of Gramine protected files (version 1 and 2), for tests.

Written from the format's description, sharing nothing with lib/encfile. Decrypts each FILE wholly and
prints its bound path, size and SHA-256; any tag that does not match is an exception.
"""
import argparse, hashlib, pathlib, struct
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

IV = bytes(12)

def opened(slot, ciphertext):
    return AESGCM(slot[:16]).decrypt(IV, ciphertext + slot[16:32], None)

def metadata(key, node):
    version = node[8]
    assert (node[:8], version) in ((b'GRAFS_PF', 1), (b'GRAFS_PF', 2), (b'GRAPH_PF', 1)), 'file id or version'
    label = b'SGX-PROTECTED-FS-METADATA-KEY'.ljust(64, b'\0')
    mac = CMAC(AES(key))
    mac.update(struct.pack('<I', 1) + label + node[10:42] + struct.pack('<I', 128))
    begin = 58 if version == 1 else 59
    return opened(mac.finalize() + node[42:58], node[begin:begin + 3884])

def decode(key, raw):
    """Returns (bound path, plaintext)."""
    assert raw and len(raw) % 4096 == 0, 'length'
    node = lambda n: raw[4096 * n:4096 * n + 4096]
    meta = metadata(key, node(0))
    path = meta[:772].split(b'\0')[0]
    size, = struct.unpack_from('<Q', meta, 772)
    out = bytearray(meta[812:])
    mht = {}
    for d in range((size - 3072 + 4095) // 4096 if size > 3072 else 0):
        m, k = divmod(d, 96)
        if k == 0:
            slot = meta[780:812]
            if m:
                entry = 3072 + 32 * ((m - 1) % 32)
                slot = mht[(m - 1) // 32][entry:entry + 32]
            mht[m] = opened(slot, node(1 + 97 * m))
        out += opened(mht[m][32 * k:32 * k + 32], node(d + 2 + m))
    return path.decode(), bytes(out[:size])

def pattern(size):
    return bytes((i * 131 + (i >> 8) * 17 + (i >> 16) * 31 + 7) & 255 for i in range(size))

def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument('--check-pattern', action='store_true', help='the content must follow the rule of the vectors')
    args.add_argument('--path', help='the bound path must be this one')
    args.add_argument('--output', type=pathlib.Path, help='write the content of the (one) FILE there')
    args.add_argument('key', type=bytes.fromhex)
    args.add_argument('file', nargs='+', type=pathlib.Path)
    args = args.parse_args()
    whole = pattern(1 << 24) if args.check_pattern else b''
    for f in args.file:
        path, data = decode(args.key, f.read_bytes())
        assert args.path in (None, path), f'{f}: bound to {path}'
        assert not args.check_pattern or data == whole[:len(data)], f'{f}: content'
        if args.output:
            args.output.write_bytes(data)
        print(f, path, len(data), hashlib.sha256(data).hexdigest())

main()
