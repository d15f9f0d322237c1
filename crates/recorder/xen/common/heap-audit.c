/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Heap audit, the wrappers: the definitions of the public allocators have been
 * renamed with HEAP_AUDITED(), and the public names are defined here.
 *
 * An operation is recorded once, at the level at which its caller asked:
 * xmalloc is layered on the Xen heap, which is layered on the domain heap. A
 * page that is fetched for the xmalloc pool is a record of its own, because
 * it stays when the xmalloc is gone. Frees are recorded before, allocations
 * after the original runs, so that an address is never live twice.
 */
#include <xen/domain_page.h>
#include <xen/err.h>
#include <xen/guest_access.h>
#include <xen/heap-audit.h>
#include <xen/heap-audit-tree.h>
#include <xen/hypercall.h>
#include <xen/init.h>
#include <xen/kernel.h>
#include <xen/keyhandler.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/nodemask.h>
#include <xen/param.h>
#include <xen/percpu.h>
#include <xen/random.h>
#include <xen/rcupdate.h>
#include <xen/sched.h>
#include <xen/shutdown.h>
#include <xen/softirq.h>
#include <xen/timer.h>
#include <xen/version.h>
#include <xen/vmap.h>
#include <xen/wait.h>
#include <xen/watchdog.h>
#include <xen/xmalloc.h>
#ifdef HA_HAS_xvfree
#include <xen/xvmalloc.h>
#endif

#include <asm/current.h>
#include <asm/processor.h>
#include <public/domctl.h>
#include <public/sched.h>
#include <public/sysctl.h>
#ifdef CONFIG_X86
#include <xen/acpi.h>
#include <asm/hypercall.h>
#include <asm/pv/traps.h>
#endif

#ifndef cf_check
#define cf_check
#endif

/* Cache colouring is of some architectures, late scrubbing from 4.22 on. */
#ifndef PGC_colored
#define PGC_colored 0
#endif
#ifndef MEMF_keep_scrub
#define MEMF_keep_scrub 0
#endif

/*
 * heap-audit-tree.h says of each hook whether this version of Xen has it, and
 * of which type it is: HA_HEAD_fn() is the head of its definition, HA_ARGS_fn
 * hands its parameters on. A hook that had another name once, and may have
 * another one again, is called HA_NAME_fn.
 */
#define ORIGINAL_(fn) HEAP_AUDITED(fn)
#define ORIGINAL(hook) ORIGINAL_(HA_NAME_ ## hook)
#define DECLARE_ORIGINAL(hook) extern HA_HEAD_ ## hook(ORIGINAL(hook))

/* From 4.20 on a configuration can be without. */
#if defined(HA_CAN_vmalloc) && \
    (defined(CONFIG_HAS_VMAP) || !defined(HA_HAS_xvfree))
#define HA_WRAPS_VMALLOC
#endif

DECLARE_ORIGINAL(alloc_domheap_pages);
DECLARE_ORIGINAL(free_domheap_pages);
DECLARE_ORIGINAL(alloc_xenheap_pages);
DECLARE_ORIGINAL(free_xenheap_pages);

/* ---------------------------------------------------------- boot options */

static char __initdata opt_modes[32] = "trace";
string_param("heap-audit", opt_modes);
static unsigned int __initdata opt_stacks = 2048;
integer_param("heap-audit-stacks", opt_stacks);
static unsigned int __initdata opt_rows = 4096;
integer_param("heap-audit-rows", opt_rows);
static unsigned int __initdata opt_live = 65536;
integer_param("heap-audit-live", opt_live);
static unsigned int __initdata opt_ring = 16384;
integer_param("heap-audit-ring", opt_ring);

/* ----------------------------------------------------------- operations */

/* Which wrappers this CPU is inside of. Nothing in them can be preempted. */
struct ha_cpu {
    unsigned int depth;         /* wrappers, all in all */
    unsigned int xmalloc, pool, xenheap, domheap;
    unsigned int xfree, xfree_pool;
    unsigned int vmalloc, vfree;
    unsigned int due;           /* pages that a vmalloc has yet to take */
    const unsigned long *frame; /* of the outermost wrapper */
    bool moved;                 /* _xrealloc() took the slow path */
    struct ha_promise promise;  /* for the allocation that is tried */
    struct ha_subject subject;
    /* Of the wrapper that is recording: too large for Xen's stacks. */
    struct ha_trace trace;
    struct ha_given given;
};
static DEFINE_PER_CPU(struct ha_cpu, ha_cpu);

static bool __read_mostly ha_ready;
static bool __read_mostly ha_started;
static bool __read_mostly ha_may_refuse;
static bool __read_mostly ha_may_offline;   /* a page can be offlining */
static DEFINE_SPINLOCK(ha_start_lock);
static struct timer ha_timer;

/*
 * The call of a guest that a CPU serves. Not per-CPU data, which begins anew
 * when a CPU goes off and comes back: numbers must not come twice.
 */
struct ha_call {
    uint32_t nr;                /* calls that have begun */
    uint32_t epoch;             /* the one that goes on; 0: none does */
    const struct vcpu *v;       /* whose it is: a wait queue can leave it */
} __cacheline_aligned;
static struct ha_call *__read_mostly ha_calls;

/* Operations that have begun and ended, for a measurement between them. */
static atomic_t ha_begun = ATOMIC_INIT(0);
static atomic_t ha_ended = ATOMIC_INIT(0);

static struct xmem_pool *ha_pool;

static struct ha_machine ha_base;
/* What moves the hypervisor's own numbers beside what is recorded. */
static struct {
    spinlock_t lock;
    uint64_t heapadd, owned_alloc, owned_freed, given, taken;
    uint64_t adjusted_up, adjusted_down;
    uint64_t offlined, onlined;
    uint64_t colored_alloc, colored_freed;
} ha_owned = { .lock = SPIN_LOCK_UNLOCKED };

static void count_owned(uint64_t *counter, unsigned long nr)
{
    unsigned long flags;

    spin_lock_irqsave(&ha_owned.lock, flags);
    *counter += nr;
    spin_unlock_irqrestore(&ha_owned.lock, flags);
}

static void read_machine(struct ha_machine *m)
{
    const struct domain *d;
    unsigned long pages = 0;
    unsigned int node;

    rcu_read_lock(&domlist_read_lock);
    for_each_domain ( d )
        pages += d->tot_pages;
    rcu_read_unlock(&domlist_read_lock);

    m->dompages.now = pages;
    m->free.now = 0;
    for_each_online_node ( node )
        m->free.now += avail_node_heap_pages(node);
    m->pooltotal.now = ha_pool ? xmem_pool_get_total_size(ha_pool) : 0;
    m->poolused.now = ha_pool ? xmem_pool_get_used_size(ha_pool) : 0;
}

/* The first operation at run time: everything is measured from here. */
static void start_recording(void)
{
    unsigned long flags;

    spin_lock_irqsave(&ha_start_lock, flags);
    if ( !ha_started )
    {
        read_machine(&ha_base);
        ha_base.free.start = ha_base.free.now;
        ha_base.dompages.start = ha_base.dompages.now;
        ha_base.pooltotal.start = ha_base.pooltotal.now;
        ha_base.poolused.start = ha_base.poolused.now;
        ha_base.poolhdr = 2 * sizeof(long);
        smp_wmb();
        ha_started = true;
    }
    spin_unlock_irqrestore(&ha_start_lock, flags);
}

/* Returns NULL if this operation is not to be recorded. */
static always_inline struct ha_cpu *op_begin(const void *frame)
{
    struct ha_cpu *c;

    if ( !ha_ready || system_state < SYS_STATE_active )
        return NULL;

    c = &this_cpu(ha_cpu);
    if ( !c->depth++ )
    {
        if ( unlikely(!ha_started) )
            start_recording();
        atomic_inc(&ha_begun);
        smp_mb();
        c->frame = frame;
        c->promise.account = 0;
    }

    return c;
}

static always_inline void op_end(struct ha_cpu *c)
{
    if ( !--c->depth )
    {
        smp_mb();
        atomic_inc(&ha_ended);
    }
}

/*
 * Walks the frame pointers from the outermost wrapper. On x86 an exception
 * frame is marked by an inverted frame pointer. The walk ends below the
 * guest's registers: what a guest has in them must not look like a frame. On
 * Arm the frame pointer found at entry is the guest's too.
 */
static void walk(const unsigned long *frame, struct ha_trace *t)
{
    unsigned long low = (unsigned long)frame;
    unsigned long high = (unsigned long)get_cpu_info();
    unsigned long next = low;

    t->depth = 0;
    t->exact = 0;
    t->truncated = false;

    for ( ; ; )
    {
        const unsigned long *f;
        unsigned long pc;
        bool exact = false;

        if ( next < low || next > high - 2 * sizeof(long) ||
             (next & (sizeof(long) - 1)) )
        {
#ifdef CONFIG_X86
            next = ~next;
            if ( next < low || next >= high || (next & (sizeof(long) - 1)) )
                return;
            f = (const unsigned long *)next;
            pc = f[(offsetof(struct cpu_user_regs, rip) -
                    offsetof(struct cpu_user_regs, rbp)) / sizeof(long)];
            exact = true;
#else
            return;
#endif
        }
        else
        {
            f = (const unsigned long *)next;
            pc = f[1];
        }

        if ( !is_active_kernel_text(pc) )
            return;
        if ( t->depth == HA_DEPTH )
        {
            t->truncated = true;
            return;
        }
        if ( exact )
            t->exact |= 1U << t->depth;
        t->pc[t->depth++] = pc;

        low = (unsigned long)&f[2];
        next = f[0];
    }
}

#ifdef HA_CAN_calls
static uint32_t cf_check epoch_of(unsigned int cpu)
{
    return read_atomic(&ha_calls[cpu].epoch);
}

static uint32_t this_epoch(void)
{
    const struct ha_call *call = &ha_calls[smp_processor_id()];

    return call->v == current ? call->epoch : 0;
}
#endif

/* What an event of a domain has, and an operation has too. */
static void describe_place(struct ha_event *e)
{
    memset(e, 0, sizeof(*e));
    e->current_domain = current->domain->domain_id;
    e->passed_domain = HA_NO_DOMAIN;
    e->cpu = smp_processor_id();
}

/* What has led to an operation, from the frame of the function on. */
static void describe_from(const unsigned long *frame, struct ha_event *e,
                          struct ha_cpu *c, unsigned int kind)
{
    walk(frame, &c->trace);
    describe_place(e);
    e->trace = &c->trace;
    e->kind = kind;
#ifdef HA_CAN_calls
    e->epoch = this_epoch();
#endif
    e->subject = c->subject;
}

static void describe(struct ha_event *e, struct ha_cpu *c, unsigned int kind)
{
    describe_from(c->frame, e, c, kind);
}

/* The same of what came of an allocation that refused() was asked about. */
static void describe_outcome(struct ha_event *e, struct ha_cpu *c,
                             unsigned int kind)
{
    describe(e, c, kind);
    e->promise = c->promise;
    c->promise.account = 0;
}

/*
 * Whether an anonymous allocation fails without being tried. Asked before the
 * original runs, at the layer at which its caller asked: what it needs in turn
 * has been decided with it. used: what it takes at the most.
 */
static noinline bool ask_refusal(struct ha_cpu *c, enum ha_kind kind,
                                 uint64_t size, uint64_t used,
                                 unsigned int memflags, const struct domain *d)
{
    struct ha_event e;

    if ( c->xmalloc || c->xenheap || c->vmalloc )
        return false;

    describe(&e, c, kind);
    e.size = size;
    e.used = used;
    e.memflags = memflags;
    if ( d )
    {
        e.passed_domain = d->domain_id;
        e.no_owner = true;
    }

    return ha_refuse(&e, &c->promise);
}

static always_inline bool refused(struct ha_cpu *c, enum ha_kind kind,
                                  uint64_t size, uint64_t used,
                                  unsigned int memflags,
                                  const struct domain *d)
{
    return unlikely(ha_may_refuse) &&
           ask_refusal(c, kind, size, used, memflags, d);
}

/* ------------------------------------------------------------- subjects */

/* The domain that this CPU works on. Returns what it was, to be put back. */
static struct ha_subject __maybe_unused set_subject(struct ha_subject subject)
{
    struct ha_cpu *c = &this_cpu(ha_cpu);
    struct ha_subject before = c->subject;

    c->subject = subject;

    return before;
}

/* What is done meanwhile is about something else, and in no call. */
struct ha_aside {
    struct ha_subject subject;
    uint32_t epoch;
};

static struct ha_aside __maybe_unused step_aside(void)
{
    struct ha_call *call = ha_calls ? &ha_calls[smp_processor_id()] : NULL;
    struct ha_subject none = { .how = HA_NO_SUBJECT };
    struct ha_aside before = { .epoch = call ? call->epoch : 0 };

    before.subject = set_subject(none);
    if ( call )
        write_atomic(&call->epoch, 0);

    return before;
}

static void __maybe_unused step_back(struct ha_aside before)
{
    if ( ha_calls )
        write_atomic(&ha_calls[smp_processor_id()].epoch, before.epoch);
    set_subject(before.subject);
}

static struct ha_subject __maybe_unused subject_of(const struct domain *d,
                                                    enum ha_how how)
{
    return (struct ha_subject){
        .generation = ha_generation(d),
        .domain = d->domain_id,
        .how = how,
    };
}

#ifdef HA_CAN_owners
DECLARE_ORIGINAL(domain_create);
HA_HEAD_domain_create(domain_create)
{
    struct ha_subject subject = { .domain = domid, .how = HA_CREATED };
    struct ha_subject before;
    struct ha_event e;
    struct domain *d;

    if ( !ha_ready )
        return HEAP_AUDITED(domain_create)(domid, config, flags);

    describe_place(&e);
    subject.generation = ha_domain_begin(&e, domid,
                                         config ? config->flags : 0);
    before = set_subject(subject);
    d = HEAP_AUDITED(domain_create)(domid, config, flags);
    set_subject(before);

    if ( IS_ERR_OR_NULL(d) )
        ha_domain_failed(&e, subject.generation);
    else
        ha_domain_created(subject.generation, d);

    return d;
}

DECLARE_ORIGINAL(domain_kill);
HA_HEAD_domain_kill(domain_kill)
{
    struct ha_subject before = set_subject(subject_of(d, HA_KILLED));
    int rc = HEAP_AUDITED(domain_kill)(d);

    set_subject(before);

    return rc;
}

DECLARE_ORIGINAL(complete_domain_destroy);
HA_HEAD_complete_domain_destroy(complete_domain_destroy)
{
    const struct domain *d = container_of(head, struct domain, rcu);
    struct ha_subject before = set_subject(subject_of(d, HA_KILLED));

    HEAP_AUDITED(complete_domain_destroy)(head);
    set_subject(before);
}

/* What these do is about something else, and in no call. */
DECLARE_ORIGINAL(process_pending_softirqs);
HA_HEAD_process_pending_softirqs(process_pending_softirqs)
{
    struct ha_aside before = step_aside();

    HEAP_AUDITED(process_pending_softirqs)();
    step_back(before);
}

/*
 * A call that waits ends here: softirqs and other vCPUs run before it goes on,
 * on Arm perhaps on another CPU.
 */
#if !defined(HA_TREE_WAIT_NEEDS_VM_EVENT) || defined(CONFIG_VM_EVENT)
DECLARE_ORIGINAL(prepare_to_wait);
HA_HEAD_prepare_to_wait(prepare_to_wait)
{
    step_aside();
    HEAP_AUDITED(prepare_to_wait)(wq);
}
#endif
#endif /* HA_CAN_owners */

/* A shim has none. */
#if defined(HA_CAN_domctls) && !defined(CONFIG_PV_SHIM_EXCLUSIVE)
DECLARE_ORIGINAL(do_domctl);
HA_HEAD_do_domctl(do_domctl)
{
    struct ha_subject subject = { .how = HA_NO_SUBJECT }, before;
    struct xen_domctl op;
    long rc;

    /* Read by the original again: what is found here is a hint. */
    if ( !copy_field_from_guest(&op, u_domctl, cmd) &&
         !copy_field_from_guest(&op, u_domctl, domain) &&
         op.cmd != XEN_DOMCTL_createdomain )
    {
        subject.how = HA_DOMCTL;
        subject.domain = op.domain;
        subject.generation = ha_generation_of(op.domain);
    }

    before = set_subject(subject);
    rc = HEAP_AUDITED(do_domctl)(u_domctl);
    set_subject(before);

    return rc;
}
#endif

#if defined(HA_CAN_security) && defined(CONFIG_XSM_FLASK)
/*
 * What is known of permissions is kept for the next that asks, whoever it is,
 * and also where permission is denied: it is for no domain.
 */
struct avc_audit_data;
struct av_decision;

#define WRAP_CHECK(fn)                                              \
    DECLARE_ORIGINAL(fn);                                           \
    extern HA_HEAD_ ## fn(fn);                                      \
    HA_HEAD_ ## fn(fn)                                              \
    {                                                               \
        struct ha_aside before = step_aside();                      \
        int rc = HEAP_AUDITED(fn)(HA_ARGS_ ## fn);                  \
                                                                    \
        step_back(before);                                          \
                                                                    \
        return rc;                                                  \
    }

WRAP_CHECK(avc_has_perm)
WRAP_CHECK(avc_has_perm_noaudit)
#endif

#ifdef HA_CAN_moves
/* Asked for by a sysctl, or part of a destruction, and then that is said. */
DECLARE_ORIGINAL(sched_move_domain);
extern HA_HEAD_sched_move_domain(sched_move_domain);
HA_HEAD_sched_move_domain(sched_move_domain)
{
    struct ha_subject before = this_cpu(ha_cpu).subject;
    int rc;

    if ( before.how != HA_KILLED )
        set_subject(subject_of(d, HA_MOVED));
    rc = HEAP_AUDITED(sched_move_domain)(d, c);
    set_subject(before);

    return rc;
}
#endif

/* -------------------------------------------------------- calls of guests */

#ifdef HA_CAN_calls
static void begin_call(void)
{
    struct ha_call *call;

    this_cpu(ha_cpu).subject.how = HA_NO_SUBJECT;
    if ( unlikely(!ha_calls) )
        return;

    call = &ha_calls[smp_processor_id()];
    call->v = current;
    if ( unlikely(!++call->nr) )
        call->nr = 1;
    write_atomic(&call->epoch, call->nr);
}

/*
 * A guest's call has been handled. With a wait queue, a call can have been
 * left in the middle: whatever it worked on, the next one does not.
 */
static void end_call(void)
{
    this_cpu(ha_cpu).subject.how = HA_NO_SUBJECT;
    if ( likely(ha_calls) )
        write_atomic(&ha_calls[smp_processor_id()].epoch, 0);
}

#ifdef CONFIG_X86

/* Called from assembly: not all have a prototype in a header. */
#define HANDLES_CALL(hook)                              \
    DECLARE_ORIGINAL(hook);                             \
    HA_HEAD_ ## hook(HA_NAME_ ## hook)                  \
    {                                                   \
        begin_call();                                   \
        ORIGINAL(hook)(HA_ARGS_ ## hook);               \
        end_call();                                     \
    }

/* Also raised by Xen itself, in the middle of a call. */
DECLARE_ORIGINAL(do_page_fault);
HA_HEAD_do_page_fault(HA_NAME_do_page_fault)
{
    bool guest = guest_mode(regs);

    if ( guest )
        begin_call();
    ORIGINAL(do_page_fault)(regs);
    if ( guest )
        end_call();
}

/* Runs only softirqs, until the guest that has crashed is left for another. */
DECLARE_ORIGINAL(asm_domain_crash_synchronous);
HA_HEAD_asm_domain_crash_synchronous(asm_domain_crash_synchronous)
{
    end_call();
    for ( ; ; )
        HEAP_AUDITED(asm_domain_crash_synchronous)(addr);
}

/*
 * With FRED all that a PV guest does comes through here, and from here to the
 * handlers, some of which are wrapped, too: those begin and end a call in it.
 * It is there also where there are no PV guests.
 */
#ifdef HA_HAS_entry_from_pv
HANDLES_CALL(entry_from_pv)
#endif

#ifdef CONFIG_PV
HANDLES_CALL(pv_hypercall)

/* What a general protection fault of a PV guest is for. */
DECLARE_ORIGINAL(pv_emulate_privileged_op);
HA_HEAD_pv_emulate_privileged_op(pv_emulate_privileged_op)
{
    int rc;

    begin_call();
    rc = HEAP_AUDITED(pv_emulate_privileged_op)(regs);
    end_call();

    return rc;
}

#if !defined(HA_TREE_INT82_NEEDS_PV32) || defined(CONFIG_PV32)
HANDLES_CALL(do_entry_int82)
#endif
#endif /* CONFIG_PV */

#ifdef CONFIG_HVM
#if !defined(HA_TREE_CONFIG_AMD_SVM) || defined(CONFIG_AMD_SVM)
HANDLES_CALL(svm_vmexit_handler)
#endif

#if !defined(HA_TREE_CONFIG_INTEL_VMX) || defined(CONFIG_INTEL_VMX)
HANDLES_CALL(vmx_vmexit_handler)
#endif
#endif /* CONFIG_HVM */

#else /* !CONFIG_X86 */

DECLARE_ORIGINAL(enter_hypervisor_from_guest);
HA_HEAD_enter_hypervisor_from_guest(enter_hypervisor_from_guest)
{
    begin_call();
    HEAP_AUDITED(enter_hypervisor_from_guest)();
}

/* Runs softirqs and may leave the CPU to another guest: the call is over. */
DECLARE_ORIGINAL(leave_hypervisor_to_guest);
HA_HEAD_leave_hypervisor_to_guest(leave_hypervisor_to_guest)
{
    end_call();
    HEAP_AUDITED(leave_hypervisor_to_guest)();
}

#endif /* CONFIG_X86 */
#endif /* HA_CAN_calls */

/* ---------------------------------------------------------- domains' own */

/* Which pools there are in this configuration. */
#if defined(HA_CAN_pools_hap) && defined(CONFIG_HVM)
#define HAP_POOLS
#endif
#if defined(HA_CAN_pools_shadow) && defined(CONFIG_SHADOW_PAGING)
#define SHADOW_POOLS
#endif
#if defined(HA_CAN_pools_p2m) && !defined(CONFIG_MPU)
#define P2M_POOLS
#endif

#if defined(HAP_POOLS) || defined(SHADOW_POOLS) || defined(P2M_POOLS)

/* Pages that the pool of a domain has all in all; 0: none, or unknown. */
static uint32_t pool_pages(struct domain *d)
{
#ifdef HA_TREE_PAGING_MEMPOOL_SIZE
    uint64_t bytes;

    if ( !arch_get_paging_mempool_size(d, &bytes) )
        return bytes >> PAGE_SHIFT;
#endif

    return 0;
}

/*
 * Pages that go from a domain's pool to its use. Not from SYS_STATE_active on
 * but always: what is in use could not be told else.
 */
static always_inline void record_take(struct domain *d, struct page_info *pg,
                                      unsigned int pages, const void *frame)
{
    struct ha_event e;

    if ( !ha_ready )
        return;

    describe_from(frame, &e, &this_cpu(ha_cpu), HA_POOL);
    e.size = (uint64_t)pages << PAGE_SHIFT;
    if ( pg )
    {
        e.addr = e.key = page_to_maddr(pg);
        ha_own(&e, d, pool_pages(d));
    }
    else
        ha_own_fail(&e, d, pool_pages(d));
}

static void record_back(struct domain *d, struct page_info *pg,
                        unsigned int pages)
{
    struct ha_event e;

    if ( !ha_ready )
        return;

    describe_place(&e);
    e.subject = this_cpu(ha_cpu).subject;
    e.kind = HA_POOL;
    e.size = (uint64_t)pages << PAGE_SHIFT;
    e.key = page_to_maddr(pg);
    ha_disown(&e, d);
}

#endif /* any pool */

#ifdef HAP_POOLS
DECLARE_ORIGINAL(hap_alloc);
DECLARE_ORIGINAL(hap_free);

HA_HEAD_hap_alloc(noinline hap_alloc)
{
    struct page_info *pg = HEAP_AUDITED(hap_alloc)(d);

    /* A dying domain's requests are refused, whatever its pool has. */
    if ( pg || !d->is_dying )
        record_take(d, pg, 1, __builtin_frame_address(0));

    return pg;
}

HA_HEAD_hap_free(noinline hap_free)
{
    record_back(d, mfn_to_page(mfn), 1);
    HEAP_AUDITED(hap_free)(d, mfn);
}
#endif

#ifdef SHADOW_POOLS
DECLARE_ORIGINAL(shadow_alloc);
DECLARE_ORIGINAL(shadow_free);
extern const uint8_t sh_type_to_size[];

/* A shadow can be several pages, which are named by one of them. */
HA_HEAD_shadow_alloc(noinline shadow_alloc)
{
    mfn_t mfn = HEAP_AUDITED(shadow_alloc)(d, shadow_type, backpointer);

    record_take(d, mfn_to_page(mfn), sh_type_to_size[shadow_type],
                __builtin_frame_address(0));

    return mfn;
}

HA_HEAD_shadow_free(noinline shadow_free)
{
    struct page_info *pg = mfn_to_page(smfn);

    record_back(d, pg, sh_type_to_size[pg->u.sh.type]);
    HEAP_AUDITED(shadow_free)(d, smfn);
}
#endif

#ifdef P2M_POOLS
DECLARE_ORIGINAL(p2m_alloc_page);
DECLARE_ORIGINAL(p2m_free_page);

/* The hardware domain has no pool: its pages are the heap's, and anonymous. */
HA_HEAD_p2m_alloc_page(noinline p2m_alloc_page)
{
    struct page_info *pg = HEAP_AUDITED(p2m_alloc_page)(d);

    if ( !is_hardware_domain(d) )
        record_take(d, pg, 1, __builtin_frame_address(0));

    return pg;
}

HA_HEAD_p2m_free_page(noinline p2m_free_page)
{
    if ( !is_hardware_domain(d) )
        record_back(d, pg, 1);
    HEAP_AUDITED(p2m_free_page)(d, pg);
}
#endif

/* ---------------------------------------------------------- domain heap */

/* Pages with a colour are free in lists of their own, which nobody counts. */
static unsigned long colored_pages(const struct page_info *pg,
                                   unsigned long nr)
{
    unsigned long colored = 0;

    if ( PGC_colored )
        for ( ; nr; nr--, pg++ )
            colored += !!(pg->count_info & PGC_colored);

    return colored;
}

static void count_colored(uint64_t *counter, const struct page_info *pg,
                          unsigned int order)
{
    unsigned long colored = colored_pages(pg, 1UL << order);

    if ( colored )
        count_owned(counter, colored);
}

/* Freed, a page that was to go offline is not free. */
static void count_offlined(const struct page_info *pg, unsigned int order)
{
    unsigned long nr = 1UL << order;

    if ( likely(!ha_may_offline) )
        return;
    for ( ; nr; nr--, pg++ )
        if ( page_state_is(pg, offlining) )
            count_owned(&ha_owned.offlined, 1);
}

HA_HEAD_alloc_domheap_pages(noinline alloc_domheap_pages)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));
    struct page_info *pg;
    /* What is to be scrubbed late is assigned by the caller, when it is. */
    bool bound = d && (memflags & MEMF_keep_scrub);
    bool no_owner = d && ((memflags & MEMF_no_owner) || bound);

    if ( !c )
        return HEAP_AUDITED(alloc_domheap_pages)(d, order, memflags);

    if ( (!d || no_owner) && !bound &&
         refused(c, HA_DOMHEAP, PAGE_SIZE << order, 0, memflags, d) )
    {
        op_end(c);
        return NULL;
    }

    c->domheap++;
    pg = HEAP_AUDITED(alloc_domheap_pages)(d, order, memflags);
    c->domheap--;

    if ( pg )
        count_colored(&ha_owned.colored_alloc, pg, order);

    if ( d && !no_owner )
    {
        if ( pg )
            count_owned(&ha_owned.owned_alloc, 1UL << order);
        if ( memflags & MEMF_no_refcount )
        {
            struct ha_event e;

            describe(&e, c, HA_EXTRA);
            e.size = PAGE_SIZE << order;
            if ( pg )
            {
                e.key = page_to_maddr(pg);
                ha_own(&e, d, 0);
            }
            else
                ha_own_fail(&e, d, 0);
        }
    }
    else if ( c->xenheap )
        ;                       /* recorded there */
    else if ( c->due )
        c->due--;               /* likewise, with all pages of the vmalloc */
    else if ( !c->vmalloc || pg )
    {
        struct ha_event e;

        describe_outcome(&e, c, HA_DOMHEAP);
        /* A page table: it stays when the vmalloc is gone. */
        e.layer = c->vmalloc;
        e.size = PAGE_SIZE << order;
        e.memflags = memflags;
        e.no_owner = no_owner;
        e.bound = bound;
        if ( d )
            e.passed_domain = d->domain_id;
        if ( pg )
        {
            e.addr = e.key = page_to_maddr(pg);
            ha_alloc(&e);
        }
        else
            ha_fail(&e);
    }

    op_end(c);

    return pg;
}

HA_HEAD_free_domheap_pages(noinline free_domheap_pages)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));

    /* Nothing goes back to the heap where a page is the Xen heap's. */
    if ( c && !is_xen_heap_page(pg) )
    {
        const struct domain *owner = page_get_owner(pg);

        count_offlined(pg, order);
        count_colored(&ha_owned.colored_freed, pg, order);
        if ( owner )
        {
            count_owned(&ha_owned.owned_freed, 1UL << order);
            /* Shared pages are of no domain that counts them. */
            if ( owner == dom_cow )
                count_owned(&ha_owned.adjusted_up, 1UL << order);
            if ( pg->count_info & PGC_extra )
            {
                struct ha_event e;

                describe_place(&e);
                e.subject = c->subject;
                e.kind = HA_EXTRA;
                e.size = PAGE_SIZE << order;
                e.key = page_to_maddr(pg);
                ha_disown(&e, owner);
            }
        }
        else if ( !c->vfree && !c->vmalloc )
        {
            struct ha_event e;

            describe(&e, c, HA_DOMHEAP);
            e.addr = e.key = page_to_maddr(pg);
            ha_free_pages(&e, 1UL << order);
        }
    }

    HEAP_AUDITED(free_domheap_pages)(pg, order);

    if ( c )
        op_end(c);
}

#ifdef HA_CAN_given
DECLARE_ORIGINAL(assign_pages);
HA_HEAD_assign_pages(noinline assign_pages)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));
#ifndef HA_TREE_ASSIGN_PAGES_NR
    unsigned int nr = 1U << order;
#endif
    int rc;

    if ( !c )
        return HEAP_AUDITED(assign_pages)(HA_ARGS_assign_pages);

    if ( c->domheap )
        /* New pages on their way to their domain were never anonymous. */
        rc = HEAP_AUDITED(assign_pages)(HA_ARGS_assign_pages);
    else
    {
        struct ha_event e;
        bool counted = !(memflags & MEMF_no_refcount) ||
                       (pg->count_info & PGC_extra);

        describe(&e, c, HA_DOMHEAP);
        e.addr = e.key = page_to_maddr(pg);
        e.memflags = memflags;
        e.passed_domain = d->domain_id;

        /* Afterwards another CPU may already have freed the pages. */
        ha_give(&e, nr, &c->given);
        rc = HEAP_AUDITED(assign_pages)(HA_ARGS_assign_pages);
        if ( rc )
            ha_give_back(&e, &c->given);
        else if ( counted )
            count_owned(&ha_owned.given, nr);
    }

    op_end(c);

    return rc;
}
#endif

#ifdef HA_CAN_totals
/*
 * What the wrappers above and below know to be assigned, freed or taken, they
 * count. The rest is pages that a domain is charged for in advance, or still.
 */
DECLARE_ORIGINAL(domain_adjust_tot_pages);
HA_HEAD_domain_adjust_tot_pages(domain_adjust_tot_pages)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));
    unsigned long rc = HEAP_AUDITED(domain_adjust_tot_pages)(d, pages);

    if ( !c )
        return rc;

    if ( c->depth == 1 )
        count_owned(pages > 0 ? &ha_owned.adjusted_up
                              : &ha_owned.adjusted_down,
                    pages > 0 ? pages : -pages);
    op_end(c);

    return rc;
}
#endif

#ifdef HA_CAN_taken
DECLARE_ORIGINAL(steal_page);
HA_HEAD_steal_page(noinline steal_page)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));
    int rc = HEAP_AUDITED(steal_page)(d, page, memflags);

    if ( !c )
        return rc;

    if ( !rc )
    {
        struct ha_event e;

        describe(&e, c, HA_DOMHEAP);
        e.addr = e.key = page_to_maddr(page);
        e.size = PAGE_SIZE;
        e.memflags = memflags;
        e.passed_domain = d->domain_id;
        ha_take(&e);
        if ( !(memflags & MEMF_no_refcount) )
            count_owned(&ha_owned.taken, 1);
    }

    op_end(c);

    return rc;
}
#endif

/* ------------------------------------------------- memory for the heaps */

#ifdef HA_CAN_totals
DECLARE_ORIGINAL(init_domheap_pages);
DECLARE_ORIGINAL(init_xenheap_pages);

static void count_added(paddr_t ps, paddr_t pe)
{
    unsigned long nr;

    ps = (ps + PAGE_SIZE - 1) & ~(paddr_t)(PAGE_SIZE - 1);
    pe &= ~(paddr_t)(PAGE_SIZE - 1);
    if ( pe <= ps )
        return;

    nr = (pe - ps) >> PAGE_SHIFT;
    count_owned(&ha_owned.heapadd, nr - colored_pages(maddr_to_page(ps), nr));
}

/* One of the two calls the other where both heaps are one. */
HA_HEAD_init_domheap_pages(noinline init_domheap_pages)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));

    HEAP_AUDITED(init_domheap_pages)(ps, pe);
    if ( c )
    {
        if ( c->depth == 1 )
            count_added(ps, pe);
        op_end(c);
    }
}

HA_HEAD_init_xenheap_pages(noinline init_xenheap_pages)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));

    HEAP_AUDITED(init_xenheap_pages)(ps, pe);
    if ( c )
    {
        if ( c->depth == 1 )
            count_added(ps, pe);
        op_end(c);
    }
}

/*
 * Pages that go out of the heap, and come back. One that is in use goes when
 * it is freed: see count_offlined().
 */
DECLARE_ORIGINAL(offline_page);
HA_HEAD_offline_page(offline_page)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));
    bool free = mfn_valid(mfn) && page_state_is(mfn_to_page(mfn), free);
    int rc;

    ha_may_offline = true;
    rc = HEAP_AUDITED(offline_page)(mfn, broken, status);
    if ( c )
    {
        if ( !rc && free && (*status & PG_OFFLINE_OFFLINED) )
            count_owned(&ha_owned.offlined, 1);
        op_end(c);
    }

    return rc;
}

/* Asked for by a sysctl only. */
#if !defined(HA_TREE_CONFIG_SYSCTL) || defined(CONFIG_SYSCTL)
DECLARE_ORIGINAL(online_page);
HA_HEAD_online_page(online_page)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));
    bool offlined = mfn_valid(mfn) &&
                    page_state_is(mfn_to_page(mfn), offlined);
    int rc = HEAP_AUDITED(online_page)(mfn, status);

    if ( c )
    {
        if ( !rc && offlined && (*status & PG_ONLINE_ONLINED) )
            count_owned(&ha_owned.onlined, 1);
        op_end(c);
    }

    return rc;
}
#endif
#endif /* HA_CAN_totals */

/* ------------------------------------------------------------- Xen heap */

HA_HEAD_alloc_xenheap_pages(noinline alloc_xenheap_pages)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));
    void *p;

    if ( !c )
        return HEAP_AUDITED(alloc_xenheap_pages)(order, memflags);

    if ( refused(c, HA_XENHEAP, PAGE_SIZE << order, 0, memflags, NULL) )
    {
        op_end(c);
        return NULL;
    }

    c->xenheap++;
    p = HEAP_AUDITED(alloc_xenheap_pages)(order, memflags);
    c->xenheap--;

    /*
     * Within _xmalloc(): a page for the pool stays in the pool. Other pages
     * are the xmalloc itself. A failure is not the end of the xmalloc. Within
     * vmalloc(): a page table, which stays too.
     */
    if ( c->xmalloc ? c->pool && p : !c->vmalloc || p )
    {
        struct ha_event e;

        if ( c->pool )
            describe(&e, c, HA_GROWTH);
        else
            describe_outcome(&e, c, HA_XENHEAP);
        e.layer = c->pool || c->vmalloc;
        e.size = PAGE_SIZE << order;
        e.memflags = memflags;
        if ( p )
        {
            e.addr = (unsigned long)p;
            e.key = virt_to_maddr(p);
            ha_alloc(&e);
        }
        else
            ha_fail(&e);
    }

    op_end(c);

    return p;
}

HA_HEAD_free_xenheap_pages(noinline free_xenheap_pages)
{
    struct ha_cpu *c = v ? op_begin(__builtin_frame_address(0)) : NULL;

    if ( c )
        count_offlined(virt_to_page(v), order);

    /*
     * Within _xmalloc() and xfree() of whole pages: the unused tail, and one
     * piece for each power of two. Those are recorded as xmalloc.
     */
    if ( c && !c->xmalloc && (!c->xfree || c->xfree_pool) )
    {
        struct ha_event e;

        describe(&e, c, c->xfree ? HA_GROWTH : HA_XENHEAP);
        e.layer = !!c->xfree;
        e.addr = (unsigned long)v;
        e.key = virt_to_maddr(v);
        ha_free_pages(&e, 1UL << order);
        /* It may be a domain's structure: the last that is left of it. */
        ha_domain_end(&e, v);
    }

    HEAP_AUDITED(free_xenheap_pages)(v, order);

    if ( c )
        op_end(c);
}

/* -------------------------------------------------------------- xmalloc */

#ifdef HA_CAN_xmalloc
DECLARE_ORIGINAL(xmem_pool_alloc);
DECLARE_ORIGINAL(_xmalloc);
DECLARE_ORIGINAL(_xrealloc);
DECLARE_ORIGINAL(xfree);

static bool is_whole_pages(const void *p)
{
    return !((unsigned long)p & (PAGE_SIZE - 1));
}

/*
 * What an xmalloc takes at the most. Of the pool: its lists are a 32nd apart;
 * a header, and a rest that is too small for a block of its own. What could
 * not be in a page of the pool is whole pages.
 */
static unsigned long most_bytes(unsigned long size, unsigned long align)
{
    unsigned long block = size + max(align, 2 * sizeof(long));

    if ( block < size || block >= PAGE_SIZE )
        return PAGE_ALIGN(size);
    block += block / 32 + 4 * sizeof(long) + 2 * sizeof(long);

    return min(block, PAGE_SIZE + 0UL);
}

/*
 * The pool's block header stands before the block: a pointer, then the size,
 * whose two low bits are flags. An aligned block can be preceded by padding,
 * which looks like the header of a free block.
 */
static unsigned int block_bytes(const void *p)
{
    const unsigned int header = 2 * sizeof(long);
    uint32_t size = *(const uint32_t *)(p - sizeof(long));

    if ( size & 1 )
        size = *(const uint32_t *)(p - (size & ~1U) - sizeof(long));

    return (size & ~3U) + header;
}

/* What an xmalloc takes; whole pages note their number with the page. */
static unsigned long used_bytes(const void *p)
{
    if ( is_whole_pages(p) )
        return (unsigned long)virt_to_page(p)->v.free.order << PAGE_SHIFT;

    return block_bytes(p);
}

HA_HEAD_xmem_pool_alloc(noinline xmem_pool_alloc)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));
    bool ours = c && c->xmalloc;
    void *p;

    if ( unlikely(!ha_pool) )
        ha_pool = pool;

    if ( ours )
        c->pool++;
    p = HEAP_AUDITED(xmem_pool_alloc)(size, pool);
    if ( ours )
        c->pool--;
    if ( c )
        op_end(c);

    return p;
}

static void record_xmalloc(struct ha_cpu *c, const void *p,
                           unsigned long size)
{
    struct ha_event e;

    describe_outcome(&e, c, HA_XMALLOC);
    e.size = size;
    if ( p )
    {
        e.addr = (unsigned long)p;
        e.used = used_bytes(p);
        ha_alloc(&e);
    }
    else
        ha_fail(&e);
}

static void record_xfree(struct ha_cpu *c, const void *p)
{
    struct ha_event e;

    describe(&e, c, HA_XMALLOC);
    e.addr = (unsigned long)p;
    e.used = used_bytes(p);
    ha_free_block(&e);
}

HA_HEAD__xmalloc(noinline _xmalloc)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));
    void *p;

    if ( !c )
        return HEAP_AUDITED(_xmalloc)(size, align);

    if ( size &&
         refused(c, HA_XMALLOC, size, most_bytes(size, align), 0, NULL) )
    {
        op_end(c);
        return NULL;
    }

    c->xmalloc++;
    p = HEAP_AUDITED(_xmalloc)(size, align);
    c->xmalloc--;
    c->moved = true;

    /* That of vmalloc() is gone when it returns. */
    if ( p != ZERO_BLOCK_PTR && !c->vmalloc )
        record_xmalloc(c, p, size);

    op_end(c);

    return p;
}

HA_HEAD_xfree(noinline xfree)
{
    bool real = p && p != ZERO_BLOCK_PTR;
    struct ha_cpu *c = real ? op_begin(__builtin_frame_address(0)) : NULL;
    bool pool = !is_whole_pages(p);

    if ( !c )
    {
        HEAP_AUDITED(xfree)(p);
        return;
    }

    if ( !c->vmalloc )
        record_xfree(c, p);

    c->xfree++;
    c->xfree_pool += pool;
    HEAP_AUDITED(xfree)(p);
    c->xfree_pool -= pool;
    c->xfree--;
    c->moved = true;

    op_end(c);
}

/*
 * What is too large for its block goes through _xmalloc() and xfree(), and is
 * recorded there. What fits stays where it is, but with another size, and
 * perhaps with other padding before it: a free and an allocation at once.
 */
HA_HEAD__xrealloc(noinline _xrealloc)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));
    bool real = ptr && ptr != ZERO_BLOCK_PTR && size;
    unsigned long old_used = 0;
    void *p;

    if ( !c )
        return HEAP_AUDITED(_xrealloc)(ptr, size, align);

    if ( real )
        old_used = used_bytes(ptr);
    c->moved = false;
    p = HEAP_AUDITED(_xrealloc)(ptr, size, align);

    if ( real && p && !c->moved )
    {
        struct ha_event e;

        describe(&e, c, HA_XMALLOC);
        e.addr = (unsigned long)ptr;
        e.used = old_used;
        ha_free_block(&e);
        e.addr = (unsigned long)p;
        e.size = size;
        ha_alloc(&e);
    }

    op_end(c);

    return p;
}

#endif /* HA_CAN_xmalloc */

/* -------------------------------------------------------------- vmalloc */

#ifdef HA_WRAPS_VMALLOC

static void record_vmalloc(struct ha_cpu *c, const void *va,
                           unsigned long size)
{
    struct ha_event e;

    describe_outcome(&e, c, HA_VMALLOC);
    e.size = size;
    if ( va )
    {
        e.addr = (unsigned long)va;
        e.used = PAGE_ALIGN(size);
        ha_alloc(&e);
    }
    else
        ha_fail(&e);
}

static void record_vfree(struct ha_cpu *c, const void *va,
                         unsigned int pages)
{
    struct ha_event e;

    describe(&e, c, HA_VMALLOC);
    e.addr = (unsigned long)va;
    e.used = (uint64_t)pages << PAGE_SHIFT;
    ha_free_block(&e);
}

/*
 * The request is recorded, not the pages that it takes one by one, nor the
 * array in which it notes them meanwhile. False: it is refused.
 */
static bool begin_vmalloc(struct ha_cpu *c, unsigned long size)
{
    unsigned long pages = PFN_UP(size);

    if ( refused(c, HA_VMALLOC, size,
                 PAGE_ALIGN(size) + most_bytes(pages * sizeof(mfn_t), 0), 0,
                 NULL) )
        return false;

    c->vmalloc++;
    c->due = pages;

    return true;
}

static void end_vmalloc(struct ha_cpu *c, const void *va, unsigned long size)
{
    c->vmalloc--;
    c->due = 0;
    record_vmalloc(c, va, size);
}

#define WRAP_VMALLOC(fn)                                            \
    DECLARE_ORIGINAL(fn);                                           \
    HA_HEAD_ ## fn(noinline fn)                                     \
    {                                                               \
        struct ha_cpu *c = op_begin(__builtin_frame_address(0));    \
        void *va = NULL;                                            \
                                                                    \
        if ( !c )                                                   \
            return HEAP_AUDITED(fn)(size);                          \
                                                                    \
        if ( begin_vmalloc(c, size) )                               \
        {                                                           \
            va = HEAP_AUDITED(fn)(size);                            \
            end_vmalloc(c, va, size);                               \
        }                                                           \
        op_end(c);                                                  \
                                                                    \
        return va;                                                  \
    }

WRAP_VMALLOC(vmalloc)
WRAP_VMALLOC(vmalloc_xen)
WRAP_VMALLOC(vzalloc)

/* How many pages a vmalloc is, only Xen's map of them tells. */
DECLARE_ORIGINAL(vm_size);
extern HA_HEAD_vm_size(vm_size);
HA_HEAD_vm_size(vm_size)
{
    return HEAP_AUDITED(vm_size)(va, type);
}

DECLARE_ORIGINAL(vfree);
HA_HEAD_vfree(noinline vfree)
{
    struct ha_cpu *c = va ? op_begin(__builtin_frame_address(0)) : NULL;

    if ( !c )
    {
        HEAP_AUDITED(vfree)(va);
        return;
    }

    record_vfree(c, va, HEAP_AUDITED(vm_size)(va, VMAP_DEFAULT) ?:
                        HEAP_AUDITED(vm_size)(va, VMAP_XEN));
    c->vfree++;
    HEAP_AUDITED(vfree)(va);
    c->vfree--;
    op_end(c);
}

#ifdef HA_HAS_xvfree

/* These ask _xmalloc(), or take pages as vmalloc() does: by the size. */
#define WRAP_XVMALLOC(fn)                                           \
    DECLARE_ORIGINAL(fn);                                           \
    HA_HEAD_ ## fn(noinline fn)                                     \
    {                                                               \
        struct ha_cpu *c = op_begin(__builtin_frame_address(0));    \
        void *p = HEAP_AUDITED(fn)(size, align);                    \
                                                                    \
        if ( c )                                                    \
            op_end(c);                                              \
                                                                    \
        return p;                                                   \
    }

WRAP_XVMALLOC(_xvmalloc)
WRAP_XVMALLOC(_xvzalloc)

DECLARE_ORIGINAL(xvfree);
HA_HEAD_xvfree(noinline xvfree)
{
    struct ha_cpu *c = va ? op_begin(__builtin_frame_address(0)) : NULL;
    unsigned int pages = c ? HEAP_AUDITED(vm_size)(va, VMAP_DEFAULT) : 0;

    if ( pages )
    {
        record_vfree(c, va, pages);
        c->vfree++;
    }
    HEAP_AUDITED(xvfree)(va);
    if ( pages )
        c->vfree--;
    if ( c )
        op_end(c);
}

/* As with _xrealloc(): what stays where it is can have another size. */
DECLARE_ORIGINAL(_xvrealloc);
HA_HEAD__xvrealloc(noinline _xvrealloc)
{
    struct ha_cpu *c = op_begin(__builtin_frame_address(0));
    unsigned int pages = c ? HEAP_AUDITED(vm_size)(va, VMAP_DEFAULT) : 0;
    void *p = HEAP_AUDITED(_xvrealloc)(va, size, align);

    if ( pages && p == va )
    {
        struct ha_event e;

        describe(&e, c, HA_VMALLOC);
        e.addr = (unsigned long)va;
        e.used = (uint64_t)pages << PAGE_SHIFT;
        ha_free_block(&e);
        e.size = size;
        ha_alloc(&e);
    }
    if ( c )
        op_end(c);

    return p;
}

#endif /* HA_HAS_xvfree */
#endif /* HA_WRAPS_VMALLOC */

/* ------------------------------------------------------------- printing */

static void cf_check put_line(const char *text)
{
    printk(XENLOG_ERR "%s\n", text);
}

static void cf_check put_frame(unsigned long pc, bool exact)
{
#ifdef CONFIG_X86
    printk(XENLOG_ERR "   [<%p>] %c %pS\n", _p(pc), exact ? 'R' : 'F', _p(pc));
#else
    printk(XENLOG_ERR "   [<%p>] %pS\n", _p(pc), _p(pc));
#endif
}

/*
 * One prints at a time. Not a lock: who waits may hold what a softirq wants
 * that the printer runs meanwhile. So nobody waits for long, and the last dump
 * relieves a printer that runs softirqs. Low bits: what the printer does; the
 * others are different each turn.
 */
#define NOBODY_PRINTS 0U
#define PRINTING      1U
#define PAUSING       2U
#define PRINTER_DOES  3U
#define PRINTER_TURN  4U
static unsigned int ha_printer;

/* Returns what this printer is while it prints; 0: somebody else prints. */
static unsigned int start_printing(bool relieve)
{
    unsigned int was = read_atomic(&ha_printer);
    unsigned int does = was & PRINTER_DOES;
    unsigned int mine = (was - does + PRINTER_TURN) | PRINTING;

    if ( does == PRINTING || (does == PAUSING && !relieve) )
        return 0;

    return cmpxchg(&ha_printer, was, mine) == was ? mine : 0;
}

/* Nothing happens if it has been relieved. */
static void stop_printing(unsigned int mine)
{
    (void)cmpxchg(&ha_printer, mine, mine & ~PRINTER_DOES);
}

/*
 * Printing wakes up the console's readers, which makes hypercalls believe that
 * they should give way, and so changes what is measured. Hence the records
 * wait for a timer, which runs on the way back to the guest or in idle.
 */
static void cf_check print_some(void *unused)
{
    s_time_t until = NOW() + MILLISECS(5);
    unsigned int printer = start_printing(false);
    bool more = printer;

    /* Else somebody prints a dump: that includes what waits. */
    while ( more && NOW() < until )
        more = ha_print_next(~0ULL);
    if ( printer )
        stop_printing(printer);

    set_timer(&ha_timer, NOW() + MILLISECS(10));
}

static void cf_check measure(struct ha_machine *m)
{
    *m = ha_base;
    read_machine(m);
    m->heapadd = ha_owned.heapadd;
    m->owned_alloc = ha_owned.owned_alloc;
    m->owned_freed = ha_owned.owned_freed;
    m->given_counted = ha_owned.given;
    m->taken_counted = ha_owned.taken;
    m->adjusted_up = ha_owned.adjusted_up;
    m->adjusted_down = ha_owned.adjusted_down;
    m->offlined = ha_owned.offlined;
    m->onlined = ha_owned.onlined;
    m->colored_alloc = ha_owned.colored_alloc;
    m->colored_freed = ha_owned.colored_freed;
}

static void let_softirqs_run(void)
{
#ifdef HA_HAS_process_pending_softirqs
    process_pending_softirqs();
#endif
}

/* The debug key's dump takes its time, and lets others go on. */
static enum ha_pause cf_check run_softirqs(void)
{
    unsigned int mine = read_atomic(&ha_printer);
    unsigned int paused = (mine & ~PRINTER_DOES) | PAUSING;

    smp_mb();
    write_atomic(&ha_printer, paused);
    let_softirqs_run();

    return cmpxchg(&ha_printer, paused, mine) == paused ? HA_GO_ON
                                                        : HA_GIVE_UP;
}

/*
 * The dump of a machine that stops does not: its caller holds locks that
 * softirqs want. It ends in any case.
 */
#define LAST_DUMP SECONDS(60)
static s_time_t ha_deadline;

static enum ha_pause __maybe_unused cf_check look_at_clock(void)
{
    cpu_relax();

    return NOW() < ha_deadline ? HA_GO_ON : HA_HURRY;
}

/* Waits for a moment without an operation on any CPU, but not for ever. */
static enum ha_pause take_snapshot(enum ha_pause (*pause)(void), uint64_t *seq,
                                   unsigned int *busy)
{
    s_time_t until = NOW() + MILLISECS(100);

    for ( ; ; )
    {
        int begun = atomic_read(&ha_begun);
        bool late = NOW() >= until;
        int under_way;

        smp_mb();
        under_way = begun - atomic_read(&ha_ended);
        smp_mb();
        if ( !under_way || late )
        {
            *seq = ha_snapshot(measure);
            smp_mb();
            under_way += atomic_read(&ha_begun) - begun;
            *busy = under_way;
            if ( !under_way || late )
                return HA_GO_ON;
        }
        if ( pause() == HA_GIVE_UP )
            return HA_GIVE_UP;
    }
}

static void dump(const char *why, enum ha_pause (*pause)(void), bool seal)
{
    enum ha_pause next;
    unsigned int busy;
    uint64_t seq;

    next = take_snapshot(pause, &seq, &busy);
    if ( next == HA_GO_ON && seal )
        ha_seal();

    while ( next == HA_GO_ON && ha_print_next(seq) )
        next = pause();
    if ( next != HA_GIVE_UP )
        ha_print_dump(why, busy, pause);
}

static bool can_dump(void)
{
    return ha_ready && ha_started && !this_cpu(ha_cpu).depth;
}

static void cf_check dump_key(unsigned char key)
{
    s_time_t until = NOW() + SECONDS(5);
    unsigned int printer;

    if ( !can_dump() )
        return;

    /* The timer prints for moments only. A dump that goes on is enough. */
    while ( !(printer = start_printing(false)) )
    {
        if ( (read_atomic(&ha_printer) & PRINTER_DOES) == PAUSING ||
             NOW() >= until )
            return;
        let_softirqs_run();
    }

    dump("key", run_softirqs, false);
    stop_printing(printer);
}

/* seal: the machine will not go on. Else it may. */
static void __maybe_unused dump_last(const char *why, bool seal)
{
    s_time_t until = NOW() + SECONDS(5);
    unsigned int printer;

    if ( !can_dump() )
        return;

    while ( !(printer = start_printing(true)) )
    {
        if ( NOW() >= until )
            return;
        cpu_relax();
    }

    /* Also other CPUs may have to wait for what this one's caller holds. */
    watchdog_disable();
    ha_deadline = NOW() + LAST_DUMP;
    dump(why, look_at_clock, seal);
    watchdog_enable();
    stop_printing(printer);
}

#ifdef HA_CAN_shutdown
/* After a crash nothing comes before what is done about it. */
/* It does not return, which only its prototype says. */
extern noreturn HA_HEAD_hwdom_shutdown(HEAP_AUDITED(hwdom_shutdown));
HA_HEAD_hwdom_shutdown(hwdom_shutdown)
{
    if ( reason != SHUTDOWN_crash && reason != SHUTDOWN_watchdog )
        dump_last("shutdown", true);
    HEAP_AUDITED(hwdom_shutdown)(reason);
}
#endif

#ifdef HA_CAN_sleep
/*
 * What a Linux dom0 powers off with; hwdom_shutdown() is not run then. The
 * hypercall has been checked, and the machine is going to sleep. If it is
 * there afterwards, it goes on.
 */
DECLARE_ORIGINAL(enter_state_helper);
HA_HEAD_enter_state_helper(enter_state_helper)
{
    const struct acpi_sleep_info *sleep = data;
    bool off = sleep->sleep_state == ACPI_STATE_S5;
    long rc;

    dump_last("sleep", off);
    rc = HEAP_AUDITED(enter_state_helper)(data);
    if ( off )
        ha_unseal();

    return rc;
}
#endif

/* --------------------------------------------------------------- set-up */

static unsigned int __init parse_modes(const char *s)
{
    static const struct {
        const char *name;
        unsigned int mode;
    } known[] __initconst = {
        { "trace",   HA_TRACE   },
        { "warn",    HA_WARN    },
        { "summary", HA_SUMMARY },
        { "off",     0          },
    };
    unsigned int modes = 0;

    while ( *s )
    {
        const char *comma = strchr(s, ',');
        size_t len = comma ? comma - s : strlen(s);
        unsigned int i;

        for ( i = 0; i < ARRAY_SIZE(known); i++ )
            if ( strlen(known[i].name) == len &&
                 !strncmp(s, known[i].name, len) )
                break;
        if ( i == ARRAY_SIZE(known) )
        {
            /* Recording too much is better than nothing, unnoticed. */
            printk(XENLOG_ERR "heap-audit: unknown mode in \"%s\": trace\n",
                   s);
            modes |= HA_TRACE;
        }
        else
            modes |= known[i].mode;

        s += len + !!comma;
    }

    return modes;
}

#ifdef HA_CAN_refusals
static char __initdata opt_fail[40];
string_param("heap-audit-fail", opt_fail);
static char __initdata opt_charge[40];
string_param("heap-audit-charge", opt_charge);

/* HASH:K, in hexadecimal and decimal. */
static struct ha_target __init parse_target(const char *s)
{
    struct ha_target target = { .nth = 0 };
    const char *end;

    if ( !*s )
        return target;

    target.hash = simple_strtoull(s, &end, 16);
    if ( end != s && *end == ':' )
    {
        s = end + 1;
        target.nth = simple_strtoull(s, &end, 10);
    }
    if ( *end || !target.nth )
    {
        printk(XENLOG_ERR "heap-audit: heap-audit-fail= is not HASH:K\n");
        target.nth = 0;
    }

    return target;
}

/*
 * current or owner, perhaps :LIMIT, a size as in other options, and perhaps
 * ,no-hwdom.
 */
static bool __init parse_charge(const char *s, struct ha_charging *charge)
{
    static const char *const name[] = {
        [HA_CURRENT] = "current",
        [HA_OWNER] = "owner",
    };
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(name); i++ )
    {
        size_t len = strlen(name[i]);
        const char *end = s + len;

        if ( strncmp(s, name[i], len) )
            continue;
        charge->payer = i;
        if ( *end == ':' )
            charge->limit = parse_size_and_unit(end + 1, &end);
        if ( !strcmp(end, ",no-hwdom") )
        {
            charge->no_hwdom = true;
            return true;
        }
        if ( !*end )
            return true;
    }

    if ( *s )
        printk(XENLOG_ERR
               "heap-audit: heap-audit-charge= is not current or owner\n");

    return false;
}

static bool cf_check is_hwdom(uint16_t domain)
{
    const struct domain *d = hardware_domain;

    return d && d->domain_id == domain;
}

static void __init setup_refusals(struct ha_setup *setup)
{
    setup->fail = parse_target(opt_fail);
    if ( parse_charge(opt_charge, &setup->charge) )
        setup->sizes.accounts = HA_ACCOUNTS;
    setup->is_hwdom = is_hwdom;
}
#endif /* HA_CAN_refusals */

static void __init build_id_text(char *text, size_t size)
{
#ifdef HA_TREE_BUILD_ID_VARIABLE
    const void *id = xen_build_id;
    unsigned int len = xen_build_id_len, i;
    bool unknown = !len;
#else
    const void *id;
    unsigned int len, i;
    bool unknown = xen_build_id(&id, &len);
#endif

    if ( unknown || 2 * len >= size )
    {
        strlcpy(text, "-", size);
        return;
    }
    for ( i = 0; i < len; i++ )
        snprintf(text + 2 * i, size - 2 * i, "%02x",
                 ((const unsigned char *)id)[i]);
}

static int __init cf_check ha_initcall(void)
{
    static char __initdata build[129], version[32];
    struct ha_setup setup = {
        .modes = parse_modes(opt_modes),
        .sizes = {
            .stacks = opt_stacks,
            .rows = opt_rows,
            .live = opt_live,
            .ring = opt_ring,
        },
        .text_start = (unsigned long)_stext,
        .text_end = (unsigned long)_etext,
        .puts = put_line,
        .frame = put_frame,
#ifdef HA_CAN_calls
        .epoch = epoch_of,
#endif
    };
    unsigned int order;
    void *memory;

#ifdef HA_CAN_refusals
    setup_refusals(&setup);
#endif

    if ( !setup.modes )
        return 0;

    order = get_order_from_bytes(ha_table_bytes(&setup.sizes));
    memory = alloc_xenheap_pages(order, 0);
    if ( !memory )
    {
        printk(XENLOG_ERR "heap-audit: no memory for tables (order %u)\n",
               order);
        return -ENOMEM;
    }
    memset(memory, 0, PAGE_SIZE << order);
    ha_calls = xzalloc_array(struct ha_call, nr_cpu_ids);
    if ( !ha_calls )
        return -ENOMEM;

    /* Drawn before any guest runs, so that no guest can imitate a record. */
    setup.tag = get_random() ^ (get_cycles() * 0x9e3779b97f4a7c15ULL >> 32) ^
                NOW();
    ha_init(&setup, memory);
    ha_may_refuse = setup.fail.nth || setup.sizes.accounts;

    build_id_text(build, sizeof(build));
    snprintf(version, sizeof(version), "%u.%u%s", xen_major_version(),
             xen_minor_version(), xen_extra_version());
    ha_print_header(version, IS_ENABLED(CONFIG_X86) ? "x86_64" : "arm64",
                    build, HA_LACKS);

    register_keyhandler('y', dump_key, "dump heap audit", false);
    if ( setup.modes & (HA_TRACE | HA_WARN) )
    {
        init_timer(&ha_timer, print_some, NULL, 0);
        set_timer(&ha_timer, NOW() + MILLISECS(10));
    }
    smp_wmb();
    ha_ready = true;

    return 0;
}
__initcall(ha_initcall);

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
