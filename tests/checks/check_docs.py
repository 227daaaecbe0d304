#!/usr/bin/env python3
"""Fail if docs/ARCHITECTURE.md names a file or function that does not exist. usage: check_docs.py ROOT"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
bad = 0
for doc in ("docs/ARCHITECTURE.md", "docs/TRUST.md", "docs/DEBUGGING.md", "README.md", "CONTRIBUTING.md"):
    text = (root / doc).read_text()
    for path, function in re.findall(r"`((?:lib|enclave|libos|host|attest|manifest|cli|tests|python|examples)/[\w/.-]+?)(?::(\w+))?`", text):
        file = root / path
        if not file.exists():
            print(f"{doc}: {path} does not exist")
            bad = 1
        elif function and not re.search(rf"\b{function}\b", file.read_text()):
            print(f"{doc}: {path} has no {function}")
            bad = 1
sys.exit(bad)
