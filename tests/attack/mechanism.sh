#!/bin/sh
# The lying launcher lies as told, and the software device refuses what hardware refuses. Uses the tiny
# test enclave. usage: mechanism.sh HOSTILE IMAGE MAKE_PLAN MAKE_SIG
set -eu
host=$1 image=$2 make_plan=$3 make_sig=$4
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
fail() { echo "FAILED: $1"; cat "$dir/err"; exit 1; }
head -c 32 /dev/urandom >"$dir/device"
"$make_plan" "$dir/plan" 0x4000000 2 0 0
"$make_sig" "$image" "$dir/plan" "$dir/key.pem" "$dir/sig"
run() { timeout 60 "$host" --mode soft --image "$image" --plan "$dir/plan" --sig "$dir/sig" --device-key-fd 9 "$@" 9<"$dir/device" 2>"$dir/err"; }

"$host" --lie list 2>&1 | grep -qx read-long || fail "--lie list names the lies"
[ "$(run -- w)" = hello ] || fail "without --lie the launcher is honest"
status=0; run --lie no-such-lie -- w || status=$?
[ $status = 1 ] && grep -q 'no such lie' "$dir/err" || fail "an unknown lie is refused"
status=0; run --lie enter-twice -- b >"$dir/out" || status=$?
[ $status = 1 ] && grep -q 'TCS 0 is busy' "$dir/err" || fail "a busy TCS cannot be entered again: status $status"
