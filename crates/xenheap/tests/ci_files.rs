//! The lines of the CI files in `ci-templates/`, run as they stand there, with what a runner would
//! give them; and the workflow of this repository.

#[path = "../../gitlab/tests/support/mod.rs"]
mod gitlab;
mod support;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use gitlab::{FakeJob, FakePipeline, Server, as_trace};
use serde_yaml_ng::Value;
use support::{image, log, repository, text, xenheap};
use tempfile::tempdir;

fn yaml(file: &str) -> Value {
    let text = fs::read_to_string(repository("ci-templates").join(file)).expect("a CI file");
    serde_yaml_ng::from_str(&text).expect("YAML")
}

/// The lines of a list in a file: `job`, then a key such as `script`.
fn lines(job: &Value, key: &str) -> Vec<String> {
    let list = job[key].as_sequence().expect("a list of lines");
    list.iter().map(|line| line.as_str().expect("a line").to_owned()).collect()
}

/// Runs lines as a runner does: in one shell that ends with the first line that fails.
fn run(lines: &[String], folder: &Path, variables: &[(&str, &str)]) -> (i32, String) {
    let place = Path::new(env!("CARGO_BIN_EXE_xenheap")).parent().expect("a folder").to_owned();
    let path = env::join_paths(
        [place].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    );
    let output = Command::new("bash")
        .args(["-eu", "-o", "pipefail", "-c", &lines.join("\n")])
        .current_dir(folder)
        .env("PATH", path.expect("a path"))
        .env_remove("GITLAB_TOKEN")
        .env_remove("CI_JOB_TOKEN")
        .envs(variables.iter().copied())
        .output()
        .expect("bash runs");
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code().expect("it ended by itself"), said)
}

#[test]
fn the_job_of_gitlab_refuses_and_lets_pass() {
    let job = yaml("xenheap.gitlab-ci.yml")["xenheap"].clone();
    let script = lines(&job, "script");
    let serial = log(&["trace"]);
    let syms = fs::read(image()).expect("an image");
    let jobs = || {
        vec![
            FakeJob::new(1, "alpine-3.18-gcc-debug", "build").archive(&[("binaries/xen-syms", &syms)]),
            FakeJob::new(2, "qemu-smoke-x86-64-gcc", "test")
                .trace(as_trace(b"booted\n"))
                .archive(&[("smoke.serial", serial.as_bytes())]),
            FakeJob::new(3, "xenheap", "xenheap").status("running"),
        ]
    };
    // The same, and a job whose Xen has no recorder.
    let mut more = jobs();
    more.push(FakeJob::new(4, "qemu-plain-x86-64-gcc", "test").trace(as_trace(b"(XEN) booted\n")));
    let server = Server::new();
    server.token("secret").pipeline("me/xen", 6, FakePipeline { jobs: jobs(), bridges: Vec::new() });
    server.token("secret").pipeline("me/xen", 7, FakePipeline { jobs: more, bridges: Vec::new() });
    let dir = tempdir().expect("a temporary folder");
    let folder = dir.path().join("automation/xenheap");
    fs::create_dir_all(&folder).expect("made");
    fs::write(folder.join("verdicts.toml"), "format = 1\n").expect("written");
    fs::write(folder.join("policy.toml"), "format = 1\n").expect("written");
    let mut variables = vec![
        ("CI_PROJECT_PATH", "me/xen"),
        ("CI_PIPELINE_ID", "6"),
        ("CI_SERVER_URL", server.url.as_str()),
        ("CI_JOB_NAME", "xenheap"),
        ("XENHEAP_GITLAB_TOKEN", "secret"),
    ];
    let defined = job["variables"].as_mapping().expect("variables").clone();
    variables.extend(
        defined.iter().map(|(name, value)| (name.as_str().expect("a name"), value.as_str().expect("a text"))),
    );

    let (code, said) = run(&script, dir.path(), &variables);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("unreviewed"), "{said}");
    for path in [
        "xenheap-junit.xml",
        "gl-code-quality-report.json",
        "xenheap-results/check.md",
        "xenheap-results/6/summary.txt",
    ] {
        assert!(dir.path().join(path).is_file(), "{path}");
    }

    // Somebody reviews what was found.
    let verdicts = folder.join("verdicts.toml");
    let run_file = dir.path().join("xenheap-results/6/runs/x86_64/qemu-smoke-x86-64-gcc.xhr");
    let added = xenheap(&["verdict", "add", text(&verdicts), text(&run_file), "--all"])
        .status()
        .expect("xenheap runs");
    assert!(added.success());
    let reviewed = fs::read_to_string(&verdicts)
        .expect("a file")
        .replace("\"UNDECIDED\"", "\"SAFE\"")
        .replace("comment = \"\"", "comment = \"bounded\"\nbound = { live = 100000000, per = \"run\" }");
    fs::write(&verdicts, reviewed).expect("written");
    // The small log is cut off and its recorder is old, which shows as what is left, as failed
    // checks and as a part that it lacks; such a policy is for tests only.
    let policy = "format = 1\n[run]\nleaks = \"reviewed\"\nmay-lack = [\"owners\"]\nmay-fail = [\"ended\", \"totals\", \"frees\", \"overlap\", \"balance-free\", \"balance-domains\", \"balance-pool\", \"stacks\", \"domains\", \"views\", \"sequence\"]\n";
    fs::write(folder.join("policy.toml"), policy).expect("written");
    let (code, said) = run(&script, dir.path(), &variables);
    assert_eq!(code, 0, "{said}");

    // What was not recorded does not pass, though all that was recorded does.
    for (name, value) in &mut variables {
        if *name == "CI_PIPELINE_ID" {
            *value = "7";
        }
    }
    let (code, said) = run(&script, dir.path(), &variables);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("without records: 1") && said.contains("PASSED"), "{said}");
}

/// A shard's folder as `sweep run` leaves it, with one stack of two tried.
fn swept(folder: &Path, tried: u64) {
    let stack = |hash: u64| serde_json::json!({ "hash": format!("{hash:016x}"), "kinds": ["xmalloc"], "allocs": 1, "frames": ["do_domctl", "f"] });
    let plan = serde_json::json!({
        "schema": 1, "xen": "4.17.5", "arch": "x86_64", "build": "b", "workload": "guests", "workload-sha256": "w",
        "parameters": {}, "xen-args": [], "nth": 1, "stacks": [stack(1), stack(2)],
    });
    let result = serde_json::json!({
        "outcome": "error", "failed": null, "leaks": [], "doubt": null, "crashes": [], "ended": "workload-failed",
        "message": null, "said": [], "seconds": 60,
    });
    fs::create_dir_all(folder.join("results")).expect("made");
    fs::write(folder.join("plan.json"), plan.to_string()).expect("written");
    fs::write(folder.join(format!("results/{tried:016x}.json")), result.to_string()).expect("written");
}

#[test]
fn the_sweep_of_gitlab_is_all_of_it() {
    let file = yaml("xenheap.gitlab-ci.yml");
    let job = &file["xenheap-sweep"];
    let shards: Vec<String> = lines(&job["parallel"]["matrix"][0], "SHARD");
    let count = shards.len();
    let dir = tempdir().expect("a temporary folder");
    for (at, shard) in shards.iter().enumerate() {
        assert_eq!(*shard, format!("{}/{count}", at + 1));
        // With --help at the end all before it is read, and nothing is done.
        let line: Vec<String> = lines(job, "script").iter().map(|line| format!("{line} --help")).collect();
        let variables = [("SHARD", shard.as_str()), ("XENHEAP_SWEEP_WORKLOAD", "guests")];
        let (code, said) = run(&line, dir.path(), &variables);
        assert!(code == 0 && said.contains("Usage: xenheap sweep run"), "{said}");
    }

    for shard in 1..=2 {
        swept(&dir.path().join(format!("xenheap-sweep-{shard}")), shard);
    }
    let (code, said) = run(&lines(&file["xenheap-sweep-result"], "script"), dir.path(), &[]);
    assert_eq!(code, 0, "{said}");
    let text = fs::read_to_string(dir.path().join("xenheap-sweep.txt")).expect("a table");
    assert!(text.contains("     2  error\n") && !text.contains("not tried"), "{text}");
    let json = fs::read_to_string(dir.path().join("xenheap-sweep.json")).expect("JSON");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["trials"].as_array().map(Vec::len), Some(2));
}

/// `XENHEAP_TREE` names a Xen source, `XENHEAP_RUN` a lab folder of it.
#[test]
#[cfg_attr(not(feature = "real-run"), ignore = "needs a Xen source: ./check runs it")]
fn the_build_of_gitlab_keeps_what_is_needed() {
    let variable =
        |name: &str| PathBuf::from(env::var_os(name).unwrap_or_else(|| panic!("{name} is not set")));
    let (tree, lab) = (variable("XENHEAP_TREE"), variable("XENHEAP_RUN"));
    let dir = tempdir().expect("a temporary folder");
    let copied =
        Command::new("cp").arg("-r").arg(&tree).arg(dir.path().join("xen.git")).status().expect("cp runs");
    assert!(copied.success());
    let root = dir.path().join("xen.git");
    let file = yaml("xenheap.gitlab-ci.yml");
    let (code, said) = run(&lines(&file[".xenheap-build"], "before_script"), &root, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(root.join("xen/common/heap-audit.c").is_file());
    // Here Xen's own script builds; the lab built the same source.
    fs::copy(lab.join("xen-syms"), root.join("xen/xen-syms")).expect("copied");
    fs::copy(lab.join("config"), root.join("xen/.config")).expect("copied");
    let (code, said) = run(&lines(&file[".xenheap-build"], "after_script"), &root, &[]);
    assert_eq!(code, 0, "{said}");
    let config = fs::read_to_string(root.join("binaries/xen-config")).expect("a file");
    let wanted = file[".xenheap-build"]["variables"]["EXTRA_XEN_CONFIG"].as_str().expect("lines").to_owned();
    for line in wanted.lines() {
        assert!(config.lines().any(|other| other == line), "{line} is what the lab sets, too");
    }
    assert!(root.join("binaries/xen-syms").is_file());
}

/// The workflow of this repository formats, lints and tests as `./check` does, with the same Rust.
#[test]
fn the_workflow_of_this_repository_does_what_check_does() {
    let read = |path: &str| fs::read_to_string(repository(path)).expect("a file");
    let workflow = read(".github/workflows/ci.yml");
    let workflow: Value = serde_yaml_ng::from_str(&workflow).expect("YAML");
    let mut ran = Vec::new();
    for (name, job) in workflow["jobs"].as_mapping().expect("jobs") {
        assert!(job["timeout-minutes"].as_u64().is_some_and(|minutes| minutes <= 240), "{name:?}");
        for step in job["steps"].as_sequence().expect("steps") {
            match (step["uses"].as_str(), step["run"].as_str()) {
                (Some(action), None) => assert!(action.contains("@v"), "{action}: a version is pinned"),
                (None, Some(line)) => ran.push(line.to_owned()),
                _ => panic!("a step of {name:?} is neither an action nor a line"),
            }
        }
    }
    for line in &ran {
        let parsed = Command::new("bash").args(["-n", "-c", line]).status().expect("bash runs");
        assert!(parsed.success(), "{line}");
    }
    let check = read("check");
    let of_check = |line: &str| check.contains(&line.replace(" -- -D warnings", " -q -- -D warnings"));
    for wanted in ["cargo fmt ", "cargo clippy ", "scripts/style"] {
        let line = ran.iter().find(|line| line.starts_with(wanted)).expect(wanted);
        assert!(of_check(line), "{line} is a line of ./check, too");
    }
    for wanted in ["cargo test --workspace --locked", "./check"] {
        assert!(ran.iter().any(|line| line == wanted), "{wanted}: {ran:?}");
    }
    let rust = workflow["env"]["RUST"].as_str().expect("a version").to_owned();
    let minimum = rust.strip_suffix(".0").expect("a version with three numbers");
    assert!(read("scripts/common.sh").contains(&format!("RUST_MINIMUM={minimum}\n")), "{rust}");
    assert!(read("Cargo.toml").contains(&format!("rust-version = \"{minimum}\"\n")), "{rust}");
}

/// The workflow of GitHub builds and boots. `XENHEAP_TREE` names a Xen source.
#[test]
#[ignore = "takes minutes: ./check --full runs it"]
fn the_workflow_of_github_builds_boots_and_judges() {
    let tree = PathBuf::from(env::var_os("XENHEAP_TREE").expect("XENHEAP_TREE is not set"));
    let dir = tempdir().expect("a temporary folder");
    let root = dir.path().join("xen.git");
    let copied = Command::new("cp").arg("-r").arg(&tree).arg(&root).status().expect("cp runs");
    assert!(copied.success());
    fs::create_dir(root.join(".xenheap")).expect("made");
    fs::write(root.join(".xenheap/verdicts.toml"), "format = 1\n").expect("written");
    fs::write(root.join(".xenheap/policy.toml"), "format = 1\n").expect("written");
    let job = yaml("xenheap.github.yml")["jobs"]["xenheap"].clone();
    let steps = job["steps"].as_sequence().expect("steps").clone();
    let lines: Vec<String> =
        steps.iter().filter_map(|step| step["run"].as_str().map(str::to_owned)).collect();
    assert_eq!(lines.len(), 3);
    let summary = dir.path().join("summary.md");
    let variables = [
        ("XENHEAP_VERDICTS", ".xenheap/verdicts.toml"),
        ("XENHEAP_POLICY", ".xenheap/policy.toml"),
        ("XENHEAP_WORKLOAD", "boot"),
        ("GITHUB_STEP_SUMMARY", text(&summary)),
    ];
    // Nothing is reviewed yet: the second step refuses, and the third, which runs always, shows
    // why.
    let expected = [0, 1, 0];
    for (line, expected) in lines.iter().zip(expected) {
        let (code, said) = run(std::slice::from_ref(line), &root, &variables);
        assert_eq!(code, expected, "{line}\n{said}");
    }
    assert!(fs::read_to_string(&summary).expect("a summary").contains("unreviewed"));
    assert!(root.join("xenheap.sarif").is_file());
}
