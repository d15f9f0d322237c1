# Functions for workloads that have guests, which begin with `. /lib/guests.sh`. A shell with `set -e` is expected.

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
    for fail_log in /var/log/xen/qemu-dm-*.log; do
        [ ! -s "$fail_log" ] || tail -n 5 "$fail_log" | plain
    done
    kill -TERM "$WORKLOAD"
    exit 1
}
WORKLOAD=$$
trap 'exit 1' TERM

# within SECONDS COMMAND...: waits for the command to succeed, and says by its status whether it did.
within() {
    within_left=$1
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$within_left" -gt 0 ] || return 1
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
    mkdir -p /dev/pts /proc/xen /var/lib/xenstored /var/lib/xen/xenstore /var/lib/xen/dump /var/log/xen/console \
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

# pool_cpu_remove POOL CPU: takes a CPU out of a pool. Nothing may run on it meanwhile: Xen's credit2 can give a CPU work that is just
# leaving, and panics then (docs/leads/credit2-cpu-removal.md).
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
    echo "/var/log/xen/console/guest-$1.log"
}

# guest_printed NAME TEXT: waits until the guest has printed a line with its token and this text behind it.
guest_printed() {
    eval "guest_token=\$guest_token_$1"
    until_true "$patience" grep "^guest $guest_token: $2" "$(guest_log "$1")"
    # Nothing of a guest's goes to the console that could be taken for Xen's.
    say "$1 says: $(grep -m 1 "^guest $guest_token: $2" "$(guest_log "$1")" | plain)"
}

# guest_booted NAME: waits until the guest has printed from its own user space.
guest_booted() {
    guest_printed "$1" "user space is up"
}

# guest_ran NAME: waits until the guest has done what it was created to run, without a failure.
guest_ran() {
    guest_printed "$1" "run ended, status 0"
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
