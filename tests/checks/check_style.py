#!/usr/bin/env python3
"""Rules of the house that a program can test: function and file lengths, and no marks of unfinished work.

usage: check_style.py ROOT          (needs universal-ctags; without it only the text is checked)
"""
import json, pathlib, re, shutil, subprocess, sys

ROOMS = ('lib', 'enclave', 'libos', 'host', 'attest', 'manifest', 'cli', 'kms')
FUNCTION_MOST = 80
FILE_MOST = 1000
MARKS = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')


def sources(root):
    for room in ROOMS:
        yield from sorted((root / room).rglob('*.[chS]'))


def long_functions(files):
    out = subprocess.run(['ctags', '--languages=C', '--kinds-C=f', '--fields=+ne', '--output-format=json', '-f', '-', '-L', '-'],
                         input='\n'.join(map(str, files)), text=True, stdout=subprocess.PIPE, check=True).stdout
    for tag in map(json.loads, out.splitlines()):
        size = tag.get('end', tag['line']) - tag['line'] + 1
        if size > FUNCTION_MOST:
            yield f'{tag["path"]}:{tag["line"]}: {tag["name"]} has {size} lines: {FUNCTION_MOST} at most'


def bad_text(path):
    lines = path.read_text().splitlines()
    if len(lines) > FILE_MOST:
        yield f'{path}: {len(lines)} lines: split it'
    for n, line in enumerate(lines, 1):
        if MARKS.search(line):
            yield f'{path}:{n}: a mark of unfinished work: finish it, or say in docs what is not there'
    if path.suffix == '.c' and not lines[0].startswith('/*'):
        yield f'{path}:1: a .c file opens with a comment: what it does, what it trusts'


def main():
    files = list(sources(pathlib.Path(sys.argv[1])))
    found = [text for path in files for text in bad_text(path)]
    if shutil.which('ctags'):
        found += long_functions(files)
    print('\n'.join(found))
    return bool(found)


sys.exit(main())
