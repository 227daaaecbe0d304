#!/bin/sh
# The same sources, copied to another directory and built in a build directory of another name, give the same
# MRENCLAVE; one changed byte of the image gives another. usage: reproducible.sh SOURCE CLOISTER IMAGE
set -eu
source=$1 cloister=$(realpath "$2") image=$(realpath "$3")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
copy=$dir/some/where/else
mkdir -p "$copy" "$dir/app"
for room in lib enclave libos host attest manifest text cli tests python examples docs deploy tools meson.build meson_options.txt; do
    [ ! -e "$source/$room" ] || cp -R "$source/$room" "$copy/"
done
meson setup "$copy/another-name" "$copy" >"$dir/log" 2>&1 || { tail "$dir/log"; exit 1; }
ninja -C "$copy/another-name" libos/cloister.enclave >"$dir/log" 2>&1 || { tail "$dir/log"; exit 1; }
cat >"$dir/app/a.manifest" <<M
libos.entrypoint = "/bin/true"
fs.mounts = []
sgx.enclave_size = "64M"
M
measure() { (cd "$dir/app" && "$cloister" sign --dry-run --image "$1" a.manifest 2>/dev/null); }
one=$(measure "$image") two=$(measure "$copy/another-name/libos/cloister.enclave")
echo "$one" | grep -qE '^[0-9a-f]{64}$' || { echo "FAILED: no measurement: $one"; exit 1; }
[ "$one" = "$two" ] || { echo "FAILED: $one here, $two there"; exit 1; }
cp "$image" "$dir/changed"
# The last byte of the code segment's first page: any measured byte will do.
printf '\125' | dd of="$dir/changed" bs=1 seek=$((0x5000)) conv=notrunc status=none
cmp -s "$image" "$dir/changed" && printf '\252' | dd of="$dir/changed" bs=1 seek=$((0x5000)) conv=notrunc status=none
three=$(measure "$dir/changed")
[ "$one" != "$three" ] || { echo "FAILED: a changed image has the same MRENCLAVE"; exit 1; }
echo "MRENCLAVE $one in both directories"
