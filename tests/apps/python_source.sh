#!/bin/sh
# python_source.sh FOLDER: Debian packs test_sqlite3 nowhere; take it out of the source package of its python3.11, by apt, in
# lists and caches of our own (no root needed). Leaves FOLDER/test_sqlite3, or one line that says why not.
set -eu
[ -e "$1/test_sqlite3/__init__.py" ] && exit 0
mkdir -p "$1/apt/lists/partial" "$1/apt/cache/archives/partial"
cd "$1"
echo "deb-src http://deb.debian.org/debian bookworm main" > apt/sources.list
apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$PWD/apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$PWD/apt/lists" \
            -o Dir::Cache="$PWD/apt/cache" -o APT::Sandbox::User= -o Debug::NoLocking=1 "$@"
}
apt update 2> apt/log && apt source --download-only --tar-only python3.11 >> apt/log 2>&1 || {
    echo "test_sqlite3: no source package of python3.11: $(tail -1 apt/log)" >&2
    exit 1
}
tar -xf python3.11_*.orig.tar.* --wildcards --strip-components=3 '*/Lib/test/test_sqlite3'
rm -rf apt python3.11_*.orig.tar.*
