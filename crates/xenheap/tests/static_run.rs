//! What must hold of a run of the workload `static`, on whichever Xen: guests that Xen starts, and
//! no dom0. `./check` makes the RUN and names it in `XENHEAP_RUN`; `XENHEAP_GUESTS`: how many
//! guests there are, if not two.

mod support;

use serde_json::Value;
use support::real::{findings, functions, json, number, run_folder};

fn guests() -> Vec<String> {
    let count = std::env::var("XENHEAP_GUESTS").map_or(2, |count| count.parse().expect("a number"));
    (1..=count).map(|number| number.to_string()).collect()
}

fn lab() -> Value {
    let text = std::fs::read(run_folder().join("lab.json")).expect("lab.json is there");
    serde_json::from_slice(&text).expect("lab.json is JSON")
}

/// The lab ended the machine, and each guest had ended its part before.
#[test]
fn it_ended_by_the_key_when_all_guests_were_done() {
    let lab = lab();
    assert_eq!(lab["exit"]["reason"], "ended-by-key");
    let statuses = lab["exit"]["guests"].as_object().expect("statuses of guests");
    assert_eq!(statuses.keys().collect::<Vec<_>>(), guests().iter().collect::<Vec<_>>());
    assert!(statuses.values().all(|status| status == 0), "{statuses:?}");
    assert!(run_folder().join("machine.dtb").exists());
}

/// The guests are all that there is, and what the recorder says of the hypervisor's own numbers is
/// by the key.
#[test]
fn there_is_no_dom0() {
    let report = json(&[]);
    let domains = report["domains"].as_array().expect("domains");
    let ids: Vec<&str> = domains.iter().map(|domain| domain["domain"].as_str().expect("a name")).collect();
    assert_eq!(ids, guests().iter().map(|number| format!("d{number}")).collect::<Vec<_>>());
    for domain in domains {
        assert_eq!(domain["guest"], "Arm", "{domain}");
        assert!(domain["created"].is_object() && domain["ended"].is_null(), "{domain}");
        assert!(number(&domain["pool"]["size"]) > 0, "{domain}");
    }
    let currents: Vec<&Value> = findings(&report).iter().map(|finding| &finding["current"]).collect();
    assert!(!currents.is_empty() && currents.iter().all(|current| **current != "d0"), "{currents:?}");
    let ended = report["checks"].as_array().expect("checks").iter().find(|check| check["id"] == "ended");
    let detail = ended.and_then(|check| check["detail"].as_str()).expect("the check");
    assert!(detail.contains("(key)"), "{detail}");
}

/// Each guest asks for event channels by itself: of the first kind that the hypervisor has.
#[test]
fn its_guests_ask_for_memory() {
    let report = json(&[]);
    let config = std::fs::read_to_string(run_folder().join("config")).expect("the configuration is there");
    let fifo = !config.lines().any(|line| line == "# CONFIG_EVTCHN_FIFO is not set");
    for guest in guests() {
        let current = format!("d{guest}");
        let has = |function: &str| {
            findings(&report).iter().any(|finding| {
                finding["current"] == current
                    && functions(finding).iter().any(|name| name.rsplit('#').next() == Some(function))
            })
        };
        assert_eq!(has("setup_control_block"), fifo, "{current}");
    }
}
