#!/bin/sh
#: summary = "two guests that Xen starts, and no dom0 (arm64)"
#: timeout = 300
#: memory = "2G"
#: cpus = 2
#: dom0 = false
#: domus = 2
#
# Runs in each guest as `/workload guest`, with busybox for a userland. Nothing switches the machine off: when all guests are
# done, the lab asks the recorder for its totals and does it.
set -e
. /lib/domu.sh

domu_work
