//! What must hold of a run with `--payer`: the recorder's accounts are what its own events add up
//! to, by the rules of `docs/charging.md` and nothing of `xenheap plan`. `./check --full` makes the
//! RUN and names it in `XENHEAP_RUN`.

mod support;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use support::{
    output_of,
    real::{json, number, run_folder},
    text,
};

/// Allocations, bytes of xmallocs, pages; now.
type Account = [i64; 3];

/// The events of the run, as a run file has them.
fn events() -> Vec<Value> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let saved = dir.path().join("run.xhr");
    output_of(&["report", "--save", text(&saved), text(&run_folder())]);
    let file = std::fs::File::open(&saved).expect("the run file");
    let lines = zstd::decode_all(file).expect("a zstd file");
    let mut lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let head: Value = serde_json::from_slice(lines.next().expect("a head")).expect("JSON");
    let stacks = head["stacks"].as_u64().expect("a number") as usize;
    lines.skip(stacks).map(|line| serde_json::from_slice(line).expect("JSON")).collect()
}

/// Who pays, or `nobody`; with the generation where a subject says it.
fn payer(event: &Value, policy: &str) -> String {
    let current = event["current"].as_str().expect("a domain");
    let caller = if event["epoch"].is_null() { "nobody" } else { current };
    let subject = &event["subject"];
    let domain = match (event["passed"].as_str(), subject["how"].as_str()) {
        _ if policy == "current" => caller,
        (Some(passed), _) => passed,
        (None, Some("destroy")) => "nobody",
        (None, Some("domctl")) if subject["generation"].is_null() => "nobody",
        (None, Some(_)) => subject["domain"].as_str().expect("a domain"),
        (None, None) => caller,
    };
    if domain.starts_with("d[") || domain == "NULL" { "nobody".to_owned() } else { domain.to_owned() }
}

fn unsigned(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

#[test]
fn accounts_are_the_sums_of_the_events() {
    let report = json(&[]);
    let charge = report["facts"]["experiment"]["charge"].as_str().expect("a run with --payer");
    let policy = charge.split(':').next().expect("a policy");

    let mut expected: BTreeMap<String, Account> = BTreeMap::new();
    // What is live: a block by its kind and address, or one page; who pays for it, bytes, and
    // pages.
    let mut live: HashMap<(String, u64), (String, i64, i64)> = HashMap::new();
    let mut given = HashMap::new();
    let mut vmallocs = 0;
    for event in events() {
        let Some(kind) = event["kind"].as_str() else { continue };
        let (op, addr) = (event["op"].as_str().expect("an operation"), unsigned(&event["addr"]));
        let is_block = kind == "xmalloc" || kind == "vmalloc";
        let size = event["size"].as_u64();
        let keys: Vec<(String, u64)> = if is_block {
            vec![(kind.to_owned(), addr)]
        } else {
            (addr..addr + size.expect("pages have a size"))
                .step_by(4096)
                .map(|page| ("page".to_owned(), page))
                .collect()
        };
        match op {
            "alloc" => {
                let who = payer(&event, policy);
                vmallocs += u64::from(kind == "vmalloc");
                // A page for the xmalloc pool is nobody's request, and not billed to nobody either.
                let billed = kind != "pool-growth";
                expected.entry(who.clone()).or_default()[0] += i64::from(billed);
                for key in keys {
                    let used = event["used"].as_u64().map_or(0, |used| used as i64);
                    let (bytes, pages) = match kind {
                        _ if !billed => (0, 0),
                        "xmalloc" => (used, 0),
                        "vmalloc" => (0, used / 4096),
                        _ => (0, 1),
                    };
                    let account = expected.entry(who.clone()).or_default();
                    account[1] += bytes;
                    account[2] += pages;
                    live.insert(key, (who.clone(), bytes, pages));
                }
            }
            "free" | "give" => {
                for key in keys {
                    let Some(held) = live.remove(&key) else { continue };
                    let account = expected.entry(held.0.clone()).or_default();
                    account[1] -= held.1;
                    account[2] -= held.2;
                    given.insert(key, held);
                }
            }
            "give-back" => {
                for key in keys {
                    let Some(held) = given.remove(&key) else { continue };
                    let account = expected.entry(held.0.clone()).or_default();
                    account[1] += held.1;
                    account[2] += held.2;
                    live.insert(key, held);
                }
            }
            // Taken pages are no allocation, and nobody's.
            "take" | "fail" => {}
            other => panic!("{other} is new"),
        }
    }
    assert!(vmallocs > 0 || policy == "current", "guests get their grant tables by vmalloc");
    expected.entry("nobody".to_owned()).or_default();
    expected.retain(|payer, account| payer == "nobody" || account[0] > 0);

    let mut charged: BTreeMap<String, Account> = BTreeMap::new();
    for bill in report["bills"].as_array().expect("bills") {
        let payer = bill["payer"]["domain"].as_str().unwrap_or("nobody").to_owned();
        let sum = charged.entry(payer).or_default();
        for (sum, key) in sum.iter_mut().zip(["allocs", "bytes", "pages"]) {
            *sum += number(&bill[key]);
        }
        assert!(number(&bill["peak"]) >= number(&bill["bytes"]) + 4096 * number(&bill["pages"]));
        assert_eq!(bill["refused"], Value::from(0));
    }
    assert_eq!(charged, expected);
    assert!(charged.get("d0").is_some_and(|account| account[0] > 20), "{charged:?}");
}
