//! What must hold of a run of the workload `guests`, besides all that must hold of a boot
//! (`real_run.rs`): `./check` makes the RUN and names it in `XENHEAP_RUN`.

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::Value;
use support::real::{findings, functions, json, number, run_folder};

/// The guests, and what `xl` made of each.
const GUESTS: [(&str, &str); 3] = [("pv1", "PV"), ("pvh1", "HVM/PVH"), ("pv2", "PV")];

/// How it is known whom memory is for, or that a guest itself was running.
#[derive(Clone, Copy)]
enum For {
    /// Allocated in its creation.
    Created,
    /// Allocated by a domctl that names it: its CPUs.
    Domctl,
    /// Allocated while it was moved between CPU pools.
    Moved,
    /// Passed to the allocator.
    Passed,
    /// Allocated while it ran, by itself.
    Running,
    /// Allocated while it ran, and freed in its destruction.
    Destroyed,
}

/// Paths that the creation, use and destruction of a guest take: its type, a function of the stack,
/// the kind, and for whom.
const PATHS: [(&str, &str, &str, For); 19] = [
    ("PV", "alloc_domain_struct", "xenheap", For::Created),
    ("PV", "pv_domain_initialise", "xenheap", For::Created),
    ("PV", "gnttab_grow_table", "xenheap", For::Created),
    ("PV", "evtchn_init", "xmalloc", For::Created),
    ("PV", "create_perdomain_mapping", "domheap", For::Passed),
    ("PV", "pv_vcpu_initialise", "xmalloc", For::Domctl),
    ("PV", "vcpu_affinity_domctl", "xmalloc", For::Domctl),
    // its second CPU, started and given back
    ("PV", "default_initialise_vcpu", "vmalloc", For::Running),
    ("PV", "setup_control_block", "xmalloc", For::Running),
    ("PV", "setup_event_array", "xmalloc", For::Destroyed),
    ("HVM/PVH", "alloc_domain_struct", "xenheap", For::Created),
    ("HVM/PVH", "p2m_init_nestedp2m", "xmalloc", For::Created),
    ("HVM/PVH", "hap_set_allocation", "domheap", For::Passed),
    ("HVM/PVH", "construct_vmcb", "xenheap", For::Domctl),
    ("HVM/PVH", "hvmemul_cache_init", "xmalloc", For::Domctl),
    ("HVM/PVH", "svm_vmexit_handler", "xmalloc", For::Running),
    ("HVM/PVH", "setup_control_block", "xmalloc", For::Running),
    ("HVM/PVH", "setup_event_array", "xmalloc", For::Destroyed),
    // moved to another CPU pool and back
    ("HVM/PVH", "sched_move_domain", "xmalloc", For::Moved),
];

fn log() -> String {
    String::from_utf8_lossy(&fs::read(run_folder().join("console.log")).expect("the log")).into_owned()
}

/// The log without Xen's lines, which can begin in the middle of one of dom0's.
fn dom0_says() -> String {
    let mut said = String::new();
    for line in log().split_inclusive('\n') {
        said.push_str(line.split_once("(XEN) ").map_or(line, |(before, _)| before));
    }
    said
}

/// All domains but dom0.
fn guests(report: &Value) -> Vec<&Value> {
    let domains = report["domains"].as_array().expect("domains");
    domains.iter().filter(|domain| domain["domain"] != "d0").collect()
}

fn is_type(guest: &Value, name: &str) -> bool {
    guest["guest"].as_str().is_some_and(|known| known.split(',').next() == Some(name))
}

/// Whether a stack has this function, static or not.
fn takes(functions: &[&str], function: &str) -> bool {
    functions.iter().any(|name| name.rsplit('#').next() == Some(function))
}

/// Each `xl` that fails ends the workload with another status.
#[test]
fn every_command_succeeded_and_every_guest_spoke() {
    let lab = fs::read_to_string(run_folder().join("lab.json")).expect("lab.json");
    let lab: Value = serde_json::from_str(&lab).expect("JSON");
    assert_eq!(lab["workload"]["name"], "guests");
    assert_eq!(lab["exit"]["reason"], "powered-off");
    assert_eq!(lab["exit"]["workload_status"], 0);
    let said = dom0_says();
    let commands = said.matches("dom0: xl ").count();
    assert!(commands >= 50, "only {commands} commands");
    for (name, _) in GUESTS {
        assert!(said.contains(&format!("dom0: {name} says: guest {name}.")), "{name} has printed nothing");
        assert!(said.contains(&format!("dom0: xl destroy {name}")), "{name} was not destroyed");
    }
    // On these versions a PVH guest's CPU goes when it is asked for; on others the workload says
    // what it did.
    let version = lab["xen"]["xen_version"].as_str().expect("a version");
    let gave_back = said.contains("dom0: pvh1 has given its second CPU back");
    let kept = said.contains("dom0: pvh1 keeps its second CPU");
    assert!(gave_back != kept, "nothing is said of pvh1's second CPU");
    assert!(gave_back || !["4.17", "4.20"].iter().any(|known| version.starts_with(known)), "{version}");
}

#[test]
fn each_guest_came_and_went_and_what_it_left_adds_up() {
    let report = json(&[]);
    let guests = guests(&report);
    assert_eq!(guests.len(), GUESTS.len());
    for (guest, (name, kind)) in guests.iter().zip(GUESTS) {
        assert!(is_type(guest, kind), "{name}: {guest}");
        assert!(guest["created"].is_object() && guest["ended"].is_object(), "{name}: {guest}");
        assert_eq!(guest["failed"], false, "{name}");
        assert!(number(&guest["allocated"]["count"]) > 50, "{name}: {guest}");
        let [allocated, freed, given, live] =
            ["allocated", "freed", "given", "live"].map(|what| number(&guest[what]["bytes"]));
        assert_eq!(allocated, freed + given + live, "{name}");
    }
    let leftovers = &report["leftovers"];
    assert_eq!(leftovers["leaks"], true, "what is left may be called a leak: {}", leftovers["doubt"]);
    // What is left of a domain is the sum of the paths that left it.
    let mut left: BTreeMap<&str, i64> = BTreeMap::new();
    for path in leftovers["paths"].as_array().expect("paths") {
        for of in path["left"].as_array().expect("what is left") {
            *left.entry(of["owner"]["domain"].as_str().expect("a domain")).or_default() +=
                number(&of["live"]["bytes"]);
        }
    }
    let of_domains = guests
        .iter()
        .map(|guest| (guest["domain"].as_str().expect("a domain"), number(&guest["left"]["bytes"])));
    assert_eq!(left, of_domains.filter(|(_, bytes)| *bytes > 0).collect());
    // A move to another pool is for the domain that moves; a page by which Xen's pool grows
    // meanwhile is for nobody.
    let moves: Vec<_> = findings(&report)
        .iter()
        .filter(|finding| finding["kind"] != "pool-growth")
        .filter(|finding| takes(&functions(finding), "sched_move_domain"))
        .map(|finding| finding["owner"]["known-by"].clone())
        .collect();
    assert!(!moves.is_empty() && moves.iter().all(|known_by| known_by == "moved"), "{moves:?}");
}

/// What a call gave back before it returned, and what is given back by another call.
#[test]
fn what_a_call_gave_back_is_told_from_what_it_left() {
    let report = json(&[]);
    for (function, before_it_returned) in [
        // registers of a vCPU, for as long as they are copied
        ("alloc_vcpu_guest_context", true),
        ("alloc_domain_struct", false),
        ("alloc_vcpu_struct", false),
        ("gnttab_grow_table", false),
        ("setup_event_array", false),
    ] {
        let mut sums = [0; 2];
        for finding in findings(&report).iter().filter(|finding| takes(&functions(finding), function)) {
            sums[0] += number(&finding["counters"]["freed"]);
            sums[1] += number(&finding["counters"]["bracketed"]);
        }
        let [freed, bracketed] = sums;
        assert!(freed > 0, "{function}");
        assert_eq!(bracketed, if before_it_returned { freed } else { 0 }, "{function}: {freed} freed");
    }
    let calls = report["calls"].as_array().expect("calls");
    let leaves = |function: &str| {
        let of_function = calls.iter().filter(|call| call["function"] == function);
        of_function.map(|call| number(&call["left"]["bytes"])).sum::<i64>()
    };
    assert!(leaves("do_domctl") > 0 && leaves("do_event_channel_op") > 0);
}

#[test]
fn a_guests_own_pages_come_and_go_in_pairs() {
    let report = json(&[]);
    let pools: Vec<&Value> =
        guests(&report).iter().map(|guest| &guest["pool"]).filter(|pool| !pool.is_null()).collect();
    let mut taken = 0;
    for pool in pools {
        assert_eq!(pool["takes"], pool["backs"], "{pool}");
        assert_eq!(pool["failed"], 0, "{pool}");
        taken += number(&pool["takes"]);
    }
    assert!(taken > 0, "no guest has a pool");
}

#[test]
fn paths_of_each_guests_life_are_there() {
    let report = json(&[]);
    let stacks: BTreeSet<&str> =
        findings(&report).iter().filter_map(|finding| finding["stack"]["hash"].as_str()).collect();
    assert!(stacks.len() > 100, "only {} stacks", stacks.len());
    for (kind_of_guest, function, kind, whom) in PATHS {
        let ids: Vec<&Value> = guests(&report)
            .into_iter()
            .filter(|guest| is_type(guest, kind_of_guest))
            .map(|guest| &guest["domain"])
            .collect();
        let known_by = match whom {
            For::Created => Some("created"),
            For::Domctl => Some("domctl"),
            For::Moved => Some("moved"),
            For::Passed => Some("passed"),
            For::Destroyed => Some("destroyed"),
            For::Running => None,
        };
        let found = findings(&report).iter().any(|finding| {
            let is_there = takes(&functions(finding), function);
            let is_for = match known_by {
                Some(how) => {
                    finding["owner"]["known-by"] == how && ids.contains(&&finding["owner"]["domain"])
                }
                None => ids.contains(&&finding["current"]),
            };
            is_there && is_for && finding["kind"] == kind && number(&finding["counters"]["freed"]) > 0
        });
        assert!(found, "{kind_of_guest}: no {kind} by {function} that was freed");
    }
}

/// What `xl dmesg` has told again in the middle is counted, and without it every number is the
/// same.
#[test]
fn what_dom0_told_again_changes_no_number() {
    let real = json(&[]);
    let replayed = number(&real["refused"]["replayed"]);
    assert!(replayed > 1000, "{replayed} records came again");

    let log = log();
    // A dump tells the stack of the newest event again, in the same words.
    let mut seen: BTreeSet<(bool, &str)> = BTreeSet::new();
    let mut in_dump = false;
    let mut left_out = 0;
    let mut once = String::new();
    for line in log.split_inclusive('\n') {
        // A message of dom0's kernel can follow a record on its line.
        let record = line.find("HA1 ").and_then(|at| line.get(at..)?.split('[').next()).map(str::trim_end);
        in_dump |= record.is_some_and(|record| record.contains(" Z begin "));
        if record.is_some_and(|record| !seen.insert((in_dump, record))) {
            left_out += 1;
        } else {
            once.push_str(line);
        }
        in_dump &= !record.is_some_and(|record| record.contains(" Z end "));
    }
    assert!(left_out >= replayed, "{left_out} of {replayed}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = support::write(folder.path(), "console.log", once);
    let symbols = run_folder().join("xen-syms");
    let arguments =
        ["report", "--format", "json", "--symbols", support::text(&symbols), support::text(&file)];
    let once: Value = serde_json::from_str(&support::output_of(&arguments)).expect("JSON");
    assert!(once["refused"]["replayed"].is_null(), "{}", once["refused"]);
    for part in ["totals", "hypervisor", "findings", "leftovers", "domains", "charged", "calls"] {
        assert!(!real[part].is_null(), "{part}");
        assert_eq!(once[part], real[part], "{part}");
    }
}
