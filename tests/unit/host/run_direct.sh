#!/bin/sh
# The launcher's direct mode, end to end, with a tiny image. usage: run_direct.sh HOST IMAGE MAKE_PLAN
set -eu
host=$1 image=$2 make_plan=$3
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
fail() { echo "FAILED: $1"; exit 1; }

"$make_plan" "$dir/plan" 0x1000000 3 0 0
out=$("$host" --mode direct --image "$image" --plan "$dir/plan" -- one 'two words' | tr '\0' '|') || true
[ "$out" = "one|two words|" ] || fail "arguments arrive as they were given: got '$out'"
status=0; "$host" --mode direct --image "$image" --plan "$dir/plan" >/dev/null || status=$?
[ $status = 42 ] || fail "the image finds itself, its stack and its plan as promised: check $status"
status=0; "$host" --mode direct --image "$image" --plan "$image" 2>"$dir/err" || status=$?
[ $status = 1 ] && grep -q 'malformed plan' "$dir/err" || fail "a malformed plan is refused with a message"
status=0; "$host" --mode direct --image "$dir/plan" --plan "$dir/plan" 2>"$dir/err" || status=$?
[ $status = 1 ] && grep -q 'not an image' "$dir/err" || fail "a file that is no image is refused with a message"
status=0; "$host" --mode direct 2>"$dir/err" || status=$?
[ $status = 2 ] || fail "a missing option is a usage error"
status=0; "$host" --help >"$dir/err" || status=$?
[ $status = 0 ] && grep -q Usage "$dir/err" || fail "--help prints help on stdout and succeeds"
