/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Tests the recorder's core; built with ASan and UBSan, and with TSan. */
#include <stdlib.h>

#include <xen/heap-audit.h>

uint64_t shim_clock;

#define CHECK(cond) \
    do { \
        if ( !(cond) ) \
        { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
            exit(1); \
        } \
    } while ( 0 )

static uint64_t rng_next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;

    return *s;
}

/* ------------------------------------------ what was printed, as numbers */

#define KINDS "xhdvpgr"
struct totals {
    unsigned long allocs, bytes, failed, taken, taken_bytes, freed,
                  freed_bytes, given, given_bytes, live, live_bytes, peak,
                  bracketed, orphans, orphan_bytes, pages, pages_freed;
};

struct bill {
    char who[16];
    unsigned long allocs, bytes, bytes_peak, pages, pages_peak, peak, refused,
                  refused_bytes;
};

/* Whether the tree's handlers of calls are not known. */
static bool no_calls;

static struct {
    unsigned long lines, events, last_seq, too_long, missing;
    unsigned long lost_records, lost_stacks, lost_rows, lost_live,
                  lost_domains;
    unsigned long stacks, rows, domains, purposes, bills, ends;
    struct bill bill[16];
    struct totals kind[HA_NR_KINDS];
    char first_stack[HA_LINE], last_event[HA_LINE], last_domain[HA_LINE],
         last_purpose[HA_LINE], last_end[HA_LINE];
} seen;

static unsigned int crc16(const char *s, size_t n)
{
    unsigned int crc = 0xffff;

    while ( n-- )
    {
        int bit;

        crc ^= (unsigned int)(unsigned char)*s++ << 8;
        for ( bit = 0; bit < 8; bit++ )
            crc = crc & 0x8000 ? (crc << 1 ^ 0x1021) & 0xffff : crc << 1;
    }

    return crc;
}

static void put_line(const char *text)
{
    size_t len = strlen(text);
    char type[3], kind;
    unsigned int tag;
    unsigned long seq;

    if ( strncmp(text, "HA1 ", 4) )
        return;
    seen.lines++;
    seen.too_long += len > HA_LINE;
    CHECK(crc16(text, len - 5) == strtoul(text + len - 4, NULL, 16));
    CHECK(sscanf(text, "HA1 %8x %lu %2s %c", &tag, &seq, type, &kind) == 4);
    CHECK(tag == 0xc0ffee);
    switch ( type[0] )
    {
        struct totals t;

    case 'I':
        /* It comes at once, before what waits. */
        seen.purposes++;
        strcpy(seen.last_purpose, strstr(text, " I ") + 3);
        break;
    case 'A': case 'X': case 'F': case 'G': case 'B': case 'T':
    case 'C': case 'E':
        CHECK(seq > seen.last_seq);
        seen.missing += seq - seen.last_seq - 1;
        seen.last_seq = seq;
        seen.events++;
        strcpy(seen.last_event, strchr(strchr(text + 4, ' ') + 1, ' ') + 1);
        break;
    case 'D':
        CHECK(seen.bills < sizeof(seen.bill) / sizeof(seen.bill[0]));
        {
            struct bill *b = &seen.bill[seen.bills++];

            CHECK(sscanf(strstr(text, " D ") + 3, "%15s allocs=%lu bytes=%lu "
                         "bytes_peak=%lu pages=%lu pages_peak=%lu peak=%lu "
                         "refused=%lu refused_bytes=%lu", b->who, &b->allocs,
                         &b->bytes, &b->bytes_peak, &b->pages, &b->pages_peak,
                         &b->peak, &b->refused, &b->refused_bytes) == 9);
        }
        break;
    case 'Z':
        if ( !strstr(text, " Z end ") )
            break;
        seen.ends++;
        strcpy(seen.last_end, strstr(text, " Z end ") + 7);
        break;
    case 'U':
        seen.domains++;
        strcpy(seen.last_domain, strstr(text, " U ") + 3);
        break;
    case 'S':
        if ( !seen.stacks++ )
            strcpy(seen.first_stack, strstr(text, " S ") + 5);
        break;
    case 'P':
        seen.rows++;
        break;
    case 'K':
        /* Who knows no calls counts nothing within them. */
        if ( no_calls )
        {
            CHECK(!strstr(text, " bracketed="));
            break;
        }
        CHECK(sscanf(strstr(text, "allocs="),
                     "allocs=%lu bytes=%lu failed=%lu taken=%lu "
                     "taken_bytes=%lu freed=%lu freed_bytes=%lu given=%lu "
                     "given_bytes=%lu live=%lu live_bytes=%lu peak=%lu",
                     &t.allocs, &t.bytes, &t.failed, &t.taken, &t.taken_bytes,
                     &t.freed, &t.freed_bytes, &t.given, &t.given_bytes,
                     &t.live, &t.live_bytes, &t.peak) == 12);
        CHECK(sscanf(strstr(text, " orphans="),
                     " orphans=%lu orphan_bytes=%lu pages=%lu pages_freed=%lu",
                     &t.orphans, &t.orphan_bytes, &t.pages,
                     &t.pages_freed) == 4);
        /* Only where it is known when calls end. */
        CHECK(!strstr(text, " bracketed=") == no_calls);
        if ( !no_calls )
            CHECK(sscanf(strstr(text, " bracketed="), " bracketed=%lu",
                         &t.bracketed) == 1);
        CHECK(t.live == t.allocs + t.taken - t.freed - t.given);
        CHECK(t.live_bytes == t.bytes + t.taken_bytes - t.freed_bytes -
                              t.given_bytes);
        CHECK(t.peak >= t.live_bytes);
        seen.kind[strchr(KINDS, kind) - KINDS] = t;
        break;
    case 'Y':
        CHECK(sscanf(strstr(text, "lost_records="),
                     "lost_records=%lu lost_stacks=%lu lost_rows=%lu "
                     "lost_live=%lu lost_domains=%lu", &seen.lost_records,
                     &seen.lost_stacks, &seen.lost_rows, &seen.lost_live,
                     &seen.lost_domains) == 5);
        break;
    }
}

static void put_frame(unsigned long pc, bool exact)
{
    (void)pc;
    (void)exact;
}

static void measure(struct ha_machine *m)
{
    memset(m, 0, sizeof(*m));
}

/* What the printer is told after so many pauses; before that, to go on. */
static enum ha_pause paused;
static unsigned int pauses;

static enum ha_pause pause_printing(void)
{
    if ( pauses )
        pauses--;

    return pauses ? HA_GO_ON : paused;
}

/* The call that each CPU is in. */
static uint32_t call[1 + 4];

static uint32_t epoch_of(unsigned int cpu)
{
    return call[cpu];
}

/* By the number of a domain that the test has. */
static bool is_hwdom(uint16_t domain)
{
    return domain == 1;
}

/* What the next begin() makes fail, and whom it charges. */
static struct ha_target target;
static struct ha_charging charging;
static unsigned int accounts;

static void *begin(unsigned int modes, unsigned int tables, unsigned int ring,
                   unsigned long text)
{
    struct ha_setup setup = {
        .tag = 0xc0ffee,
        .modes = modes,
        .sizes = { .stacks = tables, .rows = tables, .live = tables * 16,
                   .ring = ring, .accounts = accounts },
        .fail = target,
        .charge = charging,
        .text_start = text,
        .puts = put_line,
        .frame = put_frame,
        .epoch = no_calls ? NULL : epoch_of,
        .is_hwdom = is_hwdom,
    };
    void *memory = calloc(1, ha_table_bytes(&setup.sizes));

    CHECK(memory);
    memset(&seen, 0, sizeof(seen));
    ha_init(&setup, memory);

    return memory;
}

static void finish(void *memory)
{
    uint64_t seq = ha_snapshot(measure);

    while ( ha_print_next(seq) )
        ;
    ha_print_dump("shutdown", 0, pause_printing);
    free(memory);
}

/* ----------------------------------------- the books against a naive copy */

static void check_totals(const char *what, uint64_t seed, unsigned int kind,
                         const struct totals *should)
{
    const unsigned long *is = (const unsigned long *)&seen.kind[kind];
    const unsigned long *s = (const unsigned long *)should;
    unsigned int j;

    if ( !memcmp(is, s, sizeof(*should)) )
        return;
    for ( j = 0; j < sizeof(*should) / sizeof(long); j++ )
        fprintf(stderr, "%s, seed %lu, kind %u, field %u: %lu, not %lu\n",
                what, seed, kind, j, is[j], s[j]);
    exit(1);
}

#define PAGES 512U

struct naive_page {
    unsigned int alloc;         /* 0: not ours */
};

static void test_against_naive(uint64_t seed)
{
    static struct naive_page page[PAGES];
    static unsigned int left[1U << 20];
    struct totals t[HA_NR_KINDS];
    unsigned int allocs = 0, i, step, kind_of[4096];
    void *memory = begin(HA_TRACE | HA_SUMMARY, 1024, 1U << 17, 0);
    uint64_t rng = seed;

    memset(page, 0, sizeof(page));
    memset(left, 0, sizeof(left));
    memset(t, 0, sizeof(t));

    for ( step = 0; step < 4000; step++ )
    {
        struct ha_trace trace = { .depth = 1 + rng_next(&rng) % 3 };
        unsigned int order = rng_next(&rng) % 5;
        unsigned int first = (rng_next(&rng) % PAGES) & ~((1U << order) - 1);
        unsigned int nr = 1U << order, what = rng_next(&rng) % 6;
        struct ha_event e = {
            .key = (uint64_t)first << HA_PAGE_SHIFT,
            .addr = 0x8000000000UL + ((uint64_t)first << HA_PAGE_SHIFT),
            .size = (uint64_t)nr << HA_PAGE_SHIFT,
            .trace = &trace,
            .passed_domain = HA_NO_DOMAIN,
            .kind = HA_XENHEAP + rng_next(&rng) % 2,
        };
        struct ha_given given;
        bool empty = true;

        for ( i = 0; i < trace.depth; i++ )
            trace.pc[i] = 0x1000 + rng_next(&rng) % 8;
        if ( e.kind == HA_DOMHEAP )
            e.addr = e.key;
        for ( i = 0; i < nr; i++ )
            empty &= !page[first + i].alloc;

        if ( what <= 1 && empty && allocs < 4095 )
        {
            struct totals *k = &t[e.kind];
            bool take = what == 1 && !order;

            allocs++;
            kind_of[allocs] = e.kind;
            left[allocs] = nr;
            for ( i = 0; i < nr; i++ )
                page[first + i].alloc = allocs;
            k->live_bytes += e.size;
            k->live++;
            if ( k->live_bytes > k->peak )
                k->peak = k->live_bytes;
            if ( take )
            {
                k->taken++;
                k->taken_bytes += e.size;
                ha_take(&e);
            }
            else
            {
                k->allocs++;
                k->bytes += e.size;
                k->pages += nr;
                ha_alloc(&e);
            }
        }
        else if ( what >= 2 )
        {
            bool give = what >= 4, back = what == 5;
            bool one_kind = true, any = false;

            /* Ranges of any length, not only powers of two. */
            nr = 1 + rng_next(&rng) % 9;
            if ( first + nr > PAGES )
                nr = PAGES - first;
            for ( i = 0; i < nr; i++ )
                if ( page[first + i].alloc )
                {
                    one_kind &= kind_of[page[first + i].alloc] == e.kind;
                    any = true;
                }
            if ( !one_kind || (!any && give) )
                continue;

            if ( give )
            {
                ha_give(&e, nr, &given);
                if ( back )
                {
                    struct totals *k = &t[e.kind];

                    ha_give_back(&e, &given);
                    if ( k->live_bytes > k->peak )
                        k->peak = k->live_bytes;
                    continue;
                }
            }
            else
                ha_free_pages(&e, nr);

            for ( i = 0; i < nr; i++ )
            {
                unsigned int a = page[first + i].alloc;
                struct totals *k = &t[e.kind];

                page[first + i].alloc = 0;
                if ( !give )
                    k->pages_freed++;
                if ( !a )
                {
                    if ( !give )
                    {
                        k->orphans++;
                        k->orphan_bytes += 4096;
                    }
                    continue;
                }
                *(give ? &k->given_bytes : &k->freed_bytes) += 4096;
                k->live_bytes -= 4096;
                if ( !--left[a] )
                {
                    ++*(give ? &k->given : &k->freed);
                    k->live--;
                }
            }
        }
    }

    finish(memory);
    CHECK(!seen.lost_records && !seen.lost_live && !seen.lost_rows);
    CHECK(!seen.missing && !seen.too_long);
    for ( i = HA_XENHEAP; i <= HA_DOMHEAP; i++ )
        check_totals("pages", seed, i, &t[i]);
}

/*
 * xmalloc and vmalloc: each is found by its address alone, whatever of another
 * kind begins there, and counted with what it takes.
 */
static void test_blocks(uint64_t seed)
{
    struct { uint64_t size, used; } held[2][64];
    struct totals t[HA_NR_KINDS];
    void *memory = begin(HA_TRACE | HA_SUMMARY, 1024, 1U << 14, 0);
    struct ha_trace trace = { .depth = 1, .pc = { 1 } };
    uint64_t rng = seed;
    unsigned int step;

    memset(held, 0, sizeof(held));
    memset(t, 0, sizeof(t));
    for ( step = 0; step < 3000; step++ )
    {
        unsigned int slot = rng_next(&rng) % 64, is_v = rng_next(&rng) % 2;
        uint64_t size = 1 + rng_next(&rng) % 20000;
        struct ha_event e = {
            /* Every other xmalloc is whole pages. */
            .addr = ((uint64_t)(slot + 1) << 16) + (is_v || slot % 2 ? 0 : 16),
            .trace = &trace,
            .passed_domain = HA_NO_DOMAIN,
            .kind = is_v ? HA_VMALLOC : HA_XMALLOC,
        };
        bool whole = !(e.addr & 4095);
        struct totals *k = &t[e.kind];

        e.used = held[is_v][slot].used ?:
                 whole ? (size + 4095) & ~4095ULL : size + 16;
        if ( !(step % 16) )
        {
            e.size = size;
            ha_fail(&e);
            k->failed++;
        }
        else if ( held[is_v][slot].used )
        {
            ha_free_block(&e);
            k->freed++;
            k->freed_bytes += held[is_v][slot].size;
            k->live--;
            k->live_bytes -= held[is_v][slot].size;
            if ( whole )
                k->pages_freed += e.used >> 12;
            held[is_v][slot].used = 0;
        }
        else if ( !(step % 7) )
        {
            ha_free_block(&e);
            k->orphans++;
            if ( whole )
                k->pages_freed += e.used >> 12;
        }
        else
        {
            e.size = size;
            ha_alloc(&e);
            k->allocs++;
            k->bytes += size;
            k->live++;
            k->live_bytes += size;
            if ( k->live_bytes > k->peak )
                k->peak = k->live_bytes;
            if ( whole )
                k->pages += e.used >> 12;
            held[is_v][slot].size = size;
            held[is_v][slot].used = e.used;
        }
    }

    finish(memory);
    CHECK(!seen.lost_live && !seen.missing && seen.events == 3000);
    check_totals("blocks", seed, HA_XMALLOC, &t[HA_XMALLOC]);
    check_totals("blocks", seed, HA_VMALLOC, &t[HA_VMALLOC]);
}

/* One record each, with what was asked for and what it takes. */
static void test_vmalloc(void)
{
    void *memory = begin(HA_TRACE | HA_SUMMARY, 16, 64, 0);
    struct ha_trace trace = { .depth = 1, .pc = { 1 } };
    struct ha_event e = { .trace = &trace, .kind = HA_VMALLOC, .cpu = 1,
                          .addr = 0xffff82c000200000UL, .size = 1 << 20,
                          .used = 1 << 20, .passed_domain = HA_NO_DOMAIN };

    ha_alloc(&e);
    e.addr += 0x101000;
    e.size = 5000;
    e.used = 8192;
    e.epoch = call[1] = 3;
    ha_alloc(&e);
    while ( ha_print_next(~0ULL) )
        ;
    CHECK(seen.events == 2);
    CHECK(strstr(seen.last_event, "A v ffff82c000301000 5000 s1 d0 c1 "));
    CHECK(strstr(seen.last_event, " u8192 e3 "));
    ha_free_block(&e);
    while ( ha_print_next(~0ULL) )
        ;
    CHECK(strstr(seen.last_event, "F v ffff82c000301000 5000 s1 "));
    CHECK(strstr(seen.last_event, " u8192 e3 b "));
    /* Made before: nobody knows what was asked for, but what it takes. */
    ha_free_block(&e);
    while ( ha_print_next(~0ULL) )
        ;
    CHECK(strstr(seen.last_event, "F v ffff82c000301000 - s1 "));
    CHECK(strstr(seen.last_event, " u8192 q e3 "));
    finish(memory);
    CHECK(seen.rows == 1 && seen.kind[HA_VMALLOC].allocs == 2);
    CHECK(seen.kind[HA_VMALLOC].live_bytes == 1 << 20);
    CHECK(seen.kind[HA_VMALLOC].pages == 256 + 2);
    CHECK(seen.kind[HA_VMALLOC].pages_freed == 2 + 2);
    call[1] = 0;
}

/* --------------------------------------------------------------- threads */

#define THREADS 4

static volatile bool stop;

static void *worker(void *arg)
{
    uint64_t rng = 77 + (uintptr_t)arg, base = (uintptr_t)arg << 32;
    struct ha_trace trace = { .depth = 4, .pc = { (uintptr_t)arg, 2, 3, 4 } };
    struct ha_event e = {
        .trace = &trace,
        .passed_domain = HA_NO_DOMAIN,
        .cpu = (uintptr_t)arg,
        .kind = HA_XMALLOC,
        .used = 64,
    };
    unsigned int i;

    for ( i = 0; i < 20000; i++ )
    {
        e.addr = base + 16 + ((rng_next(&rng) % 64) << 16);
        e.size = 1 + i % 100;
        trace.pc[3] = i % 50;
        ha_alloc(&e);
        ha_free_block(&e);
    }

    return NULL;
}

static void *printer(void *arg)
{
    (void)arg;
    while ( !__atomic_load_n(&stop, __ATOMIC_ACQUIRE) )
        ha_print_next(~0ULL);

    return NULL;
}

static void test_threads(void)
{
    void *memory = begin(HA_TRACE | HA_WARN | HA_SUMMARY, 1024, 1024, 0);
    pthread_t thread[THREADS], print;
    uintptr_t i;

    stop = false;
    CHECK(!pthread_create(&print, NULL, printer, NULL));
    for ( i = 0; i < THREADS; i++ )
        CHECK(!pthread_create(&thread[i], NULL, worker, (void *)(i + 1)));
    for ( i = 0; i < THREADS; i++ )
        pthread_join(thread[i], NULL);
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    pthread_join(print, NULL);

    finish(memory);
    CHECK(seen.kind[0].allocs == THREADS * 20000UL);
    CHECK(seen.kind[0].freed == THREADS * 20000UL);
    CHECK(!seen.kind[0].live && !seen.kind[0].orphans);
    /* Those lost at the end leave no hole that a later number shows. */
    CHECK(seen.missing <= seen.lost_records);
    CHECK(seen.events + seen.lost_records == 2UL * THREADS * 20000);
    /* the four traces of a thread differ in the frame that cycles */
    CHECK(seen.rows == THREADS * 50);
}

/* -------------------------------------------------------------- overflow */

static void test_overflow(void)
{
    void *memory = begin(HA_TRACE | HA_SUMMARY, 16, 16, 0);
    struct ha_trace trace = { .depth = HA_DEPTH, .truncated = true };
    struct ha_event e = {
        .trace = &trace,
        .passed_domain = HA_NO_DOMAIN,
        .kind = HA_XMALLOC,
        .used = 32,
    };
    unsigned long i;

    for ( i = 0; i < HA_DEPTH; i++ )
        trace.pc[i] = ~0UL;
    for ( i = 0; i < 1000; i++ )
    {
        trace.pc[0] = i;
        e.addr = 16 + i * 32;
        e.size = 8;
        ha_alloc(&e);
    }
    for ( i = 0; i < 1000; i++ )
    {
        e.addr = 16 + i * 32;
        ha_free_block(&e);
    }

    finish(memory);
    CHECK(seen.kind[0].allocs == 1000);
    CHECK(seen.kind[0].freed + seen.kind[0].orphans == 1000);
    CHECK(seen.lost_records == 2000 - 16);
    CHECK(seen.lost_stacks && seen.lost_rows + seen.lost_live ==
          seen.kind[0].orphans);
    CHECK(!seen.too_long);
    CHECK(seen.missing + 16 + (2000 - 16 - seen.missing) == 2000);
}

/* The hash depends on the image, not on where it lies. */
static void test_hash(void)
{
    char first[HA_LINE];
    unsigned int pass;

    for ( pass = 0; pass < 2; pass++ )
    {
        unsigned long text = pass ? 0x7000000 : 0;
        void *memory = begin(HA_SUMMARY, 16, 16, text);
        struct ha_trace trace = { .depth = 2,
                                  .pc = { text + 0x1234, text + 0x5678 } };
        struct ha_event e = { .trace = &trace, .addr = 16, .size = 1,
                              .used = 32, .passed_domain = HA_NO_DOMAIN };

        ha_alloc(&e);
        finish(memory);
        *strchr(seen.first_stack, ' ') = '\0';
        if ( pass )
            CHECK(!strcmp(first, seen.first_stack));
        else
            strcpy(first, seen.first_stack);
    }
}

/* What happens between the last dump and the end of the machine. */
static void test_seal(void)
{
    void *memory = begin(HA_TRACE, 16, 64, 0);
    struct ha_trace trace = { .depth = 1, .pc = { 1 } };
    struct ha_event e = { .trace = &trace, .addr = 16, .size = 1, .used = 32,
                          .passed_domain = HA_NO_DOMAIN };

    ha_alloc(&e);
    ha_seal();
    e.addr = 48;
    ha_alloc(&e);
    ha_unseal();
    finish(memory);
    CHECK(seen.events == 1 && seen.lost_records == 1);
}

/* Freed in the call that allocated, after it, by another CPU, without one. */
static void test_calls(void)
{
    void *memory = begin(HA_TRACE | HA_SUMMARY, 16, 64, 0);
    struct ha_trace trace = { .depth = 1, .pc = { 1 } };
    struct ha_event e = { .trace = &trace, .size = 8, .used = 32, .cpu = 1,
                          .passed_domain = HA_NO_DOMAIN };
    unsigned int i;
    static const struct {
        uint32_t at_alloc, at_free;
        uint16_t free_cpu;
        bool bracketed;
    } t[] = {
        { 7, 7, 1, true },
        { 7, 8, 1, false },
        { 7, 7, 2, true },
        { 7, 8, 2, false },
        { 0, 0, 1, false },
    };

    for ( i = 0; i < sizeof(t) / sizeof(t[0]); i++ )
    {
        e.addr = 16 + i * 32;
        e.cpu = 1;
        e.epoch = call[1] = t[i].at_alloc;
        ha_alloc(&e);
        call[1] = t[i].at_free;
        e.cpu = t[i].free_cpu;
        e.epoch = 99;
        ha_free_block(&e);
        while ( ha_print_next(~0ULL) )
            ;
        /* With the blank: the check behind it can begin with a b too. */
        CHECK(!strstr(seen.last_event, " e99 b ") == !t[i].bracketed);
    }

    finish(memory);
    CHECK(seen.kind[HA_XMALLOC].freed == 5);
    CHECK(seen.kind[HA_XMALLOC].bracketed == 2);
    call[1] = 0;
}

static void test_domains(void)
{
    void *memory = begin(HA_TRACE, 16, 4096, 0);
    struct ha_trace trace = { .depth = 1, .pc = { 1 } };
    struct ha_event e = { .trace = &trace, .size = 4096,
                          .passed_domain = HA_NO_DOMAIN };
    static char structure[HA_DOMAINS + 2];
    uint32_t first, i;

    /* The same id twice, the first still there. */
    first = ha_domain_begin(&e, 5, 3);
    CHECK(first == 1 && ha_generation_of(5) == 1 && !ha_generation_of(6));
    CHECK(!ha_generation(&structure[0]) && !ha_generation(NULL));

    /*
     * What it gets while it is being created is its already, from a pool that
     * is still small: one page of two left is not as near as two of ten.
     */
    e.kind = HA_POOL;
    e.key = 0x100000;
    e.subject = (struct ha_subject){ first, 5, HA_CREATED };
    ha_own(&e, &structure[0], 2);
    ha_disown(&e, &structure[0]);
    e.subject.how = HA_NO_SUBJECT;

    ha_domain_created(first, &structure[0]);
    CHECK(ha_domain_begin(&e, 5, 0) == 2 && ha_generation_of(5) == 2);
    ha_domain_created(2, &structure[1]);
    CHECK(ha_generation(&structure[0]) == 1);
    CHECK(ha_generation(&structure[1]) == 2);

    /* A pool of ten pages, of which eight are taken at the worst. */
    e.kind = HA_POOL;
    for ( i = 0; i < 8; i++ )
    {
        e.key = (uint64_t)(i + 1) << HA_PAGE_SHIFT;
        ha_own(&e, &structure[0], 10);
    }
    ha_own_fail(&e, &structure[0], 10);
    for ( i = 0; i < 3; i++ )
    {
        e.key = (uint64_t)(i + 1) << HA_PAGE_SHIFT;
        ha_disown(&e, &structure[0]);
    }
    e.kind = HA_EXTRA;
    e.key = 0x1000;
    ha_own(&e, &structure[0], 0);
    ha_disown(&e, &structure[0]);
    /* nobody knows this one */
    ha_disown(&e, &structure[0]);

    while ( ha_print_next(ha_snapshot(measure)) )
        ;
    CHECK(seen.events == 2);
    ha_print_dump("key", 0, pause_printing);
    CHECK(seen.domains == 2 && seen.rows == 2 && seen.stacks == 1);
    CHECK(seen.kind[HA_POOL].allocs == 9 && seen.kind[HA_POOL].live == 5);
    CHECK(seen.kind[HA_POOL].failed == 1 && !seen.kind[HA_POOL].pages);
    CHECK(seen.kind[HA_EXTRA].orphans == 1 && !seen.kind[HA_EXTRA].live);
    CHECK(!strncmp(seen.last_domain, "5.2 pool=0 low=0 takes=0 ", 25));

    /* Both end; what is no domain's does not. */
    ha_domain_end(&e, &structure[0]);
    ha_domain_end(&e, &structure[2]);
    ha_domain_end(&e, NULL);
    while ( ha_print_next(~0ULL) )
        ;
    CHECK(strstr(seen.last_event, "E 5.1 d0 c0 t") == seen.last_event);
    CHECK(strstr(seen.last_event,
                 " pool=10 low=2 takes=9 backs=4 failed=1 extra=1 "));
    CHECK(ha_generation(&structure[1]) == 2);
    ha_domain_failed(&e, 2);
    ha_domain_failed(&e, 2);
    while ( ha_print_next(~0ULL) )
        ;
    CHECK(strstr(seen.last_event, "E 5.2 x d0 ") == seen.last_event);
    CHECK(seen.events == 4);

    /* One more than there is room for is counted. */
    for ( i = 0; i < HA_DOMAINS; i++ )
    {
        uint32_t generation = ha_domain_begin(&e, i, 0);

        CHECK(generation);
        ha_domain_created(generation, &structure[i]);
    }
    CHECK(!ha_domain_begin(&e, i, 0));
    ha_domain_created(0, &structure[i]);
    CHECK(!ha_generation(&structure[i]));
    ha_domain_end(&e, &structure[i]);
    seen.domains = 0;
    finish(memory);
    CHECK(seen.lost_domains == 1 && seen.domains == HA_DOMAINS);
    CHECK(!seen.lost_records && !seen.missing && !seen.too_long);
}

/* A buffer for vmtrace: one block for a domain, freed page by page. */
static void test_buffer(void)
{
    void *memory = begin(HA_TRACE, 16, 64, 0);
    struct ha_trace trace = { .depth = 1, .pc = { 1 } };
    struct ha_event e = { .trace = &trace, .kind = HA_EXTRA, .size = 8 * 4096,
                          .key = 0x8000, .passed_domain = HA_NO_DOMAIN };
    static char structure;
    uint32_t i;

    ha_domain_created(ha_domain_begin(&e, 3, 0), &structure);
    ha_own(&e, &structure, 0);
    /* Another one, which stays, begins where it ends. */
    e.key = 0x10000;
    ha_own(&e, &structure, 0);
    e.size = 4096;
    for ( i = 0; i < 8; i++ )
    {
        e.key = 0x8000 + ((i * 3) % 8) * 0x1000;
        ha_disown(&e, &structure);
        ha_snapshot(measure);
        ha_print_dump("key", 0, pause_printing);
        CHECK(seen.kind[HA_EXTRA].live_bytes == (15 - i) * 4096UL);
        CHECK(seen.kind[HA_EXTRA].live == (i < 7 ? 2 : 1));
        CHECK(seen.kind[HA_EXTRA].freed == (i < 7 ? 0 : 1));
    }
    /* Once more: nobody's. */
    ha_disown(&e, &structure);
    /* All of the other at once. */
    e.key = 0x10000;
    e.size = 8 * 4096;
    ha_disown(&e, &structure);
    finish(memory);
    CHECK(seen.kind[HA_EXTRA].orphans == 1 && !seen.kind[HA_EXTRA].live);
    CHECK(strstr(seen.last_domain, " extra=0 "));
}

/* A dump that has no time says so; one that is relieved says nothing more. */
static void test_cut(void)
{
    struct ha_trace trace = { .depth = 1 };
    struct ha_event e = { .trace = &trace, .kind = HA_XMALLOC, .size = 8,
                          .used = 32, .passed_domain = HA_NO_DOMAIN };
    void *memory = begin(HA_SUMMARY, 64, 64, 0);
    uint32_t i;

    for ( i = 1; i <= 40; i++ )
    {
        trace.pc[0] = i;
        e.addr = i * 64 + 16;
        ha_alloc(&e);
    }
    ha_snapshot(measure);
    ha_print_dump("key", 0, pause_printing);
    CHECK(seen.stacks == 40 && seen.rows == 40);
    CHECK(strstr(seen.last_end, "1 stacks=40 rows=40 ") == seen.last_end);
    CHECK(!strstr(seen.last_end, "cut"));

    paused = HA_HURRY;
    for ( i = 1; i < 6; i++ )
    {
        seen.stacks = seen.rows = 0;
        memset(seen.kind, 0, sizeof(seen.kind));
        pauses = i;
        ha_snapshot(measure);
        ha_print_dump("key", 0, pause_printing);
        CHECK(seen.stacks + seen.rows == (i < 2 ? 0 : 16 * (i - 1) - 1));
        CHECK(seen.kind[HA_XMALLOC].allocs == 40 && seen.ends == i + 1);
        CHECK(strstr(seen.last_end, " stacks=40 rows=40 cut=1 "));
    }

    paused = HA_GIVE_UP;
    for ( i = 1; i < 6; i++ )
    {
        seen.kind[HA_XMALLOC].allocs = 0;
        pauses = i;
        ha_snapshot(measure);
        ha_print_dump("key", 0, pause_printing);
        CHECK(!seen.kind[HA_XMALLOC].allocs && seen.ends == 6);
    }
    paused = HA_GO_ON;
    finish(memory);
    CHECK(seen.ends == 7);
}

/* Records of the same pages are joined only where they say the same. */
static void test_joining(void)
{
    void *memory = begin(HA_TRACE, 16, 64, 0);
    struct ha_trace trace = { .depth = 1, .pc = { 1 } };
    struct ha_event e = { .trace = &trace, .size = 4096, .kind = HA_DOMHEAP,
                          .passed_domain = HA_NO_DOMAIN, .epoch = 1 };
    unsigned int i;

    for ( i = 0; i < 8; i++ )
    {
        e.addr = e.key = 0x1000 * (i + 1);
        e.epoch = 1 + i / 4;
        e.subject.how = i / 2 == 1 ? HA_KILLED : HA_NO_SUBJECT;
        ha_take(&e);
    }
    finish(memory);
    CHECK(seen.events == 3 && seen.kind[HA_DOMHEAP].taken == 8);
}

/* ------------------------------------------------------------ on purpose */

static unsigned int refused;

static void *asker(void *arg)
{
    struct ha_trace trace = { .depth = 2, .pc = { 0x1234, 0x5678 } };
    struct ha_event e = { .trace = &trace, .size = 8, .used = 32,
                          .cpu = (uintptr_t)arg,
                          .passed_domain = HA_NO_DOMAIN };
    struct ha_promise promise;
    unsigned int i;

    for ( i = 0; i < 1000; i++ )
    {
        trace.pc[1] = 0x5678 + i % 2;
        if ( ha_refuse(&e, &promise) )
            __atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
    }

    return NULL;
}

/* The nth of one stack fails, and no other; in every mode it is said. */
static void test_purpose(unsigned int modes)
{
    struct ha_trace trace = { .depth = 2, .pc = { 0x1234, 0x5678 } };
    struct ha_event e = { .trace = &trace, .addr = 16, .size = 8, .used = 32,
                          .passed_domain = HA_NO_DOMAIN };
    pthread_t thread[THREADS];
    void *memory = begin(HA_SUMMARY, 16, 64, 0);
    struct ha_promise promise;
    uintptr_t i;

    ha_alloc(&e);
    CHECK(!ha_refuse(&e, &promise));
    finish(memory);
    target.hash = strtoull(seen.first_stack, NULL, 16);

    target.nth = 3;
    memory = begin(modes, 16, 64, 0);
    for ( i = 1; i <= 5; i++ )
    {
        trace.pc[0] = 0x9999;
        CHECK(!ha_refuse(&e, &promise));
        trace.pc[0] = 0x1234;
        CHECK(ha_refuse(&e, &promise) == (i == 3));
        CHECK(seen.purposes == (i >= 3));
    }
    finish(memory);
    CHECK(strstr(seen.last_purpose, " 3 x 8 d0 c0 "));
    CHECK(seen.kind[HA_XMALLOC].failed == 1 && !seen.kind[HA_XMALLOC].allocs);
    CHECK(seen.events == !!(modes & HA_TRACE));
    if ( seen.events )
        CHECK(strstr(seen.last_event, " zf "));

    /* After the last dump it would not be in the books. */
    memory = begin(modes, 16, 64, 0);
    ha_seal();
    for ( i = 0; i < 5; i++ )
        CHECK(!ha_refuse(&e, &promise));
    finish(memory);

    /* Wherever it is asked, it is once. */
    target.nth = THREADS * 300;
    memory = begin(modes, 16, 64, 0);
    refused = 0;
    for ( i = 0; i < THREADS; i++ )
        CHECK(!pthread_create(&thread[i], NULL, asker, (void *)i));
    for ( i = 0; i < THREADS; i++ )
        pthread_join(thread[i], NULL);
    finish(memory);
    CHECK(refused == 1 && seen.purposes == 1);
    CHECK(seen.kind[HA_XMALLOC].failed == 1);
    target.nth = 0;
}

/* --------------------------------------------------------------- charging */

#define PAYERS 5U               /* nobody, and domains 0 to 3 */
#define HELD   64U

/* Whom the documents say that an allocation is charged to; 0: to nobody. */
static unsigned int who_pays(const struct ha_event *e)
{
    bool owner = charging.payer == HA_OWNER;
    uint16_t domain = e->epoch || no_calls ? e->current_domain : 0x7fff;

    if ( owner && e->passed_domain != HA_NO_DOMAIN )
        domain = e->passed_domain;
    else if ( owner && e->subject.how == HA_KILLED )
        return 0;
    else if ( owner && e->subject.how )
        domain = e->subject.generation ? e->subject.domain : 0x7fff;
    if ( domain > 3 || (charging.no_hwdom && domain == 1) )
        return 0;

    return domain + 1;
}

/*
 * Random allocations, failures, frees of all and of parts, by and for random
 * domains, in calls and outside, against counters that are kept next to them.
 */
static void test_charging(uint64_t seed, enum ha_payer payer, uint64_t limit,
                          bool no_hwdom)
{
    static char structure[4];
    struct { uint64_t bytes; unsigned int payer; uint8_t kind; } held[HELD];
    struct bill b[PAYERS];
    struct ha_trace trace = { .depth = 1, .pc = { 1 } };
    struct ha_event e = { .passed_domain = HA_NO_DOMAIN, .trace = &trace };
    uint64_t rng = seed, refused = 0;
    unsigned int i, step, j;
    void *memory;

    charging.payer = payer;
    charging.limit = limit;
    charging.no_hwdom = no_hwdom;
    accounts = 8;
    memory = begin(HA_SUMMARY, 1024, 64, 0);
    memset(held, 0, sizeof(held));
    memset(b, 0, sizeof(b));
    for ( i = 0; i < 4; i++ )
        ha_domain_created(ha_domain_begin(&e, i, 0), &structure[i]);

    for ( step = 0; step < 8000; step++ )
    {
        unsigned int slot = rng_next(&rng) % HELD, who;
        unsigned int running = rng_next(&rng) % PAYERS;
        unsigned int about = rng_next(&rng) % PAYERS;
        struct ha_promise promise;
        uint64_t now, most;
        bool block;

        /* Of pages the first half goes alone; whoever frees. */
        e.current_domain = running ? running - 1 : 0x7fff;
        e.epoch = running && rng_next(&rng) % 4 ? 1 : 0;
        e.key = (uint64_t)(slot + 1) << 20;
        e.promise = (struct ha_promise){ .account = 0 };
        if ( held[slot].bytes )
        {
            struct bill *a = &b[held[slot].payer];
            uint64_t half = held[slot].bytes / 2;

            e.kind = held[slot].kind;
            e.addr = e.key | (e.kind == HA_XMALLOC ? 16 : 0);
            if ( e.kind == HA_XMALLOC || e.kind == HA_VMALLOC )
            {
                e.used = held[slot].bytes;
                ha_free_block(&e);
                if ( e.kind == HA_XMALLOC )
                    a->bytes -= held[slot].bytes;
                else
                    a->pages -= held[slot].bytes >> 12;
                held[slot].bytes = 0;
            }
            else if ( half >= 4096 && !(step % 3) )
            {
                e.key += half;
                ha_free_pages(&e, half >> 12);
                a->pages -= half >> 12;
                held[slot].bytes = half;
            }
            else
            {
                ha_free_pages(&e, held[slot].bytes >> 12);
                a->pages -= held[slot].bytes >> 12;
                held[slot].bytes = 0;
            }
            continue;
        }

        e.kind = rng_next(&rng) % 4;
        block = e.kind == HA_XMALLOC || e.kind == HA_VMALLOC;
        e.size = block ? 1 + rng_next(&rng) % 3000
                       : 4096ULL << rng_next(&rng) % 3;
        /* What a block takes is known after it was taken. */
        e.used = most = e.kind == HA_XMALLOC ? e.size + 64 : 8192;
        if ( !block )
            most = e.size;
        e.addr = e.key | (e.kind == HA_XMALLOC ? 16 : 0);
        e.subject.how = about ? 1 + rng_next(&rng) % 4 : HA_NO_SUBJECT;
        e.subject.domain = about - 1;
        e.subject.generation = about;
        /* No domain has this id: the domctl is refused. */
        if ( e.subject.how == HA_DOMCTL && !(rng_next(&rng) % 3) )
        {
            e.subject.domain = 3 + about;
            e.subject.generation = 0;
        }
        e.passed_domain = HA_NO_DOMAIN;
        if ( e.kind == HA_DOMHEAP && about && e.subject.generation )
            e.passed_domain = e.subject.domain;

        who = who_pays(&e);
        now = b[who].bytes + b[who].pages * 4096;
        if ( ha_refuse(&e, &promise) )
        {
            CHECK(limit && who && now + most > limit);
            b[who].refused++;
            b[who].refused_bytes += e.size;
            refused++;
            continue;
        }
        CHECK(!limit || !who || now + most <= limit);
        e.promise = promise;
        if ( !(rng_next(&rng) % 8) )
        {
            ha_fail(&e);
            continue;
        }
        if ( block )
            most = e.used = e.kind == HA_XMALLOC
                            ? e.size + 16 * (1 + rng_next(&rng) % 4) : 4096;
        ha_alloc(&e);
        held[slot].bytes = most;
        held[slot].payer = who;
        held[slot].kind = e.kind;
        b[who].allocs++;
        if ( e.kind == HA_XMALLOC )
            b[who].bytes += most;
        else
            b[who].pages += most >> 12;
        if ( b[who].bytes > b[who].bytes_peak )
            b[who].bytes_peak = b[who].bytes;
        if ( b[who].pages > b[who].pages_peak )
            b[who].pages_peak = b[who].pages;
        if ( b[who].bytes + b[who].pages * 4096 > b[who].peak )
            b[who].peak = b[who].bytes + b[who].pages * 4096;
    }

    finish(memory);
    CHECK(seen.bills == PAYERS - no_hwdom && !strcmp(seen.bill[0].who, "-"));
    CHECK(!limit || refused > 100);
    for ( i = 0; i < seen.bills; i++ )
    {
        struct bill *is = &seen.bill[i];

        j = i ? 1 + strtoul(is->who, NULL, 10) : 0;
        CHECK(j < PAYERS && !(no_hwdom && j == 2));
        strcpy(b[j].who, is->who);
        CHECK(!i || strtoul(strchr(is->who, '.') + 1, NULL, 10) == j);
        CHECK(is->allocs == b[j].allocs && is->bytes == b[j].bytes);
        CHECK(is->bytes_peak == b[j].bytes_peak && is->pages == b[j].pages);
        CHECK(is->pages_peak == b[j].pages_peak && is->peak == b[j].peak);
        CHECK(is->refused == b[j].refused);
        CHECK(is->refused_bytes == b[j].refused_bytes);
        CHECK(!limit || !i || is->peak <= limit);
    }
    accounts = 0;
    charging.no_hwdom = false;
}

/* What is given away is credited, what comes back is charged again. */
static void test_charging_of_gifts(void)
{
    struct ha_trace trace = { .depth = 1, .pc = { 1 } };
    struct ha_event e = { .trace = &trace, .kind = HA_DOMHEAP, .size = 8192,
                          .addr = 0x10000, .key = 0x10000, .epoch = 1,
                          .passed_domain = HA_NO_DOMAIN };
    struct ha_given given;
    void *memory;
    unsigned int i;

    charging.payer = HA_CURRENT;
    charging.limit = 0;
    accounts = 3;
    memory = begin(HA_SUMMARY, 16, 64, 0);
    ha_alloc(&e);
    ha_give(&e, 1, &given);
    ha_give(&e, 2, &given);
    ha_give_back(&e, &given);
    /* What was a domain's is not an allocation. */
    e.key = e.addr = 0x20000;
    ha_take(&e);
    /* Nor is that anybody's which a domain is to get. */
    e.key = e.addr = 0x80000;
    e.bound = true;
    ha_alloc(&e);
    e.bound = false;
    /* One account more than there is room for is nobody's. */
    for ( i = 1; i < 4; i++ )
    {
        e.key = e.addr = 0x20000 + i * 0x10000;
        e.current_domain = i;
        ha_alloc(&e);
    }
    finish(memory);
    CHECK(seen.bills == 3 && !strcmp(seen.bill[1].who, "0.0"));
    CHECK(seen.bill[1].allocs == 1 && seen.bill[1].pages == 1);
    CHECK(seen.bill[1].pages_peak == 2 && seen.bill[2].pages == 2);
    CHECK(seen.bill[0].pages == 4);
    accounts = 0;
}

static unsigned int have;

static void *customer(void *arg)
{
    struct ha_trace trace = { .depth = 1, .pc = { 1 } };
    struct ha_event e = { .trace = &trace, .size = 70, .used = 100,
                          .cpu = (uintptr_t)arg, .epoch = 1,
                          .passed_domain = HA_NO_DOMAIN };
    unsigned int i;

    for ( i = 0; i < 5000; i++ )
    {
        e.addr = ((uintptr_t)arg << 32) + 16 + i % 7 * 256;
        if ( ha_refuse(&e, &e.promise) )
            continue;
        CHECK(__atomic_add_fetch(&have, 1, __ATOMIC_RELAXED) <= 3);
        ha_alloc(&e);
        CHECK(__atomic_fetch_sub(&have, 1, __ATOMIC_RELAXED));
        ha_free_block(&e);
    }

    return NULL;
}

/* Several that are being allocated at once do not get past the limit. */
static void test_promises(void)
{
    pthread_t thread[THREADS];
    void *memory;
    uintptr_t i;

    charging.payer = HA_CURRENT;
    charging.limit = 300;
    accounts = 3;
    memory = begin(HA_SUMMARY, 16, 64, 0);
    for ( i = 0; i < THREADS; i++ )
        CHECK(!pthread_create(&thread[i], NULL, customer, (void *)(i + 1)));
    for ( i = 0; i < THREADS; i++ )
        pthread_join(thread[i], NULL);
    finish(memory);
    CHECK(!have && !seen.bill[1].bytes && seen.bill[1].peak <= 300);
    CHECK(seen.bill[1].allocs + seen.bill[1].refused == THREADS * 5000);
    accounts = 0;
}

int main(void)
{
    uint64_t seed;

    for ( seed = 1; seed <= 60; seed++ )
    {
        test_against_naive(seed * 0x9e3779b97f4a7c15ULL);
        test_blocks(seed * 0x9e3779b97f4a7c15ULL);
    }
    test_vmalloc();
    test_threads();
    test_overflow();
    test_hash();
    test_seal();
    test_calls();
    test_domains();
    test_buffer();
    test_cut();
    test_joining();
    test_purpose(HA_TRACE | HA_SUMMARY);
    test_purpose(HA_SUMMARY);
    for ( seed = 1; seed <= 10; seed++ )
    {
        unsigned int i;

        for ( i = 0; i < 16; i++ )
        {
            no_calls = i & 8;
            test_charging(seed, i & 1 ? HA_OWNER : HA_CURRENT,
                          i & 2 ? 30000 : 0, i & 4);
        }
        no_calls = false;
    }
    test_charging_of_gifts();
    test_promises();
    puts("core: all tests passed");

    return 0;
}
