# For workloads whose guests are started by Xen itself, which begin with `. /lib/domu.sh`.

# domu_work: what a guest does. Says what it is; then memory and page tables come and go.
domu_work() {
    echo "guest: $(uname -r), $(nproc) CPU, hypervisor $(cat /sys/hypervisor/type)"

    domu_left=20
    while [ "$domu_left" -gt 0 ]; do
        true | cat >/tmp/out
        domu_left=$((domu_left - 1))
    done
    dd if=/dev/zero of=/tmp/file bs=1M count=16 2>/dev/null
    rm /tmp/file
}
