//! `./check` runs its stages alone, again, in shards and in time: `scripts/common.sh` with small
//! stages.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::{TempDir, tempdir};

const STAGES: &str = r#"
. scripts/common.sh
STAGE_FOLDER=passed
RESULT_FOLDER=results
row() { printf 'row of %s\n' "$1" >> "$RESULTS"; printf 'ran %s\n' "$1"; }
uses() { [ -e "$1" ]; row "$2"; }
broken() { false; touch went-on; }
endless() { sleep 60 & sleep 60; }
stage "boot it" touch boot.out
needs "boot it"
stage "its report, read" uses boot.out report
stage "alone" row alone
needs "its report, read"
stage "a graph" row graph
stage "the last" ${LAST:-row last}
stage_times
all_results
"#;

fn repository() -> TempDir {
    let folder = tempdir().expect("a temporary folder");
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts");
    fs::create_dir(folder.path().join("scripts")).expect("made");
    for name in ["common.sh", "packages.txt"] {
        fs::copy(scripts.join(name), folder.path().join("scripts").join(name)).expect("copied");
    }
    fs::write(folder.path().join("stages.sh"), STAGES).expect("written");
    fs::write(folder.path().join(".gitignore"), "passed\nresults\n*.out\n").expect("written");
    commit(folder.path());
    folder
}

fn commit(folder: &Path) {
    let git = |arguments: &[&str]| {
        let ran = Command::new("git").args(arguments).current_dir(folder).output().expect("git runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    git(&["init", "-q", "."]);
    git(&["add", "."]);
    git(&["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "all"]);
}

fn check(folder: &Path, settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new("bash");
    for name in ["RESUME", "ONLY", "SHARD", "LAST"] {
        command.env_remove(name);
    }
    command.arg("stages.sh").current_dir(folder).envs(settings.iter().copied());
    command.output().expect("bash runs")
}

/// The stages that ran, in order; those that were only looked up are not among them.
fn ran(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let started = text.lines().filter_map(|line| line.strip_prefix("=== "));
    started.filter(|line| !line.ends_with(": passed before")).map(str::to_owned).collect()
}

const ALL: [&str; 5] = ["boot it", "its report, read", "alone", "a graph", "the last"];

#[test]
fn one_stage_runs_with_what_it_needs_and_only_once() {
    let folder = repository();
    let only = |words| ran(&check(folder.path(), &[("ONLY", words)]));
    assert_eq!(only("a graph"), ["boot it", "its report, read", "a graph"]);
    assert_eq!(only("a graph"), ["a graph"], "what it needs has passed with the same files");
    assert_eq!(ran(&check(folder.path(), &[("RESUME", "1")])), ["alone", "the last"]);
    assert_eq!(ran(&check(folder.path(), &[])), ALL);
    // Another file is another check.
    fs::write(folder.path().join("x"), "x").expect("written");
    commit(folder.path());
    assert_eq!(ran(&check(folder.path(), &[("RESUME", "1")])), ALL);
}

#[test]
fn shards_share_the_stages() {
    for count in [1, 2, 5] {
        let mut seen = BTreeSet::new();
        for shard in 1..=count {
            let folder = repository();
            let shard = format!("{shard}/{count}");
            let output = check(folder.path(), &[("SHARD", &shard)]);
            let results = String::from_utf8_lossy(&output.stdout).into_owned();
            for name in ran(&output) {
                assert!(results.contains(&format!("| {name} | ")), "{results}");
                seen.insert(name);
            }
            if count == 5 {
                let needed = [1, 2, 1, 3, 1];
                let number: usize = shard.split('/').next().and_then(|text| text.parse().ok()).expect("one");
                assert_eq!(ran(&output).len(), needed[number - 1], "{shard}");
            }
        }
        assert_eq!(seen, ALL.map(str::to_owned).into(), "{count} shards");
    }
}

#[test]
fn each_result_is_kept_with_its_commit() {
    let folder = repository();
    let output = check(folder.path(), &[("ONLY", "report")]);
    assert_eq!(ran(&output), ["boot it", "its report, read"]);
    let head = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .current_dir(folder.path())
        .output()
        .expect("git runs");
    let head = String::from_utf8_lossy(&head.stdout).trim().to_owned();
    let file = fs::read_to_string(folder.path().join("results/its-report-read.md")).expect("it is kept");
    let (first, rest) = file.split_once('\n').expect("two lines");
    assert!(
        first.starts_with("<!-- its report, read: ") && first.ends_with(&format!(" s, commit {head} -->"))
    );
    assert_eq!(rest, "row of report\n");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(&format!("| its report, read | {head} | ")), "{said}");
    assert!(said.contains("| alone | not run | |"), "{said}");
    // It stays what it is when others follow, and one of changed files says so.
    fs::write(folder.path().join("stages.sh"), format!("{STAGES}\n# changed\n")).expect("written");
    let said = String::from_utf8_lossy(&check(folder.path(), &[("ONLY", "alone")]).stdout).into_owned();
    assert!(said.contains(&format!("| its report, read | {head} | ")), "{said}");
    assert!(said.contains(&format!("| alone | {head} with changes | ")), "{said}");
    assert!(said.contains("row of report\nrow of alone\n"), "{said}");
}

#[test]
fn a_stage_that_fails_or_takes_too_long_ends_the_check() {
    let folder = repository();
    let output = check(folder.path(), &[("LAST", "broken")]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("FAILED: the last") && !said.contains("## Stages"), "{said}");
    assert!(!folder.path().join("went-on").exists(), "the first command that fails ends a stage");
    assert!(!folder.path().join("results/the-last.md").exists());
    let output = check(folder.path(), &[("LAST", "endless"), ("STAGE_LIMIT", "1"), ("ONLY", "the last")]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("It was ended after 1 s: no stage may take longer."), "{said}");
}

/// `./check` itself: what it needs, before anything is done.
#[test]
fn a_full_check_without_xens_history_stops_at_once() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../check");
    let run = |arguments: &[&str], git: Option<&str>| {
        let mut command = Command::new("bash");
        command.arg(&script).args(arguments).env_remove("XENHEAP_XEN_GIT");
        command.envs(git.map(|path| ("XENHEAP_XEN_GIT", path)));
        command.output().expect("bash runs")
    };
    for (git, said) in [(None, "--full needs XENHEAP_XEN_GIT"), (Some("/nowhere"), "is no git repository")] {
        let output = run(&["--full"], git);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(4), 0), "{err}");
        assert!(err.contains(said), "{err}");
    }
    for shard in ["0/2", "3/2", "1", "a/b", ""] {
        assert_eq!(run(&["--shard", shard], None).status.code(), Some(2), "{shard}");
    }
}
