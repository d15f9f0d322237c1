//! Logs whose first record says that parts of the recorder were left out: each command that takes
//! them says what it therefore cannot tell.

mod support;

use std::{fs, path::Path};

use insta::assert_snapshot;
use serde_json::Value;
use support::{BUILD, Ran, image, output_of, record, run, text, write};
use tempfile::{TempDir, tempdir};

/// A boot in which dom0 has an xmalloc for a while, and keeps another one.
fn log(lacks: &str) -> String {
    let lacks = if lacks.is_empty() { String::new() } else { format!(" lacks={lacks}") };
    let mut log = record(&format!(
        "0 V fmt=2 xen=4.20.0 arch=x86_64 build={BUILD} text=ffff82d040200000-ffff82d04020003e \
         modes=trace depth=32 stacks=64 rows=64 live=64 ring=64 domains=64{lacks}"
    ));
    log += &record("0 S 1 00000000000000aa ffff82d040200012 ffff82d040200022 ffff82d040200006");
    log += &record("0 S 2 00000000000000bb ffff82d04020002c ffff82d040200006");
    let events = [
        "C 0.1 f0 d0 c0 t3b9aca00",
        "C 1.2 f3 d0 c0 t3b9aca01",
        "A x ffff83007c4d2010 392 s1 d0 c1 t3b9aca02 u416 wc1.2",
        "A x ffff83007c4d2210 100 s2 d1 c1 t59682f00 u128",
        "F x ffff83007c4d2210 100 s2 d0 c1 t77359401 u128 wk1.2",
        "E 1.2 d0 c0 t77359404 pool=1024 low=1024 takes=0 backs=0 failed=0 extra=0",
    ];
    for (at, event) in events.iter().enumerate() {
        log += &record(&format!("{} {event}", at + 1));
    }
    log
}

const LACKS: &str = "owners,calls,totals,pools-hap,pools-shadow,what-is-new";

fn folder() -> TempDir {
    let dir = tempdir().expect("a folder");
    write(dir.path(), "whole.log", log(""));
    write(dir.path(), "part.log", log(LACKS));
    for name in ["whole.xen-syms", "part.xen-syms"] {
        write(dir.path(), name, fs::read(image()).expect("the image"));
    }
    dir
}

/// What a command prints; `%` in its arguments is the folder.
fn ran(dir: &TempDir, arguments: &[&str]) -> Ran {
    let at = format!("{}/", text(dir.path()));
    let arguments: Vec<String> = arguments.iter().map(|one| one.replace('%', &at)).collect();
    run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).expect("a text")
}

#[test]
fn differences_of_what_one_run_cannot_tell_are_none() {
    let dir = folder();
    for (format, name) in [("text", "diff_text"), ("markdown", "diff_markdown"), ("json", "diff_json")] {
        let ran = ran(&dir, &["diff", "--format", format, "%whole.log", "%part.log"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_snapshot!(name, ran.out);
    }
    let both = ran(&dir, &["diff", "%part.log", "%part.log"]).out;
    assert!(both.contains("calls (both runs). Hence unknown"), "{both}");
    assert!(!ran(&dir, &["diff", "%whole.log", "%whole.log"]).out.contains("lacks"));
}

#[test]
fn the_gate_says_what_it_could_not_hold_against_the_policy() {
    let dir = folder();
    let files = ["details", "junit", "sarif", "code-quality", "markdown"];
    let options = files.map(|name| [format!("--{name}"), format!("%{name}")]).concat();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let refused = ran(&dir, &[&["check", "%whole.log", "%part.log"][..], &options].concat());
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert_snapshot!("check", refused.out);
    assert!(read(dir.path(), "details").starts_with(&refused.out));
    for name in &files[1..] {
        assert_snapshot!(format!("check_{name}"), read(dir.path(), name));
    }
}

#[test]
fn a_policy_may_let_a_part_be_lacking() {
    let dir = folder();
    let policy = "format = 1\n[accept]\nlifetimes = ['bracketed', 'returned', 'held', 'unknown']\n[run]\n\
                  may-fail = ['ended']\n";
    write(dir.path(), "strict.toml", policy);
    write(dir.path(), "lax.toml", format!("{policy}may-lack = ['owners']\n"));
    let strict = ran(&dir, &["check", "--policy", "%strict.toml", "%part.log"]);
    assert_eq!(strict.code, 1, "{}", strict.err);
    assert!(strict.out.contains("lost-part (1)"), "{}", strict.out);
    let lax = ran(&dir, &["check", "--policy", "%lax.toml", "%part.log"]);
    assert_eq!(lax.code, 0, "{}", lax.out);
    assert_snapshot!("check_passed", lax.out);
    let whole = ran(&dir, &["check", "--policy", "%strict.toml", "%whole.log"]);
    assert_eq!((whole.code, whole.out.contains("lacks")), (0, false), "{}", whole.out);
    write(dir.path(), "wrong.toml", "format = 1\n[run]\nmay-lack = ['owner']\n");
    let wrong = ran(&dir, &["check", "--policy", "%wrong.toml", "%part.log"]);
    assert_eq!(wrong.code, 3);
    assert!(wrong.err.contains("is no part of the recorder"), "{}", wrong.err);
}

#[test]
fn a_plan_says_what_it_does_not_know() {
    let dir = folder();
    let plan = ran(&dir, &["plan", "%part.log", "--out-dir", "%plan"]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    let plan = dir.path().join("plan");
    assert_snapshot!("plan_text", read(&plan, "plan.txt"));
    let json: Value = serde_json::from_str(&read(&plan, "plan.json")).expect("JSON");
    assert_snapshot!("plan_json", serde_json::to_string_pretty(&json["untold"]).expect("JSON"));
    assert_eq!(json["runs"][0]["lacks"][0], "owners");
    let svg: String = read(&plan, "plan.svg")
        .lines()
        .take_while(|line| !line.contains(">run part"))
        .fold(String::new(), |text, line| text + line + "\n");
    assert_snapshot!("plan_svg", svg);
}

/// What nobody saw to be taken from a pool is no reason to make it smaller.
#[test]
fn a_pool_that_nobody_watched_gets_no_setting() {
    let dir = folder();
    assert!(ran(&dir, &["plan", "%whole.log"]).out.contains("shadow_memory = 1"));
    assert!(!ran(&dir, &["plan", "%part.log"]).out.contains("shadow_memory"));
    let both = ran(&dir, &["plan", "%part.log", "%whole.log"]).out;
    assert!(
        both.contains("shadow_memory = 1") && both.contains("pools-hap (part.log). Hence unknown"),
        "{both}"
    );
}

#[test]
fn coverage_and_statement_name_the_parts() {
    let dir = folder();
    let graph = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/small.xhg");
    let said = "owners (part.log). Hence unknown: which domain memory is for";
    let text = ran(&dir, &["coverage", "--allow-mismatch", graph, "%part.log", "%whole.log"]);
    assert!(text.out.contains(said), "{}", text.out);
    let statement = ran(&dir, &["assess", "--allow-mismatch", graph, "%part.log"]);
    assert_eq!(statement.code, 1, "{}", statement.err);
    assert!(statement.out.contains("Open: lost-part (2)"), "{}", statement.out);
    let at = format!("{}/whole.log", support::text(dir.path()));
    assert!(!output_of(&["coverage", "--allow-mismatch", graph, &at]).contains("lacks"));
}
