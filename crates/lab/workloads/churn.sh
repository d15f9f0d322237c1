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
#: boot = "1"         # 0: the guest is created but never runs
set -e
. /lib/guests.sh
. /parameters

toolstack_start
hap_line= paused_line=
[ "$hap" = default ] || hap_line="hap = $hap"
[ "$boot" = 1 ] || paused_line=paused

cycle=0
while [ "$cycle" -lt "$cycles" ]; do
    cycle=$((cycle + 1))
    guest_create churn "$type" "vcpus = $vcpus" "memory = $memory" "$hap_line" "$paused_line"
    [ "$boot" != 1 ] || guest_booted churn
    guest_destroy churn
    # The recorder's dump is the mark of the cycle's end.
    xl debug-keys y
    sleep 1
    say "cycle $cycle of $cycles done"
done
