#!/bin/sh
#: summary = "PV and PVH guests that do to Xen what they may without being trusted, and imitate the recorder's lines"
#: timeout = 1800
#: memory = "4G"
#: cpus = 2
#: xen = ["dom0_mem=1G,max:1G", "conring_size=8M"]
#: guests = true
#: guest_programs = ["stress"]
set -e
. /lib/guests.sh
patience=600

# stress NAME TYPE STEPS LINUX [LINE...]: a guest that runs the program's steps whose names begin so, or all, with words for its
# kernel and lines of its own. Xen has a third vCPU for it, of which its kernel knows nothing.
stress() {
    stress_name=$1 stress_type=$2 stress_run="stress $3" stress_linux="linux=nr_cpus=2 $4"
    shift 4
    guest_create "$stress_name" "$stress_type" 'vcpus = 3' 'max_event_channels = 4095' "run=$stress_run" "$stress_linux" "$@"
    stress_shown=0 stress_left=$patience
    until within 5 guest_has_printed "$stress_name" "run ended, status" || [ "$stress_left" -le 0 ]; do
        stress_show
        stress_left=$((stress_left - 5))
    done
    stress_show
    # Raw, too, as someone sees it who watches the guest's console: nothing in it may be taken for the recorder's.
    cat "$(guest_log "$stress_name")"
    echo
    guest_has_printed "$stress_name" "run ended, status" >/dev/null || fail "$stress_name has not ended"
    guest_ran "$stress_name"
    guest_destroy "$stress_name"
}

# stress_show: shows what the program has said of its steps since the last time.
stress_show() {
    [ -e "$(guest_log "$stress_name")" ] || return 0
    stress_lines=$(wc -l <"$(guest_log "$stress_name")")
    head -n "$stress_lines" "$(guest_log "$stress_name")" | tail -n +$((stress_shown + 1)) | grep '^stress: ' |
        tr -cd 'a-zA-Z0-9 .,:;_()\n-' | while read -r line; do say "$stress_name says: $line"; done
    stress_shown=$stress_lines
}

toolstack_start
stress pvh pvh '' ''
stress pv pv '' ''
# On shadow page tables.
stress shadow pvh memory '' 'hap = 0'
# With 2-level event channels, which kernels use where Xen has no FIFO ones.
stress pv2l pv evtchn xen.fifo_events=0
