//! What goes into a Xen tree: the new files, the renames, the inserted blocks.
//!
//! The counts for the allocators (the first five files below) were compared with Xen 4.14.6, 4.17.5, 4.20.3
//! and with files of the development branch up to 4.23-unstable, those for the other functions with the
//! sources of 4.14.6, 4.17.5 and 4.20.3 only (of later versions patches were seen, whole files not):
//! everywhere each function is defined as often and as is said here, in column 0. So nothing is optional
//! but one function; a tree that differs has been changed in a place that the recorder depends on, and
//! must be looked at by a person. (What did change between these versions is the parameters: of
//! `assign_pages` at 4.16, of `hwdom_shutdown` and `acpi_enter_sleep` at 4.19, of `svm_vmexit_handler`
//! before 4.20. Renaming does not see them.) `alloc_xenheap_pages`, `free_xenheap_pages` and
//! `init_xenheap_pages` are defined twice, in the two branches of an `#if` on `CONFIG_SEPARATE_XENHEAP`.
//! Arm has a `steal_page` of its own that only ever fails; it is left alone. In 4.14 `do_entry_int82` is
//! in another file and goes through `pv_hypercall`, so there is nothing to rename.
//!
//! A function that its own file calls must be declared in a header or be static: the callers below its
//! definition know it from there, and no longer do once it has another name. So it is
//! `pv_emulate_privileged_op` and not its caller `do_general_protection`, which 4.20 declares nowhere.

/// The macro around the name of a definition.
pub(crate) const MACRO: &str = "HEAP_AUDITED";

/// The macro that is the head of a static definition.
pub(crate) const STATIC_MACRO: &str = "AUDITED_STATIC";

/// Changes when the way in which rules are applied changes, so that [`crate::recorder_id`] does too.
pub(crate) const REVISION: &str = "3";

/// A file that the recorder adds.
#[derive(Debug)]
pub(crate) struct NewFile {
    /// Path below `xen/`.
    pub path: &'static str,
    pub source: &'static str,
}

/// A file in which the names of definitions change.
#[derive(Debug)]
pub(crate) struct RenameFile {
    /// Paths below `xen/`, of which the first that exists is the one: files move between versions.
    pub paths: &'static [&'static str],
    pub functions: &'static [Function],
}

/// A function whose definition changes its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub name: &'static str,
    /// How often the file must define it.
    pub times: usize,
    /// Known to its file only, and its whole head on one line.
    pub is_static: bool,
    /// Need not be there.
    pub is_optional: bool,
}

pub(crate) const fn once(name: &'static str) -> Function {
    Function { name, times: 1, is_static: false, is_optional: false }
}

pub(crate) const fn twice(name: &'static str) -> Function {
    Function { times: 2, ..once(name) }
}

pub(crate) const fn once_static(name: &'static str) -> Function {
    Function { is_static: true, ..once(name) }
}

pub(crate) const fn at_most_once(name: &'static str) -> Function {
    Function { is_optional: true, ..once(name) }
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

pub(crate) const RENAMES: &[RenameFile] = &[
    RenameFile {
        paths: &["common/page_alloc.c"],
        functions: &[
            once("alloc_domheap_pages"),
            once("free_domheap_pages"),
            twice("alloc_xenheap_pages"),
            twice("free_xenheap_pages"),
            once("assign_pages"),
            twice("init_xenheap_pages"),
            once("init_domheap_pages"),
        ],
    },
    RenameFile {
        paths: &["common/xmalloc_tlsf.c"],
        functions: &[once("xmem_pool_alloc"), once("_xmalloc"), once("_xrealloc"), once("xfree")],
    },
    RenameFile { paths: &["common/shutdown.c"], functions: &[once("hwdom_shutdown")] },
    RenameFile { paths: &["arch/x86/acpi/power.c"], functions: &[once("acpi_enter_sleep")] },
    RenameFile { paths: &["arch/x86/mm.c"], functions: &[once("steal_page")] },
    // Who memory is for: a domain's beginning, its end, and the requests about one.
    RenameFile {
        paths: &["common/domain.c"],
        functions: &[once("domain_create"), once("domain_kill"), once_static("complete_domain_destroy")],
    },
    RenameFile { paths: &["common/domctl.c"], functions: &[once("do_domctl")] },
    RenameFile { paths: &["common/sched/core.c"], functions: &[once("sched_move_domain")] },
    RenameFile { paths: &["common/softirq.c"], functions: &[once("process_pending_softirqs")] },
    // Where a call from a guest begins or ends.
    RenameFile {
        paths: &["arch/x86/pv/hypercall.c"],
        functions: &[once("pv_hypercall"), at_most_once("do_entry_int82")],
    },
    RenameFile { paths: &["arch/x86/traps.c"], functions: &[once("do_page_fault")] },
    RenameFile { paths: &["arch/x86/pv/emul-priv-op.c"], functions: &[once("pv_emulate_privileged_op")] },
    RenameFile { paths: &["arch/x86/hvm/svm/svm.c"], functions: &[once("svm_vmexit_handler")] },
    RenameFile { paths: &["arch/x86/hvm/vmx/vmx.c"], functions: &[once("vmx_vmexit_handler")] },
    RenameFile { paths: &["arch/arm/traps.c"], functions: &[once("leave_hypervisor_to_guest")] },
    // The pools from which a domain's page tables are made.
    RenameFile {
        paths: &["arch/x86/mm/hap/hap.c"],
        functions: &[once_static("hap_alloc"), once_static("hap_free")],
    },
    RenameFile {
        paths: &["arch/x86/mm/shadow/common.c"],
        functions: &[once("shadow_alloc"), once("shadow_free")],
    },
    RenameFile {
        paths: &["arch/arm/mmu/p2m.c", "arch/arm/p2m.c"],
        functions: &[once_static("p2m_alloc_page"), once_static("p2m_free_page")],
    },
];

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
