#!/bin/sh
#: summary = "take a CPU and a page of memory away from Xen and give them back, twice"
#: timeout = 300
#: memory = "2G"
#: cpus = 2
#: xen = ["dom0_mem=1G,max:1G"]
#: linux = []
#: guests = true
set -e
. /lib/guests.sh

cpu=/sys/devices/system/xen_cpu/xen_cpu1/online

# Low memory, of which Xen takes the last: the page is free.
page=0x4000

# Processes: page tables come and go.
work() {
    i=0
    while [ "$i" -lt 20 ]; do
        true | cat >/tmp/out
        i=$((i + 1))
    done
}

# online 0|1: the CPU goes or comes, and something is done meanwhile.
online() {
    echo "$1" >"$cpu"
    [ "$(cat "$cpu")" = "$1" ]
    echo "dom0: xen_cpu1 online: $1"
    work
    sleep 1
}

# page offline|online: the page goes or comes.
page() {
    xen-hptool "mem-$1" "$page" | tee /tmp/out
    grep -q "${1}d successfully" /tmp/out
    echo "dom0: page $page: $1"
    work
}

# Xen tells dom0 of the change before it lets go of its list of CPUs. A vCPU that asks for the list at
# that moment gets EBUSY, and Linux then takes all CPUs out of sysfs. The only vCPU that is left waits
# in the hypercall until the change is over, so nobody asks too early.
echo 0 >/sys/devices/system/cpu/cpu1/online

work
online 0
online 1
online 0
online 1

toolstack_start
page offline
page online
page offline
page online
