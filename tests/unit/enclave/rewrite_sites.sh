#!/bin/sh
# Run rewrite_test on glibc, on musl and on a static Go program: finds their syscall instructions with objdump.
# usage: rewrite_sites.sh rewrite_test
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
glibc=$(ldd "$1" | sed -n 's/.*libc\.so\.6 => \([^ ]*\).*/\1/p')
musl=$(ls /lib/x86_64-linux-musl/libc.so /lib/ld-musl-x86_64.so.1 2>/dev/null | head -1 || true)
go=none
if command -v go >/dev/null; then
    printf 'package main\nimport ("fmt"; "os")\nfunc main() { fmt.Println(os.Args) }\n' > "$dir/main.go"
    (cd "$dir" && HOME="$dir" CGO_ENABLED=0 GOFLAGS=-mod=mod GO111MODULE=off go build -o go main.go >/dev/null 2>&1) && go=$dir/go
fi
# File offsets: address - (VMA - file offset of .text).
sites() {
    [ -f "$1" ] || return 0
    delta=$(objdump -h "$1" | awk '$2 == ".text" { print "0x" $4 " 0x" $6 }')
    set -- "$1" $delta
    objdump -d --no-show-raw-insn -j .text "$1" | awk '$2 == "syscall" { sub(":", "", $1); print $1 }' |
        while read -r a; do printf '%x\n' $((0x$a - $2 + $3)); done
}
sites "$glibc" > "$dir/glibc"; sites "$musl" > "$dir/musl"; sites "$go" > "$dir/go.sites"
"$1" "$glibc" "$dir/glibc" "${musl:-none}" "$dir/musl" "$go" "$dir/go.sites"
