//! What must hold of a run of the workload `stress`: `./check` makes the RUN and names it in
//! `XENHEAP_RUN`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The program's steps, as its table has them.
fn steps() -> Vec<String> {
    let source = include_str!("../../lab/guest/stress/main.c");
    let table = source.split("} steps[] = {").nth(1).and_then(|rest| rest.split("};").next());
    let names = table.expect("the table of steps").lines();
    names.filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect()
}

/// Steps that a guest of that type cannot take.
fn not_here(guest: &str) -> Vec<&'static str> {
    match guest {
        "pv" => {
            let steps = ["last-readonly", "memory-physmap", "hvm", "console-port"];
            steps.into_iter().chain((!has_xenoprof()).then_some("xenoprof")).collect()
        }
        "pvh" => vec!["last-shadowed", "memory-exchange", "mmu-refused", "pirqs", "xenoprof"],
        other => panic!("{other:?}: which guest is that?"),
    }
}

/// Later versions leave it out of their default configuration.
fn has_xenoprof() -> bool {
    let lab = fs::read(run_folder().join("lab.json")).expect("lab.json");
    let lab: Value = serde_json::from_slice(&lab).expect("JSON");
    let version = lab["xen"]["xen_version"].as_str().expect("a version");
    ["4.17", "4.20"].iter().any(|known| version.starts_with(known))
}

/// What guests make Xen allocate: a function of the stack, the kind, and what must have happened.
const PATHS: [(&str, &str, &str); 6] = [
    // the structures of event channels, and, through the guest's kernel, FIFO's control blocks
    ("evtchn_alloc_unbound", "xmalloc", "allocs"),
    ("evtchn_fifo_init_control", "xmalloc", "allocs"),
    // grant tables that grow to their limit
    ("gnttab_grow_table", "xenheap", "allocs"),
    // pages of a PV guest's, exchanged for contiguous ones: given to it, and its old ones taken
    ("memory_exchange", "domheap", "given"),
    ("memory_exchange", "domheap", "taken"),
    // registers of a vCPU to be, refused
    ("default_initialise_vcpu", "vmalloc", "freed"),
];

fn run_folder() -> PathBuf {
    PathBuf::from(
        std::env::var_os("XENHEAP_RUN").expect("XENHEAP_RUN names the RUN folder: ./check makes one"),
    )
}

fn report(run: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_xenheap"))
        .args(["report", "--strict", "--format", "json", "--symbols"])
        .arg(run_folder().join("xen-syms"))
        .arg(run)
        .output()
        .expect("xenheap runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}

fn log() -> Vec<u8> {
    fs::read(run_folder().join("console.log")).expect("the console's log")
}

fn functions(finding: &Value) -> Vec<&str> {
    let frames = finding["stack"]["frames"].as_array().expect("frames");
    frames.iter().map(|frame| frame["function"].as_str().expect("a name")).collect()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// What dom0 has shown of each guest's steps: name, then what became of each.
fn said() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut said: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&log()).lines() {
        // Xen can have begun a line of its own before dom0's ended.
        let Some((_, shown)) = line.split_once("dom0: ") else { continue };
        let Some((guest, step)) = shown.split_once(" says: stress: ") else { continue };
        let Some((name, outcome)) = step.split_once(' ') else { continue };
        said.entry(guest.to_owned()).or_default().insert(name.to_owned(), outcome.trim_end().to_owned());
    }
    said
}

#[test]
fn every_step_was_taken_in_every_guest() {
    let said = said();
    for guest in ["pv", "pvh"] {
        let of_guest = said.get(guest).unwrap_or_else(|| panic!("{guest} has said nothing"));
        for step in steps() {
            let outcome = of_guest.get(&step).unwrap_or_else(|| panic!("{guest} has not taken {step}"));
            if not_here(guest).contains(&&*step) {
                assert!(outcome.starts_with("not here: "), "{guest}, {step}: {outcome}");
            } else {
                assert!(outcome.starts_with("ok ("), "{guest}, {step}: {outcome}");
                assert!(!outcome.contains("(0 done)"), "{guest}, {step}: {outcome}");
            }
        }
    }
    for (guest, prefix) in [("shadow", "memory"), ("pv2l", "evtchn")] {
        let of_guest = said.get(guest).unwrap_or_else(|| panic!("{guest} has said nothing"));
        for step in steps().iter().filter(|step| step.starts_with(prefix)) {
            let outcome = of_guest.get(step).unwrap_or_else(|| panic!("{guest} has not taken {step}"));
            let taken = outcome.starts_with("ok (") && !outcome.contains("(0 done)");
            let elsewhere = guest == "shadow" && not_here("pvh").contains(&&**step);
            assert!(taken || elsewhere && outcome.starts_with("not here: "), "{guest}, {step}: {outcome}");
        }
    }
}

/// The guests are numbered as the workload creates them: d1 and d2 have FIFO event channels, d4 has
/// none; d3 is on shadow page tables, whose pages come and go with it.
#[test]
fn each_guest_was_of_its_kind() {
    let report = report(&run_folder());
    let with_fifo = |guest: &str| {
        report["findings"].as_array().expect("findings").iter().any(|finding| {
            finding["current"] == guest && functions(finding).contains(&"evtchn_fifo_init_control")
        })
    };
    assert_eq!(["d1", "d2", "d4"].map(with_fifo), [true, true, false]);
    let domains = report["domains"].as_array().expect("domains");
    let shadow = domains.iter().find(|domain| domain["domain"] == "d3").expect("the guest `shadow`");
    assert_eq!(shadow["guest"], "HVM/PVH, shadow");
    let pool = &shadow["pool"];
    assert!(count(&pool["size"]) > 0 && count(&pool["takes"]) > 0, "{pool}");
    assert_eq!(pool["takes"], pool["backs"], "{pool}");
}

/// Guests printed lines with records in them, marked by Xen as theirs and not: none is believed,
/// each is counted.
#[test]
fn nothing_that_guests_print_is_believed() {
    let report = report(&run_folder());
    for check in report["checks"].as_array().expect("checks") {
        assert_eq!(check["outcome"], "ok", "{check}");
    }
    let refused = &report["refused"];
    for why in ["guest", "wrong-tag", "other-boot"] {
        assert!(count(&refused[why]) > 0, "nothing was refused as {why}: {refused}");
    }
}

/// With what guests have forged made unreadable, every number is what it was.
#[test]
fn what_guests_print_changes_no_number() {
    let mut log = log();
    for forged in [&b"HA1 00000000"[..], b"HA1 0badc0de", b"DEBUG: d1: "] {
        let mut found = 0;
        while let Some(at) = log.windows(forged.len()).position(|bytes| bytes == forged) {
            log[at..at + forged.len()].fill(b'-');
            found += 1;
        }
        assert!(found > 0, "no guest has printed {}", String::from_utf8_lossy(forged));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clean = folder.path().join("console.log");
    fs::write(&clean, log).expect("the log without forgeries");
    let (clean, real) = (report(&clean), report(&run_folder()));
    for part in ["findings", "totals", "hypervisor"] {
        assert!(!real[part].is_null(), "{part}");
        assert_eq!(clean[part], real[part], "{part}");
    }
}

#[test]
fn what_guests_can_make_xen_allocate_is_there() {
    let report = report(&run_folder());
    let findings = report["findings"].as_array().expect("findings");
    for (function, kind, happened) in PATHS {
        assert!(
            findings.iter().any(|finding| finding["kind"] == kind
                && count(&finding["counters"][happened]) > 0
                && functions(finding).contains(&function)),
            "no {kind} with {happened} > 0 by {function}"
        );
    }
}
