//! The command as a whole: help, version, completions, manual pages, and `instrument`.

mod support;

use std::fs;

use insta::assert_snapshot;
use support::{output_of, refused, run, text, write};
use tempfile::tempdir;

#[test]
fn help() {
    assert_snapshot!("help", output_of(&["--help"]));
    // The pages of the commands are compared in `cli.rs`.
    assert!(output_of(&["report", "--help"]).contains("Examples:\n  xenheap report run"));
}

#[test]
fn version() {
    assert_eq!(output_of(&["--version"]), format!("xenheap {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_use_exits_with_2() {
    for arguments in
        [&[][..], &["nonsense"], &["report"], &["lab", "run"], &["instrument", "x", "--check", "--undo"]]
    {
        assert!(refused(arguments).contains("Usage:"), "{arguments:?}");
    }
    let ran = run(&["nonsense"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert_eq!(ran.err, format!("{}\n", refused(&["nonsense"])), "a process says the same");
}

#[test]
fn completions_and_manual_pages() {
    assert!(output_of(&["completions", "bash"]).contains("complete -F _xenheap"));
    let dir = tempdir().expect("a temporary folder");
    let man = dir.path().join("man1");
    output_of(&["man", text(&man)]);
    let page = fs::read_to_string(man.join("xenheap-report.1")).expect("a page");
    assert!(page.contains("xenheap report run"), "{page}");
    let page = fs::read_to_string(man.join("xenheap.1")).expect("a page");
    assert!(page.contains("Exit codes"), "{page}");
}

#[test]
fn lab_run_refuses_what_it_does_not_know() {
    let lab_run = ["lab", "run", "--out-dir", "nowhere"];
    for (arguments, value) in [(&["debian:1.0"][..], "debian:1.0"), (&["--mode", "loud"], "loud")] {
        let why = refused(&[&lab_run, arguments].concat());
        assert!(why.contains(value), "{why}");
    }
    // Workloads can be paths of scripts.
    let ran = run(&[&lab_run[..], &["--workload", "sleep"]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    assert!(ran.err.contains("sleep"), "{}", ran.err);
}

#[test]
fn only_a_xen_tree_can_be_instrumented() {
    let dir = tempdir().expect("a temporary folder");
    write(dir.path(), "README", "no Xen");
    for option in [&[][..], &["--check"], &["--undo"], &["--patch", "-"]] {
        let ran = run(&[&["instrument", text(dir.path())], option].concat());
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{}", ran.err);
        assert!(ran.err.contains("is not a Xen source tree"), "{}", ran.err);
    }
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "nothing was made");
}
