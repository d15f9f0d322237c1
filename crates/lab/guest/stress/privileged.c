/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Steps: what belongs to dom0. */

#include <errno.h>
#include <string.h>

#include "check.h"
#include "steps.h"
#include "xen.h"

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

void privileged(void)
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
void xenoprof(void)
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
