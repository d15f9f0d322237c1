/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/*
 * Not public: see shadow-hash-table.md.
 *
 * Leaves the pool of its own guest's shadow page tables without a free page, and
 * ends the guest at that moment by a hypercall. For 64-bit guests with one CPU.
 *
 * A page in a 512 GB region of its own needs three tables (levels 3 to 1), one
 * in a 2 MB region of its own one. Xen asks for three free pages at each fault
 * and, when they are not there, takes all tables of the process away: then
 * pages that were fast to read are slow. So how many regions fit between two
 * such moments can be counted, and tells what is left over, 0, 1 or 2 pages.
 *
 * Whatever is done at the end was done before: not one page may be new then.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define REGION (1UL << 39)
#define REGIONS 245
#define SENTINELS 3
#define SMALL (1UL << 21)
#define SMALLS 3
#define TIMES 7
#define TRIES 401

/* Code and data that are in use when the pool is empty are on one page each. */
#define HOT __attribute__((section(".fill"), noinline))

static struct {
    volatile char *region[REGIONS];
    uint64_t slow;       /* from how many cycles on a read must be a fault */
    struct { uint64_t op, arg[5]; } call;
    uint32_t argument;
    unsigned next;
    int privcmd;
} hot __attribute__((aligned(4096)));

HOT static uint64_t cycles(volatile char *p)
{
    uint64_t begin;

    _mm_lfence();
    begin = __rdtsc();
    _mm_lfence();
    (void)*p;
    _mm_lfence();
    return __rdtsc() - begin;
}

HOT static long hypercall(uint64_t op, uint64_t sub, uint32_t argument)
{
    long result = SYS_ioctl;

    hot.argument = argument;
    hot.call.op = op;
    hot.call.arg[0] = sub;
    hot.call.arg[1] = (uint64_t)&hot.argument;
    asm volatile ( "syscall" : "+a" (result)
                   : "D" (hot.privcmd), "S" (_IOC(_IOC_NONE, 'P', 0, sizeof(hot.call))),
                     "d" (&hot.call) : "rcx", "r11", "memory" );
    return result;
}

/* Whether the tables that were there are gone: all of these pages are slow. */
HOT static int gone(void)
{
    for ( int i = 0; i < SENTINELS; i++ )
        if ( cycles(hot.region[i]) < hot.slow )
            return 0;
    return 1;
}

HOT static void touch(void)
{
    hot.region[hot.next][0]++;
    hot.next = hot.next + 1 < REGIONS ? hot.next + 1 : SENTINELS;
}

/* What the kernel and this program need again and again gets its tables. */
HOT static void settle(void)
{
    struct timespec ms = { 0, 30000000 };

    for ( int i = 0; i < 3; i++ )
    {
        syscall(SYS_nanosleep, &ms, NULL);
        hypercall(17, 0, 0); /* xen_version */
        for ( int j = 0; j < SENTINELS; j++ )
            hot.region[j][0]++;
    }
    for ( uint64_t end = __rdtsc() + 50000000; __rdtsc() < end; )
        ;
}

/* Begins anew, with `small` single tables; then fills up to `most` regions, or
 * until the tables are gone. Returns how many there were before that. With
 * `end`, and if all fitted, does not return. */
HOT static unsigned fill(unsigned small, unsigned most, int end)
{
    unsigned n = 0;

    while ( !gone() )
        touch();
    settle();
    if ( gone() )
        settle();
    for ( unsigned i = 1; i <= small; i++ )
        hot.region[0][i * SMALL]++;
    while ( n < most )
    {
        touch();
        if ( gone() )
            return n;
        n++;
    }
    if ( end )
        hypercall(29, 2, 1); /* sched_op: shutdown, reboot */
    return n;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

int main(void)
{
    unsigned fits[SMALLS][TIMES], best = 0, most = 0;
    static uint64_t fast[TRIES], fault[TRIES];

    hot.privcmd = open("/dev/xen/privcmd", O_RDWR);
    hot.next = SENTINELS;
    for ( unsigned i = 0; i < REGIONS; i++ )
    {
        hot.region[i] = mmap((void *)((i + 10) * REGION), SMALL * (SMALLS + 1),
                             PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
                             MAP_FIXED_NOREPLACE, -1, 0);
        if ( hot.region[i] == MAP_FAILED )
        {
            perror("fill: mmap");
            return 1;
        }
        hot.region[i][0] = 1;
        for ( unsigned j = 1; i == 0 && j <= SMALLS; j++ )
            hot.region[i][j * SMALL] = 1;
    }

    /* A fault costs much more than a read. Each of so many regions is one. */
    for ( int i = 0; i < TRIES; i++ )
        fast[i] = cycles(hot.region[0]);
    for ( int i = 0; i < TRIES; i++ )
        fault[i] = cycles(hot.region[SENTINELS + i % (REGIONS - SENTINELS)]);
    qsort(fast, TRIES, sizeof(*fast), by_size);
    qsort(fault, TRIES, sizeof(*fault), by_size);
    hot.slow = (fast[TRIES / 2] + fault[TRIES / 2]) / 2;
    printf("fill: a read takes %lu cycles, with a fault %lu\n",
           fast[TRIES / 2], fault[TRIES / 2]);

    for ( unsigned small = 0; small < SMALLS; small++ )
    {
        fill(small, ~0U, 0); /* the first is often another */
        printf("fill: after %u single tables these fit:", small);
        for ( unsigned again = 0; again < TIMES; again++ )
            fits[small][again] = fill(small, ~0U, 0);
        for ( unsigned again = 0; again < TIMES; again++ )
            printf(" %u", fits[small][again]);
        putchar('\n');
    }
    /* Of each the most frequent; then the last that still has as many. */
    for ( unsigned small = 0; small < SMALLS; small++ )
    {
        unsigned usual = 0, times = 0;

        for ( unsigned i = 0; i < TIMES; i++ )
        {
            unsigned same = 0;

            for ( unsigned j = 0; j < TIMES; j++ )
                same += fits[small][i] == fits[small][j];
            if ( same > times )
                times = same, usual = fits[small][i];
        }
        if ( usual >= most )
            most = usual, best = small;
    }
    printf("fill: %u single tables and %u regions\n", best, most);
    fflush(stdout);
    for ( ;; )
        fill(best, most, 1);
}
