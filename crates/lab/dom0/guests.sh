# Functions for workloads that have guests, which begin with `. /lib/guests.sh`. A shell with `set -e` is expected.

# Where Xen's tools write what they do.
xen_logs=/var/log/xen

# say WORD...: a line on the console.
say() {
    echo "dom0: $*"
}

# plain: what comes in goes out without anything that could be taken for Xen's, in lines that are not too long.
plain() {
    tr -cd 'a-zA-Z0-9 .,:_/\n-' | cut -c 1-200
}

# fail WORD...: ends the workload.
fail() {
    say "FAILED: $*"
    for fail_log in "$xen_logs"/qemu-dm-*.log; do
        [ ! -s "$fail_log" ] || tail -n 5 "$fail_log" | plain
    done
    kill -TERM "$WORKLOAD"
    exit 1
}
WORKLOAD=$$
trap 'exit 1' TERM

# within SECONDS COMMAND...: waits for the command to succeed, and says by its status whether it did. If the
# command is one of the questions about a guest, the workload ends as soon as that guest has ended: it will not
# answer any more.
within() {
    within_left=$1 within_guest=
    shift
    case $1 in guest_has_printed | has_memory | vcpu_online | vcpu_offline) within_guest=$2 ;; esac
    until "$@" >/dev/null 2>&1; do
        [ "$within_left" -gt 0 ] || return 1
        # Not each time, because dom0's own work is recorded too.
        if [ -n "$within_guest" ] && [ $((within_left % 5)) -eq 0 ] && ! guest_lives "$within_guest"; then
            # What it printed last may still be on its way, and a guest that is being saved looks for a moment as
            # if it had ended.
            sleep 2
            ! "$@" >/dev/null 2>&1 || return 0
            guest_lives "$within_guest" || guest_lost "$within_guest"
        fi
        within_left=$((within_left - 1))
        sleep 1
    done
}

# until_true SECONDS COMMAND...: waits until the command succeeds.
until_true() {
    within "$@" || {
        shift
        fail "waited in vain for: $*"
    }
}

# xl WORD...: Xen's tool, as it is; but the workload ends if it fails.
xl() {
    say "xl $*" >&2
    command xl "$@" || fail "xl $* ended with status $?"
}

# toolstack_start: the daemons and mounts that `xl` needs.
toolstack_start() {
    PATH=$PATH:/usr/bin:$(echo /usr/lib/xen-*/bin)
    mkdir -p /dev/pts /proc/xen /var/lib/xenstored /var/lib/xen/xenstore /var/lib/xen/dump "$xen_logs/console" \
        /var/lock /var/run/xen /var/run/xenstored /etc/xen
    : >/etc/xen/xl.conf
    mount -t devpts devpts /dev/pts
    while read -r toolstack_module; do
        insmod "$toolstack_module"
    done </lib/modules/order
    mount -t xenfs xenfs /proc/xen
    xenstored
    until_true 30 xenstore read /tool/xenstored
    xen-init-dom0 >/dev/null
    xenconsoled --log=guest
    say "toolstack is up"
}

# How many seconds a guest may take for what is waited for.
patience=300

# guest_create NAME TYPE [LINE...]: creates a guest of type pv, pvh or hvm with one CPU and 192 MB, or as the lines of xl.cfg(5)
# say. A line `run=COMMAND` is for the guest: what its shell does when it is up. A line `linux=WORDS` is for its kernel. A line
# `paused` keeps it from running.
guest_create() {
    guest=$1 guest_type=$2 guest_run= guest_linux= guest_paused= guest_kernel=/guest/vmlinux
    [ "$guest_type" != hvm ] || guest_kernel=/guest/vmlinuz
    shift 2
    guest_count=$((${guest_count:-0} + 1))
    guest_token=$guest.$guest_count
    for guest_line; do
        case $guest_line in
            run=*) guest_run="run=\"${guest_line#run=}\"" ;;
            linux=*) guest_linux=${guest_line#linux=} ;;
            paused) guest_paused=-p ;;
        esac
    done
    {
        cat <<END
name = "$guest"
type = "$guest_type"
memory = 192
vcpus = 1
kernel = "$guest_kernel"
ramdisk = "/guest/initrd"
extra = 'console=hvc0 quiet $guest_linux token=$guest_token $guest_run'
on_poweroff = "destroy"
on_reboot = "destroy"
on_crash = "destroy"
END
        [ "$guest_type" != hvm ] || cat <<'END'
vga = "none"
vnc = 0
usb = 0
END
        for guest_line; do
            case $guest_line in run=* | linux=* | paused) ;; *) echo "$guest_line" ;; esac
        done
    } >"/tmp/$guest.cfg"
    rm -f "$(guest_log "$guest")"
    eval "guest_token_$guest=$guest_token"
    # What was seen of one with the same name is not this one's.
    lives_name=
    xl create -q $guest_paused "/tmp/$guest.cfg"
}

# guest_as_set NAME VCPUS [LINE...]: creates a guest as the workload's parameters `type`, `memory` and, where it has them, `hap`,
# `shadow` and `pool` say. With `boot` = 1 it runs, and is up in the end.
guest_as_set() {
    set_name=$1 set_vcpus=$2
    shift 2
    [ "${hap:-default}" = default ] || set -- "hap = $hap" "$@"
    [ "${shadow:-default}" = default ] || set -- "shadow_memory = $shadow" "$@"
    [ -z "${pool:-}" ] || set -- "pool = \"$pool\"" "$@"
    [ "$boot" = 1 ] || set -- paused "$@"
    guest_create "$set_name" "$type" "vcpus = $set_vcpus" "memory = $memory" "$@"
    [ "$boot" != 1 ] || guest_booted "$set_name"
}

# pool_cpu_remove POOL CPU: takes a CPU out of a pool, after all vCPUs were moved off it.
pool_cpu_remove() {
    pool_domains=$(command xl list | awk 'NR > 1 { print $1 }')
    for pool_domain in $pool_domains; do
        xl vcpu-pin "$pool_domain" all "all,^$2"
    done
    xl cpupool-cpu-remove "$1" "$2"
    for pool_domain in $pool_domains; do
        xl vcpu-pin "$pool_domain" all all
    done
}

# guest_log NAME: the file with what the guest has printed.
guest_log() {
    echo "$xen_logs/console/guest-$1.log"
}

# guest_has_printed NAME TEXT: whether the guest has printed a line with its token and this text behind it.
guest_has_printed() {
    eval "guest_token=\$guest_token_$1"
    grep "^guest $guest_token: $2" "$(guest_log "$1")"
}

# guest_printed NAME TEXT: waits until it has.
guest_printed() {
    until_true "$patience" guest_has_printed "$1" "$2"
    # Nothing of a guest's goes to the console that could be taken for Xen's.
    say "$1 says: $(guest_has_printed "$1" "$2" | head -n 1 | plain)"
}

# guest_booted NAME: waits until the guest has printed from its own user space.
guest_booted() {
    guest_printed "$1" "user space is up"
}

# guest_ran NAME: waits until the guest has done what it was created to run, without a failure.
guest_ran() {
    guest_printed "$1" "run ended, status"
    guest_has_printed "$1" "run ended, status 0" >/dev/null || fail "what $1 ran has failed"
}

# guest_lives NAME: whether Xen knows a domain of that name, or with that number, that has not shut down, crashed
# or been destroyed. If Xen cannot be asked, it does.
guest_lives() {
    [ "$1" = "$lives_name" ] || lives_name=$1 lives_id= lives_state=
    lives_list=$(command xl list 2>/dev/null) || return 0
    lives_row=$(echo "$lives_list" | awk -v name="$1" '$1 == name || $2 == name { print $2, $5; exit }')
    [ -n "$lives_row" ] || return 1
    lives_id=${lives_row% *} lives_state=${lives_row#* }
    case $lives_state in *[scd]*) return 1 ;; esac
}
lives_name=

# guest_lost NAME: ends the workload, saying what is known of the end of a guest that was asked for just before.
guest_lost() {
    # The tool that created it stays to clean up, and writes why.
    lost_log=$xen_logs/xl-$1.log
    lost_reason=$(sed -n 's/.* has shut down, reason code \([0-9-]*\).*/\1/p' "$lost_log" 2>/dev/null |
        tail -n 1)
    case $lost_reason in
        '') lost_reason="no reason known" ;;
        0) lost_reason="it powered off" ;;
        1) lost_reason="it rebooted" ;;
        2) lost_reason="it was suspended" ;;
        3) lost_reason="it crashed" ;;
        4) lost_reason="its watchdog ended it" ;;
        *) lost_reason="reason code $lost_reason" ;;
    esac
    if [ -z "$lives_id" ]; then
        lives_id=$(sed -n 's/.*(domid \([0-9]*\)).*/\1/p' "$lost_log" 2>/dev/null | tail -n 1)
    fi
    if [ -n "$lives_id" ]; then
        # Not the recorder's own lines, of which many name a domain.
        lost_names="[Dd]om(ain)? ?$lives_id([^0-9]|\$)|(^|[^0-9a-z])d$lives_id(v|[^0-9a-z]|\$)"
        command xl dmesg 2>/dev/null | grep -v HA1 | grep -E "$lost_names" | lost_tell 8 "Xen of $1"
    fi
    [ ! -e "$lost_log" ] || lost_tell 8 "the end of xl-$1.log" <"$lost_log"
    [ ! -e "$(guest_log "$1")" ] || lost_tell 50 "the last that $1 printed" <"$(guest_log "$1")"
    fail "the guest $1 (domain ${lives_id:-unknown}) has ended: $lost_reason;" \
        "its last state in xl list was ${lives_state:-never seen}"
}

# lost_tell LINES WORD...: the last lines of what comes in, with these words before each: a kernel that dies says
# why some forty lines before its last. Nothing at all is no failure.
lost_tell() {
    lost_lines=$1
    shift
    tail -n "$lost_lines" | plain | while read -r lost_line; do
        [ -z "$lost_line" ] || say "$*: $lost_line"
    done
}

# guest_id NAME: its domain's number.
guest_id() {
    command xl domid "$1"
}

# domain_gone ID: whether Xen knows no such domain any more, not even one that is on its way out.
domain_gone() {
    domain_list=$(command xl list) || return 1
    echo "$domain_list" | awk -v id="$1" '$2 == id { found = 1 } END { exit found }'
}

# guest_destroy NAME: destroys a guest, and waits until nothing of it is left.
guest_destroy() {
    guest_number=$(guest_id "$1")
    xl destroy "$1"
    guest_wait_gone "$guest_number"
}

# guest_wait_gone ID: waits until nothing is left of a domain that is on its way out, then for Xen to free its last memory.
guest_wait_gone() {
    until_true "$patience" domain_gone "$1"
    sleep 1
}

# vcpu_online NAME VCPU, vcpu_offline NAME VCPU: whether a CPU of the guest's runs.
vcpu_online() {
    command xl vcpu-list "$1" | awk -v vcpu="$2" '$3 == vcpu && $5 != "--p" { found = 1 } END { exit !found }'
}
vcpu_offline() {
    command xl vcpu-list "$1" | awk -v vcpu="$2" '$3 == vcpu && $5 == "--p" { found = 1 } END { exit !found }'
}

# has_memory NAME MB: whether it has about so much.
has_memory() {
    command xl list "$1" | awk -v wanted="$2" 'NR == 2 { exit !($3 >= wanted - 1 && $3 <= wanted + 1) }'
}
