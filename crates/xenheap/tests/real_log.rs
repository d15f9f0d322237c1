//! Reports of the real boot in `testdata/`.

mod support;

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;
use support::{output_of, repository, run, text};

const FOLDER: &str = "testdata/boot-4.17-x86_64";
const SAVED: &str = "testdata/boot-4.17-x86_64/full.xhr";

#[test]
fn the_folder_needs_no_image_to_be_read() {
    let ran = run(&["report", text(&repository(FOLDER))]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "every address has a name in the warn view");
    assert_snapshot!(ran.out);
}

#[test]
fn the_saved_run_has_inlined_functions_and_lines() {
    assert_snapshot!(output_of(&["report", "--lines", "--strict", text(&repository(SAVED))]));
}

/// Samples of an older recorder would leave what is new in the format without a real log.
#[test]
fn the_samples_are_of_the_newest_format() {
    let format = |log: &[u8]| {
        let log = String::from_utf8_lossy(log);
        let header = log.lines().find(|line| line.contains(" V fmt=")).expect("a header record").to_owned();
        header.split(' ').find_map(|word| word.strip_prefix("fmt=").map(str::to_owned)).expect("a format")
    };
    // A test of the recorder compares this file with what the recorder prints.
    let newest = fs::read(repository("testdata/golden/record-lines.txt")).expect("record lines");
    let modes = ["trace", "warn", "summary"].map(|mode| format!("testdata/modes-4.17-x86_64/{mode}.log.zst"));
    let runs = [FOLDER, "testdata/hvm-4.17-x86_64"].map(|folder| format!("{folder}/console.log.zst"));
    for sample in runs.iter().chain(&modes) {
        let packed = fs::read(repository(sample)).expect("a log");
        let log = zstd::decode_all(packed.as_slice()).expect("zstd");
        assert_eq!(format(&log), format(&newest), "{sample}: make it again as testdata/README.md says");
    }
}

/// What the image's symbol table says of an address must be what Xen itself printed for it.
#[test]
fn names_from_the_image_are_those_that_xen_prints() {
    let rfc = |path: &str| output_of(&["report", "--format", "rfc", text(&repository(path))]);
    let (printed, symbols) = (rfc(FOLDER), rfc(SAVED));
    assert!(printed.lines().count() > 100);
    assert!(printed == symbols, "{printed}\n-----\n{symbols}");
}

#[test]
fn totals_checks_and_counts_are_the_same_from_the_log_and_from_the_saved_run() {
    let json = |path: &str| -> Value {
        serde_json::from_str(&output_of(&["report", "--format", "json", text(&repository(path))]))
            .expect("JSON")
    };
    let (log, saved) = (json(FOLDER), json(SAVED));
    for key in ["facts", "totals", "refused", "hypervisor", "checks"] {
        assert_eq!(log[key], saved[key], "{key}");
    }
    let counters = |run: &Value| -> Vec<String> {
        let findings = run["findings"].as_array().expect("findings");
        let mut all: Vec<String> = findings.iter().map(|finding| finding["counters"].to_string()).collect();
        all.sort();
        all
    };
    assert_eq!(counters(&log), counters(&saved));
    for check in log["checks"].as_array().expect("checks") {
        assert_eq!(check["outcome"], "ok", "{check}");
    }
}

#[test]
fn every_view_gives_the_same_findings() {
    let report = |view: &str| {
        let report = output_of(&["report", "--view", view, text(&repository(FOLDER))]);
        let at = report.find("LIVE AT THE END").expect("findings");
        report[at..].to_owned()
    };
    assert_eq!(report("trace"), report("warn"));
    assert_eq!(report("trace"), report("summary"));
}
