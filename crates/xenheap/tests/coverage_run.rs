//! What must hold of real runs laid on the graph of their build. `./check` makes them and names the
//! graph in `XENHEAP_GRAPH` and, with blanks between, the runs in `XENHEAP_RUNS`.

mod support;

use std::{env, sync::LazyLock};

use serde_json::Value;
use support::{output_of, run};

/// The graph, then the runs.
fn inputs() -> (String, Vec<String>) {
    let graph = env::var("XENHEAP_GRAPH").expect("XENHEAP_GRAPH: the folder of a graph");
    let runs = env::var("XENHEAP_RUNS").expect("XENHEAP_RUNS: folders of runs");
    (graph, runs.split_whitespace().map(str::to_owned).collect())
}

fn arguments<'a>(words: &[&'a str], graph: &'a str, runs: &'a [String]) -> Vec<&'a str> {
    words.iter().copied().chain([graph]).chain(runs.iter().map(String::as_str)).collect()
}

/// What the command says of all of them; every test looks at it.
static COVERED: LazyLock<Value> = LazyLock::new(|| {
    let (graph, runs) = inputs();
    let text = output_of(&arguments(&["coverage", "--format", "json"], &graph, &runs));
    serde_json::from_str(&text).expect("JSON")
});

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("a list {key}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[test]
fn every_recorded_pair_is_in_the_graph() {
    let found = &*COVERED;
    let pairs = &found["pairs"];
    let count = |key: &str| pairs[key].as_u64().expect("a number");
    let part = count("direct") + count("tail") + count("indirect") + count("arrivals");
    let missing = list(pairs, "missing");
    println!("recorded pairs in the graph: {part} of {}", part + missing.len() as u64);
    for pair in missing {
        println!("missing: {} -> {}: {}", pair["caller"], pair["callee"], pair["reason"]);
    }
    assert!(missing.is_empty() && part > 5, "{pairs}");
    for run in list(found, "runs") {
        println!(
            "{}: {} of {} stacks laid, {} sites",
            run["name"], run["laid"], run["allocating"], run["sites"]
        );
        assert_eq!(run["laid"], run["allocating"], "{run}");
        assert!(run["laid"].as_u64().is_some_and(|laid| laid > 0), "{run}");
        assert_eq!(list(run, "differs").len(), 0, "{run}");
    }
    assert_eq!(list(found, "notes"), [] as [Value; 0], "nothing is wrong with runs or graph");
}

#[test]
fn each_unseen_site_of_guests_has_a_way() {
    let found = &*COVERED;
    let entries = list(found, "entries");
    println!("{}", found["counts"]);
    let mut guests = 0;
    for site in list(found, "sites") {
        match text(site, "state") {
            "unseen" => {
                let way = list(site, "way");
                assert!(!way.is_empty() && !list(site, "entries").is_empty(), "{site}");
                if text(site, "who") != "any-guest" {
                    continue;
                }
                guests += 1;
                let steps: Vec<&str> = way.iter().map(|step| text(step, "function")).collect();
                println!("{} {}: {}", text(site, "function"), text(site, "at"), steps.join(" > "));
                let starts = entries.iter().any(|entry| {
                    text(entry, "who") == "any-guest" && Some(&text(entry, "function")) == steps.first()
                });
                // An entry that leads to nothing but another entry is in no list.
                assert!(starts || steps.len() > 1, "{site}");
            }
            "seen" => assert!(!site["evidence"]["runs"].as_object().expect("runs").is_empty(), "{site}"),
            "boot-only" | "unreachable" => assert!(!text(site, "reason").is_empty(), "{site}"),
            "unseen-by-cuts" => assert!(!list(site, "way").is_empty(), "{site}"),
            state => panic!("{state}: {site}"),
        }
    }
    assert!(guests > 0);
    // Ranked: any guest first.
    let rank = ["any-guest", "device-model", "control-domain", "hardware", "boot"];
    let next: Vec<usize> = list(found, "next")
        .iter()
        .map(|next| rank.iter().position(|who| *who == text(next, "who")).expect("known"))
        .collect();
    assert!(next.is_sorted() && next.first() == Some(&0), "{next:?}");
}

#[test]
fn the_statement_is_not_supported_and_says_why() {
    let (graph, mut runs) = inputs();
    let ran = run(&arguments(&["assess", "--format", "json"], &graph, &runs));
    let statement: Value = serde_json::from_str(&ran.out).expect("JSON");
    println!("{}", text(&statement, "result"));
    assert_eq!((ran.code, &statement["supported"]), (1, &Value::Bool(false)));
    let unseen =
        list(&statement["coverage"], "sites").iter().filter(|site| text(site, "state").starts_with("unseen"));
    let blockers = list(&statement, "blockers").iter().filter(|blocker| text(blocker, "code") == "unseen");
    assert_eq!(blockers.count(), unseen.count());
    // The order of runs changes no byte.
    runs.reverse();
    let again = run(&arguments(&["assess", "--format", "json"], &graph, &runs));
    assert!(again.out == ran.out);
    let markdown = run(&arguments(&["assess", "--format", "markdown"], &graph, &runs));
    assert!(
        markdown.out.contains(&format!("**{}**", text(&statement, "result").replace('_', "\\_"))),
        "{}",
        markdown.out
    );
}

/// What one run shows the other cannot take back.
#[test]
fn fewer_runs_show_less() {
    let (graph, runs) = inputs();
    let seen = |found: &Value| -> Vec<String> {
        let sites = list(found, "sites").iter().filter(|site| text(site, "state") == "seen");
        sites.map(|site| text(site, "address").to_owned()).collect()
    };
    let all = seen(&COVERED);
    for run in &runs {
        let one = output_of(&["coverage", "--format", "json", &graph, run]);
        let one = seen(&serde_json::from_str(&one).expect("JSON"));
        assert!(one.iter().all(|site| all.contains(site)), "{run}");
    }
}
