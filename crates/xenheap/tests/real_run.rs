//! What must hold of the report of a real boot. `./check` makes the RUN (a real Xen, instrumented
//! and booted with a Linux dom0 in several modes) and names it in `XENHEAP_RUN`.

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::real::{findings, functions, json, number, report};

const KINDS: [&str; 5] = ["xmalloc", "xenheap", "domheap", "vmalloc", "pool-growth"];

/// What a boot of a Linux dom0 shows.
struct Shown {
    /// Where the outside enters Xen, as functions at the root of a stack.
    entries: &'static [&'static str],
    /// Paths that every boot takes: a function of the stack, the kind, and what must have happened
    /// to it.
    always: &'static [(&'static str, &'static str, &'static str)],
    /// At least so many findings.
    findings: usize,
}

const X86_64: Shown = Shown {
    entries: &[
        "lstar_enter",
        "cstar_enter",
        "sysenter_entry",
        "int80_direct_trap",
        "entry_int80",
        "common_interrupt",
        "handle_exception",
        "process_softirqs",
        "idle_loop",
        "vmx_asm_vmexit_handler",
        "svm_asm_do_resume",
        "svm_vmexit_handler",
        // behind a guest's VM exit
        "svm_stgi_label",
        // of the idle loop, for which it has reset the stack
        "context_switch",
        "continue_running",
    ],
    always: &[
        // event channels: FIFO control blocks stay while dom0 lives
        ("evtchn_fifo_init_control", "xmalloc", "live"),
        // swiotlb exchanges memory for contiguous pages: ownerless pages that are given to dom0 …
        ("memory_exchange", "domheap", "given"),
        // … and dom0's old ones, taken and freed
        ("memory_exchange", "domheap", "taken"),
        // the exchange tries address widths that have no memory
        ("memory_exchange", "domheap", "failed"),
        // the timer heap grows in a softirq
        ("timer_softirq_action", "xmalloc", "live"),
        // interrupts: pirq structures, the radix tree they are in, and their actions
        ("alloc_pirq_struct", "xmalloc", "live"),
        ("radix_tree_insert", "xmalloc", "live"),
        ("pirq_guest_bind", "xmalloc", "live"),
        // PCI devices that dom0 announces
        ("alloc_pdev", "xmalloc", "live"),
        // a copy of a guest's vCPU context, freed before the hypercall ends
        ("default_initialise_vcpu", "vmalloc", "freed"),
    ],
    findings: 10,
};

/// dom0 has its memory, its interrupts and its devices from the start here, so that it asks for
/// little.
const ARM64: Shown = Shown {
    entries: &[
        "guest_sync_slowpath",
        "guest_irq",
        "guest_sync_compat",
        "guest_irq_compat",
        "return_to_new_vcpu64",
        "return_to_new_vcpu32",
        "hyp_irq",
        "idle_loop",
    ],
    always: &[
        ("evtchn_fifo_init_control", "xmalloc", "live"),
        // the shared pages that dom0 maps: page tables, which for dom0 come from the heap
        ("p2m_alloc_page", "domheap", "live"),
        // the context of dom0's second CPU, freed when that runs
        ("do_common_cpu_on", "xmalloc", "freed"),
        ("timer_softirq_action", "xmalloc", "live"),
    ],
    findings: 6,
};

fn shown(report: &Value) -> Shown {
    match report["facts"]["arch"].as_str() {
        Some("x86_64") => X86_64,
        Some("arm64") => ARM64,
        other => panic!("{other:?}: which architecture is that?"),
    }
}

#[test]
fn every_self_check_holds() {
    for check in json(&[])["checks"].as_array().expect("checks") {
        assert_eq!(check["outcome"], "ok", "{check}");
    }
    report(&["--strict"]);
}

/// Not by the word of our own check: number by number.
#[test]
fn totals_are_the_hypervisors() {
    let report = json(&[]);
    assert_ne!(report["totals"]["xmalloc"]["counters"]["allocs"], 0);
    for kind in KINDS {
        let (ours, theirs) = (&report["totals"][kind], &report["hypervisor"]["totals"][kind]);
        for (key, value) in theirs["counters"].as_object().expect("counters") {
            if !matches!(key.as_str(), "min" | "max") {
                assert_eq!(&ours["counters"][key], value, "{kind} {key}");
            }
        }
        for key in ["orphans", "orphan_bytes", "pages", "pages_freed", "pool", "pool_freed"] {
            assert_eq!(ours[key], theirs[key], "{kind} {key}");
        }
    }
}

/// The equations of docs/record-format.md, from what was parsed on one side and what the heap says
/// of itself on the other.
#[test]
fn the_machine_balances_without_a_rest() {
    let report = json(&[]);
    let machine = &report["hypervisor"]["machine"];
    let grown = |key: &str| number(&machine[key]["now"]) - number(&machine[key]["start"]);
    let of = |key: &str| number(&machine[key]);
    let total = |kind: &str, key: &str| number(&report["totals"][kind][key]);

    let pages: i64 = KINDS.iter().map(|kind| total(kind, "pages") - total(kind, "pages_freed")).sum();
    let offline = of("offlined") - of("onlined") - of("colored_alloc") + of("colored_freed");
    assert_eq!(
        grown("free"),
        of("heapadd") - of("owned_alloc") + of("owned_freed") - pages - offline,
        "free pages"
    );
    assert_eq!(
        grown("dompages"),
        of("owned_alloc") - of("owned_freed") + of("given_counted") - of("taken_counted") + of("adjusted_up")
            - of("adjusted_down"),
        "domains' pages"
    );
    let regions = total("pool-growth", "pages") - total("pool-growth", "pages_freed");
    assert_eq!(grown("pooltotal"), 4096 * regions, "pool pages");
    let pool = total("xmalloc", "pool") - total("xmalloc", "pool_freed");
    assert_eq!(grown("poolused"), pool + of("poolhdr") * regions, "pool bytes");
    for lost in ["lost_records", "lost_stacks", "lost_rows", "lost_live", "busy"] {
        assert_eq!(of(lost), 0, "{lost}");
    }
}

#[test]
fn every_stack_has_names_down_to_an_entry_of_xen() {
    let report = json(&[]);
    let shown = shown(&report);
    assert!(findings(&report).len() >= shown.findings);
    for finding in findings(&report) {
        let functions = functions(finding);
        assert!(functions.iter().all(|name| !name.starts_with("0x")), "{functions:?}");
        assert!(shown.entries.contains(&functions[0]), "{functions:?} begins at no entry of Xen");
        assert_eq!(finding["stack"]["truncated"], false);
    }
}

/// A processor's link register and a function that the compiler split can both say one thing twice.
#[test]
fn no_frame_stands_twice() {
    for finding in findings(&json(&[])) {
        let frames = finding["stack"]["frames"].as_array().expect("frames");
        for pair in frames.windows(2) {
            let same = |key: &str| pair[0][key] == pair[1][key];
            assert!(!(same("addr") && same("function")), "{pair:?}");
        }
    }
}

/// The recorder knows where each call ends: what one call allocates and gives back is told from
/// what it leaves, and one call from the next, which would be one if an end were missed.
#[test]
fn a_call_ends_where_xen_returns() {
    let report = json(&[]);
    // Registers of a vCPU, for as long as they are copied.
    let copies: Vec<&Value> = findings(&report)
        .iter()
        .filter(|finding| functions(finding).contains(&"alloc_vcpu_guest_context"))
        .map(|finding| &finding["counters"])
        .collect();
    assert!(!copies.is_empty());
    for counters in copies {
        assert!(number(&counters["freed"]) > 0, "{counters}");
        assert_eq!(counters["bracketed"], counters["freed"], "{counters}");
    }
    let calls = report["calls"].as_array().expect("calls");
    let several = calls.iter().any(|call| {
        let [left, most] = ["left", "most-whole"].map(|what| number(&call[what]["count"]));
        most > 0 && 2 * most <= left
    });
    assert!(several, "one call has left most of all, whichever it is: {calls:?}");
}

/// What the idle CPU does is in no call, and what softirqs do on the way back to the guest is not
/// in the next one.
#[test]
fn only_what_a_handler_does_is_in_a_call() {
    const HANDLERS: [&str; 8] = [
        "pv_hypercall",
        "do_page_fault",
        "handle_PF_IDT",
        "pv_emulate_privileged_op",
        "svm_vmexit_handler",
        "vmx_vmexit_handler",
        "entry_from_pv",
        "do_entry_int82",
    ];
    let arm = json(&[])["facts"]["arch"] == "arm64";
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("saved.xhr");
    report(&["--save", support::text(&file)]);
    let file = std::fs::File::open(&file).expect("the run was saved");
    let lines = zstd::decode_all(file).expect("a run file is zstd");
    let mut lines = lines
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice::<Value>(line).expect("a line of JSON"));
    let stacks = number(&lines.next().expect("a head")["stacks"]);
    let stacks: BTreeMap<i64, Value> = lines
        .by_ref()
        .take(usize::try_from(stacks).expect("a number of stacks"))
        .map(|stack| (number(&stack["id"]), stack))
        .collect();
    let mut in_calls = 0;
    let mut last = BTreeMap::new();
    for event in lines.filter(|event| event["epoch"].is_u64()) {
        let functions = functions(&stacks[&number(&event["stack"])]);
        let handled = if arm {
            !functions.contains(&"leave_hypervisor_to_guest")
        } else {
            HANDLERS.iter().any(|handler| functions.contains(handler))
        };
        // What softirqs do in the middle of one is not the guest's.
        let aside = ["do_softirq", "process_pending_softirqs"].iter().any(|name| functions.contains(name));
        assert!(handled && !aside, "{event} in {functions:?}");
        // No number comes twice, not even where a CPU went and came back.
        let epoch = number(&event["epoch"]);
        let before = last.insert(event["cpu"].as_u64().unwrap_or(0), epoch).unwrap_or(0);
        assert!(before <= epoch, "{event} after call {before} of that CPU");
        in_calls += 1;
    }
    let least = if arm { 5 } else { 20 };
    assert!(in_calls >= least, "{in_calls} events in calls");
}

#[test]
fn paths_that_every_boot_takes_are_there() {
    let report = json(&[]);
    for &(function, kind, happened) in shown(&report).always {
        assert!(
            findings(&report).iter().any(|finding| finding["kind"] == kind
                && number(&finding["counters"][happened]) > 0
                && functions(finding).contains(&function)),
            "no {kind} with {happened} > 0 by {function}"
        );
    }
    let exchanged: i64 = findings(&report)
        .iter()
        .filter(|finding| finding["charge"] == "no-owner" && functions(finding).contains(&"memory_exchange"))
        .map(|finding| number(&finding["counters"]["live_bytes"]))
        .sum();
    assert_eq!(exchanged, 0, "what memory_exchange allocates is given away, not live");
}

/// The findings of a view by all that names them but the `without`, with their counters added up.
/// Highest and single sizes of parts have no sum.
fn by_key(view: &str, without: &[&str]) -> BTreeMap<String, BTreeMap<String, i64>> {
    let report = json(&["--view", view]);
    let mut sums: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for finding in findings(&report) {
        let mut key = finding.clone();
        let key = key.as_object_mut().expect("an object");
        let counters = key.remove("counters").expect("counters");
        // What is concluded of owners and of other rows: not every view knows them.
        key.remove("lifetime");
        for name in without {
            key.remove(*name);
        }
        let sum = sums.entry(serde_json::to_string(key).expect("JSON")).or_default();
        for (name, n) in counters.as_object().expect("counters") {
            if without.is_empty() || !["peak", "min", "max"].contains(&name.as_str()) {
                *sum.entry(name.clone()).or_default() += number(n);
            }
        }
    }
    sums
}

/// The hypervisor's own table knows no owner but what was passed to the allocator. (That its rows
/// have the same peaks too is the self-check `views`.)
#[test]
fn views_agree_on_every_number() {
    assert!(!by_key("trace", &[]).is_empty());
    let report = json(&[]);
    let modes = report["facts"]["modes"].as_array().expect("modes");
    assert!(modes.len() > 1, "{modes:?}");
    for mode in modes {
        let without: &[&str] = if mode == "summary" { &["owner"] } else { &[] };
        let mode = mode.as_str().expect("a mode");
        assert_eq!(by_key("trace", without), by_key(mode, without), "{mode}");
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    for format in ["text", "json", "rfc"] {
        assert_eq!(report(&["--format", format]), report(&["--format", format]));
    }
}

#[test]
fn a_saved_run_reports_the_same() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("saved.xhr");
    report(&["--save", file.to_str().expect("UTF-8")]);
    let saved = support::output_of(&["report", "--format", "json", support::text(&file)]);
    let mut saved: Value = serde_json::from_str(&saved).expect("the report is JSON");
    let mut direct = json(&[]);
    for report in [&mut saved, &mut direct] {
        report.as_object_mut().expect("an object").remove("name");
    }
    assert_eq!(saved, direct);
}
