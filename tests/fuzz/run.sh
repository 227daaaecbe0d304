#!/usr/bin/env bash
# run.sh DIR SECONDS [NAME,...]: build every fuzz target in DIR with clang (or those named), run each for SECONDS (two at a
# time), print a table. Fails when a target crashes, leaks, hangs or grows beyond bounds; DIR/fuzz holds its log and input.
set -uo pipefail
[ $# = 2 ] || [ $# = 3 ] || { echo "usage: $0 DIR SECONDS [NAME,...]" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd) seconds=$2
vectors=${VECTORS:-$root/../shared/vectors}
out=$dir/fuzz
if [ ! -f "$dir/build.ninja" ]; then
    CC=clang CXX=clang++ meson setup "$dir" "$root" -Dfuzz=true -Dbuildtype=debugoptimized >"$dir/setup.log" 2>&1 ||
        { tail -20 "$dir/setup.log" >&2; exit 1; }
fi
mapfile -t targets < <(ninja -C "$dir" -t targets all | sed -n 's,^\(tests/fuzz/fuzz_[a-z0-9_]*\): .*LINKER.*,\1,p' | sort -u)
only=${3:-}
if [ -n "$only" ]; then
    chosen=()
    for name in ${only//,/ }; do
        [[ " ${targets[*]} " == *" tests/fuzz/fuzz_$name "* ]] || { echo "fuzz: no such target: $name" >&2; exit 2; }
        chosen+=("tests/fuzz/fuzz_$name")
    done
    targets=("${chosen[@]}")
fi
[ ${#targets[@]} -gt 0 ] || { echo "fuzz: no targets in $dir: configured without -Dfuzz=true?" >&2; exit 1; }
nice ninja -C "$dir" -j2 "${targets[@]}" >"$dir/build.log" 2>&1 || { grep -E 'error|FAILED' "$dir/build.log" | head >&2; exit 1; }
mkdir -p "$out"

# Folders of first inputs for a target: ours in seeds/NAME, and what others made.
seeds_of() {
    local name=$1
    case $name in
    encfile) set -- "$vectors/pf" ;;
    quote | pck_answer) set -- "$vectors/dcap" ;;
    ratls_cert) set -- "$vectors/ratls" ;;
    collateral) set -- "$vectors/dcap" ;;
    *) set -- ;;
    esac
    for folder in "$root/tests/fuzz/seeds/$name" "$@"; do
        [ -d "$folder" ] && printf '%s\n' "$folder"
    done
    return 0
}

# libFuzzer measures a hang by the wall clock, and the machine may be busy: two minutes.
run_one() {
    local program=$1 name=${1##*/fuzz_} seeds
    mapfile -t seeds < <(seeds_of "$name")
    rm -rf "$out/$name"
    mkdir -p "$out/$name/corpus"
    nice -n 15 "$dir/$program" -max_total_time="$seconds" -timeout=120 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$out/$name/" "$out/$name/corpus" "${seeds[@]}" >"$out/$name.log" 2>&1
    echo $? >"$out/$name.status"
}

for program in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
    run_one "$program" &
done
wait

passed=0 failed=0
printf '%-14s %-8s %12s %10s %8s\n' target result runs per-second corpus
for program in "${targets[@]}"; do
    name=${program##*/fuzz_}
    stat() { sed -n "s/^stat::$1: *//p" "$out/$name.log"; }
    if [ "$(cat "$out/$name.status")" = 0 ]; then
        result=clean passed=$((passed + 1))
    else
        result=FAILED failed=$((failed + 1))
    fi
    printf '%-14s %-8s %12s %10s %8s\n' "$name" "$result" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" \
        "$(ls "$out/$name/corpus" | wc -l)"
    [ $result = clean ] || grep -m3 -E 'ERROR|SUMMARY|Test unit written' "$out/$name.log" | sed 's/^/    /'
done
echo "fuzz: $passed clean, $failed failed, $seconds s each; logs and inputs in $out"
[ $failed = 0 ]
