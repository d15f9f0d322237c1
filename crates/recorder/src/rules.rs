//! What goes into a Xen tree: the new files, the renames, the inserted blocks.
//!
//! The counts were compared with Xen 4.14.6, 4.17.5, 4.20.3 and with files of the development branch up
//! to 4.23-unstable: everywhere each function is defined as often as is said here, in column 0, with
//! external linkage. So nothing is optional; a tree that differs has been changed in a place that the
//! recorder depends on, and must be looked at by a person. (What did change between these versions is the
//! parameters: of `assign_pages` at 4.16, of `hwdom_shutdown` and `acpi_enter_sleep` at 4.19. Renaming
//! does not see them.) `alloc_xenheap_pages`, `free_xenheap_pages` and `init_xenheap_pages` are defined
//! twice, in the two branches of an `#if` on `CONFIG_SEPARATE_XENHEAP`. Arm has a `steal_page` of its own
//! that only ever fails; it is left alone.

/// The macro around the name of a definition.
pub(crate) const MACRO: &str = "HEAP_AUDITED";

/// Changes when the way in which rules are applied changes, so that [`crate::recorder_id`] does too.
pub(crate) const REVISION: &str = "1";

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
    /// Path below `xen/`.
    pub path: &'static str,
    /// Function and how often the file must define it.
    pub functions: &'static [(&'static str, usize)],
}

/// Where a block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before the `#endif` that ends the header's include guard.
    BeforeLastEndif,
    /// Into the first run of `obj-` lines, before the first object that sorts after it.
    AmongObjects,
    /// Before the `endmenu` that ends the file, where no `if` is open.
    BeforeLastEndmenu,
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
        path: "common/page_alloc.c",
        functions: &[
            ("alloc_domheap_pages", 1),
            ("free_domheap_pages", 1),
            ("alloc_xenheap_pages", 2),
            ("free_xenheap_pages", 2),
            ("assign_pages", 1),
            ("init_xenheap_pages", 2),
            ("init_domheap_pages", 1),
        ],
    },
    RenameFile {
        path: "common/xmalloc_tlsf.c",
        functions: &[("xmem_pool_alloc", 1), ("_xmalloc", 1), ("_xrealloc", 1), ("xfree", 1)],
    },
    RenameFile { path: "common/shutdown.c", functions: &[("hwdom_shutdown", 1)] },
    RenameFile { path: "arch/x86/acpi/power.c", functions: &[("acpi_enter_sleep", 1)] },
    RenameFile { path: "arch/x86/mm.c", functions: &[("steal_page", 1)] },
];

pub(crate) const INSERTIONS: &[Insertion] = &[
    Insertion {
        path: "include/xen/config.h",
        what: "the macro HEAP_AUDITED",
        text: CONFIG_H,
        earlier: &[],
        markers: &["#ifdef CONFIG_HEAP_AUDIT", "#define HEAP_AUDITED"],
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
        earlier: &[],
        markers: &["config HEAP_AUDIT"],
        place: Place::BeforeLastEndmenu,
    },
];

/// Every version force-includes this header into every C and assembly file, so the macro reaches all
/// definitions without an `#include` that would move their lines.
const CONFIG_H: &str = "\
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

/// Every kconfig from 4.14 on knows the keyword `help`. The entry stands outside `if DEBUG || EXPERT`, so
/// that it can be switched on alone; the frame pointer, which stands inside, is selected.
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

\t  This is for analysis. It costs time, memory and console output.

\t  If unsure, say N here.

";
