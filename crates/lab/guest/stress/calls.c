/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Steps: scheduling, and calls that stand by themselves. */

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "check.h"
#include "event_channels.h"
#include "steps.h"
#include "xen.h"

void sched(void)
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

void version(void)
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

void multicall(void)
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
void pirqs(void)
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

void hvm(void)
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
