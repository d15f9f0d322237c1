#!/bin/sh
# Not public: see credit2-cpu-removal.md.
#: summary = "a CPU leaves its pool and comes back again and again, while a guest and dom0 are busy"
#: timeout = 300
#: cycle_timeout = 20
#: memory = "4G"
#: cpus = 2
#: xen = ["dom0_mem=1G,max:1G"]
#: guests = true
#:
#: [parameters]
#: cycles = "50"
#: pin = "0"          # 1: nothing may run on the CPU while it leaves
set -e
. /lib/guests.sh
. /parameters

toolstack_start
guest_create busy pv 'vcpus = 2' 'run=for a in 1 2; do (while :; do usleep 500; done) & done; while :; do /bin/true; done'
guest_booted busy
(while :; do usleep 300; done) &
(while :; do :; done) &

cycle=0
while [ "$cycle" -lt "$cycles" ]; do
    cycle=$((cycle + 1))
    say "removal $cycle of $cycles"
    if [ "$pin" = 1 ]; then
        pool_cpu_remove Pool-0 1
    else
        xl cpupool-cpu-remove Pool-0 1
    fi
    xl cpupool-cpu-add Pool-0 1
done
