"""Make a man page of a program's --help, so that both always say the same.

usage: help_to_man.py OUTPUT NAME SUMMARY VERSION SECTIONS COMMAND [ARG...]
SECTIONS: a file with further sections as roff, or - for none. The shape expected of --help is the house's: "Usage:" lines, a
paragraph that says what the command does, options as "  -x, --long ARG   what", titles as "Word...:", "Exit status: ...".
"""
import re
import subprocess
import sys


def escape(text: str) -> str:
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return '\\&' + text if text[:1] in ('.', "'") else text


def split(text: str) -> tuple[list[str], list[str]]:
    """The lines of usage without "Usage:", and the rest."""
    lines, usage = text.rstrip().splitlines(), []
    if not lines or not lines[0].startswith('Usage:'):
        raise SystemExit(f'help_to_man: no "Usage:" in {text[:60]!r}')
    while lines and (lines[0].startswith('Usage:') or (usage and lines[0].startswith('   '))):
        usage.append(re.sub(r'^(Usage:|\s+(or:)?)\s*', '', lines.pop(0)))
    return usage, lines


def body(lines: list[str]) -> list[str]:
    out, status, tagged = [], [], False
    for line in lines:
        item = re.match(r' {2,8}(\S.*?)(?: {2,}(.*))?$', line)
        if status or line.startswith('Exit status:'):
            status.append(line.removeprefix('Exit status:').strip())
        elif not line.strip():
            out.append('.PP')
            tagged = False
        elif tagged and re.match(r' {9,}\S', line):
            out.append(escape(line.strip()))
        elif item:
            out += ['.TP', f'\\fB{escape(item[1])}\\fR', escape(item[2] or '')]
            tagged = True
        elif re.fullmatch(r'[A-Z][^:]{0,70}:', line):
            out += ['.SS ' + escape(line[:-1])]
            tagged = False
        else:
            if tagged:
                out.append('.PP')
                tagged = False
            out.append(escape(line))
    if status:
        out += ['.SH EXIT STATUS', *map(escape, filter(None, status))]
    return out


def page(name: str, summary: str, version: str, sections: str, text: str) -> str:
    usage, lines = split(text)
    out = [f'.TH {escape(name.upper())} 1 "" "cloister {version}" "Cloister"', '.SH NAME', f'{escape(name)} \\- {escape(summary)}',
           '.SH SYNOPSIS', '.nf', *(f'\\fB{escape(u)}\\fR' for u in usage), '.fi', '.SH DESCRIPTION', *body(lines)]
    if sections != '-':
        with open(sections, encoding='utf-8') as file:
            out.append(file.read().rstrip())
    if name != 'cloister':
        out += ['.SH SEE ALSO', '.BR cloister (1)']
    return '\n'.join(out) + '\n'


if __name__ == '__main__':
    output, name, summary, version, sections, *command = sys.argv[1:]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f'help_to_man: {" ".join(command)}: exit status {done.returncode}: {done.stderr}')
    with open(output, 'w', encoding='utf-8') as file:
        file.write(page(name, summary, version, sections, done.stdout or done.stderr))
