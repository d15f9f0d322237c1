/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What is used of Linux: its Xen devices, and files. */
#ifndef STRESS_LINUX_H
#define STRESS_LINUX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

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

void sleep_ms(unsigned int ms);

/* A file of sysfs's: false if not all of the text could be written. */
bool write_file(const char *path, const char *text);

/* The number that such a file begins with; -1 if it cannot be read. */
long read_number(const char *path);

#endif
