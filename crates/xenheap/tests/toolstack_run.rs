//! What must hold of a run whose guests were made by the toolstack of Xen's own source: `./check`
//! makes the RUN and names it in `XENHEAP_RUN`.

mod support;

use std::fs;

use serde_json::Value;
use support::real::run_folder;

#[test]
fn the_toolstack_is_the_source_s_own_and_works() {
    let lab = fs::read_to_string(run_folder().join("lab.json")).expect("lab.json");
    let lab: Value = serde_json::from_str(&lab).expect("JSON");
    assert_eq!(lab["exit"]["workload_status"], 0);
    let toolstack = &lab["dom0"]["toolstack"];
    assert_eq!(toolstack["from"], "tree");
    assert_eq!(toolstack["xen"], lab["xen"]["xen_version"]);
    assert_eq!(toolstack["build"]["compiler"], lab["xen"]["compiler"]);
    let packages = toolstack["packages"].as_array().expect("packages");
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    assert!(names.contains(&"libc6") && names.contains(&"libyajl2"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("xen-utils")), "{names:?}");
}
