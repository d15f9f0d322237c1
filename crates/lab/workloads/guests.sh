#!/bin/sh
#: summary = "create, use and destroy a PV, a PVH and a second PV guest with Xen's own tools"
#: timeout = 900
#: memory = "4G"
#: cpus = 2
#: xen = ["dom0_mem=1G,max:1G", "conring_size=8M"]
#: guests = true
set -e
. /lib/guests.sh

toolstack_start
xl info
xl list

# A PV guest with two CPUs, of which one goes and comes back.
guest_create pv1 pv 'vcpus = 2' 'run=dd if=/dev/zero of=/tmp/file bs=1M count=16'
guest_booted pv1
guest_ran pv1
xl list
xl list -l pv1 >/tmp/out
xl vcpu-list
xl vcpu-set pv1 1
until_true 30 vcpu_offline pv1 1
xl vcpu-set pv1 2
until_true 30 vcpu_online pv1 1
xl vcpu-pin pv1 0 0
xl vcpu-pin pv1 all all

# Memory that it gives back and gets again.
xl mem-set pv1 160
until_true 30 has_memory pv1 160
xl mem-set pv1 192
until_true 30 has_memory pv1 192

xl pause pv1
xl unpause pv1
xl sysrq pv1 s
xl sched-credit2
xl sched-credit2 -d pv1 -w 512
xl sched-credit2 -d pv1

# A PVH guest beside it.
guest_create pvh1 pvh 'vcpus = 2'
guest_booted pvh1
xl list
xl vcpu-list
xl vcpu-set pvh1 1
# On some versions of Xen it keeps the CPU.
if within 30 vcpu_offline pvh1 1; then
    say "pvh1 has given its second CPU back"
else
    say "pvh1 keeps its second CPU: that it gives it back is not tested"
fi
xl mem-set pvh1 160
until_true 30 has_memory pvh1 160
xl pause pvh1
xl unpause pvh1

# What Xen has said so far, the recorder's lines too, is on the console a second time.
xl dmesg

# Debug keys: help, domains, run queues, event channels, grant tables, timers, interrupts, memory, the recorder's dump.
for key in h q r e g a i m y; do
    xl debug-keys "$key"
done

# A pool of its own for one CPU, made twice, and guests that move between the pools. The second one stays, so that the guests'
# last CPU in it is not taken from it. One CPU makes no two pools.
xl cpupool-list
if [ "$(command xl info nr_cpus)" -gt 1 ]; then
    pool_cpu_remove Pool-0 1
    xl cpupool-create 'name="other"' 'sched="credit"' 'cpus=["1"]'
    xl cpupool-destroy other
    xl cpupool-cpu-add Pool-0 1
    pool_cpu_remove Pool-0 1
    xl cpupool-create 'name="other"' 'sched="credit"' 'cpus=["1"]'
    xl cpupool-list -c
    xl cpupool-migrate pv1 other
    xl cpupool-migrate pvh1 other
    xl sched-credit -d pv1 -w 128 -c 50
    xl sched-credit -p other -s
    xl vcpu-list
    xl cpupool-migrate pv1 Pool-0
    xl cpupool-migrate pvh1 Pool-0
    xl cpupool-list
fi

# One goes and another comes while the third stays.
guest_destroy pv1
guest_create pv2 pv
guest_booted pv2
xl list
guest_destroy pvh1
guest_destroy pv2
xl list
