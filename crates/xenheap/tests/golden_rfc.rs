//! The RFC's worked example, input and output, byte for byte.

mod support;

use std::fs;

use support::{output_of, repository, run, text};

#[test]
fn the_sample_gives_both_files() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = repository("testdata/rfc/sample-x86_64.log");
    let ran = run(&["report", "--format", "rfc", "--out-dir", text(dir.path()), text(&log)]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    for file in ["x86_64/sample-x86_64.log", "x86_64/verbose/sample-x86_64.log"] {
        let ours = fs::read_to_string(dir.path().join(file)).expect("written");
        let expected = fs::read_to_string(repository("testdata/rfc/parsed").join(file)).expect("committed");
        assert!(ours == expected, "{file} differs:\n{ours}");
    }
}

#[test]
fn standard_output_is_the_parsed_file() {
    let log = repository("testdata/rfc/sample-x86_64.log");
    let expected =
        fs::read_to_string(repository("testdata/rfc/parsed/x86_64/sample-x86_64.log")).expect("committed");
    assert!(output_of(&["report", "--format", "rfc", text(&log)]) == expected);
}

#[test]
fn frees_without_an_allocation_on_request() {
    let log = repository("testdata/rfc/sample-x86_64.log");
    let all = output_of(&["report", "--format", "rfc", "--orphan-frees", text(&log)]);
    let parsed =
        fs::read_to_string(repository("testdata/rfc/parsed/x86_64/sample-x86_64.log")).expect("committed");
    let third = all.strip_prefix(&parsed).expect("the two sections come first");
    insta::assert_snapshot!(third);
}

#[test]
fn a_saved_run_gives_the_same_files() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = repository("testdata/rfc/sample-x86_64.log");
    let saved = dir.path().join("sample-x86_64.log.xhr");
    output_of(&["report", "--save", text(&saved), text(&log)]);
    let out = dir.path().join("out");
    output_of(&["report", "--format", "rfc", "--out-dir", text(&out), text(&saved)]);
    for file in ["x86_64/sample-x86_64.log", "x86_64/verbose/sample-x86_64.log"] {
        let ours = fs::read(out.join(file)).expect("written");
        assert!(ours == fs::read(repository("testdata/rfc/parsed").join(file)).expect("committed"), "{file}");
    }
}
