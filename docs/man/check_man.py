"""Every command that `cloister --help` names has a man page, and man finds nothing wrong with any.

usage: check_man.py CLOISTER FOLDER
"""
import pathlib
import re
import subprocess
import sys

cloister, folder = sys.argv[1], pathlib.Path(sys.argv[2])
text = subprocess.run([cloister, '--help'], capture_output=True, text=True, check=True).stdout
commands = re.findall(r'^  ([a-z][a-z-]+) ', text.split('Commands:', 1)[1], re.M)
missing = [c for c in commands if not (folder / f'cloister-{c}.1').exists()]
if missing or not commands:
    sys.exit(f'no man page: {", ".join(missing)}: add a row to docs/man/meson.build')
for page in sorted(folder.glob('*.1')):
    warnings = subprocess.run(['man', '--warnings', '-l', '-Tutf8', page], capture_output=True, text=True, env={'LC_ALL': 'C.UTF-8', 'PATH': '/usr/bin:/bin', 'MANWIDTH': '120'})
    if warnings.returncode or 'warning' in warnings.stderr or 'SYNOPSIS' not in re.sub('.\b', '', warnings.stdout):
        sys.exit(f"{page}: status {warnings.returncode}: {warnings.stderr or warnings.stdout[:200]}")
print(f'{len(commands)} commands, {len(list(folder.glob("*.1")))} pages')
