/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Steps: event channels. */

#include "event_channels.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "check.h"
#include "linux.h"
#include "steps.h"
#include "xen.h"

#define MAX_PORTS 131072
static uint32_t ports[MAX_PORTS];

uint32_t alloc_port(uint16_t remote)
{
    struct ev_alloc_unbound alloc = { DOMID_SELF, remote, 0 };

    EXPECT(evtchn_op(ev_alloc_unbound, &alloc), 0);

    return alloc.port;
}

void close_port(uint32_t port)
{
    EXPECT(evtchn_op(ev_close, &port), 0);
}

/* Every port that the domain may have; one of the last also for the kernel,
 * which with FIFO must give Xen a page for each 1024 of them. */
void evtchn_ports(void)
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
void evtchn_loopback(void)
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

void evtchn_bind(void)
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

void evtchn_refused(void)
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
