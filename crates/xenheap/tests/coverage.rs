//! `xenheap coverage` and `xenheap assess`, with a small part of a real graph and a boot of another
//! build.

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Ran, output_of, run, text, write};
use tempfile::{TempDir, tempdir};
use xenheap_callgraph::{Facts, Graph};

const GRAPH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/small.xhg");
const BOOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/boot-4.17-x86_64");

fn saved_boot() -> String {
    format!("{BOOT}/full.xhr")
}

/// The build id of that boot.
fn build() -> String {
    let report: Value =
        serde_json::from_str(&output_of(&["report", "--format", "json", &saved_boot()])).expect("JSON");
    report["facts"]["build-id"].as_str().expect("a build id").to_owned()
}

/// The graph, changed.
fn graph(change: impl FnOnce(&mut Facts)) -> (TempDir, PathBuf) {
    let mut graph = Graph::load(Path::new(GRAPH)).expect("a graph");
    change(&mut graph.facts);
    let dir = tempdir().expect("a temporary folder");
    let path = dir.path().join("graph.xhg");
    graph.save(&path, "test").expect("saved");
    (dir, path)
}

#[track_caller]
fn refused(ran: &Ran, why: &str) {
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{}", ran.err);
    assert!(ran.err.contains(why) && ran.err.contains("--allow-mismatch"), "{}", ran.err);
}

#[test]
fn what_does_not_belong_together_is_refused() {
    for command in ["coverage", "assess"] {
        refused(&run(&[command, GRAPH, &saved_boot()]), "the run is of the build");
        let (_dir, arm) = graph(|facts| facts.architecture = "arm64".to_owned());
        refused(&run(&[command, text(&arm), &saved_boot()]), "the run is of x86_64, the graph of arm64");
        let (_dir, nameless) = graph(|facts| facts.build_id = None);
        refused(&run(&[command, text(&nameless), &saved_boot()]), "the graph does not say");
    }
}

#[test]
fn another_config_is_refused() {
    let dir = tempdir().expect("a temporary folder");
    std::fs::copy(format!("{BOOT}/console.log.zst"), dir.path().join("console.log.zst")).expect("copied");
    write(dir.path(), "config", "CONFIG_OTHER=y\n");
    let (_dir, same) = graph(|facts| facts.build_id = Some(build()));
    refused(&run(&["coverage", text(&same), text(dir.path())]), ".config");
}

#[test]
fn what_was_told_otherwise_is_marked() {
    let ran = run(&["coverage", "--allow-mismatch", GRAPH, &saved_boot()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("are not of one build"), "{}", ran.err);
    assert!(ran.out.contains("other-build: full: the run is of the build"), "{}", ran.out);
    let ran = run(&["assess", "--allow-mismatch", "--format", "markdown", GRAPH, &saved_boot()]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("**NOT SUPPORTED"), "{}", ran.out);
}

/// Of the boot's build the graph has only a part, so stacks cannot be laid, and nothing becomes
/// better by that.
#[test]
fn a_part_of_a_graph_explains_nothing() {
    let (_dir, same) = graph(|facts| facts.build_id = Some(build()));
    let mut found: Value =
        serde_json::from_str(&output_of(&["coverage", "--format", "json", text(&same), &saved_boot()]))
            .expect("JSON");
    assert_eq!(found["counts"]["by-state"]["seen"], Value::Null, "{}", found["counts"]);
    let codes: Vec<&str> =
        found["notes"].as_array().expect("notes").iter().filter_map(|note| note["code"].as_str()).collect();
    assert!(codes.contains(&"unsealed") && codes.contains(&"unknown-function"), "{codes:?}");
    assert!(!found["pairs"]["missing"].as_array().expect("pairs").is_empty());
    let ran = run(&["assess", "--format", "json", text(&same), &saved_boot()]);
    let statement: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.code, &statement["supported"]), (1, &Value::Bool(false)));
    found.as_object_mut().expect("an object").remove("schema");
    assert!(statement["coverage"] == found, "without verdicts both say the same of what was seen");
}

#[test]
fn wrong_use() {
    let why = support::refused(&["coverage", "--all", "--format", "json", GRAPH, &saved_boot()]);
    assert!(why.contains("--all belongs to --format text"), "{why}");
    let why = support::refused(&["coverage", GRAPH]);
    assert!(why.contains("<RUN>"), "{why}");
    assert_eq!(run(&["assess", "--verdicts", "nowhere.toml", GRAPH, &saved_boot()]).code, 3);
    assert_eq!(run(&["coverage", BOOT, &saved_boot()]).code, 3, "that is no graph");
}
