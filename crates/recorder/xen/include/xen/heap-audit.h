/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heap audit: records every run-time allocation that is charged to nobody.
 *
 * heap-audit.c wraps the public allocators, heap-audit-core.c keeps the books.
 * The core knows nothing of Xen but what this header and HEAP_AUDIT_SHIM give
 * it, so that it can also be compiled and tested outside of the hypervisor.
 */
#ifndef XEN_HEAP_AUDIT_H
#define XEN_HEAP_AUDIT_H

#ifdef HEAP_AUDIT_SHIM
#include HEAP_AUDIT_SHIM
#else
#include <xen/inttypes.h>
#include <xen/lib.h>
#include <xen/spinlock.h>
#include <xen/string.h>
#include <xen/time.h>
#include <xen/types.h>

#define ha_lock_irqsave(lock, flags)      spin_lock_irqsave(lock, flags)
#define ha_unlock_irqrestore(lock, flags) spin_unlock_irqrestore(lock, flags)
#define HA_NOW()                          NOW()
#endif

#define HA_DEPTH      32U       /* frames of a stack */
#define HA_LINE       1000U     /* bytes of a line; printk() takes 1024 */
#define HA_NO_DOMAIN  0xffffU   /* no domain was passed */
#define HA_RESERVED   0x7ff0U   /* from here on ids are of no real domain */
#define HA_MAX_ORDER  20U       /* the largest order of any architecture */
#define HA_PAGE_SHIFT 12U
#define HA_DOMAINS    512U      /* domains that exist at once */
#define HA_ACCOUNTS   512U      /* domains that are charged, in all */

/* Modes, as bits. */
#define HA_TRACE      1U        /* a line an event */
#define HA_WARN       2U        /* a line an event, and a trace for people */
#define HA_SUMMARY    4U        /* the table of all stacks in each dump */

enum ha_kind {
    HA_XMALLOC,
    HA_XENHEAP,
    HA_DOMHEAP,
    HA_GROWTH,
    HA_POOL,                    /* a domain's pool: counted, not traced */
    HA_EXTRA,                   /* MEMF_no_refcount: likewise */
    HA_NR_KINDS
};

enum ha_op {
    HA_ALLOC,
    HA_FAIL,
    HA_FREE,
    HA_GIVE,
    HA_GIVE_BACK,
    HA_TAKE,
    HA_CREATE,
    HA_END,
};

/* How a domain is known to be what an operation is about. */
enum ha_how {
    HA_NO_SUBJECT,
    HA_CREATED,                 /* in domain_create() */
    HA_KILLED,                  /* in its destruction */
    HA_DOMCTL,                  /* named by a domctl */
    HA_MOVED,                   /* going to another cpupool */
};

/* Why an allocation failed without being tried. */
enum ha_refusal {
    HA_TRIED,
    HA_ON_PURPOSE,              /* the one that heap-audit-fail= names */
    HA_LIMIT,                   /* who would be charged has reached it */
};

struct ha_subject {
    uint32_t generation;
    uint16_t domain;
    uint8_t how;
};

struct ha_trace {
    unsigned int depth;
    bool truncated;
    uint32_t exact;             /* bit i: pc[i] is no return address */
    unsigned long pc[HA_DEPTH]; /* innermost first */
};

/* What a wrapper knows of an operation. */
struct ha_event {
    uint64_t addr;              /* as it is printed */
    uint64_t key;               /* pages: machine address */
    uint64_t size;              /* bytes; frees of kind xmalloc: 0 */
    uint64_t used;              /* xmalloc: bytes really taken */
    const struct ha_trace *trace;
    uint32_t memflags;
    uint16_t current_domain;
    uint16_t passed_domain;
    uint16_t cpu;
    uint8_t kind;
    uint8_t layer;
    bool no_owner;
    uint16_t account;           /* as ha_refuse() said */
    uint32_t epoch;             /* 0: none */
    struct ha_subject subject;
};

/* What a domain has of its own, in pages. */
struct ha_pages {
    uint32_t pool, low;         /* its size and what was left at the worst */
    uint32_t takes, backs, failed;
    uint32_t extra;
};

/* A record that waits to be printed. */
struct ha_record {
    uint64_t seq;
    union {
        struct {
            uint64_t addr;
            uint64_t size;
            uint64_t used;
        };
        struct ha_pages pages;  /* HA_END */
    };
    uint64_t time;
    uint32_t memflags;          /* HA_CREATE: flags of the creation */
    uint32_t stack;
    uint32_t epoch;
    struct ha_subject subject;  /* HA_CREATE, HA_END: which domain */
    uint16_t current_domain;
    uint16_t passed_domain;
    uint16_t cpu;
    uint8_t op;
    uint8_t kind;
    uint8_t layer;
    bool no_owner;
    bool unknown;               /* a free without a known allocation */
    bool no_size;
    bool bracketed;             /* freed in the call that allocated */
    bool failed;                /* HA_END: was never created */
    uint8_t refusal;            /* HA_FAIL */
};

struct ha_stack {
    uint64_t hash;
    bool printed;
    uint32_t dump;              /* the last one that has a row of it */
    struct ha_trace trace;
};

struct ha_counters {
    uint64_t allocs, bytes;
    uint64_t failed;
    uint64_t taken, taken_bytes;
    uint64_t freed, freed_bytes;
    uint64_t given, given_bytes;
    uint64_t live, live_bytes, peak;
    uint64_t bracketed;
};

struct ha_row {
    struct ha_counters c;
    uint64_t min, max;
    uint32_t stack;
    uint16_t current_domain;
    uint16_t passed_domain;
    uint8_t kind;
    bool no_owner;
};

struct ha_kind_totals {
    struct ha_counters c;
    uint64_t orphans, orphan_bytes;
    uint64_t pages, pages_freed;
    uint64_t pool, pool_freed;
};

/* A live block: an xmalloc, or a naturally aligned power of two of pages. */
struct ha_block {
    uint64_t key;               /* 0: empty slot */
    uint64_t size;              /* xmalloc: as asked */
    uint32_t row;
    uint8_t order;
    uint8_t order0;             /* of the allocation it was cut from */
    uint16_t cpu;               /* where and in which call it was made */
    uint16_t account;           /* who is charged; 0: no account is kept */
    uint32_t epoch;
};

/* A domain, from the begin of its creation to the free of its structure. */
struct ha_domain {
    const void *d;              /* NULL: being created */
    uint32_t generation;
    uint16_t domain;
    uint32_t in_pool;           /* pages that are taken from its pool */
    uint32_t extra_peak;
    struct ha_pages pages;
};

/*
 * What a domain is charged for anonymous memory, whoever frees it. The first
 * account is that of nobody: what no domain can be charged for.
 */
struct ha_account {
    uint32_t generation;
    uint16_t domain;
    uint64_t allocs;
    uint64_t bytes, bytes_peak; /* xmalloc, as asked */
    uint64_t pages, pages_peak; /* of both heaps */
    uint64_t peak;              /* bytes of both together */
    uint64_t promised;          /* bytes that are being allocated */
    uint64_t refused, refused_bytes;
};

/* What ha_give() took out of the books, for ha_give_back(). */
#define HA_GIVEN 16U
struct ha_given {
    unsigned int nr;
    struct ha_block block[HA_GIVEN];
};

struct ha_pair {
    uint64_t start, now;
};

/* The hypervisor's own account, to balance the books against. */
struct ha_machine {
    struct ha_pair free, dompages, pooltotal, poolused;
    uint64_t poolhdr;
    uint64_t heapadd;
    uint64_t owned_alloc, owned_freed;
    uint64_t given_counted, taken_counted;
};

struct ha_sizes {
    unsigned int stacks;        /* distinct stacks */
    unsigned int rows;          /* rows of the profile */
    unsigned int live;          /* live blocks, a power of two */
    unsigned int ring;          /* records that wait, a power of two */
    unsigned int accounts;      /* 0: nobody is charged */
};

/* The allocation that fails: the nth of the stack with this hash. */
struct ha_target {
    uint64_t hash;
    uint64_t nth;               /* from 1; 0: none */
};

/* Who is charged. */
enum ha_payer {
    HA_CURRENT,                 /* the domain that was running */
    HA_OWNER,                   /* the domain it is for, where that is known */
};

struct ha_charging {
    enum ha_payer payer;
    uint64_t limit;             /* bytes for each domain; 0: none */
};

struct ha_setup {
    uint32_t tag;
    unsigned int modes;
    struct ha_sizes sizes;
    struct ha_target fail;
    struct ha_charging charge;  /* if there are accounts */
    unsigned long text_start, text_end;
    void (*puts)(const char *line);
    void (*frame)(unsigned long pc, bool exact);
    /* The call that a CPU is in; 0: unknown. NULL: nobody knows. */
    uint32_t (*epoch)(unsigned int cpu);
};

/* Rounds sizes to what the tables need; returns the bytes they take. */
size_t ha_table_bytes(struct ha_sizes *sizes);
/* memory: ha_table_bytes() bytes, zeroed. */
void ha_init(const struct ha_setup *setup, void *memory);
/* lacks: parts of the recorder that are left out, with commas between. */
void ha_print_header(const char *xen, const char *arch, const char *build,
                     const char *lacks);

/*
 * Asked before an anonymous allocation is tried: whether it fails instead. It
 * has then been recorded. Else account is to be in the event that tells what
 * came of it.
 */
bool ha_refuse(const struct ha_event *e, uint16_t *account);
void ha_alloc(const struct ha_event *e);
void ha_fail(const struct ha_event *e);
void ha_take(const struct ha_event *e);
void ha_free_xmalloc(const struct ha_event *e);
void ha_free_pages(const struct ha_event *e, unsigned long nr);
void ha_give(const struct ha_event *e, unsigned long nr,
             struct ha_given *given);
void ha_give_back(const struct ha_event *e, const struct ha_given *given);
/*
 * Pages of a domain's own: kind HA_POOL or HA_EXTRA, d as it was given to
 * ha_domain_created(). pool: pages that its pool has all in all.
 */
void ha_own(const struct ha_event *e, const void *d, uint32_t pool);
void ha_own_fail(const struct ha_event *e, const void *d, uint32_t pool);
void ha_disown(const struct ha_event *e, const void *d);

/* The creation of a domain begins: returns its generation. */
uint32_t ha_domain_begin(const struct ha_event *e, uint16_t domain,
                         uint32_t flags);
void ha_domain_created(uint32_t generation, const void *d);
void ha_domain_failed(const struct ha_event *e, uint32_t generation);
/* Ends a domain if d is one's structure. */
void ha_domain_end(const struct ha_event *e, const void *d);
/* Its generation, and that of the newest with an id; 0: unknown. */
uint32_t ha_generation(const void *d);
uint32_t ha_generation_of(uint16_t domain);

/* From here on nothing is recorded; until ha_unseal(), which counts it. */
void ha_seal(void);
void ha_unseal(void);

/*
 * Copies the books under the lock, calls measure() under it, and returns the
 * number of the last event. One at a time, like all that print.
 */
uint64_t ha_snapshot(void (*measure)(struct ha_machine *m));
/* Prints the oldest waiting record if its number is at most last. */
bool ha_print_next(uint64_t last);
/*
 * Prints what ha_snapshot() copied while so many operations were under way;
 * pause() is called now and then.
 */
void ha_print_dump(const char *why, unsigned int busy, void (*pause)(void));

#endif /* XEN_HEAP_AUDIT_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
