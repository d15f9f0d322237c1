#!/bin/sh
#: summary = "boot a Linux dom0, do a little ordinary work in it, power off"
#: timeout = 300
#: memory = "2G"
#: cpus = 2
#: xen = []
#: linux = []
#
# Runs in dom0 as /workload, with busybox for a userland. A failing command ends it, and the run.
set -e

echo "dom0: $(uname -r), $(nproc) CPUs, hypervisor $(cat /sys/hypervisor/type)"

# Processes: page tables come and go.
i=0
while [ "$i" -lt 40 ]; do
    true | cat >/tmp/out
    i=$((i + 1))
done

# Files and memory.
dd if=/dev/zero of=/tmp/file bs=1M count=16 2>/dev/null
[ "$(wc -c </tmp/file)" -eq 16777216 ]
rm /tmp/file

# Timers.
sleep 1
