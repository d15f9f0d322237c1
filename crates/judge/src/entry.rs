//! What Xen was asked for when a stack came about.

use std::{collections::HashMap, fmt, sync::LazyLock};

use serde::{
    Deserialize, Serialize,
    de::{
        IntoDeserializer,
        value::{self, StrDeserializer},
    },
};
use xenheap_callgraph::{TableError, Takers, Who, entries};
use xenheap_model::{Frame, Stack, clean};

/// Where the outside enters Xen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A guest's call.
    Hypercall,
    /// A guest left its virtual machine for another reason.
    VmExit,
    /// A guest did what Xen has to look at: a fault, an instruction.
    Trap,
    /// Xen is about to go back to a guest.
    Return,
    /// A device or another CPU.
    Interrupt,
    /// Work that Xen had put off, timers and callbacks of RCU included.
    Softirq,
    /// Work that Xen had put off and does as a task.
    Tasklet,
    /// A CPU that has nothing to run.
    Idle,
    /// Xen's start.
    Boot,
    /// It cannot be told.
    Unknown,
}

impl EntryKind {
    /// The word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            EntryKind::Hypercall => "hypercall",
            EntryKind::VmExit => "VM exit",
            EntryKind::Trap => "trap",
            EntryKind::Return => "return",
            EntryKind::Interrupt => "interrupt",
            EntryKind::Softirq => "softirq",
            EntryKind::Tasklet => "tasklet",
            EntryKind::Idle => "idle",
            EntryKind::Boot => "boot",
            EntryKind::Unknown => "unknown",
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The function of Xen's that does what the outside asked for, and how it was asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct EntryPoint {
    /// How the outside came in.
    pub entry: EntryKind,
    /// The function, as Xen names it; empty if the stack could not be read.
    pub function: String,
    /// The least trusted one that can ask for it, by the table of entries
    /// (`crates/callgraph/data/entries.toml`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
}

/// A test reads the table; if it could not be read, nobody would be known.
static TAKERS: LazyLock<Takers> = LazyLock::new(|| Takers::new().unwrap_or_default());

/// Functions that only decide who does the work: that is the function which the innermost of them
/// calls.
static DISPATCHERS: LazyLock<HashMap<&str, EntryKind>> = LazyLock::new(|| dispatchers().unwrap_or_default());

fn dispatchers() -> Result<HashMap<&'static str, EntryKind>, TableError> {
    let mut found = HashMap::new();
    for (word, names) in entries::dispatchers()? {
        let word: StrDeserializer<'_, value::Error> = word.as_str().into_deserializer();
        // A test holds that each word is one.
        let Ok(entry) = EntryKind::deserialize(word) else { continue };
        found.extend(names.iter().map(|name| (name.as_str(), entry)));
    }
    Ok(found)
}

impl EntryPoint {
    /// That of a stack. A softirq that runs inside of a hypercall is not part of the hypercall.
    pub fn of(stack: &Stack) -> Self {
        let (at, entry) = Self::find(stack);
        let function = stack.frames.get(at).map(|frame| frame.name().into_owned()).unwrap_or_default();
        EntryPoint { entry, function, who: who(stack) }
    }

    /// Which frame it is, from the root, and how the outside came in.
    pub fn find(stack: &Stack) -> (usize, EntryKind) {
        let frames = &stack.frames;
        let dispatcher =
            frames.iter().enumerate().rev().find_map(|(at, frame)| Some((at, dispatches(frame)?)));
        match dispatcher {
            // One that allocates itself does its own work, with whatever is inlined into it.
            Some((at, entry)) => {
                let called = frames.iter().enumerate().skip(at + 1).find(|(_, frame)| !frame.inlined);
                (called.map_or(at, |(at, _)| at), entry)
            }
            None => (frames.iter().position(|frame| !is_assembly(frame)).unwrap_or(0), EntryKind::Unknown),
        }
    }
}

/// That of the innermost function of the table: an operation may ask for more than its hypercall,
/// and deferred work is not its caller's.
fn who(stack: &Stack) -> Option<Who> {
    let frames: Vec<_> =
        stack.frames.iter().map(|frame| (frame.file.as_deref(), clean(&frame.function))).collect();
    TAKERS.of_stack(&frames)
}

fn dispatches(frame: &Frame) -> Option<EntryKind> {
    let name = frame.function.split('.').next().unwrap_or_default();
    DISPATCHERS.get(name).copied()
}

fn is_assembly(frame: &Frame) -> bool {
    let place = frame.source.as_ref().map(|source| &source.file).or(frame.file.as_ref());
    place.is_some_and(|file| file.ends_with(".S") || file.ends_with(".o"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_dispatchers() {
        let table = dispatchers().expect("a table");
        assert_eq!(table.get("svm_vmexit_handler"), Some(&EntryKind::VmExit));
        assert!(table.len() > 30, "{}", table.len());
        let all: usize = entries::dispatchers().expect("a table").values().map(Vec::len).sum();
        assert_eq!(table.len(), all, "a word of the table is none");
    }

    /// Of functions as they are shown; a `+` marks an inlined one.
    fn stack(functions: &[&str]) -> Stack {
        let frames = functions.iter().map(|name| {
            let (inlined, name) = name.strip_prefix('+').map_or((false, *name), |name| (true, name));
            let (file, function) = name.split_once('#').map_or((None, name), |(a, b)| (Some(a), b));
            let file = file.map(str::to_owned);
            Frame { function: function.to_owned(), file, inlined, source: None, addr: None }
        });
        Stack { frames: frames.collect(), ..Stack::default() }
    }

    #[track_caller]
    fn check(functions: &[&str], entry: EntryKind, function: &str) {
        let point = EntryPoint::of(&stack(functions));
        assert_eq!((point.entry, point.function.as_str()), (entry, function));
    }

    #[track_caller]
    fn check_who(functions: &[&str], who: Option<Who>) {
        assert_eq!(EntryPoint::of(&stack(functions)).who, who);
    }

    #[test]
    fn who_can_ask_for_it() {
        assert!(Takers::new().is_ok());
        check_who(&["lstar_enter", "pv_hypercall", "do_domctl", "domain_create"], Some(Who::ControlDomain));
        check_who(&["svm_vmexit_handler", "hvm_hypercall", "do_event_channel_op"], Some(Who::AnyGuest));
        // Part of a hypercall that any guest can make, and not for any guest.
        check_who(
            &["pv_hypercall", "do_memory_op", "common/memory.c#acquire_resource"],
            Some(Who::DeviceModel),
        );
        check_who(&["do_domctl", "do_softirq", "timer.c#timer_softirq_action"], Some(Who::AnyGuest));
        check_who(&["arch/x86/time.c#time_calibration.isra.0"], Some(Who::Hardware));
        check_who(&["something"], None);
        check_who(&[], None);
    }

    #[test]
    fn most_domctls_are_the_control_domains() {
        let domctl = |functions: &[&str], who| {
            check_who(
                &[&["lstar_enter", "pv_hypercall", "+_pv_hypercall", "do_domctl"], functions].concat(),
                who,
            );
        };
        for functions in [
            &["vcpu_create", "sched_init_vcpu", "common/sched/core.c#sched_alloc_unit_mem"][..],
            &["domain_update_node_affinity", "domain_update_node_aff", "+alloc_affinity_masks"],
            &["domain_set_node_affinity", "domain_update_node_affinity"],
            &["+common/domctl.c#xenctl_bitmap_to_nodemask", "xenctl_bitmap_to_bitmap"],
            &["bitmap_to_xenctl_bitmap"],
            &["arch_set_paging_mempool_size", "hap_set_allocation"],
            &["iommu_do_pci_domctl", "+assign_device"],
            &["arch_do_domctl", "+arch/x86/domctl.c#update_domain_cpu_policy"],
            &["arch_do_domctl", "paging_domctl"],
        ] {
            domctl(functions, Some(Who::ControlDomain));
        }
        for functions in
            [&[][..], &["map_mmio_regions"], &["arch_do_domctl"], &["arch_do_domctl", "pt_irq_create_bind"]]
        {
            domctl(functions, Some(Who::DeviceModel));
        }
    }

    #[test]
    fn an_operation_of_another_hypercall_is_none() {
        // A fork.
        check_who(
            &["do_memory_op", "mem_sharing_memop", "arch/x86/mm/mem_sharing.c#fork", "vcpu_create"],
            Some(Who::DeviceModel),
        );
        check_who(&["do_domctl", "domain_kill", "evtchn_destroy", "evtchn_close"], Some(Who::ControlDomain));
        check_who(&["do_multicall", "do_event_channel_op", "evtchn_close"], Some(Who::AnyGuest));
        // The hypercall's own function jumped there.
        check_who(
            &["lstar_enter", "pv_hypercall", "pci_physdev_op", "pci_add_device"],
            Some(Who::ControlDomain),
        );
    }

    #[test]
    fn who_does_the_work() {
        check(
            &["lstar_enter", "pv_hypercall", "+_pv_hypercall", "do_domctl", "domain_create"],
            EntryKind::Hypercall,
            "do_domctl",
        );
        check(
            &["svm/entry.S#svm_asm_do_resume", "svm_vmexit_handler", "hvm_hypercall", "do_event_channel_op"],
            EntryKind::Hypercall,
            "do_event_channel_op",
        );
        check(
            &["svm_vmexit_handler", "hvm_hap_nested_page_fault", "p2m_set_entry"],
            EntryKind::VmExit,
            "hvm_hap_nested_page_fault",
        );
        check(
            &["do_trap_guest_sync", "traps.c#do_trap_hypercall", "do_memory_op"],
            EntryKind::Hypercall,
            "do_memory_op",
        );
        check(&["pv_hypercall", "do_multicall", "do_mmu_update"], EntryKind::Hypercall, "do_mmu_update");
        // From 4.21 on.
        let fault = ["x86_64/entry.S#handle_exception_saved", "handle_PF_IDT", "traps.c#handle_PF"];
        check(&[&fault[..], &["paging_fault"]].concat(), EntryKind::Trap, "paging_fault");
        check(&["entry_from_pv", "pv_hypercall", "do_domctl"], EntryKind::Hypercall, "do_domctl");
    }

    #[test]
    fn work_that_was_put_off_belongs_to_nobodys_call() {
        check(
            &[
                "pv_hypercall",
                "do_domctl",
                "process_pending_softirqs",
                "softirq.c#__do_softirq",
                "rcupdate.c#rcu_process_callbacks",
                "domain.c#complete_domain_destroy",
                "sched_destroy_domain",
            ],
            EntryKind::Softirq,
            "domain.c#complete_domain_destroy",
        );
        check(
            &["entry.S#process", "softirq.c#__do_softirq", "timer.c#timer_softirq_action", "+_xmalloc_array"],
            EntryKind::Softirq,
            "timer.c#timer_softirq_action",
        );
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        check(&["x86_64/entry.S#handle", "something", "else"], EntryKind::Unknown, "something");
        check(&[], EntryKind::Unknown, "");
    }
}
