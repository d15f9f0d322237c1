/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * What the recorder's core takes for an allocation and its free, beside a
 * plain table of what is live. Built with -O2; see benches/core.rs.
 */
#include <stdlib.h>
#include <time.h>

#include <xen/heap-audit.h>

#define PAIRS  (1U << 18)       /* of each measurement */
#define BATCH  (1U << 10)       /* pairs between two looks at the clock */
#define LIVE   1000U            /* allocations that are live at a time */
#define SLOTS  (1U << 14)       /* of either table of them */
#define STACKS (1U << 12)       /* the most that are tried */
#define DEPTH  12U              /* about what a hypercall's stack has */
#define ROUNDS 5U               /* of which the best counts */

uint64_t shim_clock;

static struct ha_trace trace[STACKS];
static uint64_t lines, bytes, pairs_of_dump;

static void fail(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* The i-th address: none is live twice. */
static uint64_t address(uint64_t i)
{
    return 0xffff830000000010UL + (i * 2654435761U % (1U << 31) << 4);
}

/* ------------------------------------------------- the plain table */

/*
 * The least that can tell what is live: open addressing, the same lock, no
 * stack, no counters.
 */
static struct {
    uint64_t key, size;
} slot[SLOTS];
static DEFINE_SPINLOCK(lock);

static uint32_t home(uint64_t key)
{
    return key * 0x9e3779b97f4a7c15ULL >> 32 & (SLOTS - 1);
}

static void plain_alloc(uint64_t key, uint64_t size)
{
    unsigned long flags;
    uint32_t i;

    ha_lock_irqsave(&lock, flags);
    for ( i = home(key); slot[i].key; i = (i + 1) & (SLOTS - 1) )
        ;
    slot[i].key = key;
    slot[i].size = size;
    ha_unlock_irqrestore(&lock, flags);
}

static void plain_free(uint64_t key)
{
    unsigned long flags;
    uint32_t i, hole;

    ha_lock_irqsave(&lock, flags);
    for ( i = home(key); slot[i].key != key; i = (i + 1) & (SLOTS - 1) )
        if ( !slot[i].key )
            fail("the plain table has lost an address");
    /* What follows moves up if the hole is between its home and its slot. */
    for ( hole = i; slot[i = (i + 1) & (SLOTS - 1)].key; )
        if ( ((i - home(slot[i].key)) & (SLOTS - 1)) >=
             ((i - hole) & (SLOTS - 1)) )
        {
            slot[hole] = slot[i];
            hole = i;
        }
    slot[hole].key = 0;
    ha_unlock_irqrestore(&lock, flags);
}

static double measure_plain(void)
{
    double begin = now_ns();
    uint64_t i;

    for ( i = 0; i < PAIRS + LIVE; i++ )
    {
        if ( i < PAIRS )
            plain_alloc(address(i), 392);
        if ( i >= LIVE )
            plain_free(address(i - LIVE));
    }

    return (now_ns() - begin) / PAIRS;
}

/* ------------------------------------------------------ the recorder */

static void put_line(const char *text)
{
    const char *allocs = strstr(text, " K x allocs=");

    lines++;
    bytes += strlen(text);
    if ( allocs )
        pairs_of_dump = strtoul(strchr(allocs, '=') + 1, NULL, 10);
}

static void put_frame(unsigned long pc, bool exact)
{
    (void)pc;
    (void)exact;
}

static uint32_t epoch_of(unsigned int cpu)
{
    (void)cpu;

    return 1;
}

static void no_machine(struct ha_machine *m)
{
    memset(m, 0, sizeof(*m));
}

static enum ha_pause pause_printing(void)
{
    return HA_GO_ON;
}

/* With which modes and stacks; what it takes to record and to print. */
static void measure_core(unsigned int modes, unsigned int stacks,
                         double *record, double *print)
{
    struct ha_setup setup = {
        .tag = 0xc0ffee,
        .modes = modes,
        .sizes = { .stacks = STACKS, .rows = STACKS, .live = SLOTS,
                   .ring = 4 * BATCH },
        .puts = put_line,
        .frame = put_frame,
        .epoch = epoch_of,
    };
    void *memory = calloc(1, ha_table_bytes(&setup.sizes));
    struct ha_event e = {
        .kind = HA_XMALLOC,
        .passed_domain = HA_NO_DOMAIN,
    };
    double begin, end;
    uint64_t i = 0;

    if ( !memory )
        fail("no memory");
    ha_init(&setup, memory);
    lines = bytes = 0;
    *record = *print = 0;

    while ( i < PAIRS + LIVE )
    {
        uint64_t stop = i + BATCH < PAIRS + LIVE ? i + BATCH : PAIRS + LIVE;

        begin = now_ns();
        for ( ; i < stop; i++ )
        {
            /* As in Xen, where each event has a call of its own. */
            e.epoch = i + 2;
            if ( i < PAIRS )
            {
                e.trace = &trace[i % stacks];
                e.addr = address(i);
                e.size = 392;
                e.used = 416;
                ha_alloc(&e);
            }
            if ( i >= LIVE )
            {
                e.trace = &trace[(i - LIVE) % stacks];
                e.addr = address(i - LIVE);
                e.size = 0;
                ha_free_block(&e);
            }
        }
        end = now_ns();
        *record += end - begin;
        while ( ha_print_next(UINT64_MAX) )
            ;
        *print += now_ns() - end;
    }
    *record /= PAIRS;
    *print /= PAIRS;

    /* That it was done at all. */
    if ( modes & HA_TRACE && lines != 2 * PAIRS + stacks )
        fail("records are missing");
    ha_snapshot(no_machine);
    ha_print_dump("bench", 0, pause_printing);
    if ( pairs_of_dump != PAIRS )
        fail("the totals are not those of what was done");
    free(memory);
}

static void row(const char *what, unsigned int stacks, double ns, double plain)
{
    printf("%-30s %6u %10.0f %10.1f\n", what, stacks, ns, ns / plain);
}

int main(void)
{
    static const unsigned int tried[] = { 16, 256, 4096 };
    double plain = 1e9;
    unsigned int i, j;

    for ( i = 0; i < STACKS; i++ )
    {
        trace[i].depth = DEPTH;
        for ( j = 0; j < DEPTH; j++ )
            trace[i].pc[j] = 0xffff82d040200000UL + (j ? 64 * j : 16 * i);
    }
    for ( i = 0; i < ROUNDS; i++ )
    {
        double ns = measure_plain();

        plain = ns < plain ? ns : plain;
    }
    printf("%-30s %6s %10s %10s\n", "an allocation and its free", "stacks",
           "ns", "x table");
    printf("%-30s %6s %10.0f %10.1f\n", "a plain table of what is live", "",
           plain, 1.0);
    for ( i = 0; i < sizeof(tried) / sizeof(*tried); i++ )
    {
        double summary = 1e9, trace = 1e9, print = 1e9;

        for ( j = 0; j < ROUNDS; j++ )
        {
            double r, p;

            measure_core(HA_SUMMARY, tried[i], &r, &p);
            summary = r < summary ? r : summary;
            measure_core(HA_TRACE, tried[i], &r, &p);
            trace = r < trace ? r : trace;
            print = p < print ? p : print;
        }
        row("summary: recorded", tried[i], summary, plain);
        row("trace: recorded", tried[i], trace, plain);
        row("trace: written as two lines", tried[i], print, plain);
    }

    return 0;
}
