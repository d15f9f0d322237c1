//! What must hold of the graph of a real build, and of the runs recorded with it. `./check` makes
//! both and names them in `XENHEAP_GRAPH` and, with blanks between, `XENHEAP_RUNS`; the names of
//! the runs' folders are those of the same build.

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
};

use serde_json::Value;
use support::output_of;

fn graph() -> String {
    env::var("XENHEAP_GRAPH").expect("XENHEAP_GRAPH: the folder of a graph")
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&output_of(arguments)).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number, not {value}"))
}

#[test]
fn indirect_calls_are_resolved_and_to_few() {
    let graph = graph();
    let measured = json(&["graph", "recall", "--format", "json", &graph]);
    let indirect = &measured["indirect"];
    let resolved = number(&measured["resolved"]);
    println!("sites resolved, without firmware and uncalled code: {resolved} %");
    println!("targets of a site: {}", indirect["targets"]);
    // A build for arm64 has a third of the sites, and most of its tables are found through other
    // structs.
    let (least, mean) = if measured["architecture"] == "x86_64" { (96.0, 3.0) } else { (95.0, 3.5) };
    assert!(resolved >= least, "{resolved} %");
    assert!(number(&indirect["targets"]["mean"]) <= mean, "{}", indirect["targets"]);
    assert!(indirect["open"]["unknown"].is_null(), "nothing is not understood: {indirect}");
    assert!(number(&indirect["targets"]["median"]) <= 2.0, "{}", indirect["targets"]);
    assert!(number(&indirect["sites"]) > 300.0, "{indirect}");
    // Every open site is named with its reason.
    let open: f64 = indirect["open"].as_object().expect("open sites by reason").values().map(number).sum();
    let resolved = number(&indirect["with_targets"]) + number(&indirect["stubs"]);
    assert!(open + resolved >= number(&indirect["sites"]), "{indirect}");
    // Builds with landing pads tell what was missed.
    if number(&indirect["landings"]) > 0.0 {
        let landing = number(&measured["landing"]);
        println!("landing pads reached: {landing} %; the others: {}", indirect["unreached"]);
        assert!(landing >= 99.4, "{landing} %");
    }
}

/// What a PV guest's instruction does is emulated through a table of its own.
#[test]
fn the_emulation_of_pv_guests_does_not_reach_that_of_hvm_guests() {
    let graph = graph();
    if json(&["graph", "recall", "--format", "json", &graph])["architecture"] != "x86_64" {
        return;
    }
    // Whether the emulator itself calls HVM's part, at once: by way of a context switch everything
    // leads everywhere.
    let through = |from: &str| {
        let asked =
            json(&["graph", "why", "--format", "json", &graph, "--from", from, "--to", "hvmemul_rep_movs"]);
        let name = |step: &Value| step["function"].as_str().unwrap_or_default().to_owned();
        let paths = asked["paths"].as_array().expect("paths").iter();
        let mut steps =
            paths.map(|path| path.as_array().expect("steps").iter().map(name).collect::<Vec<_>>());
        steps.any(|path| {
            path.len() <= 6
                && path
                    .windows(2)
                    .any(|pair| pair[0].starts_with("x86_emulate") && pair[1].ends_with("hvmemul_rep_movs"))
        })
    };
    assert!(through("hvm_emulate_one"));
    assert!(!through("pv_emulate_privileged_op"));
}

#[test]
fn every_recorded_pair_is_an_edge() {
    let runs = env::var("XENHEAP_RUNS")
        .expect("XENHEAP_RUNS: folders of runs, or nothing for a build that was not booted");
    let graph = graph();
    let runs: Vec<&str> = runs.split_whitespace().collect();
    let measured = json(&[&["graph", "recall", "--format", "json", graph.as_str()][..], &runs].concat());
    let measured = measured["runs"].as_array().expect("runs");
    assert_eq!(measured.len(), runs.len());
    for run in measured {
        println!("{}: {} % of direct pairs; by pointers: {}", run["run"], run["share"], run["indirect"]);
        assert_eq!(run["same_build"], true, "the graph is of the image that ran: {run}");
        assert!(number(&run["direct"]) > 5.0, "{run}");
        assert!(number(&run["share"]) >= 99.9, "{run}");
    }
}

/// The calls of a graph, by name, with the units of the functions.
fn calls(options: &[&str]) -> (BTreeSet<(String, String)>, BTreeMap<String, String>) {
    let graph = graph();
    let exported = json(&[&["graph", "export", "--format", "json", &graph][..], options].concat());
    let functions = exported["functions"].as_array().expect("functions");
    let name = |at: &Value| {
        let at = usize::try_from(at.as_u64().expect("a position")).expect("few");
        functions[at]["name"].as_str().expect("a name").to_owned()
    };
    let calls = exported["calls"].as_array().expect("calls");
    let units = functions.iter().map(|function| {
        let unit = function["unit"].as_str().unwrap_or_default();
        (function["name"].as_str().expect("a name").to_owned(), unit.to_owned())
    });
    (calls.iter().map(|call| (name(&call["from"]), name(&call["to"]))).collect(), units.collect())
}

/// What the recorder wraps is one function, which calls what the original calls and is called as
/// the wrapper is. Its own code is not there.
#[test]
fn the_recorder_is_no_part_of_xen_unless_it_is_asked_for() {
    let (plain, units) = calls(&[]);
    let (audited, all) = calls(&["--audited"]);
    let recorder = |name: &str| all.get(name).is_some_and(|unit| unit.starts_with("common/heap-audit"));
    assert!(!units.keys().any(|name| name.contains("heap_audited_")));
    assert!(!units.values().any(|unit| unit.starts_with("common/heap-audit")));
    // A static function of Xen's is shown with its file again.
    let short = |name: &str| name.rsplit('#').next().unwrap_or(name).replace("heap_audited_", "");
    let shorter = |(from, to): &(String, String)| (short(from), short(to));
    let expected: BTreeSet<_> = audited
        .iter()
        .filter(|(from, to)| {
            let wrapped = |name: &String| all.contains_key(&format!("heap_audited_{name}"));
            !recorder(from) && (!recorder(to) || wrapped(to))
        })
        .map(shorter)
        .collect();
    let wrapped = all.keys().filter(|name| name.starts_with("heap_audited_")).count();
    println!("{wrapped} functions are wrapped; {} calls, with the recorder {}", plain.len(), audited.len());
    assert_eq!(plain.iter().map(shorter).collect::<BTreeSet<_>>(), expected);
    assert_eq!(all.values().any(|unit| unit.starts_with("common/heap-audit")), wrapped > 20, "{wrapped}");
}

#[test]
fn a_run_of_another_build_is_refused_unless_it_is_asked_for() {
    // The sample can be of this very build: another build id makes it one of another.
    let sample = fs::read(support::repository("testdata/boot-4.17-x86_64/full.xhr")).expect("a run file");
    let plain = String::from_utf8(zstd::decode_all(sample.as_slice()).expect("zstd")).expect("UTF-8");
    let (_, after) = plain.split_once("\"build_id\":\"").expect("a build id");
    let (id, _) = after.split_once('"').expect("its end");
    let dir = tempfile::tempdir().expect("a folder");
    let other = dir.path().join("other.xhr");
    let changed = plain.replace(id, &"0".repeat(id.len()));
    fs::write(&other, zstd::encode_all(changed.as_bytes(), 1).expect("zstd")).expect("written");
    let graph = graph();
    let arguments = ["graph", "recall", graph.as_str(), support::text(&other)];
    let ran = support::run(&arguments);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    assert!(ran.err.contains("--allow-mismatch"), "{}", ran.err);
    assert!(output_of(&[&arguments[..], &["--allow-mismatch"]].concat()).contains("another build"));
}

#[test]
fn paths_are_counted_cut_and_listed() {
    let graph = graph();
    let listed = output_of(&[
        "graph",
        "paths",
        "--to",
        "alloc_xenheap_pages",
        "--preset",
        "boot",
        "--preset",
        "cuts",
        "--limit",
        "5",
        &graph,
    ]);
    println!("{listed}");
    assert!(listed.contains("alloc_xenheap_pages"), "{listed}");
    let reached = output_of(&["graph", "reach", "--to", "_xmalloc", &graph]);
    assert!(reached.contains("ypercall"), "guests reach it: {reached}");
    assert!(output_of(&["graph", "stats", &graph]).contains("functions"));
}

#[test]
fn each_call_of_an_allocator_is_judged_and_says_how_far_the_owner_is() {
    let graph = graph();
    let all = json(&["graph", "allocations", "--format", "json", &graph]);
    let all = all.as_array().expect("allocations");
    assert!(all.len() > 100, "{}", all.len());
    for allocation in all {
        assert_ne!(allocation["evidence"], "", "{allocation}");
        assert_eq!(allocation["anonymity"] == "may", allocation["condition"].is_string(), "{allocation}");
        let owner = &allocation["owner"];
        assert!(owner["nearest"].is_object() || owner["without"].is_string(), "{allocation}");
    }
    let of = |function: &str| {
        let named =
            |name: &Value| name.as_str().is_some_and(|name| name.rsplit('#').next() == Some(function));
        let found: Vec<&Value> = all.iter().filter(|allocation| named(&allocation["function"])).collect();
        assert!(!found.is_empty(), "{function} allocates");
        found
    };
    // The domain is passed, and with MEMF_no_owner.
    assert!(of("memory_exchange").iter().all(|allocation| allocation["anonymity"] == "always"));
    // What the guest is given is its own.
    assert!(of("populate_physmap").iter().all(|allocation| allocation["anonymity"] == "may"));
    let nearest = &of("setup_control_block")[0]["owner"]["nearest"];
    assert_eq!((&nearest["holds"], number(&nearest["frames"])), (&Value::from("vcpu"), 0.0));
}
