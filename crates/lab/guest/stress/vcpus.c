/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Steps: vCPUs. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "linux.h"
#include "steps.h"
#include "xen.h"

static unsigned int vcpus(void)
{
    unsigned int n = 0;

    while ( n < 4096 && vcpu_op(vc_is_up, n, 0) >= 0 )
        n++;

    return n;
}

void vcpu_query(void)
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
void vcpu_timers(void)
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
void vcpu_areas(void)
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
void vcpu_initialise(void)
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
