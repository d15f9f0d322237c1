/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Steps: grant tables. */

#include "grants.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "linux.h"
#include "steps.h"

struct gt_query_size grant_size(void)
{
    struct gt_query_size size = { .dom = DOMID_SELF };

    EXPECT(grant_op(gt_query_size, &size), 0);
    EXPECT(size.status, 0);

    return size;
}

/* The whole table. What it grew by stays until the domain goes. */
void grant_grow(void)
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
void grant_version(void)
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
void grant_alloc(void)
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
void grant_self(void)
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

void grant_refused(void)
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
