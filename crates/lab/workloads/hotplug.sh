#!/bin/sh
#: summary = "take a CPU away from Xen and give it back, twice"
#: timeout = 300
#: memory = "2G"
#: cpus = 2
#: xen = []
#: linux = []
set -e

cpu=/sys/devices/system/xen_cpu/xen_cpu1/online

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

# Xen tells dom0 of the change before it lets go of its list of CPUs. A vCPU that asks for the list at
# that moment gets EBUSY, and Linux then takes all CPUs out of sysfs. The only vCPU that is left waits
# in the hypercall until the change is over, so nobody asks too early.
echo 0 >/sys/devices/system/cpu/cpu1/online

work
online 0
online 1
online 0
online 1
