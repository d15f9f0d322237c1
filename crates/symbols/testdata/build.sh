#!/bin/sh
# Makes the small stand-in for xen-syms that the tests read. Run it only to change it: the tests hold addresses.
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -r "$out"' EXIT
flags="-O1 -g -fno-pic -mcmodel=kernel -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fcf-protection=none
       -ffile-prefix-map=$PWD=/build/xen -fdebug-prefix-map=$out=/build/xen"
mkdir "$out/common"
for file in service.c other.c common/heap-audit.c common/domain.c; do
    gcc $flags -c "$file" -o "$out/${file%.c}.o"
done
gcc -g -ffile-prefix-map="$PWD"=/build/xen -c entry.S -o "$out/entry.o"
# Xen gives names that collide their path: the FILE symbol carries it.
objcopy --redefine-sym other.c=lib/other.c "$out/other.o"
objcopy --redefine-sym domain.c=common/domain.c "$out/common/domain.o"
ld -T image.lds --build-id=0x0123456789abcdef0123456789abcdef01234567 -z max-page-size=4096 -z noexecstack \
   "$out/entry.o" "$out/service.o" "$out/other.o" "$out/common/heap-audit.o" "$out/common/domain.o" \
   -o mini-xen-syms
chmod 644 mini-xen-syms
