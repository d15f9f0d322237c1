#!/bin/sh
# Builds what guests need of a Xen tree's own tools: build.sh SYSROOT DEST JOBS, in the tree's root.
#
# Compiles against the headers and libraries below SYSROOT, not against this machine's. Below DEST
# it leaves the files of dom0's image: programs, firmware and libraries, as the programs look for them.
set -e
sysroot=$1 dest=$2 jobs=$3

[ -d tools/libs/light ] || {
    echo "error: the tools of this tree are laid out as before Xen 4.15"
    exit 1
}

# The compiler of ACPI tables is there. What pkg-config finds is this machine's.
PATH=$sysroot/usr/bin:$PATH
PKG_CONFIG=false
CC="gcc --sysroot=$sysroot"
export PATH PKG_CONFIG CC

# Python's and curses' headers are asked for, and used only in what is not built.
./configure --prefix=/usr --libdir=/usr/lib --sbindir=/usr/lib/xen-tree/bin \
    --libexecdir=/usr/lib --with-libexec-leaf-dir=xen-tree --sysconfdir=/etc --localstatedir=/var --with-rundir=/var/run \
    --disable-docs --disable-stubdom --disable-werror --disable-monitors --disable-ocamltools --disable-golang --disable-pygrub \
    --disable-xsmpolicy --disable-ovmf --disable-ipxe --disable-rombios --disable-pvshim --with-xenstored=xenstored \
    --with-system-qemu=/usr/libexec/xen-qemu-system-i386 --with-system-seabios=/usr/share/seabios/bios-256k.bin \
    ac_cv_header_Python_h=yes ac_cv_func_PyArg_ParseTuple=yes ac_cv_header_curses_h=yes ac_cv_lib_curses_clear=yes

tools_make() {
    make -j"$jobs" debug=n CC="$CC" -C "$@"
}

# Each library needs those before it; not every version has each.
libraries=
for library in toolcore toollog evtchn gnttab call foreignmemory devicemodel ctrl guest hypfs manage store light util; do
    [ ! -d "tools/libs/$library" ] || libraries="$libraries $library"
done
# To 4.17 xenstore's daemon and its clients are in one folder.
xenstored=tools/xenstored clients=tools/xs-clients
[ -d "$xenstored" ] || xenstored=tools/xenstore
[ -d "$clients" ] || clients=tools/xenstore

installed=$PWD/installed
tools_make tools/include all
tools_make tools/libs "SUBDIRS-y=$libraries" install "DESTDIR=$installed"
tools_make tools/xl install "DESTDIR=$installed"
tools_make "$xenstored" xenstored
tools_make tools/console/daemon xenconsoled
tools_make tools/helpers xen-init-dom0
tools_make tools/misc xen-hptool
tools_make "$clients" xenstore
tools_make tools/firmware/hvmloader

own=usr/lib/xen-tree
mkdir -p "$dest/$own/bin" "$dest/$own/boot" "$dest/usr/bin"
cp "$installed/$own/bin/xl" "$installed/$own/bin/libxl-save-helper" "$xenstored/xenstored" tools/console/daemon/xenconsoled \
    tools/helpers/xen-init-dom0 tools/misc/xen-hptool "$dest/$own/bin"
cp "$clients/xenstore" "$dest/usr/bin"
cp tools/firmware/hvmloader/hvmloader "$dest/$own/boot"
cp -P "$installed"/usr/lib/lib*.so.* "$dest/usr/lib"
find "$dest" -type f -exec strip {} +
