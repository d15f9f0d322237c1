/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Xen's public ABI, of which only what is used is stated here, with the public
 * header that defines it; and raw calls by it.
 */
#ifndef STRESS_XEN_H
#define STRESS_XEN_H

#include <stdbool.h>
#include <stdint.h>

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

/* ---------------------------------------------------------- calls */

/* False, with errno, if the kernel lets us make no hypercalls. */
bool open_xen(void);

/* Xen's result, or an error number below 0. What is passed by address must be
 * in memory: see mlockall() in main(). */
long hypercall(unsigned int op, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

#define ptr(x) ((uint64_t)(uintptr_t)(x))
#define evtchn_op(cmd, arg) hypercall(hc_event_channel_op, cmd, ptr(arg), 0, 0)
#define grant_op(cmd, arg) hypercall(hc_grant_table_op, cmd, ptr(arg), 1, 0)
#define memory_op(cmd, arg) hypercall(hc_memory_op, cmd, ptr(arg), 0, 0)
#define vcpu_op(cmd, vcpu, arg) hypercall(hc_vcpu_op, cmd, vcpu, ptr(arg), 0)
#define sched_op(cmd, arg) hypercall(hc_sched_op, cmd, ptr(arg), 0, 0)
#define physdev_op(cmd, arg) hypercall(hc_physdev_op, cmd, ptr(arg), 0, 0)
#define hvm_op(cmd, arg) hypercall(hc_hvm_op, cmd, ptr(arg), 0, 0)
#define xen_version(cmd, arg) hypercall(hc_xen_version, cmd, ptr(arg), 0, 0)

/* What introduce() in main.c has learnt of this domain. */
extern bool translated;    /* PVH: frames are not the machine's */
extern uint16_t self;      /* its number */

/* Now, in ns, by Xen's clock; a little less, for nobody shows it to user
 * space. */
uint64_t xen_time(void);

#endif
