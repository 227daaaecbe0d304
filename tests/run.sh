#!/usr/bin/env bash
# run.sh [BUILD]: everything that `make test` promises: unit tests, checks, the commands end to end, attacks, then the
# guest programs and a few real ones natively, in direct and in soft. Ends with one line; exit status 1 when anything failed.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
logs=$build/test-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0

add() { passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3)); }
number() { sed -n "s/^$2 *\([0-9][0-9]*\).*/\1/p" "$1" | tail -1; }

# All of meson's tests: suites unit, checks, attack and e2e. Each is one program here, whatever it holds.
echo "== unit tests, checks, commands (meson test)"
meson test -C "$build" --print-errorlogs --no-stdsplit >"$logs/meson.log" 2>&1
status=$?
sed -n '/^[0-9]*\/[0-9]* /p' "$logs/meson.log" | grep -E 'FAIL|TIMEOUT|ERROR|SKIP' | sort -u || true
ok=$(number "$logs/meson.log" 'Ok:') bad=$(number "$logs/meson.log" 'Fail:') unexpected=$(number "$logs/meson.log" 'Unexpected Pass:')
late=$(number "$logs/meson.log" 'Timeout:') not_run=$(number "$logs/meson.log" 'Skipped:')
add "${ok:-0}" $((${bad:-0} + ${late:-0} + ${unexpected:-0})) "${not_run:-0}"
if [ $status != 0 ] && [ "$failed" = 0 ]; then
    tail -20 "$logs/meson.log"
    add 0 1 0
fi
echo "   ${ok:-0} passed, $((${bad:-0} + ${late:-0})) failed, ${not_run:-0} skipped; log: $logs/meson.log"

# Linux programs in every mode; Debian's own Python has pytest.
echo "== guest programs: native, direct, soft (tests/guest)"
/usr/bin/python3 -m pytest -q -p no:cacheprovider --tb=short "$root/tests/guest/test_guest.py" --build "$build" >"$logs/guest.log" 2>&1
status=$?
grep -E '^(FAILED|ERROR)' "$logs/guest.log" || true
line=$(grep -E '^guest: ' "$logs/guest.log" | tail -1)
if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]]; then
    add "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}"
fi
if [ $status != 0 ] && [ "${BASH_REMATCH[2]:-0}" = 0 ]; then
    tail -20 "$logs/guest.log"
    add 0 1 0
fi
echo "   ${line:-no result}; log: $logs/guest.log"

# Debian's own programs, those whose packages setup installs; the rest is `make apps`.
echo "== real programs: direct, soft (tests/apps)"
/usr/bin/python3 "$root/tests/apps/run.py" --build "$build" --fast >"$logs/apps.log" 2>&1
status=$?
grep -E 'FAILED' "$logs/apps.log" || true
line=$(grep -E '^apps: ' "$logs/apps.log" | tail -1)
if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
    add "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" 0
elif [ $status != 0 ]; then
    tail -20 "$logs/apps.log"
    add 0 1 0
fi
echo "   ${line:-no result}; log: $logs/apps.log"

# Random calls of a fixed seed, for a while; the long run is `make fuzz-syscalls FUZZ_SECONDS=1800`.
echo "== random system calls (tests/fuzz/syscalls)"
if [ "$(id -u)" != 0 ] || ! unshare --net --ipc --uts --mount --pid --fork --mount-proc true 2>/dev/null; then
    add 0 0 1
    echo "   skipped: needs root, and namespaces of its own"
elif "$root/tests/fuzz/syscalls/run.py" --build "$build" --seconds 20 --seed 1 >"$logs/fuzz-syscalls.log" 2>&1; then
    add 1 0 0
    echo "   $(tail -1 "$logs/fuzz-syscalls.log")"
else
    add 0 1 0
    tail -80 "$logs/fuzz-syscalls.log"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
