/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Steps: page tables. */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "linux.h"
#include "memory.h"
#include "steps.h"
#include "xen.h"

/* Page tables: a PV guest may name any, and Xen must see that none is good. */
void mmu_refused(void)
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
void last_readonly(void)
{
    struct gt_map map = { .flags = GNTMAP_host_map | GNTMAP_readonly };
    struct gt_unmap unmap = { 0 };
    int fd = open("/dev/xen/gntalloc", O_RDWR);
    static struct lx_alloc alloc;
    static char from[PAGE];
    uint64_t gfn;
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
    gfn = frame_of(own);
    map.host_addr = unmap.host_addr = gfn * PAGE;
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
    EXPECT(reserve(mm_populate_physmap, &gfn, 1, 0), 1);
    munmap(own, PAGE);
    close(fd);
}

/*
 * An entry of a page table that is not present and names low memory: what Xen
 * takes for an attempt to see foreign memory in a cache. Where it looks for
 * that (pv-l1tf=domu) it answers with shadow page tables for the rest of the
 * domain's life, so this step is the last one.
 */
void last_shadowed(void)
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
