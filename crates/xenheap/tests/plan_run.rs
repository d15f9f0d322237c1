//! What must hold of a plan of a real RUN with guests: `./check` makes the RUN and names it in
//! `XENHEAP_RUN`.

mod support;

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use support::{
    output_of,
    real::{json, number, run_folder},
    text,
};

fn plan() -> Value {
    let out = output_of(&["plan", "--format", "json", text(&run_folder())]);
    assert_eq!(
        out,
        output_of(&["plan", "--format", "json", text(&run_folder())]),
        "the same input, the same bytes"
    );
    serde_json::from_str(&out).expect("JSON")
}

/// The policies of the run.
fn policies(plan: &Value) -> &Vec<Value> {
    plan["runs"][0]["policies"].as_array().expect("policies")
}

fn array(value: &Value) -> &Vec<Value> {
    value.as_array().expect("an array")
}

#[test]
fn policies_share_out_what_the_hypervisor_says_is_live() {
    let (plan, report) = (plan(), json(&[]));
    let live = |kind: &str| number(&report["totals"][kind]["counters"]["live_bytes"]);
    // What is used, as the hypervisor's own structures say it.
    let used = |kind: &str, of: &str| {
        let totals = &report["totals"][kind];
        number(&totals[of]) - number(&totals[format!("{of}_freed")])
    };
    let all = &plan["runs"][0]["all"]["now"];
    // Frees of what was there before take from the hypervisor's number.
    let more = number(&all["bytes"]) - used("xmalloc", "pool") - used("xmalloc", "pages") * 4096;
    let before = number(&report["totals"]["xmalloc"]["orphans"]);
    assert!(more >= 0 && (more == 0) == (before == 0), "{more} bytes of {before}");
    let pages = used("vmalloc", "pages");
    assert_eq!(number(&all["pages"]) * 4096, live("xenheap") + live("domheap") + pages * 4096);
    let asked: i64 = ["xmalloc", "xenheap", "domheap", "vmalloc"].map(live).iter().sum();
    assert_eq!(number(&all["asked"]), asked);
    for policy in policies(&plan) {
        let payers = array(&policy["domains"]).iter().chain(array(&policy["unattributed"]));
        let payers: Vec<&Value> = payers.collect();
        for key in ["bytes", "pages", "asked"] {
            let sum: i64 = payers.iter().map(|payer| number(&payer["now"][key])).sum();
            assert_eq!(sum, number(&all[key]), "{} {key}", policy["policy"]);
        }
    }
}

#[test]
fn guests_pay_for_what_dom0_had_allocated_for_them() {
    let plan = plan();
    let domains = |policy: &str| -> Vec<Value> {
        let found = policies(&plan).iter().find(|by| by["policy"] == policy).expect("the policy");
        array(&found["domains"]).iter().filter(|domain| domain["domain"] != "d0").cloned().collect()
    };
    let (current, owner) = (domains("current"), domains("owner"));
    assert!(owner.len() >= 3, "{} guests", owner.len());
    for guest in &owner {
        let name = &guest["domain"];
        let causes: Vec<&str> =
            array(&guest["causes"]).iter().map(|cause| cause["path"].as_str().expect("a path")).collect();
        assert!(causes.iter().any(|path| path.contains("grant_table_init")), "{name}: {causes:?}");
        // Most of what a guest needs is allocated by its creator.
        let itself =
            current.iter().find(|of| of["domain"] == *name && of["generation"] == guest["generation"]);
        let itself = itself.map_or(0, |of| number(&of["peak"]["asked"]));
        assert!(number(&guest["peak"]["asked"]) > 4 * itself, "{name}");
    }
    let hap = owner.iter().find(|guest| guest["guest"] == "HVM/PVH, HAP").expect("a guest with HAP");
    let pool = array(&hap["causes"])
        .iter()
        .filter(|cause| cause["path"].as_str().is_some_and(|path| path.ends_with("hap_set_allocation")));
    let pool: i64 = pool.map(|cause| number(&cause["bytes"])).sum();
    let (report, name) = (json(&[]), &hap["domain"]);
    let account =
        array(&report["domains"]).iter().find(|domain| domain["domain"] == *name).expect("its account");
    assert!(pool >= number(&account["pool"]["size"]) * 4096, "its whole pool is charged to it");
}

#[test]
fn settings_and_picture_are_read_by_others() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = |name: &str| dir.path().join(name);
    output_of(&["plan", text(&run_folder()), "--out-dir", text(&folder("real"))]);
    let svg =
        Command::new("xmllint").args(["--noout", "--nonet"]).arg(folder("real").join("plan.svg")).output();
    let svg = svg.expect("xmllint must be installed (apt-get install libxml2-utils)");
    assert!(svg.status.success(), "{}", String::from_utf8_lossy(&svg.stderr));
    for guest in ["d1", "d2", "d3"] {
        let file = fs::read_to_string(folder("real").join(format!("{guest}.cfg"))).expect("the guest's file");
        for setting in ["memory", "max_grant_frames", "max_maptrack_frames", "max_event_channels"] {
            assert!(file.contains(&format!("{setting} = ")), "{guest}: {setting}");
        }
    }
    let snapshot = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/plan__plan_dts.snap");
    let snapshot = fs::read_to_string(snapshot).expect("the device tree of tests/plan.rs");
    let (_, tree) = snapshot.rsplit_once("---\n").expect("a head");
    let source = support::write(dir.path(), "dom0less.dts", tree);
    let dtc =
        Command::new("dtc").args(["-I", "dts", "-O", "dtb", "-o"]).arg(folder("dtb")).arg(source).output();
    let dtc = dtc.expect("dtc must be installed (apt-get install device-tree-compiler)");
    assert!(dtc.status.success(), "{}", String::from_utf8_lossy(&dtc.stderr));
    assert!(dtc.stderr.is_empty(), "{}", String::from_utf8_lossy(&dtc.stderr));
}
