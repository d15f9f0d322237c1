//! Reports of the real run with an HVM guest in `testdata/`. That workload is slow, so `./check`
//! does not make it anew.

mod support;

use serde_json::Value;
use support::{output_of, repository, run, text};

const FOLDER: &str = "testdata/hvm-4.17-x86_64";
const SAVED: &str = "testdata/hvm-4.17-x86_64/full.xhr";

/// Functions of the stacks that only a guest with a device model leads to, and who was running.
const PATHS: [(&str, &str); 8] = [
    ("ioreq_server_create", "d0"),
    ("ioreq_server_add_vcpu", "d0"),
    ("ioreq_server_map_io_range", "d0"),
    ("ioreq_server_unmap_io_range", "d0"),
    ("hvm_vcpu_cacheattr_init", "d0"),
    ("vlapic_init", "d0"),
    ("hvm_hypercall", "d1"),
    ("physdev_hvm_map_pirq", "d1"),
];

fn json(path: &str) -> Value {
    serde_json::from_str(&output_of(&["report", "--format", "json", "--strict", text(&repository(path))]))
        .expect("JSON")
}

#[test]
fn the_run_ended_well() {
    let lab = std::fs::read_to_string(repository(FOLDER).join("lab.json")).expect("lab.json");
    let lab: Value = serde_json::from_str(&lab).expect("JSON");
    assert_eq!(lab["workload"]["name"], "hvm");
    assert_eq!(lab["exit"]["reason"], "powered-off");
    assert_eq!(lab["exit"]["workload_status"], 0);
    let ran = run(&["report", "--strict", text(&repository(SAVED))]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn the_guest_came_used_its_device_model_and_went() {
    let report = json(SAVED);
    let guest = &report["domains"][1];
    assert_eq!(guest["guest"], "HVM/PVH, HAP");
    assert!(guest["ended"].is_object(), "{guest}");
    assert_eq!(guest["pool"]["takes"], guest["pool"]["backs"]);
    let findings = report["findings"].as_array().expect("findings");
    for (function, current) in PATHS {
        let found = findings.iter().any(|finding| {
            let frames = finding["stack"]["frames"].as_array().expect("frames");
            let is_there = frames.iter().any(|frame| {
                frame["function"].as_str().is_some_and(|name| name.rsplit('#').next() == Some(function))
            });
            is_there && finding["current"] == current
        });
        assert!(found, "no stack of {function} while {current} was running");
    }
    assert_eq!(guest["left"]["bytes"], 216);
}

#[test]
fn the_log_and_the_saved_run_agree() {
    let (log, saved) = (json(FOLDER), json(SAVED));
    for key in ["facts", "totals", "checks", "refused", "hypervisor", "domains"] {
        assert_eq!(log[key], saved[key], "{key}");
    }
}

#[test]
fn what_is_left_is_told_with_who_can_cause_it() {
    let out = output_of(&["report", text(&repository(SAVED))]);
    assert_eq!(out.matches("trigger    the control domain, by do_domctl\n      left ").count(), 4, "{out}");
    assert!(!out.contains("a device model, by do_domctl\n      left"), "{out}");
    assert!(out.contains("(named by a domctl, a hint)"), "{out}");
}

#[test]
fn domains_and_what_has_no_owner_add_up() {
    let report = json(SAVED);
    let kinds = report["totals"].as_object().expect("totals");
    for (count, bytes, what) in [
        ("allocs", "bytes", "allocated"),
        ("taken", "taken_bytes", "taken"),
        ("freed", "freed_bytes", "freed"),
        ("given", "given_bytes", "given"),
        ("live", "live_bytes", "live"),
    ] {
        for (key, of) in [(count, "count"), (bytes, "bytes")] {
            let expected: u64 = kinds.values().filter_map(|kind| kind["counters"][key].as_u64()).sum();
            let domains = report["domains"].as_array().expect("domains").iter();
            let found: u64 =
                domains.chain([&report["unowned"]]).filter_map(|domain| domain[what][of].as_u64()).sum();
            assert_eq!(found, expected, "{what} {of}");
        }
    }
    let out = output_of(&["report", text(&repository(SAVED))]);
    assert!(out.contains("\n  d0: taken 16,960 / 69,468,160 B, given "), "{out}");
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Live for an unknown owner: 9.4 KiB (9,688 B) in "), "{out}");
}

#[test]
fn what_a_call_left_behind_is_of_all_its_paths() {
    let report = json(SAVED);
    let calls = report["calls"].as_array().expect("calls");
    let domctl: Vec<_> = calls.iter().filter(|call| call["function"] == "do_domctl").collect();
    assert_eq!(domctl.len(), 1);
    // One call created the domain: 331 allocations, without 6 pages that the xmalloc pool fetched.
    // Its largest path are 256 pages.
    let paths = domctl[0]["paths"].as_array().expect("paths");
    let largest = paths.iter().find(|path| path["most"]["bytes"] == 1_048_576).expect("the path");
    assert_eq!(largest["most-whole"], serde_json::json!({"count": 331, "bytes": 1_125_860}));
}

#[test]
fn filtered_leaks_and_the_summary_are_not_told_as_none() {
    let report = |options: &[&str]| output_of(&[&["report"], options, &[text(&repository(SAVED))]].concat());
    for options in [["--kind", "domheap"], ["--min-bytes", "1000"]] {
        let out = report(&options);
        assert!(
            out.contains("LEAKS: none that passes the filters; filters left out 4 paths, 216 B left"),
            "{out}"
        );
    }
    let out = output_of(&["report", "--view", "summary", text(&repository(FOLDER))]);
    assert!(out.contains("FOR THEM: not in this view"), "{out}");
    assert!(!out.contains("0 ended"), "{out}");
}
