#!/usr/bin/env bash
# vectors.sh [BUILD]: every published case of shared/vectors/dcap and ratls against what its index states, as a table, and
# the mutation test. Needs a build. Exit status 1 when anything differs.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
vectors=$root/../shared/vectors
bin=$build/tests/unit/attest
if [ ! -d "$vectors/dcap" ]; then
    echo "vectors: SKIP: no vectors at $vectors"
    exit 0
fi
status=0
echo "== DCAP: result, TCB status, date flags and advisories as INDEX.md states ($vectors/dcap)"
echo "   'pass (strict)': we refuse by choice what Intel's library lets through; each choice stands in attest/README.md"
"$bin/attest-vectors" "$vectors/dcap" | tee "$build/vectors-dcap.txt" || status=1
echo "== RA-TLS: code and step as manifest.json states ($vectors/ratls)"
"$bin/attest-ratls-vectors" "$vectors/ratls" | tee "$build/vectors-ratls.txt" || status=1
echo "== mutation: each byte of a quote and of its collateral flipped, under ASan and UBSan"
real=$vectors/dcap/real
nice "$bin/attest-mutation" -j "$(nproc)" "$real/001-sgx-v3-dcap-qvl-sample" "$real/011-tdx-v4-teepot-tdx1" \
    "$real/043-tdx-v5-go-tdx-guest" | tee "$build/vectors-mutation.txt" || status=1
[ $status = 0 ] && verdict='all as stated' || verdict='NOT all as stated'
echo "vectors: DCAP $(tail -1 "$build/vectors-dcap.txt"); RA-TLS $(tail -1 "$build/vectors-ratls.txt"); $verdict"
exit $status
