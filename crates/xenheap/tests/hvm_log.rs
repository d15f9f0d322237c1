//! Reports of the real run with an HVM guest in `testdata/`. That workload is slow, so `./check` does not make it anew.

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
    // docs/leads/scheduling-units.md: one unit of 120 + 3 x 32 bytes for two CPUs.
    assert_eq!(guest["left"]["bytes"], 216);
}

#[test]
fn the_log_and_the_saved_run_agree() {
    let (log, saved) = (json(FOLDER), json(SAVED));
    for key in ["facts", "totals", "checks", "refused", "hypervisor", "domains"] {
        assert_eq!(log[key], saved[key], "{key}");
    }
}
