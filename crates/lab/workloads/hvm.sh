#!/bin/sh
#: summary = "create, use and destroy an HVM guest with its device model, with hardware-assisted paging or with hap=0 shadow paging"
#: timeout = 2400
#: memory = "4G"
#: cpus = 2
#: xen = ["dom0_mem=1G,max:1G", "conring_size=8M"]
#: guests = true
#: device_model = true
#: [parameters]
#: hap = "1"
set -e
. /lib/guests.sh
. /parameters
patience=900

toolstack_start
guest_create hvm hvm 'vcpus = 2' "hap = $hap"
guest_booted hvm
xl list
xl vcpu-list
xl mem-set hvm 160
until_true "$patience" has_memory hvm 160
xl pause hvm
xl unpause hvm
xl sysrq hvm s
for key in q v y; do
    xl debug-keys "$key"
done
guest_destroy hvm
xl list
