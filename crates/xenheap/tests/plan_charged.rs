//! What `xenheap plan` computes for a run is what the recorder charged in the same boot:
//! `./check --full` makes the RUN with `--payer` and names it in `XENHEAP_RUN`.

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{
    output_of,
    real::{json, run_folder},
    text,
};

/// Bytes of xmallocs, now and at most; pages likewise; both at most.
type Account = [Value; 5];

/// By domain and generation; without a domain, what nobody pays for, of which the most is not the
/// sum of parts.
fn domain(payer: &Value) -> String {
    format!("{}.{}", payer["domain"], payer["generation"].as_u64().unwrap_or(0))
}

#[test]
fn the_plan_is_what_was_charged() {
    let report = json(&[]);
    let charge = report["facts"]["experiment"]["charge"].as_str().expect("a run with --payer");
    let policy = charge.split(':').next().expect("a policy");
    let bills = report["bills"].as_array().expect("bills");
    let charged: BTreeMap<String, Account> = bills
        .iter()
        .filter(|bill| !bill["payer"].is_null())
        .map(|bill| {
            let keys = ["bytes", "bytes_peak", "pages", "pages_peak", "peak"];
            (domain(&bill["payer"]), keys.map(|key| bill[key].clone()))
        })
        .collect();

    let plan = output_of(&["plan", "--format", "json", text(&run_folder())]);
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    let policies = plan["runs"][0]["policies"].as_array().expect("policies");
    let found = policies.iter().find(|by| by["policy"] == policy).expect("the policy");
    let planned: BTreeMap<String, Account> = found["domains"]
        .as_array()
        .expect("domains")
        .iter()
        .map(|of| {
            let (now, peak) = (&of["now"], &of["peak"]);
            let account = [&now["bytes"], &peak["bytes"], &now["pages"], &peak["pages"], &peak["used"]];
            (domain(of), account.map(Value::clone))
        })
        .collect();
    assert_eq!(planned, charged);
    assert!(charged.len() > 1 || policy == "owner", "{charged:?}");

    // Pages that come from a domain or go to one are not billed, not to nobody either.
    let parts = found["unattributed"].as_array().expect("what nobody pays for");
    let parts: Vec<&Value> =
        parts.iter().filter(|part| part["why"] != "taken" && part["why"] != "bound").collect();
    let nobody = bills.iter().find(|bill| bill["payer"].is_null()).expect("nobody's bill");
    for key in ["bytes", "pages"] {
        let sum: u64 = parts.iter().filter_map(|part| part["now"][key].as_u64()).sum();
        assert_eq!(Some(sum), nobody[key].as_u64(), "{key}");
    }
}
