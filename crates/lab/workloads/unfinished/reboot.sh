#!/bin/sh
#: summary = "a guest that reboots itself, again and again: what that costs Xen, and how fast"
#: timeout = 600
#: memory = "4G"
#: cpus = 2
#: xen = ["dom0_mem=1G,max:1G"]
#: guests = true
#:
#: [parameters]
#: type = "pv"        # or pvh
#: vcpus = "8"
#: memory = "128"     # of the guest, in MB
#: reboots = "5"
set -e
. /lib/guests.sh
. /parameters

# lives: how many there were of the guest so far.
lives() {
    grep -c "^guest .*: user space is up" "$(guest_log again)" || true
}

has_lived() {
    [ "$(lives)" -gt "$1" ]
}

toolstack_start
guest_create again "$type" "vcpus = $vcpus" "memory = $memory" 'on_reboot = "restart"' 'run=reboot -f'
guest_booted again
xl debug-keys y
life=1
while [ "$life" -le "$reboots" ]; do
    until_true "$patience" has_lived "$life"
    life=$((life + 1))
    xl debug-keys y
    say "life $life has begun"
done
