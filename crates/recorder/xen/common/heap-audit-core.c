/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heap audit, the books: tables of stacks, profile rows and live blocks, the
 * ring of records that wait to be printed, and the lines themselves.
 *
 * Everything here is bounded. What does not fit is counted, never dropped in
 * silence. One lock, taken with interrupts off, nests inside of all others;
 * nothing is printed under it.
 */
#include <xen/heap-audit.h>

/* What an address is of, in bits that are 0 in it. */
#define KEY_XMALLOC 1U
#define KEY_PAGES   2U
#define KEY_POOL    3U
#define KEY_EXTRA   4U

static const char kind_letter[HA_NR_KINDS] = { 'x', 'h', 'd', 'p', 'g', 'r' };
static const char op_letter[] = { 'A', 'X', 'F', 'G', 'B', 'T', 'C', 'E' };
static const char how_letter[] = { '-', 'c', 'k', 'x', 'm' };
static const char *const payer_name[] = { "current", "owner" };
static const char refusal_letter[] = { '-', 'f', 'l' };

static DEFINE_SPINLOCK(ha_lock);

static struct {
    struct ha_setup setup;

    uint64_t seq;
    bool sealed;
    uint64_t reached;           /* how often what is to fail was tried */

    struct ha_stack *stacks;
    uint32_t *stack_index;
    uint32_t nr_stacks, stack_mask;

    struct ha_row *rows;
    uint32_t *row_index;
    uint32_t nr_rows, row_mask;

    struct ha_block *blocks;
    uint32_t nr_blocks, block_mask;

    struct ha_record *ring;
    uint32_t head, tail, ring_mask;
    uint32_t closed;            /* records before it are not extended */

    struct ha_domain *domains;
    uint32_t nr_domains, generation;

    struct ha_account *accounts;
    uint32_t nr_accounts;

    struct ha_kind_totals kinds[HA_NR_KINDS];
    uint64_t lost_records, lost_stacks, lost_rows, lost_blocks, lost_domains;
} st;

/* What ha_snapshot() copied. */
static struct {
    uint64_t seq;
    uint64_t number;
    struct ha_row *rows;
    uint32_t nr_stacks, nr_rows;
    struct ha_domain *domains;
    uint32_t nr_domains;
    struct ha_account *accounts;
    uint32_t nr_accounts;
    struct ha_kind_totals kinds[HA_NR_KINDS];
    struct ha_machine machine;
    uint64_t lost_records, lost_stacks, lost_rows, lost_blocks, lost_domains;
} snap;

/* ------------------------------------------------------------- tables */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ULL;

    return h ^ (h >> 32);
}

static unsigned int power_of_two(unsigned int n, unsigned int low,
                                 unsigned int high)
{
    unsigned int p = low;

    while ( p < n && p < high )
        p <<= 1;

    return p;
}

static size_t align_up(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

size_t ha_table_bytes(struct ha_sizes *s)
{
    s->stacks = power_of_two(s->stacks, 16, 1U << 20);
    s->rows = power_of_two(s->rows, 16, 1U << 20);
    s->live = power_of_two(s->live, 64, 1U << 24);
    s->ring = power_of_two(s->ring, 16, 1U << 20);

    return align_up(s->stacks * sizeof(struct ha_stack)) +
           align_up(2 * s->stacks * sizeof(uint32_t)) +
           2 * align_up(s->rows * sizeof(struct ha_row)) +
           align_up(2 * s->rows * sizeof(uint32_t)) +
           align_up(s->live * sizeof(struct ha_block)) +
           2 * align_up(HA_DOMAINS * sizeof(struct ha_domain)) +
           2 * align_up(s->accounts * sizeof(struct ha_account)) +
           align_up(s->ring * sizeof(struct ha_record));
}

static void *carve(void **memory, size_t bytes)
{
    void *p = *memory;

    *memory += align_up(bytes);

    return p;
}

void ha_init(const struct ha_setup *setup, void *memory)
{
    const struct ha_sizes *s = &setup->sizes;

    memset(&st, 0, sizeof(st));
    memset(&snap, 0, sizeof(snap));
    st.setup = *setup;
    st.stacks = carve(&memory, s->stacks * sizeof(*st.stacks));
    st.stack_index = carve(&memory, 2 * s->stacks * sizeof(uint32_t));
    st.stack_mask = 2 * s->stacks - 1;
    st.rows = carve(&memory, s->rows * sizeof(*st.rows));
    snap.rows = carve(&memory, s->rows * sizeof(*st.rows));
    st.row_index = carve(&memory, 2 * s->rows * sizeof(uint32_t));
    st.row_mask = 2 * s->rows - 1;
    st.blocks = carve(&memory, s->live * sizeof(*st.blocks));
    st.block_mask = s->live - 1;
    st.domains = carve(&memory, HA_DOMAINS * sizeof(*st.domains));
    snap.domains = carve(&memory, HA_DOMAINS * sizeof(*st.domains));
    st.accounts = carve(&memory, s->accounts * sizeof(*st.accounts));
    snap.accounts = carve(&memory, s->accounts * sizeof(*st.accounts));
    st.nr_accounts = !!s->accounts;
    st.ring = carve(&memory, s->ring * sizeof(*st.ring));
    st.ring_mask = s->ring - 1;
}

static uint64_t hash_trace(const struct ha_trace *t)
{
    uint64_t h = mix(t->depth, t->exact);
    unsigned int i;

    for ( i = 0; i < t->depth; i++ )
        h = mix(h, t->pc[i] - st.setup.text_start);

    return h;
}

static bool same_trace(const struct ha_trace *a, const struct ha_trace *b)
{
    return a->depth == b->depth && a->exact == b->exact &&
           a->truncated == b->truncated &&
           !memcmp(a->pc, b->pc, a->depth * sizeof(a->pc[0]));
}

/* Number of a stack, from 1; 0 if it could not be kept. */
static uint32_t find_stack(const struct ha_trace *t)
{
    uint64_t hash;
    uint32_t slot;
    struct ha_stack *s;

    if ( !t->depth )
        return 0;

    hash = hash_trace(t);
    for ( slot = hash & st.stack_mask; st.stack_index[slot];
          slot = (slot + 1) & st.stack_mask )
    {
        s = &st.stacks[st.stack_index[slot] - 1];
        if ( s->hash == hash && same_trace(&s->trace, t) )
            return st.stack_index[slot];
    }

    if ( st.nr_stacks == st.setup.sizes.stacks )
    {
        st.lost_stacks++;
        return 0;
    }

    s = &st.stacks[st.nr_stacks++];
    s->hash = hash;
    s->trace = *t;
    st.stack_index[slot] = st.nr_stacks;

    return st.nr_stacks;
}

static struct ha_row *find_row(const struct ha_event *e, uint32_t stack)
{
    uint64_t hash = mix(mix(stack, e->kind * 2U + e->no_owner),
                        ((uint32_t)e->current_domain << 16) |
                        e->passed_domain);
    uint32_t slot;
    struct ha_row *r;

    for ( slot = hash & st.row_mask; st.row_index[slot];
          slot = (slot + 1) & st.row_mask )
    {
        r = &st.rows[st.row_index[slot] - 1];
        if ( r->stack == stack && r->kind == e->kind &&
             r->no_owner == e->no_owner &&
             r->current_domain == e->current_domain &&
             r->passed_domain == e->passed_domain )
            return r;
    }

    if ( st.nr_rows == st.setup.sizes.rows )
    {
        st.lost_rows++;
        return NULL;
    }

    r = &st.rows[st.nr_rows++];
    r->stack = stack;
    r->kind = e->kind;
    r->no_owner = e->no_owner;
    r->current_domain = e->current_domain;
    r->passed_domain = e->passed_domain;
    st.row_index[slot] = st.nr_rows;

    return r;
}

static uint32_t home(uint64_t key)
{
    return mix(0, key) & st.block_mask;
}

static struct ha_block *find_block(uint64_t key)
{
    uint32_t slot;

    for ( slot = home(key); st.blocks[slot].key;
          slot = (slot + 1) & st.block_mask )
        if ( st.blocks[slot].key == key )
            return &st.blocks[slot];

    return NULL;
}

static bool insert_block(const struct ha_block *block)
{
    uint32_t slot;

    /* An eighth stays empty: searches end at an empty slot, and soon. */
    if ( st.nr_blocks >= st.block_mask - st.block_mask / 8 )
    {
        st.lost_blocks++;
        return false;
    }

    for ( slot = home(block->key); st.blocks[slot].key;
          slot = (slot + 1) & st.block_mask )
        if ( st.blocks[slot].key == block->key )
        {
            /* Its free was missed. The old one can't be told apart now. */
            st.lost_blocks++;
            return false;
        }

    st.blocks[slot] = *block;
    st.nr_blocks++;

    return true;
}

/* Linear probing without tombstones: what follows moves up. */
static void remove_block(struct ha_block *block)
{
    uint32_t hole = block - st.blocks, slot = hole;

    for ( ; ; )
    {
        slot = (slot + 1) & st.block_mask;
        if ( !st.blocks[slot].key )
            break;
        /* Can it move to the hole without coming before its home? */
        if ( ((slot - home(st.blocks[slot].key)) & st.block_mask) >=
             ((slot - hole) & st.block_mask) )
        {
            st.blocks[hole] = st.blocks[slot];
            hole = slot;
        }
    }

    st.blocks[hole].key = 0;
    st.nr_blocks--;
}

/* ----------------------------------------------------------- counters */

static void count_live(struct ha_counters *c, uint64_t nr, uint64_t bytes)
{
    c->live += nr;
    c->live_bytes += bytes;
    if ( c->live_bytes > c->peak )
        c->peak = c->live_bytes;
}

static void count_gone(struct ha_counters *c, enum ha_op op, uint64_t nr,
                       uint64_t bytes, bool bracketed)
{
    if ( op == HA_GIVE )
    {
        c->given += nr;
        c->given_bytes += bytes;
    }
    else
    {
        c->freed += nr;
        c->freed_bytes += bytes;
        if ( bracketed )
            c->bracketed += nr;
    }
    c->live -= nr;
    c->live_bytes -= bytes;
}

static void count_alloc(struct ha_counters *c, enum ha_op op, uint64_t bytes)
{
    if ( op == HA_TAKE )
    {
        c->taken++;
        c->taken_bytes += bytes;
    }
    else
    {
        c->allocs++;
        c->bytes += bytes;
    }
    count_live(c, 1, bytes);
}

/* ----------------------------------------------------------- accounts */

static uint32_t newest_generation(uint16_t domain)
{
    uint32_t generation = 0, i;

    for ( i = 0; i < st.nr_domains; i++ )
        if ( st.domains[i].domain == domain )
            generation = st.domains[i].generation;

    return generation;
}

/* The domain that an allocation is to be charged to. False: to nobody. */
static bool find_payer(const struct ha_event *e, struct ha_subject *payer)
{
    const struct ha_subject *s = &e->subject;

    if ( st.setup.charge.payer == HA_CURRENT )
        payer->domain = e->current_domain;
    else if ( e->passed_domain != HA_NO_DOMAIN )
        payer->domain = e->passed_domain;
    else if ( s->how == HA_CREATED || s->how == HA_DOMCTL ||
              s->how == HA_MOVED )
        payer->domain = s->domain;
    else
        return false;

    if ( st.setup.charge.payer == HA_OWNER && s->how &&
         s->domain == payer->domain )
        payer->generation = s->generation;
    else
        payer->generation = newest_generation(payer->domain);

    return payer->domain < HA_RESERVED;
}

/* Number of the account, from 1. Without room, what is nobody's has it. */
static uint16_t find_account(const struct ha_event *e)
{
    struct ha_subject payer;
    struct ha_account *a;
    uint32_t i;

    if ( !find_payer(e, &payer) )
        return 1;

    for ( i = 1; i < st.nr_accounts; i++ )
        if ( st.accounts[i].generation == payer.generation &&
             st.accounts[i].domain == payer.domain )
            return i + 1;

    if ( st.nr_accounts == st.setup.sizes.accounts )
        return 1;

    a = &st.accounts[st.nr_accounts++];
    a->generation = payer.generation;
    a->domain = payer.domain;

    return st.nr_accounts;
}

static uint64_t account_bytes(const struct ha_account *a)
{
    return a->bytes + (a->pages << HA_PAGE_SHIFT);
}

static void charge(uint16_t account, uint8_t kind, uint64_t bytes)
{
    struct ha_account *a;

    if ( !account )
        return;

    a = &st.accounts[account - 1];
    if ( kind == HA_XMALLOC )
        a->bytes += bytes;
    else
        a->pages += bytes >> HA_PAGE_SHIFT;
    if ( a->bytes > a->bytes_peak )
        a->bytes_peak = a->bytes;
    if ( a->pages > a->pages_peak )
        a->pages_peak = a->pages;
    if ( account_bytes(a) > a->peak )
        a->peak = account_bytes(a);
}

static void credit(uint16_t account, uint8_t kind, uint64_t bytes)
{
    struct ha_account *a;

    if ( !account )
        return;

    a = &st.accounts[account - 1];
    if ( kind == HA_XMALLOC )
        a->bytes -= bytes;
    else
        a->pages -= bytes >> HA_PAGE_SHIFT;
}

/* What was promised has been allocated, or could not be. */
static void keep_promise(const struct ha_event *e)
{
    if ( e->account )
        st.accounts[e->account - 1].promised -= e->size;
}

/* --------------------------------------------------------------- ring */

/*
 * Whether pages continue, up or down, what the newest record says. A guest
 * that exchanges memory has its pages taken and freed one by one, by the ten
 * thousand.
 */
static bool extend(enum ha_op op, const struct ha_event *e, uint8_t kind,
                   uint64_t addr, uint64_t size, uint32_t stack, bool unknown,
                   bool bracketed)
{
    struct ha_record *r = &st.ring[(st.head - 1) & st.ring_mask];

    if ( st.head == st.tail || st.head == st.closed ||
         (op != HA_FREE && op != HA_TAKE) || kind == HA_XMALLOC ||
         r->op != op || r->kind != kind || r->stack != stack ||
         r->unknown != unknown || r->current_domain != e->current_domain ||
         r->passed_domain != e->passed_domain || r->cpu != e->cpu ||
         r->memflags != e->memflags || r->layer != e->layer ||
         r->epoch != e->epoch || r->bracketed != bracketed ||
         r->subject.how != e->subject.how ||
         r->subject.domain != e->subject.domain ||
         r->subject.generation != e->subject.generation )
        return false;

    if ( addr + size == r->addr )
        r->addr = addr;
    else if ( addr != r->addr + r->size )
        return false;
    r->size += size;

    return true;
}

/* Numbers an event. Returns where its record goes; NULL if none is kept. */
static struct ha_record *next_record(enum ha_op op, const struct ha_event *e)
{
    struct ha_record *r;

    st.seq++;
    if ( !(st.setup.modes & (HA_TRACE | HA_WARN)) )
        return NULL;
    if ( st.head - st.tail > st.ring_mask )
    {
        st.lost_records++;
        st.closed = st.head;
        return NULL;
    }

    r = &st.ring[st.head++ & st.ring_mask];
    memset(r, 0, sizeof(*r));
    r->seq = st.seq;
    r->time = HA_NOW();
    r->op = op;
    r->current_domain = e->current_domain;
    r->cpu = e->cpu;

    return r;
}

/*
 * Charged kinds are counted only: they would be most of the log. Returns the
 * record, if it is one of its own.
 */
static struct ha_record *emit(enum ha_op op, const struct ha_event *e,
                              uint8_t kind, uint64_t addr, uint64_t size,
                              uint32_t stack, bool unknown, bool bracketed)
{
    struct ha_record *r;

    if ( kind >= HA_POOL ||
         extend(op, e, kind, addr, size, stack, unknown, bracketed) )
        return NULL;

    r = next_record(op, e);
    if ( !r )
        return NULL;

    r->addr = addr;
    r->size = size;
    r->used = kind == HA_XMALLOC ? e->used : 0;
    r->memflags = e->memflags;
    r->stack = stack;
    r->epoch = e->epoch;
    r->subject = e->subject;
    r->passed_domain = e->passed_domain;
    r->kind = kind;
    r->layer = e->layer;
    r->no_owner = e->no_owner;
    r->unknown = unknown;
    r->no_size = unknown && kind == HA_XMALLOC;
    r->bracketed = bracketed;

    return r;
}

/* ------------------------------------------------------------- events */

static void print_purpose(const struct ha_event *e, uint64_t seq);

static unsigned int order_of(uint64_t bytes)
{
    unsigned int order = 0;

    while ( order < HA_MAX_ORDER &&
            ((uint64_t)1 << (order + HA_PAGE_SHIFT)) < bytes )
        order++;

    return order;
}

static bool whole_pages(const struct ha_event *e)
{
    return !(e->addr & ((1U << HA_PAGE_SHIFT) - 1));
}

/* Heap pages and pool bytes that an operation moves. */
static void count_memory(const struct ha_event *e, uint8_t kind,
                         uint64_t bytes, bool freed)
{
    struct ha_kind_totals *k = &st.kinds[kind];

    if ( kind == HA_XMALLOC )
    {
        bytes = e->used;
        if ( !whole_pages(e) )
        {
            *(freed ? &k->pool_freed : &k->pool) += bytes;
            return;
        }
    }
    *(freed ? &k->pages_freed : &k->pages) += bytes >> HA_PAGE_SHIFT;
}

/*
 * Opens the books for an event. False after the last dump: what happens then
 * is counted as lost.
 */
static bool open_books(unsigned long *flags)
{
    ha_lock_irqsave(&ha_lock, *flags);
    if ( !st.sealed )
        return true;
    st.lost_records++;
    ha_unlock_irqrestore(&ha_lock, *flags);

    return false;
}

static void close_books(unsigned long flags)
{
    ha_unlock_irqrestore(&ha_lock, flags);
}

static uint64_t key_of(const struct ha_event *e)
{
    switch ( e->kind )
    {
    case HA_XMALLOC: return e->addr | KEY_XMALLOC;
    case HA_POOL:    return e->key | KEY_POOL;
    case HA_EXTRA:   return e->key | KEY_EXTRA;
    default:         return e->key | KEY_PAGES;
    }
}

/* Whether the call in which a block was made is still going on. */
static bool in_its_call(const struct ha_block *b)
{
    return b->epoch && st.setup.epoch && st.setup.epoch(b->cpu) == b->epoch;
}

/* An allocation or a taken page comes into the books. */
static void enter(enum ha_op op, const struct ha_event *e)
{
    uint32_t stack = find_stack(e->trace);
    struct ha_row *r = find_row(e, stack);
    struct ha_kind_totals *k = &st.kinds[e->kind];

    keep_promise(e);
    count_alloc(&k->c, op, e->size);
    if ( op == HA_ALLOC && e->kind < HA_POOL )
        count_memory(e, e->kind, e->size, false);

    if ( r )
    {
        struct ha_block b = {
            .key = key_of(e),
            .size = e->size,
            .row = r - st.rows,
            .cpu = e->cpu,
            .epoch = e->epoch,
        };
        bool charged = st.nr_accounts && op == HA_ALLOC &&
                       e->kind < HA_GROWTH;

        count_alloc(&r->c, op, e->size);
        if ( op == HA_ALLOC )
        {
            if ( r->c.allocs == 1 || e->size < r->min )
                r->min = e->size;
            if ( e->size > r->max )
                r->max = e->size;
        }

        if ( e->kind != HA_XMALLOC )
            b.order = b.order0 = order_of(e->size);
        if ( charged )
            b.account = e->account ?: find_account(e);
        /* What is not in the books could never be credited. */
        if ( insert_block(&b) && charged )
        {
            st.accounts[b.account - 1].allocs++;
            charge(b.account, e->kind, e->size);
        }
    }

    emit(op, e, e->kind, e->addr, e->size, stack, false, false);
}

static void fail(const struct ha_event *e, enum ha_refusal refusal)
{
    uint32_t stack = find_stack(e->trace);
    struct ha_row *row = find_row(e, stack);
    struct ha_record *r;

    keep_promise(e);
    st.kinds[e->kind].c.failed++;
    if ( row )
        row->c.failed++;
    r = emit(HA_FAIL, e, e->kind, 0, e->size, stack, false, false);
    if ( r )
        r->refusal = refusal;
}

void ha_alloc(const struct ha_event *e)
{
    unsigned long flags;

    if ( !open_books(&flags) )
        return;
    enter(HA_ALLOC, e);
    close_books(flags);
}

void ha_take(const struct ha_event *e)
{
    unsigned long flags;

    if ( !open_books(&flags) )
        return;
    enter(HA_TAKE, e);
    close_books(flags);
}

void ha_fail(const struct ha_event *e)
{
    unsigned long flags;

    if ( !open_books(&flags) )
        return;
    fail(e, HA_TRIED);
    close_books(flags);
}

/* Whether it is the one that is to fail. */
static bool is_target(const struct ha_event *e)
{
    const struct ha_target *target = &st.setup.fail;

    return target->nth && hash_trace(e->trace) == target->hash &&
           ++st.reached == target->nth;
}

/* Whether who is to be charged can have it; then it is promised. */
static bool promise(const struct ha_event *e, uint16_t *account)
{
    uint64_t limit = st.setup.charge.limit;
    struct ha_account *a;

    *account = find_account(e);
    a = &st.accounts[*account - 1];
    if ( limit && *account > 1 &&
         account_bytes(a) + a->promised + e->size > limit )
    {
        a->refused++;
        a->refused_bytes += e->size;
        *account = 0;
        return false;
    }
    a->promised += e->size;

    return true;
}

bool ha_refuse(const struct ha_event *e, uint16_t *account)
{
    enum ha_refusal refusal = HA_TRIED;
    unsigned long flags;
    uint64_t seq;

    *account = 0;
    ha_lock_irqsave(&ha_lock, flags);
    if ( st.sealed )
        ;
    else if ( is_target(e) )
        refusal = HA_ON_PURPOSE;
    else if ( st.nr_accounts && !promise(e, account) )
        refusal = HA_LIMIT;
    if ( refusal )
        fail(e, refusal);
    seq = st.seq;
    ha_unlock_irqrestore(&ha_lock, flags);

    if ( refusal == HA_ON_PURPOSE )
        print_purpose(e, seq);

    return refusal;
}

void ha_free_xmalloc(const struct ha_event *e)
{
    struct ha_kind_totals *k = &st.kinds[HA_XMALLOC];
    bool bracketed = false;
    struct ha_block *b;
    uint64_t size = 0;
    unsigned long flags;

    if ( !open_books(&flags) )
        return;

    b = find_block(key_of(e));
    count_memory(e, HA_XMALLOC, 0, true);
    if ( b )
    {
        size = b->size;
        bracketed = in_its_call(b);
        count_gone(&k->c, HA_FREE, 1, size, bracketed);
        count_gone(&st.rows[b->row].c, HA_FREE, 1, size, bracketed);
        credit(b->account, HA_XMALLOC, size);
        remove_block(b);
    }
    else
        k->orphans++;

    emit(HA_FREE, e, HA_XMALLOC, e->addr, size, find_stack(e->trace), !b,
         bracketed);
    close_books(flags);
}

static uint64_t pages_key(uint64_t maddr)
{
    return maddr | KEY_PAGES;
}

static uint64_t order_bytes(unsigned int order)
{
    return (uint64_t)1 << (order + HA_PAGE_SHIFT);
}

/* The block that holds all of the naturally aligned 2^order pages at maddr. */
static struct ha_block *find_containing(uint64_t maddr, unsigned int order)
{
    struct ha_block *b;

    for ( ; order <= HA_MAX_ORDER; order++ )
    {
        b = find_block(pages_key(maddr & ~(order_bytes(order) - 1)));
        if ( b && b->order >= order )
            return b;
    }

    return NULL;
}

/* Whether another part of the allocation that b was cut from is live. */
static bool has_sibling(uint64_t maddr, unsigned int order0)
{
    uint64_t p = maddr & ~(order_bytes(order0) - 1);
    uint64_t end = p + order_bytes(order0);
    const struct ha_block *b;

    for ( ; p < end; p += order_bytes(0) )
    {
        b = find_block(pages_key(p));
        if ( b && b->order0 == order0 )
            return true;
    }

    return false;
}

/*
 * Takes the 2^order pages at maddr out of block b, whose remainder stays in
 * pieces. Returns the pages as a block of their own.
 */
static struct ha_block cut(struct ha_block *b, uint64_t maddr,
                           unsigned int order)
{
    struct ha_block piece = *b, rest = *b;
    uint64_t start = b->key & ~(uint64_t)KEY_PAGES;
    unsigned int o = b->order;

    remove_block(b);

    while ( o > order )
    {
        uint64_t middle = start + order_bytes(--o);

        rest.order = o;
        if ( maddr < middle )
            rest.key = pages_key(middle);
        else
        {
            rest.key = pages_key(start);
            start = middle;
        }
        insert_block(&rest);
    }

    piece.key = pages_key(maddr);
    piece.order = order;

    return piece;
}

static void leave(enum ha_op op, const struct ha_event *e, uint64_t maddr,
                  unsigned int order, const struct ha_block *piece,
                  uint32_t stack)
{
    struct ha_row *r = &st.rows[piece->row];
    uint64_t bytes = order_bytes(order);
    bool last = piece->order == piece->order0 ||
                !has_sibling(maddr, piece->order0);
    bool bracketed = op == HA_FREE && in_its_call(piece);

    count_gone(&st.kinds[r->kind].c, op, last, bytes, bracketed);
    count_gone(&r->c, op, last, bytes, bracketed);
    credit(piece->account, r->kind, bytes);
    if ( op == HA_FREE )
        count_memory(e, r->kind, bytes, true);
    emit(op, e, r->kind, e->addr + (maddr - e->key), bytes, stack, false,
         bracketed);
}

/*
 * Walks the pages of e in naturally aligned pieces, as large as the books
 * allow. A piece that is not in them is an orphan if it is freed, and none of
 * our business if it is given away.
 */
static void remove_pages(enum ha_op op, const struct ha_event *e,
                         unsigned long nr, struct ha_given *given)
{
    uint64_t maddr = e->key, end = e->key + ((uint64_t)nr << HA_PAGE_SHIFT);
    uint64_t unknown = 0;
    uint32_t stack = 0;
    bool have_stack = false;

    while ( maddr < end )
    {
        unsigned int order = 0;
        struct ha_block *b;

        while ( order < HA_MAX_ORDER &&
                !(maddr & (order_bytes(order + 1) - 1)) &&
                maddr + order_bytes(order + 1) <= end )
            order++;

        while ( !(b = find_containing(maddr, order)) && order )
            order--;

        if ( (b || op == HA_FREE) && !have_stack )
        {
            stack = find_stack(e->trace);
            have_stack = true;
        }

        if ( b )
        {
            struct ha_block piece = cut(b, maddr, order);

            leave(op, e, maddr, order, &piece, stack);
            if ( given )
            {
                if ( given->nr < HA_GIVEN )
                    given->block[given->nr++] = piece;
                else
                    st.lost_blocks++;
            }
        }
        else
            unknown += order_bytes(order);

        maddr += order_bytes(order);

        /* A run of unknown pages is one record. */
        if ( op == HA_FREE && unknown && (b || maddr >= end) )
        {
            uint64_t first = maddr - unknown - (b ? order_bytes(order) : 0);
            struct ha_kind_totals *k = &st.kinds[e->kind];

            k->orphans += unknown >> HA_PAGE_SHIFT;
            k->orphan_bytes += unknown;
            count_memory(e, e->kind, unknown, true);
            emit(HA_FREE, e, e->kind, e->addr + (first - e->key), unknown,
                 stack, true, false);
            unknown = 0;
        }
    }
}

void ha_free_pages(const struct ha_event *e, unsigned long nr)
{
    unsigned long flags;

    if ( !open_books(&flags) )
        return;
    remove_pages(HA_FREE, e, nr, NULL);
    close_books(flags);
}

void ha_give(const struct ha_event *e, unsigned long nr,
             struct ha_given *given)
{
    unsigned long flags;

    given->nr = 0;
    if ( !open_books(&flags) )
        return;
    remove_pages(HA_GIVE, e, nr, given);
    close_books(flags);
}

void ha_give_back(const struct ha_event *e, const struct ha_given *given)
{
    unsigned long flags;
    unsigned int i;

    if ( !given->nr || !open_books(&flags) )
        return;

    for ( i = 0; i < given->nr; i++ )
    {
        const struct ha_block *b = &given->block[i];
        struct ha_row *r = &st.rows[b->row];
        uint64_t maddr = b->key & ~(uint64_t)KEY_PAGES;
        uint64_t bytes = order_bytes(b->order);
        bool last = b->order == b->order0 || !has_sibling(maddr, b->order0);
        struct ha_counters *c[] = { &st.kinds[r->kind].c, &r->c };
        unsigned int j;

        for ( j = 0; j < 2; j++ )
        {
            /* The part that went last may have been freed, not given. */
            if ( c[j]->given )
                c[j]->given -= last;
            else
                c[j]->freed -= last;
            c[j]->given_bytes -= bytes;
            count_live(c[j], last, bytes);
        }
        if ( insert_block(b) )
            charge(b->account, r->kind, bytes);
        emit(HA_GIVE_BACK, e, r->kind, e->addr + (maddr - e->key), bytes,
             find_stack(e->trace), false, false);
    }
    close_books(flags);
}

/* ------------------------------------------------------------ domains */

static struct ha_domain *find_domain(const void *d)
{
    uint32_t i;

    for ( i = 0; d && i < st.nr_domains; i++ )
        if ( st.domains[i].d == d )
            return &st.domains[i];

    return NULL;
}

static struct ha_domain *find_generation(uint32_t generation)
{
    uint32_t i;

    for ( i = 0; generation && i < st.nr_domains; i++ )
        if ( st.domains[i].generation == generation )
            return &st.domains[i];

    return NULL;
}

/* While it is being created, only what it is the subject of tells. */
static struct ha_domain *domain_of(const struct ha_event *e, const void *d)
{
    struct ha_domain *dom = find_domain(d);

    if ( !dom && e->subject.how == HA_CREATED )
        dom = find_generation(e->subject.generation);

    return dom;
}

uint32_t ha_domain_begin(const struct ha_event *e, uint16_t domain,
                         uint32_t flags)
{
    struct ha_record *r;
    uint32_t generation = 0;
    unsigned long irq;

    if ( !open_books(&irq) )
        return 0;

    if ( st.nr_domains == HA_DOMAINS )
        st.lost_domains++;
    else
    {
        generation = ++st.generation;
        st.domains[st.nr_domains++] = (struct ha_domain){
            .generation = generation,
            .domain = domain,
        };
        r = next_record(HA_CREATE, e);
        if ( r )
        {
            r->subject.domain = domain;
            r->subject.generation = generation;
            r->memflags = flags;
        }
    }
    close_books(irq);

    return generation;
}

void ha_domain_created(uint32_t generation, const void *d)
{
    struct ha_domain *dom;
    unsigned long flags;

    ha_lock_irqsave(&ha_lock, flags);
    dom = find_generation(generation);
    if ( dom )
        dom->d = d;
    ha_unlock_irqrestore(&ha_lock, flags);
}

/* The others keep their order: dumps list domains as they were made. */
static void end_domain(const struct ha_event *e, struct ha_domain *dom,
                       bool failed)
{
    struct ha_record *r = next_record(HA_END, e);

    if ( r )
    {
        r->subject.domain = dom->domain;
        r->subject.generation = dom->generation;
        r->failed = failed;
        r->pages = dom->pages;
        r->pages.extra = dom->extra_peak;
    }
    st.nr_domains--;
    memmove(dom, dom + 1,
            (st.domains + st.nr_domains - dom) * sizeof(*dom));
}

void ha_domain_failed(const struct ha_event *e, uint32_t generation)
{
    struct ha_domain *dom;
    unsigned long flags;

    if ( !open_books(&flags) )
        return;
    dom = find_generation(generation);
    if ( dom )
        end_domain(e, dom, true);
    close_books(flags);
}

void ha_domain_end(const struct ha_event *e, const void *d)
{
    struct ha_domain *dom;
    unsigned long flags;

    ha_lock_irqsave(&ha_lock, flags);
    dom = find_domain(d);
    if ( dom && st.sealed )
        st.lost_records++;
    else if ( dom )
        end_domain(e, dom, false);
    ha_unlock_irqrestore(&ha_lock, flags);
}

uint32_t ha_generation(const void *d)
{
    const struct ha_domain *dom;
    uint32_t generation;
    unsigned long flags;

    ha_lock_irqsave(&ha_lock, flags);
    dom = find_domain(d);
    generation = dom ? dom->generation : 0;
    ha_unlock_irqrestore(&ha_lock, flags);

    return generation;
}

uint32_t ha_generation_of(uint16_t domain)
{
    uint32_t generation;
    unsigned long flags;

    ha_lock_irqsave(&ha_lock, flags);
    generation = newest_generation(domain);
    ha_unlock_irqrestore(&ha_lock, flags);

    return generation;
}

/* Its size changes: what counts is how small a share of it was left. */
static void look_at_pool(struct ha_domain *dom, uint32_t pool)
{
    uint32_t left = pool > dom->in_pool ? pool - dom->in_pool : 0;

    if ( !pool )
        return;
    if ( !dom->pages.pool ||
         (uint64_t)left * dom->pages.pool < (uint64_t)dom->pages.low * pool )
    {
        dom->pages.low = left;
        dom->pages.pool = pool;
    }
}

void ha_own(const struct ha_event *e, const void *d, uint32_t pool)
{
    uint32_t pages = e->size >> HA_PAGE_SHIFT;
    struct ha_domain *dom;
    unsigned long flags;

    if ( !open_books(&flags) )
        return;

    enter(HA_ALLOC, e);
    dom = domain_of(e, d);
    if ( dom && e->kind == HA_POOL )
    {
        dom->in_pool += pages;
        dom->pages.takes += pages;
        look_at_pool(dom, pool);
    }
    else if ( dom )
    {
        dom->pages.extra += pages;
        if ( dom->pages.extra > dom->extra_peak )
            dom->extra_peak = dom->pages.extra;
    }
    close_books(flags);
}

void ha_own_fail(const struct ha_event *e, const void *d, uint32_t pool)
{
    struct ha_domain *dom;
    unsigned long flags;

    if ( !open_books(&flags) )
        return;

    fail(e, HA_TRIED);
    dom = domain_of(e, d);
    if ( dom && e->kind == HA_POOL )
    {
        dom->pages.failed++;
        look_at_pool(dom, pool);
    }
    close_books(flags);
}

/* Of pages that were there before the recorder was, nothing is known. */
void ha_disown(const struct ha_event *e, const void *d)
{
    struct ha_block *b;
    struct ha_domain *dom;
    unsigned long flags;

    if ( !open_books(&flags) )
        return;

    b = find_block(key_of(e));
    if ( b )
    {
        struct ha_row *r = &st.rows[b->row];
        bool bracketed = in_its_call(b);
        uint32_t pages = b->size >> HA_PAGE_SHIFT;

        count_gone(&st.kinds[e->kind].c, HA_FREE, 1, b->size, bracketed);
        count_gone(&r->c, HA_FREE, 1, b->size, bracketed);
        remove_block(b);

        dom = domain_of(e, d);
        if ( dom && e->kind == HA_POOL )
        {
            dom->in_pool -= pages < dom->in_pool ? pages : dom->in_pool;
            dom->pages.backs += pages;
        }
        else if ( dom )
            dom->pages.extra -= pages < dom->pages.extra ? pages
                                                         : dom->pages.extra;
    }
    else
    {
        st.kinds[e->kind].orphans++;
        st.kinds[e->kind].orphan_bytes += e->size;
    }
    close_books(flags);
}

static void set_sealed(bool sealed)
{
    unsigned long flags;

    ha_lock_irqsave(&ha_lock, flags);
    st.sealed = sealed;
    ha_unlock_irqrestore(&ha_lock, flags);
}

void ha_seal(void)
{
    set_sealed(true);
}

void ha_unseal(void)
{
    set_sealed(false);
}

uint64_t ha_snapshot(void (*measure)(struct ha_machine *m))
{
    unsigned long flags;

    ha_lock_irqsave(&ha_lock, flags);
    snap.seq = st.seq;
    st.closed = st.head;
    snap.nr_stacks = st.nr_stacks;
    snap.nr_rows = st.nr_rows;
    snap.nr_domains = st.nr_domains;
    memcpy(snap.domains, st.domains, st.nr_domains * sizeof(*st.domains));
    snap.nr_accounts = st.nr_accounts;
    memcpy(snap.accounts, st.accounts, st.nr_accounts * sizeof(*st.accounts));
    memcpy(snap.rows, st.rows, st.nr_rows * sizeof(*st.rows));
    memcpy(snap.kinds, st.kinds, sizeof(st.kinds));
    snap.lost_records = st.lost_records;
    snap.lost_stacks = st.lost_stacks;
    snap.lost_rows = st.lost_rows;
    snap.lost_blocks = st.lost_blocks;
    snap.lost_domains = st.lost_domains;
    measure(&snap.machine);
    ha_unlock_irqrestore(&ha_lock, flags);

    return snap.seq;
}

/* -------------------------------------------------------------- lines */

struct line {
    unsigned int len;
    char text[HA_LINE];
};

static void __attribute__((format(printf, 2, 3)))
add(struct line *l, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    l->len += vscnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt,
                         args);
    va_end(args);
}

static void begin(struct line *l, uint64_t seq, const char *view, char type)
{
    l->len = 0;
    add(l, "HA1 %08x %"PRIu64" %s%c", st.setup.tag, seq, view, type);
}

static void end(struct line *l)
{
    uint32_t crc = 0xffff;
    unsigned int i, bit;

    for ( i = 0; i < l->len; i++ )
    {
        crc ^= (uint32_t)(unsigned char)l->text[i] << 8;
        for ( bit = 0; bit < 8; bit++ )
            crc = (crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1;
        crc &= 0xffff;
    }
    add(l, " %04x", crc);
    st.setup.puts(l->text);
}

/* One printer at a time: its lines need no place on a stack. */
static struct line line;

void ha_print_header(const char *xen, const char *arch, const char *build,
                     const char *lacks)
{
    static const char *const name[] = { "trace", "warn", "summary" };
    const struct ha_sizes *s = &st.setup.sizes;
    const char *comma = "";
    unsigned int i;

    begin(&line, 0, "", 'V');
    add(&line, " fmt=1 xen=%s arch=%s build=%s text=%lx-%lx modes=", xen, arch,
        build, st.setup.text_start, st.setup.text_end);
    for ( i = 0; i < 3; i++ )
        if ( st.setup.modes & (1U << i) )
        {
            add(&line, "%s%s", comma, name[i]);
            comma = ",";
        }
    add(&line, " depth=%u stacks=%u rows=%u live=%u ring=%u domains=%u",
        HA_DEPTH, s->stacks, s->rows, s->live, s->ring, HA_DOMAINS);
    if ( st.setup.fail.nth )
        add(&line, " fail=%016"PRIx64":%"PRIu64, st.setup.fail.hash,
            st.setup.fail.nth);
    if ( s->accounts )
    {
        add(&line, " accounts=%u charge=%s", s->accounts,
            payer_name[st.setup.charge.payer]);
        if ( st.setup.charge.limit )
            add(&line, ":%"PRIu64, st.setup.charge.limit);
    }
    if ( *lacks )
        add(&line, " lacks=%s", lacks);
    end(&line);
}

static void add_subject(struct line *l, const struct ha_subject *s)
{
    if ( s->how )
        add(l, " w%c%u.%u", how_letter[s->how], s->domain, s->generation);
}

static void print_stack(uint32_t id, uint64_t seq)
{
    struct ha_stack *s = &st.stacks[id - 1];
    unsigned int i;

    begin(&line, seq, "", 'S');
    add(&line, " %u %016"PRIx64, id, s->hash);
    for ( i = 0; i < s->trace.depth; i++ )
        add(&line, " %s%lx", s->trace.exact & (1U << i) ? "!" : "",
            s->trace.pc[i]);
    if ( s->trace.truncated )
        add(&line, " +");
    end(&line);
    s->printed = true;
}

/*
 * At once, and not when its record's turn comes: what follows may be the end
 * of the machine. It happens once, so its line needs no lock.
 */
static void print_purpose(const struct ha_event *e, uint64_t seq)
{
    static struct line purpose;
    struct line *l = &purpose;

    begin(l, seq, "", 'I');
    add(l, " %016"PRIx64" %"PRIu64" %c %"PRIu64" d%u c%u",
        st.setup.fail.hash, st.setup.fail.nth, kind_letter[e->kind], e->size,
        e->current_domain, e->cpu);
    add_subject(l, &e->subject);
    end(l);
}

static void add_pages(const struct ha_pages *p)
{
    add(&line, " pool=%u low=%u takes=%u backs=%u failed=%u extra=%u",
        p->pool, p->low, p->takes, p->backs, p->failed, p->extra);
}

static void print_domain_record(const struct ha_record *r, const char *view)
{
    begin(&line, r->seq, view, op_letter[r->op]);
    add(&line, " %u.%u", r->subject.domain, r->subject.generation);
    if ( r->op == HA_CREATE )
        add(&line, " f%x", r->memflags);
    else if ( r->failed )
        add(&line, " x");
    add(&line, " d%u c%u t%"PRIx64, r->current_domain, r->cpu, r->time);
    if ( r->op == HA_END )
        add_pages(&r->pages);
    end(&line);
}

static void print_record(const struct ha_record *r, const char *view)
{
    if ( r->op >= HA_CREATE )
    {
        print_domain_record(r, view);
        return;
    }

    begin(&line, r->seq, view, op_letter[r->op]);
    add(&line, " %c %"PRIx64, kind_letter[r->kind], r->addr);
    if ( r->no_size )
        add(&line, " -");
    else
        add(&line, " %"PRIu64, r->size);
    add(&line, " s%u d%u", r->stack, r->current_domain);
    if ( r->passed_domain != HA_NO_DOMAIN )
        add(&line, " o%u", r->passed_domain);
    if ( r->no_owner )
        add(&line, " n");
    if ( r->memflags )
        add(&line, " m%x", r->memflags);
    if ( r->layer )
        add(&line, " l%u", r->layer);
    add(&line, " c%u t%"PRIx64, r->cpu, r->time);
    if ( r->used )
        add(&line, " u%"PRIu64, r->used);
    if ( r->unknown )
        add(&line, " q");
    if ( r->epoch )
        add(&line, " e%u", r->epoch);
    if ( r->bracketed )
        add(&line, " b");
    add_subject(&line, &r->subject);
    if ( r->refusal )
        add(&line, " z%c", refusal_letter[r->refusal]);
    end(&line);
}

bool ha_print_next(uint64_t last)
{
    struct ha_record r;
    unsigned long flags;
    bool have;
    unsigned int i;

    ha_lock_irqsave(&ha_lock, flags);
    have = st.tail != st.head && st.ring[st.tail & st.ring_mask].seq <= last;
    if ( have )
        r = st.ring[st.tail++ & st.ring_mask];
    ha_unlock_irqrestore(&ha_lock, flags);

    if ( !have )
        return false;

    /* A stack never changes once it has a number: no lock needed. */
    if ( r.stack && !st.stacks[r.stack - 1].printed )
        print_stack(r.stack, r.seq);

    if ( st.setup.modes & HA_TRACE )
        print_record(&r, "");

    if ( st.setup.modes & HA_WARN )
    {
        print_record(&r, "w");
        if ( r.op >= HA_CREATE )
            return true;
        st.setup.puts("Xen call trace:");
        for ( i = 0; r.stack && i < st.stacks[r.stack - 1].trace.depth; i++ )
        {
            const struct ha_trace *t = &st.stacks[r.stack - 1].trace;

            st.setup.frame(t->pc[i], t->exact & (1U << i));
        }
        st.setup.puts("");
    }

    return true;
}

static void add_counters(const struct ha_counters *c)
{
    add(&line, " allocs=%"PRIu64" bytes=%"PRIu64" failed=%"PRIu64,
        c->allocs, c->bytes, c->failed);
    add(&line, " taken=%"PRIu64" taken_bytes=%"PRIu64" freed=%"PRIu64
        " freed_bytes=%"PRIu64" given=%"PRIu64" given_bytes=%"PRIu64,
        c->taken, c->taken_bytes, c->freed, c->freed_bytes, c->given,
        c->given_bytes);
    add(&line, " live=%"PRIu64" live_bytes=%"PRIu64" peak=%"PRIu64,
        c->live, c->live_bytes, c->peak);
}

/* Without it, nobody could tell what was freed before a call was over. */
static void add_bracketed(const struct ha_counters *c)
{
    if ( st.setup.epoch )
        add(&line, " bracketed=%"PRIu64, c->bracketed);
}

static void print_row(const struct ha_row *r)
{
    begin(&line, snap.seq, "", 'P');
    add(&line, " s%u %c d%u", r->stack, kind_letter[r->kind],
        r->current_domain);
    if ( r->passed_domain != HA_NO_DOMAIN )
        add(&line, " o%u", r->passed_domain);
    if ( r->no_owner )
        add(&line, " n");
    add_counters(&r->c);
    add(&line, " min=%"PRIu64" max=%"PRIu64, r->min, r->max);
    add_bracketed(&r->c);
    end(&line);
}

static void print_kind(unsigned int kind)
{
    const struct ha_kind_totals *k = &snap.kinds[kind];

    begin(&line, snap.seq, "", 'K');
    add(&line, " %c", kind_letter[kind]);
    add_counters(&k->c);
    add_bracketed(&k->c);
    add(&line, " orphans=%"PRIu64" orphan_bytes=%"PRIu64
        " pages=%"PRIu64" pages_freed=%"PRIu64, k->orphans,
        k->orphan_bytes, k->pages, k->pages_freed);
    if ( kind == HA_XMALLOC )
        add(&line, " pool=%"PRIu64" pool_freed=%"PRIu64, k->pool,
            k->pool_freed);
    end(&line);
}

static void add_pair(const char *name, const struct ha_pair *p)
{
    add(&line, " %s=%"PRIu64"/%"PRIu64, name, p->start, p->now);
}

static void print_machine(const struct ha_machine *m, unsigned int busy)
{
    begin(&line, snap.seq, "", 'Y');
    add_pair("free", &m->free);
    add_pair("dompages", &m->dompages);
    add_pair("pooltotal", &m->pooltotal);
    add_pair("poolused", &m->poolused);
    add(&line, " poolhdr=%"PRIu64" heapadd=%"PRIu64" owned_alloc=%"PRIu64
        " owned_freed=%"PRIu64" given_counted=%"PRIu64" taken_counted=%"PRIu64,
        m->poolhdr, m->heapadd, m->owned_alloc, m->owned_freed,
        m->given_counted, m->taken_counted);
    add(&line, " lost_records=%"PRIu64" lost_stacks=%"PRIu64
        " lost_rows=%"PRIu64" lost_live=%"PRIu64" lost_domains=%"PRIu64
        " busy=%u", snap.lost_records, snap.lost_stacks, snap.lost_rows,
        snap.lost_blocks, snap.lost_domains, busy);
    end(&line);
}

static void print_domain(const struct ha_domain *dom)
{
    begin(&line, snap.seq, "", 'U');
    add(&line, " %u.%u", dom->domain, dom->generation);
    add_pages(&dom->pages);
    end(&line);
}

static void print_account(const struct ha_account *a)
{
    begin(&line, snap.seq, "", 'D');
    if ( a == snap.accounts )
        add(&line, " -");
    else
        add(&line, " %u.%u", a->domain, a->generation);
    add(&line, " allocs=%"PRIu64" bytes=%"PRIu64" bytes_peak=%"PRIu64
        " pages=%"PRIu64" pages_peak=%"PRIu64" peak=%"PRIu64
        " refused=%"PRIu64" refused_bytes=%"PRIu64, a->allocs, a->bytes,
        a->bytes_peak, a->pages, a->pages_peak, a->peak, a->refused,
        a->refused_bytes);
    end(&line);
}

/* Rows of charged kinds have no other way out. */
static bool is_shown(const struct ha_row *r)
{
    return (st.setup.modes & HA_SUMMARY) || r->kind >= HA_POOL;
}

void ha_print_dump(const char *why, unsigned int busy, void (*pause)(void))
{
    uint32_t stacks = 0, rows = 0, i;

    snap.number++;
    begin(&line, snap.seq, "", 'Z');
    add(&line, " begin %"PRIu64" why=%s", snap.number, why);
    end(&line);

    for ( i = 0; i < snap.nr_rows; i++ )
        if ( snap.rows[i].stack && is_shown(&snap.rows[i]) )
            st.stacks[snap.rows[i].stack - 1].dump = snap.number;
    for ( i = 0; i < snap.nr_stacks; i++ )
    {
        if ( !(st.setup.modes & HA_SUMMARY) &&
             st.stacks[i].dump != snap.number )
            continue;
        print_stack(i + 1, snap.seq);
        if ( !(stacks++ & 15) )
            pause();
    }
    for ( i = 0; i < snap.nr_rows; i++ )
    {
        if ( !is_shown(&snap.rows[i]) )
            continue;
        print_row(&snap.rows[i]);
        if ( !(rows++ & 15) )
            pause();
    }
    for ( i = 0; i < HA_NR_KINDS; i++ )
        print_kind(i);
    for ( i = 0; i < snap.nr_domains; i++ )
        print_domain(&snap.domains[i]);
    for ( i = 0; i < snap.nr_accounts; i++ )
        print_account(&snap.accounts[i]);
    print_machine(&snap.machine, busy);

    begin(&line, snap.seq, "", 'Z');
    add(&line, " end %"PRIu64" stacks=%u rows=%u", snap.number, stacks, rows);
    if ( snap.nr_accounts )
        add(&line, " bills=%u", snap.nr_accounts);
    end(&line);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
