//! What goes into a Xen tree: the new files, the hooks, the facts, the inserted blocks.
//!
//! Nothing here says which version has what: the tree is asked. A [`Hook`] is a function whose definition
//! is given another name; it is looked for in the files that it has been seen in, under the names and with
//! the heads that it has been seen with. The heads are also what a refusal shows, what trees for tests are
//! made from, and where the wrappers in `heap-audit.c` have the names of their parameters from, so that a
//! parameter that is renamed upstream is no matter. A [`Part`] is what a few hooks are good for together.
//! Without one of them the others would tell something wrong (pages that go back to a pool from which none
//! was taken), so a part is there as a whole or left out as a whole.
//!
//! Seen in Xen 4.14 to the development branch of August 2026; `docs/xen-matrix.md` says what each revision
//! has. `alloc_xenheap_pages`, `free_xenheap_pages` and `init_xenheap_pages` are defined twice, in the two
//! branches of an `#if` on `CONFIG_SEPARATE_XENHEAP`. Arm has a `steal_page` of its own that only ever
//! fails; it is left alone.
//!
//! A function that its own file calls must be declared in a header or be static: the callers below its
//! definition know it from there, and no longer do once it has another name. So it is
//! `pv_emulate_privileged_op` and not its caller `do_general_protection`, which 4.20 declares nowhere.

use xenheap_model::untold;

/// The macro around the name of a definition.
pub(crate) const MACRO: &str = "HEAP_AUDITED";

/// The macro that is the head of a static definition.
pub(crate) const STATIC_MACRO: &str = "AUDITED_STATIC";

/// Changes when the way in which rules are applied changes, so that [`crate::recorder_id`] does too.
pub(crate) const REVISION: &str = "4";

/// A file that the recorder adds.
#[derive(Debug)]
pub(crate) struct NewFile {
    /// Path below `xen/`.
    pub path: &'static str,
    pub source: &'static str,
}

/// A function whose definition changes its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hook {
    /// The heads that its definition is known to have, as in the sources but on one line, without
    /// attributes. They can differ in their name: the hook is called as the first of them.
    pub heads: &'static [&'static str],
    /// Paths below `xen/`. Files move between versions: the first that has the definition counts.
    pub files: &'static [&'static str],
    /// Only trees that have this file, by its path below `xen/`, have the function.
    pub only_with: Option<&'static str>,
}

const fn hook(heads: &'static [&'static str], files: &'static [&'static str]) -> Hook {
    Hook { heads, files, only_with: None }
}

const fn xvmalloc(heads: &'static [&'static str]) -> Hook {
    Hook { only_with: Some("include/xen/xvmalloc.h"), ..hook(heads, VMAP) }
}

/// For which architectures something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arch {
    Any,
    X86,
    Arm,
}

/// What some hooks are good for.
#[derive(Debug)]
pub(crate) struct Part {
    /// As records and reports call it.
    pub name: &'static str,
    pub arch: Arch,
    /// What cannot be told without it; `None`: without it there is nothing to tell.
    pub tells: Option<&'static str>,
    pub hooks: &'static [Hook],
}

/// By what a fact is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sign {
    /// A function of this name is declared.
    Function(&'static str),
    /// A variable of this name is declared.
    Variable(&'static str),
    /// There is this line.
    Line(&'static str),
    /// The definition of a hook has its head of this number, from 0.
    Head(&'static str, usize),
    /// A function of this name is defined below an `#ifdef` of this option.
    Conditional(&'static str, &'static str),
}

/// What `heap-audit.c` must know of a tree besides the hooks: it is told by `HA_TREE_NAME`.
#[derive(Debug)]
pub(crate) struct Fact {
    pub name: &'static str,
    /// Paths below `xen/`: it is enough that one of the files shows the sign.
    pub files: &'static [&'static str],
    pub sign: Sign,
}

/// Where a block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before the `#endif` that ends the header's include guard.
    BeforeLastEndif,
    /// Into the first run of `obj-` lines, before the first object that sorts after it.
    AmongObjects,
    /// At the end of the `if` in which the entry `FRAME_POINTER` stands: the option selects it.
    WithFramePointer,
    /// Before the line that adds a folder's own flags to the compiler's.
    BeforeFlags,
}

/// A file that gets a block of lines.
#[derive(Debug)]
pub(crate) struct Insertion {
    /// Path below `xen/`.
    pub path: &'static str,
    /// What the block is, for people.
    pub what: &'static str,
    /// Whole lines. Taking it out is finding exactly this text again.
    pub text: &'static str,
    /// What earlier releases of the recorder inserted here. They are replaced, and taken out.
    pub earlier: &'static [&'static str],
    /// A line that begins with this belongs to such a block. One that is not part of a block we know
    /// was written or changed by somebody else.
    pub markers: &'static [&'static str],
    pub place: Place,
}

pub(crate) const NEW_FILES: &[NewFile] = &[
    NewFile { path: "common/heap-audit.c", source: include_str!("../xen/common/heap-audit.c") },
    NewFile { path: "common/heap-audit-core.c", source: include_str!("../xen/common/heap-audit-core.c") },
    NewFile { path: "include/xen/heap-audit.h", source: include_str!("../xen/include/xen/heap-audit.h") },
];

/// The header that is written from what was found in the tree.
pub(crate) const TREE_HEADER: &str = "include/xen/heap-audit-tree.h";

pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "page-allocator",
        arch: Arch::Any,
        tells: None,
        hooks: &[
            hook(
                &[
                    "struct page_info *alloc_domheap_pages(struct domain *d, unsigned int order, unsigned int memflags)",
                ],
                PAGE_ALLOC,
            ),
            hook(&["void free_domheap_pages(struct page_info *pg, unsigned int order)"], PAGE_ALLOC),
            hook(&["void *alloc_xenheap_pages(unsigned int order, unsigned int memflags)"], PAGE_ALLOC),
            hook(&["void free_xenheap_pages(void *v, unsigned int order)"], PAGE_ALLOC),
        ],
    },
    Part {
        name: "xmalloc",
        arch: Arch::Any,
        tells: None,
        hooks: &[
            hook(&["void *xmem_pool_alloc(unsigned long size, struct xmem_pool *pool)"], XMALLOC),
            hook(&["void *_xmalloc(unsigned long size, unsigned long align)"], XMALLOC),
            hook(&["void *_xrealloc(void *ptr, unsigned long size, unsigned long align)"], XMALLOC),
            hook(&["void xfree(void *p)"], XMALLOC),
        ],
    },
    Part {
        name: "vmalloc",
        arch: Arch::Any,
        tells: untold("vmalloc"),
        hooks: &[
            hook(&["void *vmalloc(size_t size)"], VMAP),
            hook(&["void *vmalloc_xen(size_t size)"], VMAP),
            hook(&["void *vzalloc(size_t size)"], VMAP),
            hook(&["void vfree(void *va)"], VMAP),
            // How many pages it is that are freed.
            hook(&["unsigned int vm_size(const void *va, enum vmap_region type)"], VMAP),
            xvmalloc(&["void *_xvmalloc(size_t size, unsigned int align)"]),
            xvmalloc(&["void *_xvzalloc(size_t size, unsigned int align)"]),
            xvmalloc(&["void *_xvrealloc(void *va, size_t size, unsigned int align)"]),
            xvmalloc(&["void xvfree(void *va)"]),
        ],
    },
    Part {
        name: "security",
        arch: Arch::Any,
        tells: untold("security"),
        hooks: &[
            hook(
                &["int avc_has_perm(u32 ssid, u32 tsid, u16 tclass, u32 requested, \
                     struct avc_audit_data *auditdata)"],
                AVC,
            ),
            hook(
                &["int avc_has_perm_noaudit(u32 ssid, u32 tsid, u16 tclass, u32 requested, \
                     struct av_decision *in_avd)"],
                AVC,
            ),
        ],
    },
    Part {
        name: "given",
        arch: Arch::Any,
        tells: untold("given"),
        hooks: &[hook(
            &[
                "int assign_pages(struct domain *d, struct page_info *pg, unsigned int order, unsigned int memflags)",
                "int assign_pages(struct page_info *pg, unsigned int nr, struct domain *d, unsigned int memflags)",
            ],
            PAGE_ALLOC,
        )],
    },
    Part {
        name: "taken",
        arch: Arch::X86,
        tells: untold("taken"),
        hooks: &[hook(
            &["int steal_page(struct domain *d, struct page_info *page, unsigned int memflags)"],
            &["arch/x86/mm.c"],
        )],
    },
    Part {
        name: "totals",
        arch: Arch::Any,
        tells: untold("totals"),
        hooks: &[
            hook(&["unsigned long domain_adjust_tot_pages(struct domain *d, long pages)"], PAGE_ALLOC),
            hook(&["int offline_page(mfn_t mfn, int broken, uint32_t *status)"], PAGE_ALLOC),
            hook(
                &[
                    "unsigned int online_page(mfn_t mfn, uint32_t *status)",
                    "int online_page(mfn_t mfn, uint32_t *status)",
                ],
                PAGE_ALLOC,
            ),
            hook(&["void init_xenheap_pages(paddr_t ps, paddr_t pe)"], PAGE_ALLOC),
            hook(&["void init_domheap_pages(paddr_t ps, paddr_t pe)"], PAGE_ALLOC),
        ],
    },
    Part {
        name: "shutdown",
        arch: Arch::Any,
        tells: untold("shutdown"),
        hooks: &[hook(&["void hwdom_shutdown(unsigned char reason)"], &["common/shutdown.c"])],
    },
    Part {
        name: "sleep",
        arch: Arch::X86,
        tells: untold("sleep"),
        // Not the hypercall that leads here: that can still be refused.
        hooks: &[hook(&["long enter_state_helper(void *data)"], &["arch/x86/acpi/power.c"])],
    },
    Part {
        name: "owners",
        arch: Arch::Any,
        tells: untold("owners"),
        hooks: &[
            hook(
                &[
                    "struct domain *domain_create(domid_t domid, struct xen_domctl_createdomain *config, bool flags)",
                    "struct domain *domain_create(domid_t domid, struct xen_domctl_createdomain *config, \
                     unsigned int flags)",
                ],
                &["common/domain.c"],
            ),
            hook(&["int domain_kill(struct domain *d)"], &["common/domain.c"]),
            hook(&["void complete_domain_destroy(struct rcu_head *head)"], &["common/domain.c"]),
            // What softirqs do in the middle of that is about something else.
            hook(&["void process_pending_softirqs(void)"], &["common/softirq.c"]),
            hook(&["void prepare_to_wait(struct waitqueue_head *wq)"], &["common/wait.c"]),
        ],
    },
    Part {
        name: "domctls",
        arch: Arch::Any,
        tells: untold("domctls"),
        hooks: &[hook(
            &["long do_domctl(XEN_GUEST_HANDLE_PARAM(xen_domctl_t) u_domctl)"],
            &["common/domctl.c"],
        )],
    },
    Part {
        name: "moves",
        arch: Arch::Any,
        tells: untold("moves"),
        hooks: &[hook(
            &["int sched_move_domain(struct domain *d, struct cpupool *c)"],
            &["common/sched/core.c"],
        )],
    },
    Part {
        name: CALLS,
        arch: Arch::X86,
        tells: CALLS_TELL,
        hooks: &[
            hook(&["void pv_hypercall(struct cpu_user_regs *regs)"], &["arch/x86/pv/hypercall.c"]),
            hook(&["void do_entry_int82(struct cpu_user_regs *regs)"], INT82),
            hook(
                &[
                    "void do_page_fault(struct cpu_user_regs *regs)",
                    "void handle_PF_IDT(struct cpu_user_regs *regs)",
                ],
                &["arch/x86/traps.c"],
            ),
            hook(
                &["int pv_emulate_privileged_op(struct cpu_user_regs *regs)"],
                &["arch/x86/pv/emul-priv-op.c"],
            ),
            hook(
                &["void svm_vmexit_handler(struct cpu_user_regs *regs)", "void svm_vmexit_handler(void)"],
                &["arch/x86/hvm/svm/svm.c"],
            ),
            hook(&["void vmx_vmexit_handler(struct cpu_user_regs *regs)"], &["arch/x86/hvm/vmx/vmx.c"]),
            hook(&["void asm_domain_crash_synchronous(unsigned long addr)"], &["arch/x86/traps.c"]),
            // Where it is, it calls the handlers of all that a PV guest does on a processor with FRED.
            Hook {
                only_with: Some("arch/x86/x86_64/entry-fred.S"),
                ..hook(&["void entry_from_pv(struct cpu_user_regs *regs)"], &["arch/x86/traps.c"])
            },
        ],
    },
    Part {
        name: CALLS,
        arch: Arch::Arm,
        tells: CALLS_TELL,
        hooks: &[
            hook(&["void enter_hypervisor_from_guest(void)"], &["arch/arm/traps.c"]),
            hook(&["void leave_hypervisor_to_guest(void)"], &["arch/arm/traps.c"]),
        ],
    },
    Part {
        name: "pools-hap",
        arch: Arch::X86,
        tells: untold("pools-hap"),
        hooks: &[
            hook(&["struct page_info *hap_alloc(struct domain *d)"], &["arch/x86/mm/hap/hap.c"]),
            hook(&["void hap_free(struct domain *d, mfn_t mfn)"], &["arch/x86/mm/hap/hap.c"]),
        ],
    },
    Part {
        name: "pools-shadow",
        arch: Arch::X86,
        tells: untold("pools-shadow"),
        hooks: &[
            hook(
                &["mfn_t shadow_alloc(struct domain *d, uint32_t shadow_type, unsigned long backpointer)"],
                &["arch/x86/mm/shadow/common.c"],
            ),
            hook(&["void shadow_free(struct domain *d, mfn_t smfn)"], &["arch/x86/mm/shadow/common.c"]),
        ],
    },
    Part {
        name: "pools-p2m",
        arch: Arch::Arm,
        tells: untold("pools-p2m"),
        hooks: &[
            hook(
                &["struct page_info *p2m_alloc_page(struct domain *d)"],
                &["arch/arm/mmu/p2m.c", "arch/arm/p2m.c"],
            ),
            hook(
                &["void p2m_free_page(struct domain *d, struct page_info *pg)"],
                &["arch/arm/mmu/p2m.c", "arch/arm/p2m.c"],
            ),
        ],
    },
    // What makes allocations fail, on purpose or because a domain has reached its limit: in the allocators'
    // wrappers, so it needs no hooks.
    Part { name: "refusals", arch: Arch::Any, tells: None, hooks: &[] },
];

const PAGE_ALLOC: &[&str] = &["common/page_alloc.c"];
const XMALLOC: &[&str] = &["common/xmalloc_tlsf.c"];
const VMAP: &[&str] = &["common/vmap.c"];
const AVC: &[&str] = &["xsm/flask/avc.c"];
/// Where a call from a guest begins or ends.
const CALLS: &str = "calls";
const CALLS_TELL: Option<&str> = untold(CALLS);

pub(crate) const FACTS: &[Fact] = &[
    Fact { name: "ASSIGN_PAGES_NR", files: &[], sign: Sign::Head("assign_pages", 1) },
    Fact {
        name: "BUILD_ID_VARIABLE",
        files: &["include/xen/version.h"],
        sign: Sign::Variable("xen_build_id"),
    },
    Fact {
        name: "PAGING_MEMPOOL_SIZE",
        files: &["include/xen/domain.h"],
        sign: Sign::Function("arch_get_paging_mempool_size"),
    },
    // From 4.21 on it can be left out.
    Fact { name: "CONFIG_SYSCTL", files: &["common/Kconfig"], sign: Sign::Line("config SYSCTL") },
    // Before there were these options, support for both vendors came with CONFIG_HVM.
    Fact { name: "CONFIG_AMD_SVM", files: X86_KCONFIG, sign: Sign::Line("config AMD_SVM") },
    Fact { name: "CONFIG_INTEL_VMX", files: X86_KCONFIG, sign: Sign::Line("config INTEL_VMX") },
    // From 4.22 on only what has events of vCPUs waits.
    Fact {
        name: "WAIT_NEEDS_VM_EVENT",
        files: &["common/Makefile"],
        sign: Sign::Line("obj-$(CONFIG_VM_EVENT) += wait.o"),
    },
    // Xen 4.14 builds it, and calls it, without support for 32-bit PV guests too.
    Fact { name: "INT82_NEEDS_PV32", files: INT82, sign: Sign::Conditional("do_entry_int82", "CONFIG_PV32") },
];

const INT82: &[&str] = &["arch/x86/pv/hypercall.c", "arch/x86/pv/traps.c"];

const X86_KCONFIG: &[&str] = &["arch/x86/Kconfig", "arch/x86/hvm/Kconfig"];

pub(crate) const INSERTIONS: &[Insertion] = &[
    Insertion {
        path: "include/xen/config.h",
        what: "the macros HEAP_AUDITED and AUDITED_STATIC",
        text: CONFIG_H,
        earlier: &[CONFIG_H_1],
        markers: &["#ifdef CONFIG_HEAP_AUDIT", "#define HEAP_AUDITED", "#define AUDITED_STATIC"],
        place: Place::BeforeLastEndif,
    },
    Insertion {
        path: "common/Makefile",
        what: "the recorder's objects",
        text: MAKEFILE,
        earlier: &[],
        markers: &["obj-$(CONFIG_HEAP_AUDIT)"],
        place: Place::AmongObjects,
    },
    Insertion {
        path: "Kconfig.debug",
        what: "the option HEAP_AUDIT",
        text: KCONFIG,
        earlier: &[KCONFIG_1],
        markers: &["config HEAP_AUDIT"],
        place: Place::WithFramePointer,
    },
    Insertion {
        path: "Rules.mk",
        what: "calls at the end of a function are calls",
        text: RULES,
        earlier: &[],
        markers: &["CFLAGS-$(CONFIG_HEAP_AUDIT)"],
        place: Place::BeforeFlags,
    },
];

/// Every version force-includes this header into every C and assembly file, so the macros reach all
/// definitions without an `#include` that would move their lines.
const CONFIG_H: &str = "\
/*
 * HEAP_AUDITED(fn) stands where a function that common/heap-audit.c watches
 * is defined. With the recorder built in, the definition gets another name
 * and the recorder defines the public one, so that callers in every file,
 * also the function's own, pass through it. Without, nothing changes.
 *
 * AUDITED_STATIC(type, fn, args) is the same for a static function. No header
 * declares it, so the public name is declared here for the callers, on the
 * same line, as no line of the file may move.
 */
#ifdef CONFIG_HEAP_AUDIT
#define HEAP_AUDITED(fn) heap_audited_ ## fn
#define AUDITED_STATIC(type, fn, args) type fn args; type HEAP_AUDITED(fn) args
#else
#define HEAP_AUDITED(fn) fn
#define AUDITED_STATIC(type, fn, args) static type fn args
#endif

";

/// What releases before the static functions inserted.
const CONFIG_H_1: &str = "\
/*
 * HEAP_AUDITED(fn) stands where a function that common/heap-audit.c watches
 * is defined. With the recorder built in, the definition gets another name
 * and the recorder defines the public one, so that callers in every file,
 * also the function's own, pass through it. Without, nothing changes.
 */
#ifdef CONFIG_HEAP_AUDIT
#define HEAP_AUDITED(fn) heap_audited_ ## fn
#else
#define HEAP_AUDITED(fn) fn
#endif

";

const MAKEFILE: &str = "obj-$(CONFIG_HEAP_AUDIT) += heap-audit.o heap-audit-core.o\n";

/// A function that ends in a jump to another one would be missing from the stacks below it.
const RULES: &str = "CFLAGS-$(CONFIG_HEAP_AUDIT) += -fno-optimize-sibling-calls\n";

/// Every kconfig from 4.14 on knows the keyword `help`. The frame pointer is selected, so the entry stands
/// where that stands, in `if DEBUG || EXPERT`.
const KCONFIG: &str = "\
config HEAP_AUDIT
\tbool \"Audit of run-time heap allocations\"
\tdepends on X86 || ARM_64
\tselect FRAME_POINTER
\thelp
\t  Record every allocation that Xen makes while it runs and that is
\t  charged to no domain, with the call stack that led to it, and
\t  whether it is given back. The records go to the console; the boot
\t  option heap-audit= chooses how. Use the tool xenheap to read them.

\t  Functions keep their frames also where the last thing that they do
\t  is a call. This is for analysis. It costs time, memory and console
\t  output.

\t  If unsure, say N here.

";

/// What earlier releases inserted outside of that `if`: without DEBUG and EXPERT the selection was not allowed.
const KCONFIG_1: &str = "\
config HEAP_AUDIT
\tbool \"Audit of run-time heap allocations\"
\tdepends on X86 || ARM_64
\tselect FRAME_POINTER
\thelp
\t  Record every allocation that Xen makes while it runs and that is
\t  charged to no domain, with the call stack that led to it, and
\t  whether it is given back. The records go to the console; the boot
\t  option heap-audit= chooses how. Use the tool xenheap to read them.

\t  This is for analysis. It costs time, memory and console output.

\t  If unsure, say N here.

";
