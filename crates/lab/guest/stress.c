/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Does, inside a guest, what a guest may do to Xen without being trusted:
 *
 *     stress [PREFIX...]
 *
 * runs every step, or those whose names begin so. Hypercalls are issued raw,
 * through the kernel's privcmd device; where the kernel must take part (event
 * channels, grants, CPUs, memory) through its other devices and sysfs. What a
 * step takes it gives back, except what only the domain's end can free. Each
 * result is compared with what Xen promises; a refusal can be the promise.
 *
 * One line a step: "stress: NAME ok (N done)", "stress: NAME not here: WHY" or
 * "stress: NAME FAILED (N done)". The status is 1 if a step failed.
 *
 * The numbers and structures below are Xen's public ABI, of which only what is
 * used is stated here, with the public header that defines it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ------------------------------------------------------------ Xen's ABI */

/* xen.h */
enum {
    hc_mmu_update = 1, hc_platform_op = 7, hc_set_debugreg = 8,
    hc_memory_op = 12, hc_multicall = 13, hc_update_va_mapping = 14,
    hc_set_timer_op = 15, hc_xen_version = 17, hc_console_io = 18,
    hc_grant_table_op = 20, hc_vm_assist = 21, hc_vcpu_op = 24,
    hc_mmuext_op = 26, hc_xsm_op = 27, hc_sched_op = 29, hc_callback_op = 30,
    hc_xenoprof_op = 31, hc_event_channel_op = 32, hc_physdev_op = 33,
    hc_hvm_op = 34, hc_sysctl = 35, hc_domctl = 36, hc_kexec_op = 37,
    hc_tmem_op = 38, hc_argo_op = 39, hc_xenpmu_op = 40, hc_dm_op = 41,
    hc_hypfs_op = 42, hc_none = 55,
};

#define DOMID_SELF 0x7ff0
#define VIRQ_XENOPROF 7
#define PAGE 4096

struct mmu_update { uint64_t ptr, val; };
struct multicall_entry { uint64_t op; int64_t result; uint64_t args[6]; };

/* event_channel.h */
enum {
    ev_bind_interdomain, ev_bind_virq, ev_bind_pirq, ev_close, ev_send,
    ev_status, ev_alloc_unbound, ev_bind_ipi, ev_bind_vcpu, ev_unmask,
    ev_reset, ev_init_control, ev_expand_array, ev_set_priority, ev_none = 99,
};

enum { ST_unbound = 1, ST_interdomain, ST_pirq, ST_virq, ST_ipi };

struct ev_alloc_unbound { uint16_t dom, remote_dom; uint32_t port; };
struct ev_bind_interdomain { uint16_t dom; uint32_t port, local_port; };
struct ev_bind { uint32_t what, vcpu_or_flags, port; }; /* virq and pirq */
struct ev_bind_ipi { uint32_t vcpu, port; };
struct ev_port { uint32_t port, value; };    /* with a vCPU or a priority */
struct ev_init_control { uint64_t gfn; uint32_t offset, vcpu; uint64_t bits; };

struct ev_status {
    uint16_t dom;
    uint32_t port, status, vcpu;
    uint16_t remote;
    uint32_t remote_port;
};

/* grant_table.h */
enum {
    gt_map, gt_unmap, gt_setup_table, gt_dump_table, gt_transfer, gt_copy,
    gt_query_size, gt_set_version = 8, gt_get_status_frames, gt_get_version,
    gt_swap, gt_none = 99,
};

#define GNTMAP_host_map 2
#define GNTMAP_readonly 4
#define GNTCOPY_source_gref 1
#define GNTCOPY_dest_gref 2

struct gt_map {
    uint64_t host_addr;
    uint32_t flags, ref;
    uint16_t dom;
    int16_t status;
    uint32_t handle;
    uint64_t bus_addr;
};
struct gt_unmap {
    uint64_t host_addr, bus_addr;
    uint32_t handle;
    int16_t status;
};
struct gt_setup_table {
    uint16_t dom;
    uint32_t frames;
    int16_t status;
    uint64_t *list;
};
struct gt_transfer {
    uint64_t mfn;
    uint16_t dom;
    uint32_t ref;
    int16_t status;
};
struct gt_copy_end {
    union { uint32_t ref; uint64_t gmfn; } u;
    uint16_t dom, offset;
};
struct gt_copy {
    struct gt_copy_end source, dest;
    uint16_t len, flags;
    int16_t status;
};
struct gt_query_size {
    uint16_t dom;
    uint32_t frames, max_frames;
    int16_t status;
};
struct gt_swap { uint32_t a, b; int16_t status; };
struct gt_version { uint16_t dom, pad; uint32_t version; };

/* vcpu.h */
enum {
    vc_initialise, vc_up, vc_is_up = 3, vc_get_runstate_info,
    vc_register_runstate_area, vc_set_periodic_timer, vc_stop_periodic_timer,
    vc_set_singleshot_timer, vc_stop_singleshot_timer, vc_register_vcpu_info,
    vc_get_physid = 12, vc_register_time_area, vc_none = 99,
};

#define SINGLESHOT_FUTURE 1

struct vc_runstate_info { int32_t state; uint64_t entry, spent[4]; };
struct vc_singleshot { uint64_t timeout; uint32_t flags; };
struct vc_vcpu_info { uint64_t mfn; uint32_t offset, reserved; };

/* memory.h */
enum {
    mm_increase_reservation, mm_decrease_reservation, mm_maximum_ram_page,
    mm_current_reservation, mm_maximum_reservation, mm_populate_physmap = 6,
    mm_add_to_physmap, mm_memory_map = 9, mm_machine_memory_map, mm_exchange,
    mm_set_memory_map = 13, mm_maximum_gpfn, mm_remove_from_physmap,
    mm_paging_op = 20, mm_access_op, mm_sharing_op, mm_claim_pages = 24,
    mm_get_vnumainfo = 26, mm_acquire_resource = 28, mm_none = 60,
};

enum { SPACE_shared_info, SPACE_grant_table, SPACE_gmfn, SPACE_none = 99 };

struct mm_reservation {
    uint64_t *extents, count;
    uint32_t order, flags;
    uint16_t dom;
};
struct mm_exchange { struct mm_reservation in, out; uint64_t exchanged; };
struct mm_add {
    uint16_t dom, size;
    uint32_t space;
    uint64_t index, gfn;
};
struct mm_remove { uint16_t dom; uint64_t gfn; };
struct mm_map { uint32_t count; void *entries; };
struct mm_set_map { uint16_t dom; struct mm_map map; };

/* sched.h */
enum {
    sc_yield, sc_poll = 3, sc_remote_shutdown, sc_watchdog = 6,
    sc_pin_override, sc_none = 99,
};

struct sc_poll { uint32_t *ports, count; uint64_t timeout; };
struct sc_watchdog { uint32_t id, timeout; };
struct sc_remote_shutdown { uint16_t dom; uint32_t reason; };

/* physdev.h */
enum {
    pd_map_pirq = 13, pd_unmap_pirq, pd_manage_pci_add, pd_setup_gsi = 21,
    pd_get_free_pirq = 23, pd_none = 99,
};

struct pd_free_pirq { int32_t type; uint32_t pirq; };

/* xenoprof.h */
enum { xp_init, xp_start = 8, xp_get_buffer = 14 };

/* hvm/hvm_op.h, hvm/params.h */
enum { hv_set_param, hv_get_param, hv_flush_tlbs = 5, hv_get_time = 10 };
enum { PARAM_store_pfn = 1, PARAM_store_evtchn, PARAM_nested = 24 };

struct hv_param { uint16_t dom, pad; uint32_t index; uint64_t value; };

/* version.h, features.h */
enum { ve_pagesize = 7, ve_features = 6, ve_build_id = 10 };
#define FEATURE_translated (1u << 2)

struct ve_features { uint32_t index, map; };

/* --------------------------------------------------- Linux's interfaces */

/* privcmd.h, evtchn.h, gntalloc.h and gntdev.h of include/uapi/xen */
struct lx_hypercall { uint64_t op, arg[5]; };
struct lx_port { uint32_t port; };
struct lx_interdomain { uint32_t dom, port; };
struct lx_alloc {
    uint16_t dom, flags;
    uint32_t count;
    uint64_t index;
    uint32_t refs[1024];
};
struct lx_dealloc { uint64_t index; uint32_t count; };
struct lx_ref { uint32_t dom, ref; };
struct lx_map { uint32_t count, pad; uint64_t index; struct lx_ref refs[512]; };
struct lx_unmap { uint64_t index; uint32_t count, pad; };

#define LX(type, number, size) _IOC(_IOC_NONE, type, number, size)
#define LX_HYPERCALL LX('P', 0, sizeof(struct lx_hypercall))
#define LX_BIND_INTERDOMAIN LX('E', 1, sizeof(struct lx_interdomain))
#define LX_BIND_UNBOUND LX('E', 2, sizeof(struct lx_port))
#define LX_UNBIND LX('E', 3, sizeof(struct lx_port))
#define LX_NOTIFY LX('E', 4, sizeof(struct lx_port))
/* Both as if for one reference. */
#define LX_ALLOC LX('G', 5, 24)
#define LX_DEALLOC LX('G', 6, sizeof(struct lx_dealloc))
#define LX_MAP LX('G', 0, 24)
#define LX_UNMAP LX('G', 1, sizeof(struct lx_unmap))

/* ------------------------------------------------------- calls and steps */

static int privcmd;
static bool translated;    /* PVH: frames are not the machine's */
static uint16_t self;      /* this domain's number */

static unsigned long done;
static bool failed;
static const char *missing;

/* What is passed by address must be in memory: see mlockall() in main(). */
static long hypercall(unsigned int op, uint64_t a, uint64_t b, uint64_t c,
                      uint64_t d)
{
    struct lx_hypercall call = { op, { a, b, c, d, 0 } };
    long result = syscall(SYS_ioctl, privcmd, LX_HYPERCALL, &call);

    return result < 0 ? -errno : result;
}

#define ptr(x) ((uint64_t)(uintptr_t)(x))
#define evtchn_op(cmd, arg) hypercall(hc_event_channel_op, cmd, ptr(arg), 0, 0)
#define grant_op(cmd, arg) hypercall(hc_grant_table_op, cmd, ptr(arg), 1, 0)
#define memory_op(cmd, arg) hypercall(hc_memory_op, cmd, ptr(arg), 0, 0)
#define vcpu_op(cmd, vcpu, arg) hypercall(hc_vcpu_op, cmd, vcpu, ptr(arg), 0)
#define sched_op(cmd, arg) hypercall(hc_sched_op, cmd, ptr(arg), 0, 0)
#define physdev_op(cmd, arg) hypercall(hc_physdev_op, cmd, ptr(arg), 0, 0)
#define hvm_op(cmd, arg) hypercall(hc_hvm_op, cmd, ptr(arg), 0, 0)
#define xen_version(cmd, arg) hypercall(hc_xen_version, cmd, ptr(arg), 0, 0)

/* Stands for every result that is no error. */
#define FINE 1000000

static bool check(const char *what, long got, const long *wanted, size_t count)
{
    size_t i;

    for ( i = 0; i < count; i++ )
        if ( got == wanted[i] || (wanted[i] == FINE && got >= 0) )
        {
            done++;
            return true;
        }
    printf("stress: line %s returned %ld\n", what, got);
    failed = true;

    return false;
}

#define STRING_(x) #x
#define STRING(x) STRING_(x)

/* The call is done if its result is one of those behind it. */
#define EXPECT(call, ...) \
    check(STRING(__LINE__) ": " #call, call, (const long[]){ __VA_ARGS__ }, \
          ARRAY_SIZE(((const long[]){ __VA_ARGS__ })))

#define HOLDS(condition) EXPECT(!!(condition), 1)

static void not_here(const char *why)
{
    missing = why;
}

/* Now, by Xen's clock; a little less, for nobody shows it to user space. */
static uint64_t xen_time(void)
{
    struct vc_runstate_info info = { 0 };

    EXPECT(vcpu_op(vc_get_runstate_info, 0, &info), 0);

    return info.entry;
}

static void sleep_ms(unsigned int ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

    nanosleep(&time, NULL);
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    ssize_t size = strlen(text);
    bool good = fd >= 0 && write(fd, text, size) == size;

    if ( fd >= 0 )
        close(fd);

    return good;
}

static long read_number(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY);

    if ( fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 )
        text[0] = '\0';
    if ( fd >= 0 )
        close(fd);

    return text[0] ? atol(text) : -1;
}

/* -------------------------------------------------------- event channels */

#define MAX_PORTS 131072
static uint32_t ports[MAX_PORTS];

static uint32_t alloc_port(uint16_t remote)
{
    struct ev_alloc_unbound alloc = { DOMID_SELF, remote, 0 };

    EXPECT(evtchn_op(ev_alloc_unbound, &alloc), 0);

    return alloc.port;
}

static void close_port(uint32_t port)
{
    EXPECT(evtchn_op(ev_close, &port), 0);
}

/* Every port that the domain may have; one of the last also for the kernel,
 * which with FIFO must give Xen a page for each 1024 of them. */
static void evtchn_ports(void)
{
    struct ev_alloc_unbound alloc = { .dom = DOMID_SELF };
    struct ev_status status;
    unsigned int count = 0, i;
    struct lx_port bind = { 0 };
    int fd = open("/dev/xen/evtchn", O_RDWR);
    long got;

    HOLDS(fd >= 0);
    while ( (got = evtchn_op(ev_alloc_unbound, &alloc)) == 0 &&
            count < MAX_PORTS )
        ports[count++] = alloc.port;
    EXPECT(got, -ENOSPC);
    if ( !HOLDS(count > 0) )
        return;
    for ( i = 0; i < count; i++ )
    {
        status = (struct ev_status){ .dom = DOMID_SELF, .port = ports[i] };
        EXPECT(evtchn_op(ev_status, &status), 0);
        HOLDS(status.status == ST_unbound && status.remote == 0);
    }
    close_port(ports[--count]);
    HOLDS(ioctl(fd, LX_BIND_UNBOUND, &bind) == (int)ports[count]);
    for ( i = 0; i < count; i++ )
        close_port(ports[i]);
    EXPECT(evtchn_op(ev_close, &ports[0]), -EINVAL);
    bind.port = ports[count];
    HOLDS(ioctl(fd, LX_UNBIND, &bind) == 0);
    close(fd);
}

/* A channel with both ends here, first without the kernel, then with it. */
static void evtchn_loopback(void)
{
    int a = open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
    int b = open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK);
    struct lx_port one = { self }, other;
    struct lx_interdomain bind = { .dom = self };
    unsigned int i;

    for ( i = 0; i < 16; i++ )
    {
        uint32_t port = alloc_port(self);
        struct ev_bind_interdomain inter = { self, port, 0 };
        struct ev_status status = { .dom = DOMID_SELF, .port = port };
        struct ev_port with = { port, 0 };

        EXPECT(evtchn_op(ev_bind_interdomain, &inter), 0);
        EXPECT(evtchn_op(ev_status, &status), 0);
        HOLDS(status.status == ST_interdomain && status.remote == self &&
              status.remote_port == inter.local_port);
        EXPECT(evtchn_op(ev_bind_interdomain, &inter), -EINVAL);
        EXPECT(evtchn_op(ev_bind_vcpu, &with), 0);
        with.value = 99;
        EXPECT(evtchn_op(ev_bind_vcpu, &with), -ENOENT);
        /* 2-level channels have no priorities. */
        with.value = 15;
        EXPECT(evtchn_op(ev_set_priority, &with), 0, -ENOSYS);
        with.value = 16;
        EXPECT(evtchn_op(ev_set_priority, &with), -EINVAL, -ENOSYS);
        EXPECT(evtchn_op(ev_send, &inter.local_port), 0);
        EXPECT(evtchn_op(ev_unmask, &port), 0);
        close_port(port);
        close_port(inter.local_port);
    }

    one.port = self;
    one.port = ioctl(a, LX_BIND_UNBOUND, &one);
    bind.port = one.port;
    other.port = ioctl(b, LX_BIND_INTERDOMAIN, &bind);
    HOLDS((int)one.port > 0 && (int)other.port > 0);
    for ( i = 0; i < 64; i++ )
    {
        struct pollfd arrival = { .fd = a, .events = POLLIN };
        uint32_t port = 0;

        HOLDS(ioctl(b, LX_NOTIFY, &other) == 0);
        HOLDS(poll(&arrival, 1, 10000) == 1);
        HOLDS(read(a, &port, sizeof(port)) == sizeof(port));
        HOLDS(port == one.port);
        /* Written back, it is unmasked. */
        HOLDS(write(a, &port, sizeof(port)) == sizeof(port));
    }
    close(b);
    close(a);
}

static void evtchn_bind(void)
{
    struct ev_bind virq = { VIRQ_XENOPROF, 0, 0 };
    struct ev_bind_ipi ipi = { 0, 0 };
    unsigned int i, count = 0;
    long got;

    for ( i = 0; i < 256; i++ )
    {
        EXPECT(evtchn_op(ev_bind_ipi, &ipi), 0);
        ports[i] = ipi.port;
    }
    while ( i-- > 0 )
        close_port(ports[i]);
    ipi.vcpu = 99;
    EXPECT(evtchn_op(ev_bind_ipi, &ipi), -ENOENT);

    EXPECT(evtchn_op(ev_bind_virq, &virq), 0);
    count = virq.port;
    EXPECT(evtchn_op(ev_bind_virq, &virq), -EEXIST);
    close_port(count);
    virq.what = 999;
    EXPECT(evtchn_op(ev_bind_virq, &virq), -EINVAL);

    /* A PV guest needs permission; a PVH guest's are of no use, but are. */
    for ( i = count = 0; ; i++ )
    {
        struct ev_bind pirq = { i, 0, 0 };

        got = evtchn_op(ev_bind_pirq, &pirq);
        if ( got != 0 )
            break;
        ports[count++] = pirq.port;
    }
    EXPECT(got, -EINVAL, -EPERM, -EOPNOTSUPP, -ENOSPC);
    while ( count-- > 0 )
        close_port(ports[count]);
}

static void evtchn_refused(void)
{
    uint16_t dom0 = 0;
    uint32_t bad = 0xffffffff;
    uint64_t gfn = ~0ULL;
    struct ev_status status = { .dom = 0, .port = 1 };
    struct ev_alloc_unbound foreign = { 0, DOMID_SELF, 0 };
    struct ev_bind_interdomain inter = { 0, 0xffffffff, 0 };
    /* Both would replace what the kernel has, if they were good. */
    struct ev_init_control control = { ~0ULL, 0x1000, 0, 0 };

    EXPECT(evtchn_op(ev_reset, &dom0), -EPERM);
    EXPECT(evtchn_op(ev_status, &status), -EPERM);
    EXPECT(evtchn_op(ev_alloc_unbound, &foreign), -EPERM);
    EXPECT(evtchn_op(ev_bind_interdomain, &inter), -EINVAL);
    EXPECT(evtchn_op(ev_send, &bad), -EINVAL);
    EXPECT(evtchn_op(ev_close, &bad), -EINVAL);
    EXPECT(evtchn_op(ev_unmask, &bad), -EINVAL);
    EXPECT(evtchn_op(ev_init_control, &control), -EINVAL);
    EXPECT(evtchn_op(ev_expand_array, &gfn), -EINVAL, -EOPNOTSUPP);
    EXPECT(evtchn_op(ev_none, &bad), -ENOSYS);
    EXPECT(evtchn_op(ev_send, 8), -EFAULT);
}

/* ---------------------------------------------------------- grant tables */

static struct gt_query_size grant_size(void)
{
    struct gt_query_size size = { .dom = DOMID_SELF };

    EXPECT(grant_op(gt_query_size, &size), 0);
    EXPECT(size.status, 0);

    return size;
}

/* The whole table. What it grew by stays until the domain goes. */
static void grant_grow(void)
{
    static uint64_t frames[65536];
    unsigned int max = grant_size().max_frames, n;
    struct gt_setup_table setup = { .dom = DOMID_SELF, .list = frames };

    if ( !HOLDS(max > 0 && max < ARRAY_SIZE(frames)) )
        return;
    for ( n = grant_size().frames; n <= max; n++ )
    {
        setup.frames = n;
        EXPECT(grant_op(gt_setup_table, &setup), 0);
        EXPECT(setup.status, 0);
    }
    HOLDS(grant_size().frames == max);
    setup.frames = max + 1;
    EXPECT(grant_op(gt_setup_table, &setup), 0);
    EXPECT(setup.status, -1);
}

/* To version 2 and back, while nothing but the toolstack's entries is in use:
 * Xen keeps those, and no other is the kernel's. */
static void grant_version(void)
{
    struct gt_version version = { .dom = DOMID_SELF };
    uint32_t wanted;

    EXPECT(grant_op(gt_get_version, &version), 0);
    if ( version.version != 1 )
        return not_here("the kernel uses version 2");
    for ( wanted = 2; wanted >= 1; wanted-- )
    {
        uint32_t number = wanted;

        if ( !EXPECT(grant_op(gt_set_version, &number), 0) )
            return;
        EXPECT(grant_op(gt_get_version, &version), 0);
        HOLDS(version.version == wanted);
    }
    wanted = 3;
    EXPECT(grant_op(gt_set_version, &wanted), -EINVAL);
}

static struct lx_alloc alloc;

/* Grants to dom0 by the kernel, as many as its module allows. */
static void grant_alloc(void)
{
    struct lx_dealloc dealloc = { 0 };
    int fd = open("/dev/xen/gntalloc", O_RDWR);
    long limit = read_number("/sys/module/xen_gntalloc/parameters/limit");

    HOLDS(fd >= 0 && limit > 0);
    alloc = (struct lx_alloc){ .dom = 0, .flags = 1 };
    alloc.count = ARRAY_SIZE(alloc.refs);
    if ( limit < alloc.count )
        alloc.count = limit;
    HOLDS(ioctl(fd, LX_ALLOC, &alloc) == 0);
    done += alloc.count;
    dealloc.index = alloc.index;
    dealloc.count = alloc.count;
    alloc.count = 1;
    HOLDS(limit != dealloc.count ||
          (ioctl(fd, LX_ALLOC, &alloc) == -1 && errno == ENOSPC));
    HOLDS(ioctl(fd, LX_DEALLOC, &dealloc) == 0);
    close(fd);
}

/* Pages granted to ourselves, mapped once more. */
static void map_own(const char *own, size_t count)
{
    static struct lx_map map;
    struct lx_unmap unmap = { 0 };
    int fd = open("/dev/xen/gntdev", O_RDWR);
    char *mapped;
    size_t i;

    map.count = count;
    for ( i = 0; i < count; i++ )
        map.refs[i] = (struct lx_ref){ self, alloc.refs[i] };
    HOLDS(ioctl(fd, LX_MAP, &map) == 0);
    mapped = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                  map.index);
    if ( HOLDS(mapped != MAP_FAILED) )
    {
        for ( i = 0; i < count; i++ )
            HOLDS(!memcmp(own + i * PAGE, mapped + i * PAGE, PAGE));
        munmap(mapped, count * PAGE);
    }
    unmap.index = map.index;
    unmap.count = count;
    HOLDS(ioctl(fd, LX_UNMAP, &unmap) == 0);
    close(fd);
}

/* Pages granted to ourselves: copied by Xen, and mapped. */
static void grant_self(void)
{
    int fd = open("/dev/xen/gntalloc", O_RDWR);
    const size_t count = 512;
    char *own;
    size_t i;

    alloc = (struct lx_alloc){ .dom = self, .flags = 1, .count = count };
    if ( !HOLDS(fd >= 0 && ioctl(fd, LX_ALLOC, &alloc) == 0) )
        return;
    own = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
               alloc.index);
    if ( !HOLDS(own != MAP_FAILED) )
        return;
    for ( i = 0; i < count; i++ )
        snprintf(own + i * PAGE, PAGE, "page %zu", i);

    for ( i = 0; i + 1 < count; i += 2 )
    {
        struct gt_copy copy = {
            .source = { .u.ref = alloc.refs[i], .dom = self },
            .dest = { .u.ref = alloc.refs[i + 1], .dom = self },
            .len = PAGE,
            .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref,
        };

        EXPECT(grant_op(gt_copy, &copy), 0);
        EXPECT(copy.status, 0);
        HOLDS(!memcmp(own + i * PAGE, own + (i + 1) * PAGE, PAGE));
    }

    /* A translated guest's own pages move to where they are mapped: its kernel
     * would lose them. */
    if ( !translated )
        map_own(own, count);
    munmap(own, count * PAGE);
    close(fd);
}

static void grant_refused(void)
{
    struct gt_query_size foreign = { .dom = 0 };
    struct gt_unmap unmap = { .handle = 0x7fffffff };
    struct gt_transfer transfer = { .mfn = ~0ULL };
    struct gt_swap swap = { 0xfffffff0, 0xfffffff1, 0 };
    unsigned int i;

    for ( i = 0; i < 64; i++ )
    {
        struct gt_map map = {
            .flags = GNTMAP_host_map, .ref = 0x00ffff00 + i, .dom = 0,
        };
        struct gt_copy copy = {
            .source = { .u.ref = 0x00ffff00 + i, .dom = 0 },
            .dest = { .u.ref = 0x00ffff00 + i, .dom = 0 },
            .len = 1,
            .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref,
        };

        EXPECT(grant_op(gt_map, &map), 0);
        EXPECT(map.status, -3);
        map.dom = 0x7000;
        EXPECT(grant_op(gt_map, &map), 0);
        EXPECT(map.status, -2);
        EXPECT(grant_op(gt_copy, &copy), 0);
        EXPECT(copy.status, -3);
    }
    EXPECT(grant_op(gt_unmap, &unmap), 0);
    EXPECT(unmap.status, -4);
    EXPECT(grant_op(gt_swap, &swap), 0);
    EXPECT(swap.status, -3);
    EXPECT(grant_op(gt_query_size, &foreign), 0);
    EXPECT(foreign.status, -8);
    if ( !translated )
    {
        EXPECT(grant_op(gt_transfer, &transfer), 0);
        HOLDS(transfer.status < 0);
    }
    EXPECT(grant_op(gt_none, &swap), -ENOSYS);
}

/* ------------------------------------------------------------------ vCPUs */

static unsigned int vcpus(void)
{
    unsigned int n = 0;

    while ( n < 4096 && vcpu_op(vc_is_up, n, 0) >= 0 )
        n++;

    return n;
}

static void vcpu_query(void)
{
    unsigned int count = vcpus(), n;
    struct vc_runstate_info info;

    HOLDS(count > 0);
    for ( n = 0; n < count; n++ )
    {
        EXPECT(vcpu_op(vc_is_up, n, 0), 0, 1);
        EXPECT(vcpu_op(vc_get_runstate_info, n, &info), 0);
        HOLDS(info.state >= 0 && info.state <= 3);
    }
    EXPECT(vcpu_op(vc_is_up, 0, 0), 1);
    EXPECT(vcpu_op(vc_is_up, count, 0), -ENOENT);
    EXPECT(vcpu_op(vc_get_physid, 0, &info), -EINVAL, -EPERM, -ENOSYS);
    EXPECT(vcpu_op(vc_none, 0, 0), -ENOSYS);
}

/* Interrupts that the kernel takes for its own timer's, which it then sets
 * anew. Those that fire at once or never stop nothing. */
static void vcpu_timers(void)
{
    struct vc_singleshot past = { 1, SINGLESHOT_FUTURE };
    uint64_t period;
    unsigned int i, n;

    for ( n = 0; n < 2 && n < vcpus(); n++ )
        for ( i = 0; i < 8; i++ )
        {
            period = 2000000 + 1000000 * i;
            EXPECT(vcpu_op(vc_set_periodic_timer, n, &period), 0);
            sleep_ms(5);
            EXPECT(vcpu_op(vc_stop_periodic_timer, n, 0), 0);
        }
    period = 1;
    EXPECT(vcpu_op(vc_set_periodic_timer, 0, &period), -EINVAL);
    for ( i = 0; i < 64; i++ )
    {
        EXPECT(hypercall(hc_set_timer_op, xen_time() + 1000000, 0, 0, 0), 0);
        /* A call for another vCPU than that which makes it is wrong. */
        EXPECT(vcpu_op(vc_set_singleshot_timer, 0, &past), 0, -ETIME, -EINVAL);
    }
}

#define CPU1 "/sys/devices/system/cpu/cpu1/online"

/* The kernel does not wait for the last that a PVH guest's CPU does: to halt
 * without interrupts, which is how Xen knows. */
static bool goes_down(unsigned int vcpu)
{
    unsigned int i;

    for ( i = 0; i < 1000 && vcpu_op(vc_is_up, vcpu, 0) == 1; i++ )
        sleep_ms(10);

    return vcpu_op(vc_is_up, vcpu, 0) == 0;
}

/* Areas of a vCPU that is off, so that Xen does not write to them; the kernel
 * names its own again when the CPU comes back. */
static void vcpu_areas(void)
{
    const uint64_t none = 0, bad = 0x0000900000000000;
    struct vc_vcpu_info info = { .mfn = ~0ULL };
    unsigned int i;

    if ( access(CPU1, W_OK) )
        return not_here("there is one CPU");
    for ( i = 0; i < 3; i++ )
    {
        HOLDS(write_file(CPU1, "0"));
        HOLDS(goes_down(1));
        /* Of a PVH guest's addresses nothing is known before they are used. */
        EXPECT(vcpu_op(vc_register_runstate_area, 1, &bad), 0, -EFAULT);
        EXPECT(vcpu_op(vc_register_time_area, 1, &bad), 0, -EFAULT);
        EXPECT(vcpu_op(vc_register_runstate_area, 1, &none), 0);
        EXPECT(vcpu_op(vc_register_time_area, 1, &none), 0);
        EXPECT(vcpu_op(vc_register_vcpu_info, 1, &info), -EINVAL);
        HOLDS(write_file(CPU1, "1"));
        EXPECT(vcpu_op(vc_is_up, 1, 0), 1);
    }
}

/* A vCPU that the kernel never started, with registers that cannot be. */
static void vcpu_initialise(void)
{
    static unsigned char context[8192];
    unsigned int last = vcpus() - 1, i;

    if ( vcpu_op(vc_is_up, last, 0) != 0 )
        return not_here("every CPU runs");
    memset(context, 0xff, sizeof(context));
    for ( i = 0; i < 8; i++ )
    {
        EXPECT(vcpu_op(vc_initialise, last, context), -EINVAL);
        EXPECT(vcpu_op(vc_up, last, 0), -EINVAL);
    }
}

/* ----------------------------------------------------------------- memory */

#define COUNT 512
/* Guest frames that no kernel of ours uses: from 64 GB on. */
#define SPARE_GFN (1ULL << 24)

static uint64_t extents[COUNT], others[COUNT];

static struct mm_reservation reservation(uint64_t *list, unsigned int count,
                                         unsigned int order)
{
    return (struct mm_reservation){ list, count, order, 0, DOMID_SELF };
}

static long reserve(unsigned int op, uint64_t *list, unsigned int count,
                    unsigned int order)
{
    struct mm_reservation arg = reservation(list, count, order);

    return memory_op(op, &arg);
}

static long pages(void)
{
    uint16_t dom = DOMID_SELF;

    return memory_op(mm_current_reservation, &dom);
}

static void memory_query(void)
{
    uint16_t dom = DOMID_SELF, dom0 = 0;

    EXPECT(pages(), FINE);
    EXPECT(memory_op(mm_maximum_reservation, &dom), FINE);
    EXPECT(memory_op(mm_maximum_gpfn, &dom), FINE);
    EXPECT(memory_op(mm_maximum_ram_page, 0), FINE);
    EXPECT(memory_op(mm_current_reservation, &dom0), -EPERM);
}

/* The map of its memory, given to Xen as it is, again and again. */
static void memory_map(void)
{
    static unsigned char entries[20 * 128];
    struct mm_map map = { 128, entries };
    struct mm_set_map set = { .dom = DOMID_SELF };
    unsigned int i;

    if ( memory_op(mm_memory_map, &map) == -ENOSYS )
        return not_here("the domain has no memory map");
    HOLDS(map.count > 0 && map.count < 128);
    set.map = map;
    for ( i = 0; i < 16; i++ )
        EXPECT(memory_op(mm_set_memory_map, &set), 0);
}

#define BALLOON "/sys/devices/system/xen_memory/xen_memory0/"

static bool balloon(long kb)
{
    char text[32];
    unsigned int i;

    snprintf(text, sizeof(text), "%ld", kb);
    if ( !write_file(BALLOON "target_kb", text) )
        return false;
    for ( i = 0; i < 600; i++ )
    {
        if ( read_number(BALLOON "info/current_kb") == kb )
            return true;
        sleep_ms(100);
    }

    return false;
}

/* Memory that the kernel gives back and takes again, and between the two the
 * same by our own hand, in the room that is left. */
static void memory_reservation(void)
{
    long before, target = read_number(BALLOON "info/current_kb");
    unsigned int i, round;

    HOLDS(target > 0 && balloon(target - 16 * 1024));
    before = pages();
    for ( round = 0; round < 4; round++ )
    {
        for ( i = 0; i < COUNT; i++ )
            extents[i] = SPARE_GFN + (translated ? 256ULL * i : i);
        EXPECT(reserve(mm_populate_physmap, extents, COUNT, 0), COUNT);
        EXPECT(pages(), before + COUNT);
        EXPECT(reserve(mm_decrease_reservation, extents, COUNT, 0), COUNT);
        extents[0] = SPARE_GFN;
        EXPECT(reserve(mm_populate_physmap, extents, 1, 9), 1);
        EXPECT(reserve(mm_decrease_reservation, extents, 1, 9), 1);
        if ( translated )
            continue;
        EXPECT(reserve(mm_increase_reservation, extents, COUNT, 0), COUNT);
        EXPECT(reserve(mm_decrease_reservation, extents, COUNT, 0), COUNT);
    }
    EXPECT(pages(), before);
    /* A guest's are at most 2 MB. */
    EXPECT(reserve(mm_populate_physmap, extents, 1, 18), 0);
    HOLDS(balloon(target));
}

/* Single frames for contiguous ones, and back. */
static void memory_exchange(void)
{
    struct mm_exchange exchange;
    long target = read_number(BALLOON "info/current_kb");
    unsigned int i, round;

    if ( translated )
        return not_here("a translated guest has no frames to exchange");
    HOLDS(target > 0 && balloon(target - 4 * 1024));
    for ( i = 0; i < COUNT; i++ )
        extents[i] = SPARE_GFN + i;
    if ( !EXPECT(reserve(mm_populate_physmap, extents, COUNT, 0), COUNT) )
        return;
    for ( round = 0; round < 4; round++ )
    {
        others[0] = SPARE_GFN;
        exchange.in = reservation(extents, COUNT, 0);
        exchange.out = reservation(others, 1, 9);
        exchange.exchanged = 0;
        EXPECT(memory_op(mm_exchange, &exchange), 0);
        EXPECT(exchange.exchanged, COUNT);

        for ( i = 0; i < COUNT; i++ )
            extents[i] = SPARE_GFN + i;
        exchange.in = reservation(others, 1, 9);
        exchange.out = reservation(extents, COUNT, 0);
        exchange.exchanged = 0;
        EXPECT(memory_op(mm_exchange, &exchange), 0);
        EXPECT(exchange.exchanged, 1);

        /* No memory has such low addresses. */
        exchange.in = reservation(extents, 1, 0);
        exchange.out = reservation(others, 1, 0);
        exchange.out.flags = 13;
        exchange.exchanged = 0;
        EXPECT(memory_op(mm_exchange, &exchange), -ENOMEM);
    }
    exchange.out = reservation(others, COUNT, 1);
    EXPECT(memory_op(mm_exchange, &exchange), -EINVAL);
    EXPECT(reserve(mm_decrease_reservation, extents, COUNT, 0), COUNT);
    HOLDS(balloon(target));
}

/* Pages put at other places of the guest's address space. */
static void memory_physmap(void)
{
    struct mm_add add = { .dom = DOMID_SELF, .space = SPACE_none };
    struct mm_remove remove = { .dom = DOMID_SELF };
    unsigned int max, used, i;
    long target = read_number(BALLOON "info/current_kb");

    if ( !translated )
        return not_here("a PV guest has no such address space");
    EXPECT(memory_op(mm_add_to_physmap, &add), -ENOSYS, -EINVAL, -EOPNOTSUPP);

    /* Frames of the grant table that the kernel does not use yet. */
    max = grant_size().max_frames;
    used = max / 2;
    add.space = SPACE_grant_table;
    for ( i = used; i < max; i++ )
    {
        add.index = i;
        add.gfn = SPARE_GFN + i;
        EXPECT(memory_op(mm_add_to_physmap, &add), 0);
    }
    for ( i = used; i < max; i++ )
    {
        remove.gfn = SPARE_GFN + i;
        EXPECT(memory_op(mm_remove_from_physmap, &remove), 0);
    }
    add.index = max;
    EXPECT(memory_op(mm_add_to_physmap, &add), -EINVAL, -ENOSPC);

    /* A page of ours moves on, and from the last place back to Xen. */
    HOLDS(target > 0 && balloon(target - 1024));
    extents[0] = SPARE_GFN;
    EXPECT(reserve(mm_populate_physmap, extents, 1, 0), 1);
    add.space = SPACE_gmfn;
    for ( i = 0; i < 64; i++ )
    {
        add.index = SPARE_GFN + i;
        add.gfn = SPARE_GFN + i + 1;
        EXPECT(memory_op(mm_add_to_physmap, &add), 0);
    }
    extents[0] = SPARE_GFN + i;
    EXPECT(reserve(mm_decrease_reservation, extents, 1, 0), 1);
    HOLDS(balloon(target));
}

static void memory_refused(void)
{
    static unsigned char zero[PAGE];
    struct mm_reservation foreign = { extents, 1, 0, 0, 0 };
    struct mm_reservation claim = { NULL, 1, 0, 0, DOMID_SELF };

    EXPECT(memory_op(mm_increase_reservation, &foreign), -EPERM, 0);
    HOLDS(memory_op(mm_claim_pages, &claim) < 0);
    HOLDS(memory_op(mm_machine_memory_map, zero) < 0);
    HOLDS(memory_op(mm_get_vnumainfo, zero) < 0);
    HOLDS(memory_op(mm_acquire_resource, zero) < 0);
    HOLDS(memory_op(mm_access_op, zero) < 0);
    HOLDS(memory_op(mm_sharing_op, zero) < 0);
    HOLDS(memory_op(mm_paging_op, zero) < 0);
    EXPECT(memory_op(mm_none, zero), -ENOSYS);
    /* What cannot be read asks for nothing: none was done. */
    EXPECT(memory_op(mm_populate_physmap, 8), 0);
}

/* Page tables: a PV guest may name any, and Xen must see that none is good. */
static void mmu_refused(void)
{
    struct mmu_update update = { 0 };
    uint64_t ext[4] = { 0 };
    unsigned int i;

    if ( translated )
    {
        EXPECT(hypercall(hc_mmu_update, ptr(&update), 1, 0, DOMID_SELF),
               -ENOSYS);
        return not_here("a translated guest's page tables are its own");
    }
    for ( i = 0; i < 64; i++ )
    {
        update.ptr = (0x000000ffffff0000ULL + i) * PAGE;
        update.val = ~0ULL >> i;
        HOLDS(hypercall(hc_mmu_update, ptr(&update), 1, 0, DOMID_SELF) < 0);
        /* Kinds that pin, unpin and change no table in use. */
        ext[0] = i & 3;
        ext[1] = 0x0000000fffff0000ULL + i;
        HOLDS(hypercall(hc_mmuext_op, ptr(ext), 1, 0, DOMID_SELF) < 0);
    }
    ext[0] = 999;
    HOLDS(hypercall(hc_mmuext_op, ptr(ext), 1, 0, DOMID_SELF) < 0);
    /* An address of Xen's own. */
    HOLDS(hypercall(hc_update_va_mapping, 0xffff820000000000, 0, 0, 0) < 0);
}

/* The frame of a page, as the kernel numbers them. */
static uint64_t frame_of(const void *page)
{
    uint64_t entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY);

    HOLDS(pread(fd, &entry, sizeof(entry), ptr(page) / PAGE * sizeof(entry)) ==
          sizeof(entry));
    close(fd);

    return entry & ((1ULL << 55) - 1);
}

/*
 * A page granted to ourselves and mapped where it is, for reading: Xen emulates
 * what writes to it, and throws away what is written. With the mapping goes the
 * page, of which the domain keeps the memory, so this is one of the last steps.
 */
static void last_readonly(void)
{
    struct gt_map map = { .flags = GNTMAP_host_map | GNTMAP_readonly };
    struct gt_unmap unmap = { 0 };
    int fd = open("/dev/xen/gntalloc", O_RDWR);
    static char from[PAGE];
    unsigned int i;
    char *own;

    if ( !translated )
        return not_here("a PV guest's own page tables say what it may write");
    alloc = (struct lx_alloc){ .dom = self, .flags = 1, .count = 1 };
    if ( !HOLDS(fd >= 0 && ioctl(fd, LX_ALLOC, &alloc) == 0) )
        return;
    own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, alloc.index);
    if ( !HOLDS(own != MAP_FAILED) )
        return;
    memset(own, 'a', PAGE);
    extents[0] = frame_of(own);
    map.host_addr = unmap.host_addr = extents[0] * PAGE;
    map.ref = alloc.refs[0];
    map.dom = self;
    EXPECT(grant_op(gt_map, &map), 0);
    if ( !EXPECT(map.status, 0) )
        return;
    for ( i = 1; i <= 16; i++ )
    {
        void *to = own;
        const void *source = from;
        size_t count = i * 16;

        asm volatile ( "rep movsb" : "+D" (to), "+S" (source), "+c" (count)
                       :: "memory" );
        HOLDS(to == own + i * 16 && own[0] == 'a');
        to = own;
        count = i * 16;
        asm volatile ( "rep stosb" : "+D" (to), "+c" (count) : "a" ('b')
                       : "memory" );
        HOLDS(to == own + i * 16 && own[0] == 'a');
    }
    unmap.handle = map.handle;
    EXPECT(grant_op(gt_unmap, &unmap), 0);
    EXPECT(unmap.status, 0);
    EXPECT(reserve(mm_populate_physmap, extents, 1, 0), 1);
    munmap(own, PAGE);
    close(fd);
}

/*
 * An entry of a page table that is not present and names low memory: what Xen
 * takes for an attempt to see foreign memory in a cache. Where it looks for
 * that (pv-l1tf=domu) it answers with shadow page tables for the rest of the
 * domain's life, so this step is the last one.
 */
static void last_shadowed(void)
{
    char *pages;

    if ( translated )
        return not_here("a translated guest's page tables are its own");
    pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if ( !HOLDS(pages != MAP_FAILED) )
        return;
    /* Of the hole the kernel knows nothing; its table is there for the rest. */
    HOLDS(munmap(pages + PAGE, PAGE) == 0);
    EXPECT(hypercall(hc_update_va_mapping, ptr(pages + PAGE), 16 * PAGE, 0, 0),
           0);
    sleep_ms(100);
    EXPECT(hypercall(hc_update_va_mapping, ptr(pages + PAGE), 0, 0, 0), 0);
    HOLDS(munmap(pages, PAGE) == 0 && munmap(pages + 2 * PAGE, PAGE) == 0);
}

/* ------------------------------------------------------- scheduling, rest */

static void sched(void)
{
    uint32_t port = alloc_port(0), bad = 0xffffffff;
    struct sc_poll poll = { &port, 1, 0 };
    struct sc_watchdog watchdog = { 0, 600 };
    struct sc_remote_shutdown shutdown = { 0, 0 };
    int32_t cpu = 0;
    unsigned int i;

    for ( i = 0; i < 256; i++ )
        EXPECT(sched_op(sc_yield, 0), 0);
    for ( i = 0; i < 16; i++ )
    {
        poll.timeout = xen_time() + 1000000;
        EXPECT(sched_op(sc_poll, &poll), 0);
    }
    /* With an event that waits already, Xen does not look at the ports. */
    poll.ports = &bad;
    EXPECT(sched_op(sc_poll, &poll), -EINVAL, 0);
    poll.count = 129;
    EXPECT(sched_op(sc_poll, &poll), -EINVAL);
    close_port(port);

    EXPECT(sched_op(sc_watchdog, &watchdog), 1, 2);
    watchdog.id = 1;
    EXPECT(sched_op(sc_watchdog, &watchdog), 0);
    watchdog.timeout = 0;
    EXPECT(sched_op(sc_watchdog, &watchdog), 0);
    watchdog.id = 99;
    EXPECT(sched_op(sc_watchdog, &watchdog), -EINVAL);
    EXPECT(sched_op(sc_remote_shutdown, &shutdown), -EPERM);
    EXPECT(sched_op(sc_pin_override, &cpu), -EPERM);
    EXPECT(sched_op(sc_none, 0), -ENOSYS);
}

static void version(void)
{
    static char text[PAGE];
    struct ve_features features = { 0 };
    unsigned int i, round;

    for ( round = 0; round < 16; round++ )
        for ( i = 0; i < 10; i++ )
            if ( i == ve_features )
                EXPECT(xen_version(i, &features), 0);
            else
                EXPECT(xen_version(i, text),
                       i == ve_pagesize ? -EINVAL : FINE);
    EXPECT(xen_version(ve_pagesize, 0), PAGE);
    memset(text, 0, sizeof(text));
    EXPECT(xen_version(ve_build_id, text), FINE, -EPERM, -ENODATA, -EINVAL,
           -ENOBUFS);
    EXPECT(xen_version(99, text), -ENOSYS);
}

static void multicall(void)
{
    static struct multicall_entry calls[128];
    static struct ev_alloc_unbound allocs[ARRAY_SIZE(calls)];
    size_t i, round;

    for ( round = 0; round < 4; round++ )
    {
        for ( i = 0; i < ARRAY_SIZE(calls); i++ )
        {
            allocs[i] = (struct ev_alloc_unbound){ DOMID_SELF, 0, 0 };
            calls[i] = i % 8
                ? (struct multicall_entry){
                      hc_event_channel_op, 0,
                      { ev_alloc_unbound, ptr(&allocs[i]) } }
                : (struct multicall_entry){ hc_none, 0, { 0 } };
        }
        EXPECT(hypercall(hc_multicall, ptr(calls), ARRAY_SIZE(calls), 0, 0), 0);
        for ( i = 0; i < ARRAY_SIZE(calls); i++ )
            if ( EXPECT(calls[i].result, i % 8 ? 0 : -ENOSYS) && i % 8 )
                close_port(allocs[i].port);
    }
    EXPECT(hypercall(hc_multicall, 8, 1, 0, 0), -EFAULT);
}

/* Interrupt numbers, each with memory of Xen's behind it, up to the limit. */
static void pirqs(void)
{
    struct pd_free_pirq get = { 0 };
    uint64_t zero[16] = { 0 };
    unsigned int n = 0;
    long got;

    if ( translated )
    {
        EXPECT(physdev_op(pd_get_free_pirq, &get), -ENOSYS);
        return not_here("a PVH guest has no interrupts of the machine's");
    }
    while ( (got = physdev_op(pd_get_free_pirq, &get)) == 0 && n < 65536 )
        n++;
    EXPECT(got, -ENOSPC);
    done += n;
    HOLDS(n > 0);
    EXPECT(physdev_op(pd_map_pirq, zero), -EINVAL, -EPERM);
    EXPECT(physdev_op(pd_unmap_pirq, zero), -EINVAL, -EPERM);
    EXPECT(physdev_op(pd_manage_pci_add, zero), -EPERM, -ENOSYS, -ENODEV);
    EXPECT(physdev_op(pd_setup_gsi, zero), -EPERM, -EINVAL);
    EXPECT(physdev_op(pd_none, zero), -ENOSYS);
}

static void hvm(void)
{
    struct hv_param param = { .dom = DOMID_SELF };
    uint64_t now[2] = { 0 };
    unsigned int i;

    if ( !translated )
    {
        EXPECT(hvm_op(hv_set_param, &param), -EINVAL);
        return not_here("a PV guest has no such parameters");
    }
    for ( i = 0; i < 64; i++ )
    {
        param.index = i;
        EXPECT(hvm_op(hv_get_param, &param), 0, -EINVAL, -EPERM, -EOPNOTSUPP);
    }
    param.index = 999;
    EXPECT(hvm_op(hv_get_param, &param), -EINVAL);
    EXPECT(hvm_op(hv_set_param, &param), -EINVAL);
    param.index = PARAM_store_pfn;
    param.value = 12345;
    EXPECT(hvm_op(hv_set_param, &param), -EPERM, -EEXIST);
    /* The guest's own to set: to what it is. */
    param.index = PARAM_store_evtchn;
    EXPECT(hvm_op(hv_get_param, &param), 0);
    EXPECT(hvm_op(hv_set_param, &param), 0);
    param.index = PARAM_nested;
    EXPECT(hvm_op(hv_set_param, &param), -EPERM, -EINVAL);
    param.dom = 0;
    EXPECT(hvm_op(hv_get_param, &param), -EPERM, -EINVAL);
    EXPECT(hvm_op(hv_get_time, now), 0);
    HOLDS(now[0] > 0);
    EXPECT(hvm_op(hv_flush_tlbs, 0), 0, -ENOSYS, -EPERM);
    EXPECT(hvm_op(99, now), -ENOSYS);
}

/* A control call with whatever version of it this Xen takes. */
static long control(unsigned int op, uint32_t cmd)
{
    static uint32_t arg[256];
    uint32_t number;
    long got = -EACCES;

    for ( number = 1; number < 64 && got == -EACCES; number++ )
    {
        memset(arg, 0, sizeof(arg));
        arg[0] = cmd;
        arg[1] = op == hc_platform_op ? 0x03000001 : number;
        got = hypercall(op, ptr(arg), 0, 0, 0);
    }

    return got;
}

/* What belongs to dom0. */
static void privileged(void)
{
    static uint64_t zero[512];
    unsigned int i;

    /* Create a domain, destroy, pause, ask for dom0. */
    for ( i = 1; i <= 5; i++ )
        EXPECT(control(hc_domctl, i), -EPERM);
    for ( i = 1; i <= 5; i++ )
        EXPECT(control(hc_sysctl, i), -EPERM);
    EXPECT(control(hc_platform_op, 17), -EPERM, -ENOSYS);
    EXPECT(hypercall(hc_hypfs_op, 0, 0, 0, 0), -EPERM, -ENOSYS, -EINVAL);
    EXPECT(hypercall(hc_kexec_op, 0, ptr(zero), 0, 0), -EPERM, -ENOSYS);
    EXPECT(hypercall(hc_dm_op, 0, 0, ptr(zero), 0), -EPERM, -EINVAL, -ENOSYS,
           -ENODATA);
    EXPECT(hypercall(hc_xsm_op, ptr(zero), 0, 0, 0), -ENOSYS, -EPERM);
    EXPECT(hypercall(hc_tmem_op, ptr(zero), 0, 0, 0), -ENOSYS);
    EXPECT(hypercall(hc_argo_op, 99, ptr(zero), 0, 0), -ENOSYS, -EOPNOTSUPP,
           -EPERM);
    EXPECT(hypercall(hc_xenpmu_op, 0, ptr(zero), 0, 0), -EOPNOTSUPP, -EINVAL,
           -EPERM, -ENOSYS);
    EXPECT(hypercall(hc_vm_assist, 0, 99, 0, 0), -EINVAL);
    EXPECT(hypercall(hc_callback_op, 99, ptr(zero), 0, 0), -ENOSYS);
    EXPECT(hypercall(hc_set_debugreg, 8, 0, 0, 0), -ENODEV, -ENOSYS);
    EXPECT(hypercall(hc_none, 0, 0, 0, 0), -ENOSYS);
}

/* A profiler's buffer, which Xen allocates and shares. */
static void xenoprof(void)
{
    struct { int32_t samples, buffers, size; uint64_t address; } arg = {
        .samples = 64,
    };
    uint64_t zero[16] = { 0 };
    long got = hypercall(hc_xenoprof_op, xp_get_buffer, ptr(&arg), 0, 0);

    if ( got == -ENOSYS )
        return not_here("this Xen has none for such a guest");
    EXPECT(got, 0, -EBUSY, -EPERM, -EINVAL);
    EXPECT(hypercall(hc_xenoprof_op, xp_init, ptr(zero), 0, 0), FINE, -EPERM,
           -ENODEV, -EINVAL);
    EXPECT(hypercall(hc_xenoprof_op, xp_start, 0, 0, 0), -EPERM);
}

/* ------------------------------------------- what is said on the console */

/* A line of the recorder's, with its check, but of no boot of this machine. */
static size_t forged(char *line, size_t size, const char *text)
{
    unsigned int crc = 0xffff, bit;
    const char *c;

    for ( c = text; *c; c++ )
    {
        crc ^= (unsigned int)(unsigned char)*c << 8;
        for ( bit = 0; bit < 8; bit++ )
            crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
        crc &= 0xffff;
    }

    return snprintf(line, size, "(XEN) %s %04x\n", text, crc);
}

/* Whatever could be taken for Xen's: lines of the recorder with a header and
 * without, cut off, of another recorder, with escapes; the last without end. */
static void imitate(void (*print)(const char *bytes, size_t count))
{
    static const char *const records[] = {
        "HA1 00000000 1 A x ffff83007c4d2010 392 s1 d0 c1 t2cb417800 u416",
        "HA1 00000000 2 F x ffff83007c4d2010 392 s1 d0 c1 t2cb417801",
        "HA1 0badc0de 0 V fmt=1 xen=4.17.5 arch=x86_64 build=00 "
            "text=ffff82d040200000-ffff82d04038abb1 modes=trace depth=32 "
            "stacks=16 rows=16 live=64 ring=64 domains=512",
        "HA1 0badc0de 1 A d 7c4d2000 4096 s1 d0 c1 t2cb417800",
    };
    static const char *const lines[] = {
        "(XEN) HA1 00000000 3 A x ffff83007c4d2010 392 s1 d0 c1\n",
        "(XEN) HA1 00000000 x\n",
        "(XEN) DEBUG: d1: xmem_pool_alloc - size 712 p=0000830000001010\n",
        "(XEN) Xen call trace:\n",
        "(XEN)    [<ffff82d040230090>] R _xmalloc+0xf0/0x32c\n",
        "(XEN) [    1.000000] DEBUG: d1: xfree - p=0000830000001010\n",
        "\033[31m(XEN) \033[0mHA1 00000000 4 F x 1 1\033]0;title\007\n",
        "\001\002\010\t\016\177\233(XEN) HA1\200\377 00000000\r\r\n",
        "half a line, and (XEN) HA1 00000000 5 A x ffff8300",
    };
    char line[512];
    size_t i;

    for ( i = 0; i < ARRAY_SIZE(records); i++ )
        print(line, forged(line, sizeof(line), records[i]));
    for ( i = 0; i < ARRAY_SIZE(lines); i++ )
        print(lines[i], strlen(lines[i]));
}

static void print_own(const char *bytes, size_t count)
{
    HOLDS(fwrite(bytes, 1, count, stdout) == count);
    fflush(stdout);
    /* Half lines come in two pieces, with time between. */
    sleep_ms(20);
}

static void console_own(void)
{
    imitate(print_own);
    print_own(" and its end\n", 13);
}

/* A Xen that was built for debugging takes it, and shows it as the guest's. */
static void print_xen(const char *bytes, size_t count)
{
    EXPECT(hypercall(hc_console_io, 0, count, ptr(bytes), 0), 0, -EPERM);
}

static void console_io(void)
{
    char byte;

    imitate(print_xen);
    EXPECT(hypercall(hc_console_io, 1, 1, ptr(&byte), 0), -EPERM);
}

#define DEBUG_PORT 0xe9

static void print_port(const char *bytes, size_t count)
{
    size_t i;

    for ( i = 0; i < count; i++ )
        outb(bytes[i], DEBUG_PORT);
    done++;
}

/* The port of which Xen shows what HVM and PVH guests write to it. */
static void console_port(void)
{
    if ( !translated )
        return not_here("Xen gives PV guests no such port");
    if ( !HOLDS(ioperm(DEBUG_PORT, 1, 1) == 0) )
        return;
    imitate(print_port);
    print_port("\n", 1);
}

/* ------------------------------------------------------------------ main */

static const struct step {
    const char *name;
    void (*run)(void);
} steps[] = {
    { "evtchn-ports", evtchn_ports },
    { "evtchn-loopback", evtchn_loopback },
    { "evtchn-bind", evtchn_bind },
    { "evtchn-refused", evtchn_refused },
    { "grant-grow", grant_grow },
    { "grant-version", grant_version },
    { "grant-alloc", grant_alloc },
    { "grant-self", grant_self },
    { "grant-refused", grant_refused },
    { "vcpu-query", vcpu_query },
    { "vcpu-initialise", vcpu_initialise },
    { "vcpu-timers", vcpu_timers },
    { "vcpu-areas", vcpu_areas },
    { "memory-query", memory_query },
    { "memory-map", memory_map },
    { "memory-reservation", memory_reservation },
    { "memory-exchange", memory_exchange },
    { "memory-physmap", memory_physmap },
    { "memory-refused", memory_refused },
    { "mmu-refused", mmu_refused },
    { "sched", sched },
    { "version", version },
    { "multicall", multicall },
    { "pirqs", pirqs },
    { "hvm", hvm },
    { "privileged", privileged },
    { "xenoprof", xenoprof },
    { "console-own", console_own },
    { "console-io", console_io },
    { "console-port", console_port },
    { "last-readonly", last_readonly },
    { "last-shadowed", last_shadowed },
};

static bool chosen(const char *name, int argc, char **argv)
{
    int i;

    for ( i = 1; i < argc; i++ )
        if ( !strncmp(name, argv[i], strlen(argv[i])) )
            return true;

    return argc == 1;
}

/* Who we are: Xen tells of a port, for whom it is. */
static void introduce(void)
{
    struct ve_features features = { 0 };
    struct ev_status status = { .dom = DOMID_SELF };

    status.port = alloc_port(DOMID_SELF);
    EXPECT(evtchn_op(ev_status, &status), 0);
    close_port(status.port);
    self = status.remote;
    EXPECT(xen_version(ve_features, &features), 0);
    translated = features.map & FEATURE_translated;
    printf("stress: domain %u, %s\n", self, translated ? "PVH" : "PV");
}

int main(int argc, char **argv)
{
    bool any_failed = false;
    size_t i;

    privcmd = open("/dev/xen/privcmd", O_RDWR);
    if ( privcmd < 0 || mlockall(MCL_CURRENT | MCL_FUTURE) )
    {
        perror("stress: /dev/xen/privcmd, or memory that stays");
        return 2;
    }
    introduce();
    for ( i = 0; i < ARRAY_SIZE(steps); i++ )
    {
        if ( !chosen(steps[i].name, argc, argv) )
            continue;
        done = 0;
        missing = NULL;
        steps[i].run();
        if ( failed )
            printf("stress: %s FAILED (%lu done)\n", steps[i].name, done);
        else if ( missing )
            printf("stress: %s not here: %s\n", steps[i].name, missing);
        else
            printf("stress: %s ok (%lu done)\n", steps[i].name, done);
        fflush(stdout);
        any_failed |= failed;
        failed = false;
    }

    return any_failed;
}
