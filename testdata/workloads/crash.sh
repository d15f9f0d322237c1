#!/bin/sh
#: summary = "dom0's kernel crashes"
#: timeout = 300
#: memory = "2G"
#: cpus = 1
#: xen = ["dom0_mem=1G,max:1G", "noreboot=no"]
#: linux = ["panic=1"]
set -e
echo c >/proc/sysrq-trigger
sleep 60
