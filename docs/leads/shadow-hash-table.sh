#!/bin/sh
# Not public: see shadow-hash-table.md.
#: summary = "shadow-paged guests end themselves when no page is left in their pool"
#: timeout = 240
#: cycle_timeout = 120
#: memory = "4G"
#: cpus = 2
#: xen = ["dom0_mem=1G,max:1G"]
#: guests = true
#: guest_programs = ["stress"] # for the devices that come with programs
#:
#: [parameters]
#: cycles = "4"
set -e
. /lib/guests.sh
. /parameters
patience=300

toolstack_start
cycle=0
while [ "$cycle" -lt "$cycles" ]; do
    cycle=$((cycle + 1))
    guest_create shadow pvh 'hap = 0' 'shadow_memory = 1' 'memory = 128' 'run=shadow-hash-table'
    shadow=$(guest_id shadow)
    guest_wait_gone "$shadow"
    plain <"$(guest_log shadow)"
    xl debug-keys y
    sleep 1
    say "cycle $cycle of $cycles done"
done
