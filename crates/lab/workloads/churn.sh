#!/bin/sh
#: summary = "create and destroy the same guest again and again, with a dump of the recorder after each"
#: timeout = 300
#: cycle_timeout = 60
#: memory = "4G"
#: cpus = 2
#: xen = ["dom0_mem=1G,max:1G"]
#: guests = true
#:
#: [parameters]
#: cycles = "5"
#: type = "pv"        # or pvh
#: vcpus = "1"
#: memory = "192"     # of the guest, in MB
#: hap = "default"    # 0: shadow page tables for a PVH guest
#: shadow = "default" # MB for them, at least 1
#: boot = "1"         # 0: the guest is created but never runs
#: work = "0"         # for how many seconds it works with many processes before it is destroyed
set -e
. /lib/guests.sh
. /parameters

toolstack_start

cycle=0
while [ "$cycle" -lt "$cycles" ]; do
    cycle=$((cycle + 1))
    if [ "$work" = 0 ]; then
        guest_as_set churn "$vcpus"
    else
        guest_as_set churn "$vcpus" \
            'run=for a in 1 2 3 4 5 6 7 8; do for b in 1 2 3 4 5 6 7 8; do sleep 999 & done; done; while :; do /bin/busybox sh -c :; done'
        sleep "$work"
    fi
    guest_destroy churn
    # The recorder's dump is the mark of the cycle's end.
    xl debug-keys y
    sleep 1
    say "cycle $cycle of $cycles done"
done
