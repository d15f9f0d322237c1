/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What Xen's xmalloc pool needs of the rest of Xen, for a program of this machine. */
#ifndef SHIM_H
#define SHIM_H
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;

#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define ZERO_BLOCK_PTR ((void *)-1L)

/* One thread. */
typedef int spinlock_t;
#define DEFINE_SPINLOCK(name) spinlock_t name
#define spin_lock_init(lock) ((void)(lock))
#define spin_lock(lock) ((void)(lock))
#define spin_unlock(lock) ((void)(lock))

#define IS_ENABLED(option) 0
#define cf_check
#define __init
#define __initdata
#define __read_mostly
#define EXPORT_SYMBOL(name)

/* Pools are never looked for. */
struct list_head {
    struct list_head *next, *prev;
};
#define LIST_HEAD(name) struct list_head name
#define LIST_HEAD_READ_MOSTLY(name) struct list_head name
#define INIT_LIST_HEAD(head) ((void)(head))
#define list_add_tail(entry, head) ((void)(entry), (void)(head))
#define list_del_init(entry) ((void)(entry))
#define list_del(entry) ((void)(entry))


#define likely(x) (x)
#define unlikely(x) (x)
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define ASSERT(x) do { if (!(x)) abort(); } while (0)
#define BUG_ON(x) do { if (x) abort(); } while (0)
#define ASSERT_ALLOC_CONTEXT() ((void)0)
#define printk(...) ((void)0)

static inline int flsl(unsigned long x) { return x ? 64 - __builtin_clzl(x) : 0; }
static inline int fls(unsigned int x) { return x ? 32 - __builtin_clz(x) : 0; }
#define ffs(x) __builtin_ffs(x)

static inline void set_bit(int bit, void *where) { ((u32 *)where)[bit / 32] |= 1u << bit % 32; }
static inline void clear_bit(int bit, void *where) { ((u32 *)where)[bit / 32] &= ~(1u << bit % 32); }

static inline size_t strlcpy(char *to, const char *from, size_t size) { strncpy(to, from, size - 1); return strlen(from); }

/* The page heap. */
struct page_info {
    unsigned int order;
};
struct page_info *virt_to_page(const void *address);
#define PFN_ORDER(page) ((page)->order)
#define PFN_UP(bytes) (((bytes) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PAGE_ALIGN(address) (((address) + PAGE_SIZE - 1) & PAGE_MASK)

static inline unsigned int get_order_from_pages(unsigned long pages)
{
    unsigned int order = 0;
    while ((1UL << order) < pages) order++;
    return order;
}
#define get_order_from_bytes(bytes) get_order_from_pages(PFN_UP(bytes))

void *alloc_xenheap_pages(unsigned int order, unsigned int flags);
void free_xenheap_pages(void *pages, unsigned int order);
#define alloc_xenheap_page() alloc_xenheap_pages(0, 0)
#define free_xenheap_page(page) free_xenheap_pages(page, 0)

#endif
