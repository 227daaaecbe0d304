#!/bin/sh
# setup.sh [--apps]: install what tools/packages.txt (--apps: packages-apps.txt too) lists and is not there yet. Needs
# root (or sudo) only when something is missing.
set -eu
cd "$(dirname "$0")"
lists=packages.txt
[ "${1:-}" = --apps ] && lists="packages.txt packages-apps.txt"
missing=""
for package in $(sed 's/#.*//' $lists); do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "setup: this is no Debian: install the equivalents of:$missing" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "setup: run as root: apt-get install$missing" >&2; exit 1; }
    as_root=sudo
fi
echo "setup: installing:$missing"
$as_root apt-get update -qq
# RUNLEVEL=1: the servers among them are not started
$as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
