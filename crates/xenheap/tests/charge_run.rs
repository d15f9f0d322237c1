//! What must hold of a run with `--charge current`: the recorder's accounts are what its own events add up to. `./check --full`
//! makes the RUN and names it in `XENHEAP_RUN`.

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::real::{findings, json, number};

/// Allocations, bytes of xmallocs, pages; now.
type Account = [i64; 3];

#[test]
fn accounts_are_the_sums_of_the_events() {
    let report = json(&[]);
    assert_eq!(report["facts"]["experiment"]["charge"], "current");
    let mut expected: BTreeMap<String, Account> = BTreeMap::new();
    for finding in findings(&report) {
        let (kind, counters) = (finding["kind"].as_str().expect("a kind"), &finding["counters"]);
        let anonymous = ["nobody", "no-owner"].contains(&finding["charge"].as_str().expect("a charge"));
        // Pages taken from a domain are no allocation, and nobody's.
        if !anonymous || kind == "pool-growth" || number(&counters["taken"]) > 0 {
            assert!(number(&counters["taken"]) == 0 || number(&counters["allocs"]) == 0);
            continue;
        }
        let current = finding["current"].as_str().expect("a domain");
        let payer = if current.starts_with("d[") { "nobody" } else { current };
        let [allocs, bytes, pages] = expected.entry(payer.to_owned()).or_default();
        *allocs += number(&counters["allocs"]);
        let live = number(&counters["live_bytes"]);
        match kind {
            "xmalloc" => *bytes += live,
            _ => *pages += live / 4096,
        }
    }
    expected.retain(|payer, account| payer == "nobody" || account[0] > 0);

    let bills = report["bills"].as_array().expect("bills");
    let mut charged: BTreeMap<String, Account> = BTreeMap::new();
    for bill in bills {
        let payer = bill["payer"]["domain"].as_str().unwrap_or("nobody").to_owned();
        let sum = charged.entry(payer).or_default();
        for (sum, key) in sum.iter_mut().zip(["allocs", "bytes", "pages"]) {
            *sum += number(&bill[key]);
        }
        assert!(number(&bill["peak"]) >= number(&bill["bytes"]) + 4096 * number(&bill["pages"]));
        assert_eq!(bill["refused"], Value::from(0));
    }
    expected.entry("nobody".to_owned()).or_default();
    assert_eq!(charged, expected);
    assert!(charged.get("d0").is_some_and(|account| account[0] > 100), "{charged:?}");
}
