#!/bin/bash
# The confidential run, end to end, on a machine without SGX (mode soft). See README.md in this folder.
#
# usage: BUILD=/path/to/build examples/digits/demo.sh [OUTDIR]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:?set BUILD to the build directory}
out=${1:-$here/../../out/digits}
cloister=$build/cli/cloister
python=$(readlink -f /usr/bin/python3)
port=${PORT:-14433}
least=0.95

export XDG_CONFIG_HOME=$out/owner/config CLOISTER_STATE_DIR=$out/machine-state
rm -rf "$out"
mkdir -p "$out/owner" "$out/machine"
owner=$(cd "$out/owner" && pwd)
machine=$(cd "$out/machine" && pwd)
server=

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }
stop_server() { [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; server=; } || true; }
trap stop_server EXIT

# Libraries that numpy and the standard library's extensions load, as arguments for ldd() in the template.
stdlib=$("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
libraries=$(find /usr/lib/python3/dist-packages/numpy "$stdlib/lib-dynload" \
    -name '*.so' | sort | paste -sd:)

# render DIR STAGE [-Dname=value...]: DIR/digits.manifest
render() {
    local dir=$1 stage=$2
    shift 2
    "$cloister" manifest -Dentrypoint="$python" -Dstage="$stage" -Dport="$port" -Dstdlib="$stdlib" -Dlibraries="$libraries:$build/attest/libsecret_prov_attest.so" "$@" \
        "$here/digits.manifest.template" "$dir/digits.manifest"
}

# What the machine gets: the program, the provisioning library, the owner's CA certificate, the encrypted files.
ship() {
    mkdir -p "$1/app/lib" "$1/private"
    cp "$here/classify.py" "$1/app/"
    cp "$build/attest/libsecret_prov_attest.so" "$1/app/lib/"
    cp "$owner/tls/ca.crt" "$1/app/"
    echo "127.0.0.1 localhost" >"$1/app/hosts"
    cp "$owner"/encrypted/private/* "$1/private/"
}

# A CA of the owner's, and a certificate for her server.
make_certificates() {
    mkdir -p "$1"
    openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 30 -subj "/O=Digits owner/CN=Digits CA" -keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj "/O=Digits owner/CN=localhost" -keyout "$1/server.key" -out "$1/server.csr" 2>/dev/null
    openssl x509 -req -days 30 -sha256 -in "$1/server.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial \
        -extfile <(echo "subjectAltName=DNS:localhost") -out "$1/server.crt" 2>/dev/null
}

sign() { (cd "$1" && "$cloister" sign --quiet --key "$2" digits.manifest); }
measure() { (cd "$1" && "$cloister" sign --dry-run digits.manifest 2>/dev/null | tail -1 | grep -oE '[0-9a-f]{64}'); }
run_soft() { (cd "$1" && "$cloister" run --mode soft digits 2>&1); }

start_server() { # policy options...
    stop_server
    "$cloister" secret-server --port "$port" --cert "$owner/tls/server.crt" --key "$owner/tls/server.key" \
        --key-file "$owner/wrap-key" --soft "$@" >"$owner/server.log" 2>&1 &
    server=$!
    for _ in $(seq 100); do grep -q listening "$owner/server.log" && return; sleep 0.05; done
    fail "the secret server did not start: $(cat "$owner/server.log")"
}

step "Owner: train a network on 1,297 digits, keep 500 back, make keys"
/usr/bin/python3 "$here/train.py" "$owner/plain"
"$cloister" keygen "$owner/enclave-key.pem"
"$cloister" keygen "$owner/foreign-key.pem"
head -c 16 /dev/urandom >"$owner/wrap-key"
make_certificates "$owner/tls"

step "Owner: encrypt model and images (the labels stay at home)"
mkdir -p "$owner/encrypted/private"
for f in model.npz digits.npy; do
    (cd "$owner/encrypted" && "$cloister" encrypt -w ../wrap-key -i "$owner/plain/$f" -o "private/$f")
done
ls -l "$owner/encrypted/private"

step "Owner: make the manifest, measure and sign the enclave"
ship "$machine"
render "$machine" production
predicted=$(measure "$machine")
sign "$machine" "$owner/enclave-key.pem"
signed=$("$cloister" inspect --json "$machine/digits.sig" | grep -oE '"mr_?enclave": *"[0-9a-f]{64}"' | grep -oE '[0-9a-f]{64}')
echo "MRENCLAVE by sign --dry-run: $predicted"
echo "MRENCLAVE in digits.sig:     $signed"
[ "$predicted" = "$signed" ] || fail "the two differ"

step "Owner: start the server that releases the key to that enclave only"
start_server --mrenclave "$signed"
cat "$owner/server.log"

step "Machine: run the unmodified program in the enclave (mode soft)"
run_soft "$machine" || fail "the run failed; the server says: $(cat "$owner/server.log")"
echo "--- the server's verdict:"
cat "$owner/server.log"
grep -q "$signed" "$owner/server.log" || fail "the quote that the server verified has another MRENCLAVE"

step "Owner: decrypt the result"
head -c 8 "$machine/private/result.txt"; echo "... is what the machine sees"
"$cloister" decrypt -w "$owner/wrap-key" -i "$machine/private/result.txt" -o "$owner/result.txt"
head -3 "$owner/result.txt"
/usr/bin/python3 "$here/accuracy.py" "$owner/result.txt" "$owner/plain/labels.txt" "$least" || fail "accuracy is below $least"

step "The same program natively and in direct: the same predictions, byte for byte"
"$python" "$here/classify.py" "$owner/plain/model.npz" "$owner/plain/digits.npy" "$owner/native.txt"
development=$out/development
mkdir -p "$development"
ship "$development"
render "$development" development -Dkey="$(od -An -tx1 "$owner/wrap-key" | tr -d ' \n')"
(cd "$development" && "$cloister" run --mode direct digits)
"$cloister" decrypt -w "$owner/wrap-key" -i "$development/private/result.txt" -o "$owner/direct.txt"
cmp "$owner/native.txt" "$owner/direct.txt" && cmp "$owner/native.txt" "$owner/result.txt" && echo "identical: native, direct, soft"

# expect_refusal NAME DIR PATTERN: the run in DIR must fail, say PATTERN (run or server), and leave no result.
expect_refusal() {
    local name=$1 dir=$2 pattern=$3 text status=0
    rm -f "$dir/private/result.txt"
    text=$(run_soft "$dir") || status=$?
    text="$(cat "$owner/server.log")"$'\n'"$text"
    [ "$status" != 0 ] || fail "$name: the run succeeded"
    [ ! -e "$dir/private/result.txt" ] || fail "$name: a result was left behind"
    grep -qiE "$pattern" <<<"$text" || fail "$name: refused, but not for the expected reason ($pattern): $text"
    printf 'refused (exit status %d): %s\n' "$status" "$(grep -iE "$pattern" <<<"$text" | head -1)"
}

copy() { rm -rf "$2"; cp -a "$1" "$2"; rm -f "$2/private/result.txt"; }

step "Refused: a wrong key"
copy "$machine" "$out/wrong-key"
cp "$owner/wrap-key" "$owner/wrap-key.good"
head -c 16 /dev/urandom >"$owner/wrap-key"
start_server --mrenclave "$signed"
expect_refusal "wrong key" "$out/wrong-key" "is refused: wrong key"
mv "$owner/wrap-key.good" "$owner/wrap-key"

step "Refused: tampered input"
start_server --mrenclave "$signed"
copy "$machine" "$out/tampered-input"
printf '\377' | dd of="$out/tampered-input/private/model.npz" bs=1 seek=5000 conv=notrunc status=none
expect_refusal "tampered input" "$out/tampered-input" "is refused: .*tampered"

step "Refused: a tampered manifest"
copy "$machine" "$out/tampered-manifest"
sed -i 's/OPENBLAS_NUM_THREADS = "1"/OPENBLAS_NUM_THREADS = "2"/' "$out/tampered-manifest/digits.manifest.sgx"
start_server --mrenclave "$signed"
expect_refusal "tampered manifest" "$out/tampered-manifest" "measured MRENCLAVE"

step "Refused: an enclave signed by another key"
start_server --mrsigner "@$machine/digits.sig"
copy "$machine" "$out/foreign-signer"
sign "$out/foreign-signer" "$owner/foreign-key.pem"
expect_refusal "foreign signer" "$out/foreign-signer" "refused: wrong-mrsigner"

step "Refused: a debug enclave"
copy "$machine" "$out/debug"
render "$out/debug" production -Ddebug
sign "$out/debug" "$owner/enclave-key.pem"
start_server --mrenclave "@$out/debug/digits.sig"
expect_refusal "debug enclave" "$out/debug" "refused: debug-enclave"

# No plaintext on the machine's side: neither the model's bytes nor predictions.
for plain in "$owner/plain/model.npz" "$owner/plain/digits.npy"; do
    needle=$(od -An -tx1 -j 256 -N 32 "$plain" | tr -d ' \n')
    for f in $(find "$out"/machine "$out"/wrong-key "$out"/tampered-* "$out"/foreign-signer "$out"/debug -path '*private*' -type f); do
        ! od -An -v -tx1 "$f" | tr -d ' \n' | grep -q "$needle" || fail "plaintext of $(basename "$plain") in $f"
    done
done

step "Done: the confidential result was right, and five wrong runs were refused without leaving plaintext"
