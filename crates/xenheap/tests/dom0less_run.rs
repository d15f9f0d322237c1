//! What must hold of a run of the workload `dom0less`, besides all that must hold of a boot
//! (`real_run.rs`): `./check --full` makes the RUN and names it in `XENHEAP_RUN`.

mod support;

use serde_json::Value;
use support::real::{findings, functions, json, number};

/// Xen created the guest during the boot, and it lives to the end.
#[test]
fn the_guest_is_known_from_its_creation() {
    let report = json(&[]);
    let domains = report["domains"].as_array().expect("domains");
    let ids: Vec<&Value> = domains.iter().map(|domain| &domain["domain"]).collect();
    assert_eq!(ids, ["d0", "d1"]);
    for domain in domains {
        assert_eq!(domain["guest"], "Arm", "{domain}");
        assert!(domain["created"].is_object() && domain["ended"].is_null(), "{domain}");
    }
    assert_eq!(number(&report["leftovers"]["domains-ended"]), 0);
}

/// Its second-stage page tables come from a pool of its own, dom0's from the heap.
#[test]
fn only_the_guest_has_a_pool() {
    let report = json(&[]);
    let pool = |id: &str| {
        let domains = report["domains"].as_array().expect("domains");
        &domains.iter().find(|domain| domain["domain"] == id).expect("the domain")["pool"]
    };
    let of_guest = pool("d1");
    let [size, low, takes] = ["size", "low", "takes"].map(|what| number(&of_guest[what]));
    assert!(takes > 0 && low < size && low + takes >= size, "{of_guest}");
    assert_eq!(number(&pool("d0")["size"]), 0);
    assert_eq!(number(&report["charged"]["domain-pool"]["counters"]["allocs"]), takes);
}

/// What its kernel asks for by itself.
#[test]
fn its_own_calls_are_its_own() {
    let report = json(&[]);
    for function in ["setup_control_block", "setup_event_array"] {
        let found = findings(&report).iter().any(|finding| {
            finding["current"] == "d1"
                && finding["kind"] == "xmalloc"
                && functions(finding).iter().any(|name| name.rsplit('#').next() == Some(function))
        });
        assert!(found, "d1 has made no event channels by {function}");
    }
}
