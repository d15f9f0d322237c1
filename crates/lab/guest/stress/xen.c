/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "xen.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "linux.h"

bool translated;
uint16_t self;

static int privcmd;

bool open_xen(void)
{
    privcmd = open("/dev/xen/privcmd", O_RDWR);

    return privcmd >= 0;
}

long hypercall(unsigned int op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    struct lx_hypercall call = { op, { a, b, c, d, 0 } };
    long result = syscall(SYS_ioctl, privcmd, LX_HYPERCALL, &call);

    return result < 0 ? -errno : result;
}

uint64_t xen_time(void)
{
    struct vc_runstate_info info = { 0 };

    EXPECT(vcpu_op(vc_get_runstate_info, 0, &info), 0);

    return info.entry;
}
