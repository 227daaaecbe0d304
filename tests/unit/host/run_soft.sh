#!/bin/sh
# The software device end to end, with a tiny enclave. usage: run_soft.sh HOST IMAGE MAKE_PLAN MAKE_SIG CHECK_REPORT WITHOUT_DISPATCH
set -eu
host=$1 image=$2 make_plan=$3 make_sig=$4 check_report=$5 without_dispatch=$6
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
fail() { echo "FAILED: $1"; [ ! -f "$dir/err" ] || cat "$dir/err"; exit 1; }
soft() { # plan sig arg...
    plan=$1 sig=$2; shift 2
    timeout 60 "$host" --mode soft --image "$image" --plan "$plan" --sig "$sig" --device-key-fd 9 "$@" 9<"$dir/device" 2>"$dir/err"
}
head -c 32 /dev/urandom >"$dir/device"
make() { "$make_plan" "$dir/$1" 0x4000000 2 "$2" 0 && "$make_sig" "$image" "$dir/$1" "$dir/key.pem" "$dir/$1.sig"; }
make plan 0; make exinfo 4; make debug 1

[ "$(soft "$dir/plan" "$dir/plan.sig" -- w)" = hello ] || fail "the enclave writes by a host call"
soft "$dir/plan" "$dir/plan.sig" -- e || fail "exceptions reach the enclave with all registers intact: line $?"
soft "$dir/plan" "$dir/plan.sig" -- p || fail "without EXINFO a page fault tells nothing: line $?"
soft "$dir/exinfo" "$dir/exinfo.sig" -- P || fail "with EXINFO a page fault tells address and error: line $?"
soft "$dir/plan" "$dir/plan.sig" -- t || fail "threads are made, kicked, woken, and made again: line $?"
honest=$host; host="$without_dispatch $host"
soft2() { timeout 60 $host --mode soft --image "$image" --plan "$dir/plan" --sig "$dir/plan.sig" --device-key-fd 9 "$@" 9<"$dir/device" 2>"$dir/err"; }
soft2 -- e || fail "without Syscall User Dispatch, a seccomp filter catches system calls: line $?"
soft2 -- t || fail "without Syscall User Dispatch, threads work: line $?"
host=$honest
soft "$dir/plan" "$dir/plan.sig" -- s || fail "a storm of signals loses and breaks nothing: line $?"
soft "$dir/plan" "$dir/plan.sig" -- k >"$dir/one" || fail "EREPORT and EGETKEY answer: line $?"
"$check_report" "$dir/one" "$dir/plan.sig" || fail "the report verifies and names the enclave: check $?"
soft "$dir/plan" "$dir/plan.sig" -- k >"$dir/two" || fail "EREPORT again"
[ "$(tail -c 16 "$dir/one" | od -An -tx1)" = "$(tail -c 16 "$dir/two" | od -An -tx1)" ] || fail "a seal key is the same in every run"
cp "$dir/device" "$dir/old"; head -c 32 /dev/urandom >"$dir/device"
soft "$dir/plan" "$dir/plan.sig" -- k >"$dir/two" || fail "EREPORT on another machine"
[ "$(tail -c 16 "$dir/one" | od -An -tx1)" != "$(tail -c 16 "$dir/two" | od -An -tx1)" ] || fail "a seal key is another on another machine"

refuse() { # expected text, what, then soft's arguments
    text=$1 what=$2; shift 2
    status=0; soft "$@" >/dev/null || status=$?
    [ $status = 1 ] && grep -q "$text" "$dir/err" || fail "$what: status $status"
}
refuse 'no SSA frame' "a fault while an exception is handled ends the process" "$dir/plan" "$dir/plan.sig" -- f
refuse 'MRENCLAVE .* differs' "an enclave with other attributes has another measurement" "$dir/plan" "$dir/debug.sig" -- w
cp "$dir/plan" "$dir/other"; printf 'x' | dd of="$dir/other" bs=1 seek=240 conv=notrunc 2>/dev/null
change() { cp "$dir/plan.sig" "$dir/bad.sig"; printf "$2" | dd of="$dir/bad.sig" bs=1 seek="$1" conv=notrunc 2>/dev/null; }
change 0 '\007'; refuse 'no SIGSTRUCT' "a wrong header is refused" "$dir/plan" "$dir/bad.sig" -- w
change 600 '\377\377'; refuse 'signature in the .sig' "a wrong signature is refused" "$dir/plan" "$dir/bad.sig" -- w
change 960 '\377\377'; refuse 'signature in the .sig' "a changed measurement is refused" "$dir/plan" "$dir/bad.sig" -- w
head -c 100 "$dir/plan.sig" >"$dir/bad.sig"; refuse '1808 bytes' "a short .sig is refused" "$dir/plan" "$dir/bad.sig" -- w
soft "$dir/plan" "$dir/plan.sig" --stats json -- w >/dev/null && grep -q '"mode": "soft"' "$dir/err" || fail "--stats json prints counters"
