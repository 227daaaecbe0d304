#!/bin/sh
# The image is measured page by page: all of lib/crypto must stay well under 1 MB, and no instruction
# may use FS, which belongs to the program. usage: crypto_size_check.sh ELF
text=$(size "$1" | awk 'NR == 2 { print $1 }')
fs=$(objdump -d "$1" | grep -c '%fs:')
undefined=$(nm -u "$1" | wc -l)
echo "text $text bytes, $fs uses of FS, $undefined undefined symbols"
[ -n "$text" ] && [ "$text" -lt 900000 ] && [ "$fs" = 0 ] && [ "$undefined" = 0 ]
