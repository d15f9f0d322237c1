#!/bin/sh
#: summary = "two guests that Xen starts, and no dom0 (arm64)"
#: timeout = 300
#: memory = "2G"
#: cpus = 2
#: dom0 = false
#: domus = 2
#
# Runs in each guest as `/workload guest`, with busybox for a userland. Nothing switches the machine off: when all guests are
# done, the lab asks the recorder for its totals and does it.
set -e

echo "guest: $(uname -r), $(nproc) CPU, hypervisor $(cat /sys/hypervisor/type)"

# Processes and files: page tables and memory come and go.
i=0
while [ "$i" -lt 20 ]; do
    true | cat >/tmp/out
    i=$((i + 1))
done
dd if=/dev/zero of=/tmp/file bs=1M count=16 2>/dev/null
rm /tmp/file
