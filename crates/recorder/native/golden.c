/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Prints one record of each kind, for the reader's tests. The golden file is
 * this program's output: see crates/recorder/tests/native_core.rs.
 */
#include <stdlib.h>

#include <xen/heap-audit.h>

uint64_t shim_clock;

static void put_line(const char *text)
{
    puts(text);
}

static void put_frame(unsigned long pc, bool exact)
{
    printf("   [<%016lx>] %c function+0x10/0x20\n", pc, exact ? 'R' : 'F');
}

static char golden_domain;

static void measure(struct ha_machine *m)
{
    *m = (struct ha_machine){
        .free = { 1000, 990 },
        .dompages = { 500, 501 },
        .pooltotal = { 8192, 12288 },
        .poolused = { 4000, 4448 },
        .poolhdr = 16,
        .heapadd = 3,
        .owned_alloc = 7,
        .owned_freed = 6,
        .given_counted = 5,
        .taken_counted = 4,
    };
}

static void pause_printing(void)
{
}

/* CPU 1 has gone on to its next call, the others have not. */
static uint32_t epoch_of(unsigned int cpu)
{
    return cpu == 1 ? 9 : 8;
}

int main(void)
{
    struct ha_setup setup = {
        .tag = 0x00c0ffee,
        .modes = HA_TRACE | HA_WARN | HA_SUMMARY,
        .charge = { .payer = HA_OWNER, .limit = 65536 },
        .fail = { .hash = 0x9e6abd909ffe73c9ULL, .nth = 2 },
        .sizes = { .stacks = 16, .rows = 16, .live = 64, .ring = 64,
                   .accounts = 4 },
        .text_start = 0xffff82d040200000UL,
        .text_end = 0xffff82d04038abb1UL,
        .puts = put_line,
        .frame = put_frame,
        .epoch = epoch_of,
    };
    struct ha_trace call = {
        .depth = 3,
        .pc = { 0xffff82d0402413cdUL, 0xffff82d04021316fUL,
                0xffff82d0402012c7UL },
    };
    struct ha_trace interrupted = {
        .depth = 2,
        .exact = 2,
        .truncated = true,
        .pc = { 0xffff82d040230090UL, 0xffff82d040202000UL },
    };
    struct ha_trace unreadable = { .depth = 0 };
    struct ha_event e = { .passed_domain = HA_NO_DOMAIN, .trace = &call };
    struct ha_given given;
    uint16_t account;
    void *memory = calloc(1, ha_table_bytes(&setup.sizes));

    if ( !memory )
        return 1;
    ha_init(&setup, memory);
    ha_print_header("4.17.5", "x86_64", "1a491e61130a456c140e65cde2d165af",
                    "");

    /* xmalloc, and the page that the pool needed for it */
    e.kind = HA_GROWTH;
    e.layer = 1;
    e.addr = 0xffff83007fcad000UL;
    e.key = 0x7fcad000;
    e.size = 4096;
    ha_alloc(&e);
    e.kind = HA_XMALLOC;
    e.layer = 0;
    e.addr = 0xffff83007fcad010UL;
    e.size = 392;
    e.used = 416;
    ha_alloc(&e);
    ha_free_xmalloc(&e);
    /* a free of what was made before */
    e.addr = 0xffff83007fcae010UL;
    ha_free_xmalloc(&e);
    e.used = 0;

    /* Xen heap, freed in parts; the second free goes beyond it */
    e.kind = HA_XENHEAP;
    e.trace = &interrupted;
    e.current_domain = 32767;
    e.cpu = 1;
    e.addr = 0xffff83007fd00000UL;
    e.key = 0x7fd00000;
    e.size = 16384;
    ha_alloc(&e);
    e.addr += 4096;
    e.key += 4096;
    ha_free_pages(&e, 1);
    e.addr += 4096;
    e.key += 4096;
    ha_free_pages(&e, 3);

    /* without an owner, given, given back, freed; taken; failed */
    e.kind = HA_DOMHEAP;
    e.current_domain = 0;
    e.passed_domain = 7;
    e.no_owner = true;
    e.memflags = 0x12000020;
    e.addr = e.key = 0x10000000;
    e.size = 8192;
    ha_alloc(&e);
    e.no_owner = false;
    e.memflags = 0;
    ha_give(&e, 2, &given);
    ha_give_back(&e, &given);
    e.passed_domain = HA_NO_DOMAIN;
    ha_free_pages(&e, 1);
    e.passed_domain = 7;
    e.addr = e.key = 0x20000000;
    e.size = 4096;
    ha_take(&e);
    e.addr = e.key = 0x20001000;
    ha_take(&e);
    e.trace = &unreadable;
    e.passed_domain = HA_NO_DOMAIN;
    e.size = (uint64_t)1 << 32;
    ha_fail(&e);

    /* on purpose, the second time */
    e.trace = &call;
    e.size = 4096;
    if ( ha_refuse(&e, &e.account) || !ha_refuse(&e, &account) )
        return 1;
    ha_alloc(&e);
    e.account = 0;

    /* domains that are built, fail, live, and end */
    e.subject = (struct ha_subject){ ha_domain_begin(&e, 5, 0x3), 5,
                                     HA_CREATED };
    e.kind = HA_XMALLOC;
    e.cpu = 0;
    e.epoch = 8;
    e.addr = 0xffff83007fcb0010UL;
    e.size = 100;
    e.used = 128;
    ha_alloc(&e);
    ha_domain_created(1, &setup);
    /* what it may not have */
    e.kind = HA_DOMHEAP;
    e.size = 65536;
    if ( !ha_refuse(&e, &account) )
        return 1;
    e.kind = HA_XMALLOC;
    e.size = 100;
    e.subject.how = HA_DOMCTL;
    ha_free_xmalloc(&e);
    e.cpu = 1;
    ha_alloc(&e);
    e.cpu = 0;
    e.subject.how = HA_KILLED;
    ha_free_xmalloc(&e);
    ha_domain_failed(&e, ha_domain_begin(&e, 6, 0));
    ha_domain_created(ha_domain_begin(&e, 5, 0), &golden_domain);
    e.kind = HA_POOL;
    e.size = 4096;
    e.key = 0x30000000;
    ha_own(&e, &setup, 1024);
    e.key = 0x30001000;
    ha_own(&e, &golden_domain, 512);
    e.key = 0x30000000;
    ha_disown(&e, &setup);
    ha_own_fail(&e, &setup, 1024);
    e.kind = HA_EXTRA;
    e.key = 0x30001000;
    ha_own(&e, &setup, 0);
    ha_domain_end(&e, &setup);

    while ( ha_print_next(ha_snapshot(measure)) )
        ;
    ha_print_dump("key", 2, pause_printing);
    free(memory);

    return 0;
}
