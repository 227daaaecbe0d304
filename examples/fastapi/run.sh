#!/bin/bash
# A FastAPI service in an enclave (mode soft), reached over attested TLS by a Python client and by curl.
#
# usage: BUILD=/path/to/build examples/fastapi/run.sh [OUTDIR]
#   PREPARE_ONLY=1   make and sign OUTDIR/service, then stop      DEBUG_ENCLAVE=1  sign a debug enclave
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${BUILD:?set BUILD to the build directory}" && pwd)
out=${1:-$root/out/fastapi}
cloister=$build/cli/cloister
python=$(readlink -f /usr/bin/python3)
port=${PORT:-14443}
[ -n "${PREPARE_ONLY:-}" ] || export CLOISTER_STATE_DIR=$out/machine-state XDG_CONFIG_HOME=$out/config

fail() { printf 'fastapi: %s\n' "$*" >&2; exit 1; }

# Everything the enclave needs that is not Debian's: application, cloister package, attestation library.
ship() {
    rm -rf "$1"
    mkdir -p "$1/app/lib"
    cp "$here/app.py" "$here/serve.py" "$1/app/"
    cp -r "$root/python/cloister" "$1/app/"
    find "$1/app" -name __pycache__ -prune -exec rm -rf {} +
    cp "$build/attest/libra_tls_attest.so" "$1/app/lib/"
}

render() {
    local stdlib libraries
    stdlib=$("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
    libraries=$(find "$stdlib/lib-dynload" -name '*.so' | sort | paste -sd:)
    "$cloister" manifest -Dentrypoint="$python" -Dport="$port" -Dstdlib="$stdlib" \
        -Dlibraries="$libraries:$build/attest/libra_tls_attest.so" ${DEBUG_ENCLAVE:+-Ddebug} \
        "$here/fastapi.manifest.template" "$1/fastapi.manifest"
}

mkdir -p "$out"
key=${ENCLAVE_KEY:-$out/enclave-key.pem}
[ -e "$key" ] || "$cloister" keygen "$key"
ship "$out/service"
render "$out/service"
(cd "$out/service" && "$cloister" sign --quiet --key "$key" fastapi.manifest)
[ -z "${PREPARE_ONLY:-}" ] || exit 0

mrenclave=$("$cloister" inspect --json "$out/service/fastapi.sig" | grep -oE '"mr_?enclave": *"[0-9a-f]{64}"' | grep -oE '[0-9a-f]{64}')
echo "MRENCLAVE $mrenclave"

server=
trap '[ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true' EXIT
(cd "$out/service" && exec "$cloister" run --mode soft fastapi) >"$out/service.log" 2>&1 &
server=$!
for _ in $(seq 600); do
    grep -q 'Uvicorn running' "$out/service.log" && break
    kill -0 "$server" 2>/dev/null || fail "the service ended: $(tail -5 "$out/service.log")"
    sleep 0.1
done
grep -q 'Uvicorn running' "$out/service.log" || fail "the service did not start: $(tail -5 "$out/service.log")"

export LD_LIBRARY_PATH=$build/attest PYTHONPATH=$root/python
pki=$CLOISTER_STATE_DIR/soft/pki/collateral
client=("$python" -B "$here/client.py" --trust-root "$pki/root_ca.pem" --collateral "$pki")

echo "== the client that demands this enclave"
"${client[@]}" --mrenclave "$mrenclave" --save-certificate "$out/verified.pem" "https://127.0.0.1:$port"
echo "== curl, with the certificate that the client verified"
env -u LD_LIBRARY_PATH curl -sS --cacert "$out/verified.pem" --connect-to "RATLS:$port:127.0.0.1:$port" "https://RATLS:$port/"
echo
echo "== a client that demands another enclave"
if "${client[@]}" --mrenclave "$(printf 'ab%.0s' {1..32})" "https://127.0.0.1:$port"; then
    fail "another enclave was accepted"
fi
echo "== done"
