#!/bin/sh
#: summary = "create and destroy guests of 1 to 8 CPUs in turn, with a dump of the recorder after each"
#: timeout = 300
#: cycle_timeout = 400
#: memory = "4G"
#: cpus = 2
#: xen = ["dom0_mem=1G,max:1G"]
#: guests = true
#:
#: [parameters]
#: cycles = "1"       # how often from 1 to 8
#: type = "pv"        # or pvh
#: most = "8"         # CPUs of the largest
#: memory = "128"     # of each guest, in MB
#: hap = "default"    # 0: shadow page tables for a PVH guest
#: pool = "Pool-0"    # `other`: the guests live in a pool of their own, with the second CPU
#: boot = "0"         # 1: each guest runs, up to its own user space
set -e
. /lib/guests.sh
. /parameters

toolstack_start
if [ "$pool" = other ]; then
    pool_cpu_remove Pool-0 1
    xl cpupool-create 'name="other"' 'sched="credit2"' 'cpus=["1"]'
fi

# What the first guest of all leaves is not the same as what the next ones do: caches fill.
guest_as_set churn 1
guest_destroy churn
xl debug-keys y
sleep 1

cycle=0
while [ "$cycle" -lt "$cycles" ]; do
    cycle=$((cycle + 1))
    vcpus=0
    while [ "$vcpus" -lt "$most" ]; do
        vcpus=$((vcpus + 1))
        guest_as_set churn "$vcpus"
        guest_destroy churn
        xl debug-keys y
        sleep 1
        say "cycle $cycle of $cycles, $vcpus CPUs done"
    done
done
