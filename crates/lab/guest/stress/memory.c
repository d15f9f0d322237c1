/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Steps: memory. */

#include "memory.h"

#include <errno.h>
#include <stdio.h>

#include "check.h"
#include "grants.h"
#include "linux.h"
#include "steps.h"
#include "xen.h"

#define COUNT 512
/* Guest frames that no kernel of ours uses: from 64 GB on. */
#define SPARE_GFN (1ULL << 24)

static uint64_t extents[COUNT], others[COUNT];

static struct mm_reservation reservation(uint64_t *list, unsigned int count,
                                         unsigned int order)
{
    return (struct mm_reservation){ list, count, order, 0, DOMID_SELF };
}

long reserve(unsigned int op, uint64_t *list, unsigned int count,
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

void memory_query(void)
{
    uint16_t dom = DOMID_SELF, dom0 = 0;

    EXPECT(pages(), FINE);
    EXPECT(memory_op(mm_maximum_reservation, &dom), FINE);
    EXPECT(memory_op(mm_maximum_gpfn, &dom), FINE);
    EXPECT(memory_op(mm_maximum_ram_page, 0), FINE);
    EXPECT(memory_op(mm_current_reservation, &dom0), -EPERM);
}

/* The map of its memory, given to Xen as it is, again and again. */
void memory_map(void)
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
void memory_reservation(void)
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
void memory_exchange(void)
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
void memory_physmap(void)
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

void memory_refused(void)
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
