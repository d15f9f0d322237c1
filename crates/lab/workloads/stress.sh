#!/bin/sh
#: summary = "PV and PVH guests that do to Xen what they may without being trusted, and imitate the recorder's lines"
#: timeout = 1200
#: memory = "4G"
#: cpus = 2
#: xen = ["dom0_mem=1G,max:1G", "conring_size=8M"]
#: guests = true
#: guest_programs = ["stress"]
set -e
. /lib/guests.sh
patience=600

# stress NAME TYPE STEPS [LINE...]: a guest that runs the program's steps whose names begin so, or all. What it says is shown.
stress() {
    stress_name=$1 stress_type=$2 stress_steps=$3
    shift 3
    guest_create "$stress_name" "$stress_type" 'vcpus = 2' 'maxvcpus = 4' 'max_event_channels = 4095' \
        "run=stress $stress_steps" "$@"
    until_true "$patience" has_ended "$stress_name"
    grep -a '^stress: ' "$(guest_log "$stress_name")" | tr -cd 'a-zA-Z0-9 .,:;_()-\n' | while read -r line; do
        say "$stress_name says: $line"
    done
    # Raw, too, as someone sees it who watches the guest's console: nothing in it may be taken for the recorder's.
    cat "$(guest_log "$stress_name")"
    guest_ran "$stress_name"
    guest_destroy "$stress_name"
}

# has_ended NAME: whether its program has, in whatever way.
has_ended() {
    grep -aq 'run ended, status' "$(guest_log "$1")"
}

toolstack_start
stress pv pv ''
stress pvh pvh ''
# The kernel's choice is FIFO event channels where Xen has them.
stress pv2l pv evtchn 'linux=xen.fifo_events=0'
