#!/bin/sh
#: summary = "boot a Linux dom0 and, beside it, a guest that Xen itself starts (arm64)"
#: timeout = 300
#: memory = "2G"
#: cpus = 2
#: domus = 1
#
# Runs in dom0 as /workload, and in the guest as `/workload guest`, with busybox for a userland.
set -e
. /lib/domu.sh

if [ "$1" = guest ]; then
    domu_work
    exit
fi

# The guest cannot be seen from here. It has begun when dom0 has, with the same kernel and less to do; so it is done
# when dom0 has run for as long again. Whether it is, the lab reads from the log.
read -r uptime _ </proc/uptime
echo "dom0: up after $uptime s, now waiting for the guest"
sleep "$uptime"
sleep 5
