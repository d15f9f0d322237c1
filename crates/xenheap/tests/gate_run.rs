//! The gate on a real run with guests: `./check` makes the RUN and names it in `XENHEAP_RUN`.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use support::{Ran, output_of, real::run_folder, run, text, write};
use tempfile::{TempDir, tempdir};

/// A policy whose run may leave memory, which a reviewer accepts with a claim of how much.
const POLICY: &str = "format = 1\n[run]\nleaks = \"reviewed\"\n[coverage]\nstacks = 100\nentries = [\"do_domctl\", \"do_event_channel_op\"]\n";

/// A folder with a policy and a complete verdict file: all accepted, with a reason and a claim.
fn complete() -> (TempDir, PathBuf, PathBuf) {
    let dir = tempdir().expect("a temporary folder");
    let policy = write(dir.path(), "policy.toml", POLICY);
    let verdicts = dir.path().join("verdicts.toml");
    let folder = run_folder();
    let ran = run(&["verdict", "add", text(&verdicts), text(&folder), "--all"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let reviewed =
        fs::read_to_string(&verdicts).expect("a file").replace("\"UNDECIDED\"", "\"SAFE\"").replace(
            "comment = \"\"",
            "comment = \"bounded by the number of guests\"\nbound = { live = 100000000, per = \"run\" }",
        );
    fs::write(&verdicts, reviewed).expect("written");
    (dir, verdicts, policy)
}

fn check(verdicts: &Path, policy: &Path, folder: &Path) -> Ran {
    run(&["check", "--verdicts", text(verdicts), "--policy", text(policy), text(folder)])
}

#[test]
fn a_complete_verdict_file_passes_and_less_is_refused() {
    let (dir, verdicts, policy) = complete();
    let folder = run_folder();
    let ran = check(&verdicts, &policy, &folder);
    assert_eq!(ran.code, 0, "{}", ran.out);

    let whole = fs::read_to_string(&verdicts).expect("a file");
    let id = whole
        .lines()
        .find_map(|line| line.strip_prefix("id = "))
        .expect("an id")
        .trim_matches('"')
        .to_owned();
    assert_eq!(run(&["verdict", "retire", text(&verdicts), &id]).code, 0);
    let ran = check(&verdicts, &policy, &folder);
    assert_eq!(ran.code, 1, "a stack without an entry: {}", ran.out);

    let claims = write(dir.path(), "claims.toml", whole.replacen("live = 100000000", "live = 1", 1));
    let ran = check(&claims, &policy, &folder);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("bound"), "{}", ran.out);

    let strict = write(dir.path(), "strict.toml", "format = 1\n");
    fs::write(&verdicts, &whole).expect("written");
    let ran = check(&verdicts, &strict, &folder);
    assert_eq!(ran.code, 1, "what is left is refused: {}", ran.out);
    assert!(ran.out.contains("leak"), "{}", ran.out);
}

#[test]
fn lost_records_are_refused() {
    let (dir, verdicts, policy) = complete();
    let folder = run_folder();
    let log = fs::read(folder.join("console.log")).expect("the log");
    // Records of the first told events, all their copies: `xl dmesg` told them again.
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let is_event = |line: &&&[u8]| {
        let line = String::from_utf8_lossy(line);
        line.contains(" HA1 ") && line.contains(" A x ")
    };
    let number = |line: &[u8]| {
        let line = String::from_utf8_lossy(line).into_owned();
        let body = line.split(" HA1 ").nth(1).expect("a record").to_owned();
        body.split(' ').nth(1).expect("a number").to_owned()
    };
    let lost = number(lines.iter().filter(is_event).nth(20).expect("events"));
    let rest: Vec<u8> = lines
        .iter()
        .filter(|line| !(is_event(line) && number(line) == lost))
        .flat_map(|line| line.iter().copied())
        .collect();
    assert!(rest.len() < log.len());
    let cut = dir.path().join("cut");
    fs::create_dir(&cut).expect("made");
    fs::write(cut.join("console.log"), rest).expect("written");
    fs::copy(folder.join("xen-syms"), cut.join("xen-syms")).expect("copied");
    let ran = check(&verdicts, &policy, &cut);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("self-check"), "{}", ran.out);
}

#[test]
fn a_run_differs_from_a_boot_and_not_from_itself() {
    let folder = run_folder();
    assert!(output_of(&["diff", text(&folder), text(&folder)]).contains(": 0 paths differ"));
}
