/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Xen's own xmalloc, told by standard input what to do.
 *
 * Each line is `a SIZE ALIGN`, or `f N`: free what line N (from 0) allocated. Each answer is one
 * line: how many pages the page heap has given away, of how many bytes the pool consists, of how
 * many it says that they are in use, and where in its page the allocation lies.
 */
#include <stdio.h>
#include "shim.h"

#define ARENA (1UL << 16) /* pages */

static char *arena;
static struct page_info pages[ARENA];
static unsigned char taken[ARENA];
static long held;

struct page_info *virt_to_page(const void *address)
{
    return &pages[((const char *)address - arena) >> PAGE_SHIFT];
}

/* First fit: pages that were given back come again soon, and successive ones are neighbours. */
void *alloc_xenheap_pages(unsigned int order, unsigned int flags)
{
    size_t count = 1UL << order;

    for (size_t at = 0; at + count <= ARENA; at += count) {
        if (memchr(taken + at, 1, count))
            continue;
        memset(taken + at, 1, count);
        held += count;
        return arena + (at << PAGE_SHIFT);
    }
    return NULL;
}

void free_xenheap_pages(void *address, unsigned int order)
{
    size_t at = ((char *)address - arena) >> PAGE_SHIFT;

    memset(taken + at, 0, 1UL << order);
    held -= 1UL << order;
}

int main(void)
{
    static void *lines[1 << 20];
    unsigned long number, align;
    size_t line = 0;
    char what;

    arena = aligned_alloc(ARENA << PAGE_SHIFT, ARENA << PAGE_SHIFT);
    if (!arena)
        return 1;
    for (; line < sizeof(lines) / sizeof(*lines) && scanf(" %c %lu", &what, &number) == 2; line++) {
        if (what == 'a' && scanf("%lu", &align) == 1) {
            lines[line] = _xmalloc(number, align);
            if (!lines[line])
                return 2;
        } else if (what == 'f' && number < line) {
            xfree(lines[number]);
        } else {
            return 3;
        }
        printf("%ld %lu\n", held, lines[line] ? (unsigned long)lines[line] % PAGE_SIZE : 0);
    }
    return 0;
}
