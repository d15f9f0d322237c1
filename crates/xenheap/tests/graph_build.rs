//! `xenheap graph build` of a small program that is compiled as Xen is, whole and with files of a
//! unit taken away; and what is said by the graph of what is left.
#![cfg(target_arch = "x86_64")]

mod support;

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
};

use serde_json::Value;
use support::{Ran, output_of, run, text, write};
use tempfile::{TempDir, tempdir};

const SOURCES: [(&str, &str); 3] = [
    (
        "a.c",
        "extern void *(*const hook)(void);\nvoid *do_op(void) { return hook(); }\nvoid _start(void) { do_op(); }\n",
    ),
    (
        "b.c",
        "void *_xmalloc(unsigned long size, unsigned long align);\nstatic void *route(void) { return _xmalloc(8, 8); }\nvoid *(*const hook)(void) = route;\n",
    ),
    ("x.c", "void *_xmalloc(unsigned long size, unsigned long align) { return (void *)(size + align); }\n"),
];

fn gcc(folder: &Path, arguments: &str) {
    let ran = Command::new("gcc").args(arguments.split(' ')).current_dir(folder).output().expect("gcc runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// A finished build.
fn built() -> TempDir {
    let folder = tempdir().expect("a temporary folder");
    for (name, source) in SOURCES {
        write(folder.path(), name, source);
        gcc(
            folder.path(),
            &format!(
                "-O2 -g -std=gnu99 -ffreestanding -fno-pic -fcf-protection=none -fcallgraph-info=su -fdump-tree-gimple-lineno -c {name}"
            ),
        );
    }
    gcc(folder.path(), "-nostdlib -static -no-pie -Wl,--build-id -o xen-syms a.o b.o x.o");
    folder
}

/// Takes away what the compiler said of `b.c`.
fn without_b(folder: &Path) {
    for name in ["b.ci", "b.c.006t.gimple"] {
        fs::remove_file(folder.join(name)).expect("it is there");
    }
}

fn build(folder: &Path, options: &[&str]) -> Ran {
    let out = folder.join("graph");
    run(&[&["graph", "build", "--build", text(folder), "--out-dir", text(&out)], options].concat())
}

#[track_caller]
fn refused(ran: &Ran, folder: &Path, expected: &[&str]) {
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{}", ran.err);
    for expected in expected.iter().chain(&["--part"]) {
        assert!(ran.err.contains(expected), "{expected}: {}", ran.err);
    }
    assert!(!folder.join("graph").exists(), "nothing is written");
}

/// What a question to the graph of a part says: the answer, and the warning.
fn asked(folder: &Path, question: &[&str]) -> (String, String) {
    let graph = folder.join("graph");
    let [command, rest @ ..] = question else { panic!("a command") };
    let ran = run(&[&["graph", command, text(&graph)], rest].concat());
    assert_eq!(ran.code, 0, "{question:?}: {}", ran.err);
    (ran.out, ran.err)
}

#[test]
fn a_whole_build_makes_a_whole_graph() {
    let folder = built();
    for options in [&[][..], &["--part"]] {
        let ran = build(folder.path(), options);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        let (out, err) = asked(folder.path(), &["why", "--from", "_start", "--to", "_xmalloc"]);
        assert!(out.contains("route") && !out.contains("part") && err.is_empty(), "{out}{err}");
    }
}

#[test]
fn a_build_that_lacks_files_is_refused_with_their_units() {
    let folder = built();
    without_b(folder.path());
    refused(&build(folder.path(), &[]), folder.path(), &["a unit lacks", "b.c: no .ci file, no GIMPLE dump"]);
    refused(&build(folder.path(), &["--sources", "ci"]), folder.path(), &["b.c: no .ci file"]);
    // Without its image the objects say what there is.
    fs::remove_file(folder.path().join("xen-syms")).expect("it is there");
    refused(&build(folder.path(), &["--sources", "ci"]), folder.path(), &["b.o: no .ci file"]);
    for object in ["a.o", "b.o", "x.o"] {
        fs::remove_file(folder.path().join(object)).expect("it is there");
    }
    refused(&build(folder.path(), &["--sources", "ci"]), folder.path(), &["neither an image nor objects"]);
}

/// A dump of another version of the source is none of this image, though it has the same functions.
#[test]
fn a_dump_of_another_source_is_refused() {
    let folder = built();
    let path = folder.path().join("b.c.006t.gimple");
    let dump = fs::read_to_string(&path).expect("it is there");
    fs::write(&path, dump.replace("[b.c:2:", "[b.c:1:")).expect("it is written");
    refused(&build(folder.path(), &[]), folder.path(), &["b.c: its GIMPLE dump is of another build"]);
    assert_eq!(build(folder.path(), &["--part"]).code, 0);
    assert!(
        asked(folder.path(), &["why", "--from", "_start", "--to", "_xmalloc"]).0.starts_with("// no path"),
        "it is not used"
    );
}

/// The same of what the lab keeps of a build.
#[test]
fn an_archive_that_lacks_files_is_refused() {
    let folder = built();
    let kept = tempdir().expect("a temporary folder");
    fs::copy(folder.path().join("xen-syms"), kept.path().join("xen-syms")).expect("copied");
    let archive = || File::create(kept.path().join(xenheap_facts::build::ARCHIVE)).expect("made");
    xenheap_facts::build::pack(folder.path(), archive()).expect("packed");
    assert_eq!(build(kept.path(), &[]).code, 0);
    fs::remove_dir_all(kept.path().join("graph")).expect("it is there");
    without_b(folder.path());
    xenheap_facts::build::pack(folder.path(), archive()).expect("packed");
    refused(&build(kept.path(), &[]), kept.path(), &["b.c: no .ci file, no GIMPLE dump"]);
}

#[test]
fn nothing_is_unreachable_by_a_graph_of_a_part() {
    let folder = built();
    without_b(folder.path());
    assert_eq!(build(folder.path(), &["--part"]).code, 0);
    let why = "this is a graph of a part of a build: b.c (no .ci file, no GIMPLE dump)";
    for question in [
        &["why", "--from", "_start", "--to", "_xmalloc"][..],
        &["paths", "--to", "_xmalloc"],
        &["reach", "--to", "_xmalloc"],
        &["funnels", "--to", "_xmalloc"],
        &["cut", "--from", "_start", "--to", "_xmalloc"],
        &["allocations"],
        &["sites"],
        &["recall"],
    ] {
        let (out, err) = asked(folder.path(), question);
        assert!(out.contains(why) && err.contains(why), "{question:?}: {out}{err}");
    }
    assert!(asked(folder.path(), &["stats"]).0.contains("without   b.c: no .ci file, no GIMPLE dump"));
    for (question, said) in [
        (
            &["why", "--from", "_start", "--to", "_xmalloc"][..],
            "// no path from _start to _xmalloc in this part",
        ),
        (&["cut", "--from", "_start", "--to", "_xmalloc"], "// no path leads to _xmalloc in this part"),
        (
            &["paths", "--from", "_start", "--to", "_xmalloc"],
            "// 0 paths from _start to _xmalloc in this part",
        ),
    ] {
        let (out, _) = asked(folder.path(), question);
        assert!(out.starts_with(said), "{question:?}: {out}");
        let (out, _) = asked(folder.path(), &[question, &["--format", "json"]].concat());
        let head: Value = serde_json::from_str(out.lines().next().unwrap_or_default()).expect("JSON");
        assert_eq!(head["part"], why, "{out}");
    }
    // What is put into the hook stands in the unit that is missing.
    let sites = asked(folder.path(), &["sites", "--format", "json"]).0;
    assert!(!sites.contains("never-set"), "{sites}");
    // Nor does a part of it become whole, in any form.
    let csv = folder.path().join("csv");
    let graph = folder.path().join("graph");
    run(&["graph", "export", text(&graph), "--format", "csv", "--out-dir", text(&csv)]);
    assert!(output_of(&["graph", "stats", text(&csv)]).contains("without   b.c"));
}

#[test]
fn the_option_is_explained() {
    assert!(output_of(&["graph", "build", "--help"]).contains("--part"));
    assert!(output_of(&["graph", "reach", "--help"]).contains("--audited"));
}
