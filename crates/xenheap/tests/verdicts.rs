//! `xenheap verdict`, `report --verdicts`, `diff` and `check`, end to end, on a real boot's saved
//! run.

mod support;

use std::{fs, os::unix::process::ExitStatusExt, path::Path, process::Command};

use insta::assert_snapshot;
use support::{output_of, run, text, write};
use tempfile::{TempDir, tempdir};

/// A boot of Xen 4.17 with its dom0, saved (testdata/README.md).
const RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/boot-4.17-x86_64/full.xhr");

/// A folder with a verdict file that has an entry for each stack of the run.
fn folder() -> TempDir {
    let dir = tempdir().expect("a temporary folder");
    let file = dir.path().join("v.toml");
    let ran = run(&["verdict", "add", text(&file), RUN, "--all"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    dir
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a text")
}

/// Everything is accepted, with a reason.
fn accepted(dir: &Path) -> String {
    let file = dir.join("v.toml");
    let all = read(&file)
        .replace("\"UNDECIDED\"", "\"SAFE\"")
        .replace("comment = \"\"", "comment = \"once per boot\"");
    fs::write(&file, all).expect("written");
    text(&file).to_owned()
}

#[test]
fn entries_are_added_once() {
    let dir = folder();
    let file = dir.path().join("v.toml");
    let before = read(&file);
    let ran = run(&["verdict", "add", text(&file), RUN, "--all"]);
    assert!(ran.err.contains("0 entries added"), "{}", ran.err);
    assert_eq!(read(&file), before);
    assert_snapshot!(output_of(&["verdict", "list", text(&file)]));
    let first = before
        .lines()
        .find_map(|line| line.strip_prefix("id = "))
        .expect("an id")
        .trim_matches('"')
        .to_owned();
    assert_snapshot!(output_of(&["verdict", "show", text(&file), &first]));
    assert!(output_of(&["verdict", "match", text(&file), RUN]).contains("the same stack"));
}

#[test]
fn one_is_added_by_its_number() {
    let dir = tempdir().expect("a temporary folder");
    let file = dir.path().join("v.toml");
    assert_eq!(run(&["verdict", "add", text(&file), RUN, "--finding", "2"]).code, 0);
    // The second paragraph of the report is the one that has an entry now.
    let report = output_of(&["report", "--all", "--verdicts", text(&file), RUN]);
    let paragraph = report.split("\n   2  ").nth(1).expect("a second finding");
    let id =
        read(&file).lines().find_map(|line| line.strip_prefix("id = ").map(str::to_owned)).expect("an id");
    assert!(paragraph.lines().nth(1).expect("a line").contains(id.trim_matches('"')), "{paragraph}");
    assert_eq!(run(&["verdict", "add", text(&file), RUN, "--finding", "999"]).code, 2);
}

#[test]
fn harvesting_an_untouched_report_changes_nothing() {
    let dir = folder();
    let file = accepted(dir.path());
    for arguments in [&["--all"][..], &["--format", "rfc"]] {
        let report = output_of(&[&["report", "--verdicts", &file, RUN], arguments].concat());
        assert!(report.contains("SAFE"), "{report}");
        let before = read(Path::new(&file));
        let path = write(dir.path(), "report.txt", &report);
        let ran = run(&["verdict", "harvest", &file, text(&path)]);
        assert_eq!((ran.code, read(Path::new(&file))), (0, before), "{}", ran.err);
        assert!(ran.err.starts_with("0 changed, 0 added"), "{}", ran.err);
    }
}

#[test]
fn comments_typed_into_a_report_come_back() {
    let dir = folder();
    let file = dir.path().join("v.toml");
    let report = output_of(&["report", "--all", "--verdicts", text(&file), RUN]);
    let typed = report.replacen(
        ": UNDECIDED\n",
        ": PROB_SAFE (once per boot)\n      // Seen in dom0's boot only.\n      // \"Quoted\".\n",
        1,
    );
    assert_ne!(typed, report);
    let path = write(dir.path(), "report.txt", &typed);
    let ran = run(&["verdict", "harvest", text(&file), text(&path)]);
    assert!(ran.err.starts_with("1 changed, 0 added"), "{}", ran.err);
    let listed = output_of(&["verdict", "list", "--verdict", "PROB_SAFE", text(&file)]);
    assert!(listed.trim_end().ends_with("Seen in dom0's boot only."), "{listed}");

    // Without a file everything in the report is new.
    let empty = dir.path().join("new.toml");
    fs::write(&empty, "format = 1\n").expect("written");
    let report = output_of(&["report", "--all", "--verdicts", text(&empty), RUN]);
    let typed = report.replacen("// UNDECIDED\n", "// PROBLEM\n      // It grows.\n", 1);
    let path = write(dir.path(), "report.txt", &typed);
    let ran = run(&["verdict", "harvest", text(&empty), text(&path)]);
    assert!(ran.err.starts_with("0 changed, 1 added"), "{}", ran.err);
    let report = output_of(&["report", "--all", "--verdicts", text(&empty), RUN]);
    assert!(
        report.contains(": PROBLEM\n      // It grows.\n"),
        "the new entry speaks of the stack it was typed above"
    );
}

#[test]
fn two_places_that_disagree_are_refused() {
    let dir = folder();
    let file = dir.path().join("v.toml");
    let report = output_of(&["report", "--format", "rfc", "--verdicts", text(&file), RUN]);
    let block = report.split("// MINERVA: UNDECIDED\n").nth(1).expect("a block").to_owned();
    let typed = format!("{report}// MINERVA: SAFE\n// One.\n{block}// MINERVA: PROBLEM\n// Two.\n{block}");
    let path = write(dir.path(), "report.txt", &typed);
    let ran = run(&["verdict", "harvest", text(&file), text(&path)]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("says something else"), "{}", ran.err);
}

#[test]
fn a_file_with_a_mistake_is_left_alone() {
    let dir = tempdir().expect("a temporary folder");
    let broken = "format = 1\n[[verdict]]\nid = 3\n";
    let file = write(dir.path(), "v.toml", broken);
    for arguments in [
        &["verdict", "add", text(&file), RUN, "--all"][..],
        &["verdict", "fmt", text(&file)],
        &["verdict", "import", text(&file), text(&file)],
        &["report", "--verdicts", text(&file), "--add-unknown", RUN],
        &["check", "--verdicts", text(&file), RUN],
    ] {
        let ran = run(arguments);
        assert_eq!(ran.code, 3, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains("v.toml:3:6"), "{}", ran.err);
    }
    assert_eq!(read(&file), broken);
}

/// The kernel kills a process that writes more into a file than it may: that is a crash in the
/// middle of a write.
#[test]
fn a_crash_while_it_is_written_leaves_the_old_file() {
    let dir = tempdir().expect("a temporary folder");
    let before =
        "format = 1\n".to_owned() + &"# A remark of the user's, longer than may be written.\n".repeat(1000);
    let file = write(dir.path(), "v.toml", &before);
    let crash = Command::new("bash")
        .args([
            "-c",
            "ulimit -c 0 -f 8; exec \"$0\" verdict add \"$1\" \"$2\" --all",
            env!("CARGO_BIN_EXE_xenheap"),
            text(&file),
            RUN,
        ])
        .output()
        .expect("bash runs");
    assert_eq!(crash.status.signal(), Some(25), "SIGXFSZ, not {crash:?}");
    assert!(read(&file) == before, "the file is as it was");
    // Nothing of the attempt is in the way of the next one.
    assert_eq!(run(&["verdict", "add", text(&file), RUN, "--all"]).code, 0);
    assert!(read(&file).starts_with(&before) && read(&file).len() > before.len());
}

#[test]
fn a_link_stays_one() {
    let dir = folder();
    let link = dir.path().join("link.toml");
    std::os::unix::fs::symlink("v.toml", &link).expect("a link");
    let id =
        read(&link).lines().find_map(|line| line.strip_prefix("id = ").map(str::to_owned)).expect("an id");
    assert_eq!(run(&["verdict", "retire", text(&link), id.trim_matches('"')]).code, 0);
    assert!(link.symlink_metadata().expect("a link").is_symlink());
    assert!(read(&dir.path().join("v.toml")).contains("retired = ["));
}

#[test]
fn a_run_is_the_same_as_itself() {
    let same = output_of(&["diff", RUN, RUN]);
    assert!(same.contains("0 paths differ"), "{same}");
    let json: serde_json::Value =
        serde_json::from_str(&output_of(&["diff", "--format", "json", RUN, RUN])).expect("JSON");
    assert_eq!(json["changed"], serde_json::json!([]));
    assert!(output_of(&["diff", "--format", "markdown", RUN, RUN]).contains("0 paths differ"));
}

#[test]
fn the_gate_asks_for_every_stack() {
    let dir = folder();
    let file = accepted(dir.path());
    let passed = run(&["check", "--verdicts", &file, RUN]);
    assert_eq!(passed.code, 0, "{}", passed.out);
    assert_snapshot!(passed.out);

    let one = read(Path::new(&file)).replacen("comment = \"once per boot\"", "comment = \"\"", 1);
    let unjustified = write(dir.path(), "unjustified.toml", &one);
    let ran = run(&["check", "--verdicts", text(&unjustified), RUN]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("unjustified (1)"), "{}", ran.out);

    let id =
        one.lines().find_map(|line| line.strip_prefix("id = ")).expect("an id").trim_matches('"').to_owned();
    assert_eq!(run(&["verdict", "retire", &file, &id]).code, 0);
    let ran = run(&["check", "--verdicts", &file, RUN]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert_snapshot!(ran.out);
}

#[test]
fn claims_are_held_against_the_run() {
    let dir = folder();
    let file = accepted(dir.path());
    let claims = read(Path::new(&file)).replace("stack = \"\"\"", "bound = { size = 1 }\nstack = \"\"\"");
    let path = write(dir.path(), "claims.toml", &claims);
    let ran = run(&["check", "--verdicts", text(&path), RUN]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("bytes of one allocation: at most 1 are claimed"), "{}", ran.out);
}

#[test]
fn the_policy_can_ask_for_more() {
    let dir = folder();
    let file = accepted(dir.path());
    let policy = write(
        dir.path(),
        "p.toml",
        "format = 1\n[coverage]\nstacks = 1000\nentries = [\"do_grant_*\"]\nfunctions = [\"no_such\"]\n",
    );
    let ran = run(&["check", "--verdicts", &file, "--policy", text(&policy), RUN]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("coverage (3)"), "{}", ran.out);
    let strict = write(dir.path(), "strict.toml", "format = 1\n[accept]\nverdicts = []\nlifetimes = []\n");
    let ran = run(&["check", "--verdicts", &file, "--policy", text(&strict), RUN]);
    assert!(ran.out.contains("not-accepted"), "{}", ran.out);
    let wrong = write(dir.path(), "wrong.toml", "format = 1\n[accept]\nverdict = []\n");
    let ran = run(&["check", "--policy", text(&wrong), RUN]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("unknown field"), "{}", ran.err);
}

/// The schema of SARIF 2.1.0 that the crate serde-sarif was made from, in cargo's copy of its
/// source.
fn sarif_schema() -> serde_json::Value {
    let cargo = std::process::Command::new(env!("CARGO"))
        // Crates for other systems need not be there.
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform"])
        .arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&cargo.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package =
        packages.iter().find(|package| package["name"] == "serde-sarif").expect("the crate is a dependency");
    let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
    // The schema's pattern for languages has a bracket too many, which not every engine lets pass.
    let schema =
        read(&manifest.with_file_name("src").join("schema.json")).replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$");
    serde_json::from_str(&schema).expect("a schema")
}

#[test]
fn sarif_and_code_quality_have_the_form_that_is_asked_for() {
    let dir = tempdir().expect("a temporary folder");
    let (sarif, quality) = (dir.path().join("s.sarif"), dir.path().join("q.json"));
    assert_eq!(run(&["check", "--sarif", text(&sarif), "--code-quality", text(&quality), RUN]).code, 1);
    let sarif: serde_json::Value = serde_json::from_str(&read(&sarif)).expect("JSON");
    assert!(!sarif["runs"][0]["results"].as_array().expect("results").is_empty());
    let validator = jsonschema::validator_for(&sarif_schema()).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&sarif).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");

    // https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
    let issues: serde_json::Value = serde_json::from_str(&read(&quality)).expect("JSON");
    let issues = issues.as_array().expect("an array");
    let mut prints = std::collections::BTreeSet::new();
    for issue in issues {
        assert!(issue["description"].is_string() && issue["check_name"].is_string(), "{issue}");
        assert!(
            ["info", "minor", "major", "critical", "blocker"]
                .contains(&issue["severity"].as_str().expect("a word"))
        );
        let path = issue["location"]["path"].as_str().expect("a path");
        assert!(!path.starts_with("./") && !path.starts_with('/'), "{path}");
        assert!(issue["location"]["lines"]["begin"].as_u64().is_some_and(|line| line > 0), "{issue}");
        assert!(prints.insert(issue["fingerprint"].as_str().expect("a text")), "fingerprints are unique");
    }
    assert!(!issues.is_empty());
}

#[test]
fn every_file_of_the_gate() {
    let dir = folder();
    let file = dir.path().join("v.toml");
    let at = |name: &str| dir.path().join(name);
    let files = ["details", "junit", "sarif", "code-quality", "markdown"];
    let options: Vec<String> =
        files.iter().flat_map(|name| [format!("--{name}"), text(&at(name)).to_owned()]).collect();
    let mut arguments = vec!["check", "--verdicts", text(&file), RUN];
    arguments.extend(options.iter().map(String::as_str));
    assert_eq!(run(&arguments).code, 1);
    for name in files {
        let whole = read(&at(name));
        let head: String = whole.lines().take(40).map(|line| format!("{line}\n")).collect();
        assert_snapshot!(format!("gate_{name}"), head);
    }
}
