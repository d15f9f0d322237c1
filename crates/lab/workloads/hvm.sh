#!/bin/sh
#: summary = "create, use and destroy HVM guests with their device model, one with hardware-assisted, one with shadow paging"
#: timeout = 2400
#: memory = "4G"
#: cpus = 2
#: xen = ["dom0_mem=1G,max:1G", "conring_size=8M"]
#: guests = true
#: device_model = true
set -e
. /lib/guests.sh
patience=900

toolstack_start
for hap in 1 0; do
    guest_create "hvm$hap" hvm 'vcpus = 2' "hap = $hap"
    guest_booted "hvm$hap"
    xl list
    xl vcpu-list
    xl mem-set "hvm$hap" 160
    until_true "$patience" has_memory "hvm$hap" 160
    xl pause "hvm$hap"
    xl unpause "hvm$hap"
    xl sysrq "hvm$hap" s
    for key in q v y; do
        xl debug-keys "$key"
    done
    guest_destroy "hvm$hap"
done
xl list
