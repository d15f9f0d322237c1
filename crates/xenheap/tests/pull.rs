//! `xenheap pull` against a GitLab in small, with real and made logs.

#[path = "../../gitlab/tests/support/mod.rs"]
mod gitlab;
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use gitlab::{FakeJob, FakePipeline, Fault, Server, as_trace};
use insta::assert_snapshot;
use serde_json::Value;
use support::{BUILD, Ran, TAG, image, log, output_of, record_of, repository, text, xenheap};

const PROJECT: &str = "xen-project/people/me/xen";
const SECRET: &str = "glpat-0123456789secret";

fn command(server: &Server, out: &Path, more: &[&str]) -> Command {
    let arguments =
        [&["pull", "gitlab", PROJECT, "6", "--url", &server.url, "--out-dir", text(out)], more].concat();
    let mut command = xenheap(&arguments);
    for name in ["GITLAB_TOKEN", "CI_JOB_TOKEN", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.env("XENHEAP_GITLAB_TOKEN", SECRET);
    command
}

fn pull(server: &Server, out: &Path, more: &[&str]) -> Ran {
    command(server, out, more).output().expect("xenheap runs").into()
}

fn real_log() -> Vec<u8> {
    let packed = fs::read(repository("testdata/boot-4.17-x86_64/console.log.zst")).expect("a log");
    zstd::decode_all(packed.as_slice()).expect("zstd")
}

fn syms() -> Vec<u8> {
    fs::read(image()).expect("an image")
}

/// The made log as another boot of another build would have written it.
fn log_of(tag: &str, build: &str) -> String {
    let again = |line: &str| match line
        .split_once(&format!("HA1 {TAG} "))
        .and_then(|(_, body)| body.rsplit_once(' '))
    {
        Some((body, _)) => record_of(tag, &body.replace(BUILD, build)),
        None => format!("{line}\n"),
    };
    log(&["trace"]).lines().map(again).collect()
}

/// A pipeline with all that can happen.
fn server() -> Server {
    let server = Server::new();
    let serial = log(&["trace"]);
    let unknown = log_of("00c0ffee", &"f".repeat(40));
    let second = log_of("0badcafe", BUILD);
    let jobs = vec![
        // The image is in the second of them.
        FakeJob::new(1, "alpine-3.18-gcc", "build")
            .archive(&[("xen-config", b"CONFIG_X86=y\n"), ("build.log", b"x")]),
        FakeJob::new(2, "debian-12-gcc-debug", "build").archive(&[
            ("binaries/xen-syms", &syms()),
            ("xen-config", b"CONFIG_DEBUG=y\n"),
            ("binaries/xen", b"x"),
        ]),
        FakeJob::new(3, "qemu: smoke [x86]", "test")
            .trace(as_trace(serial.as_bytes()))
            .archive(&[("smoke.serial", serial.as_bytes()), ("qemu.log", b"nothing of interest\n")]),
        FakeJob::new(4, "real-boot", "test").trace(as_trace(&real_log())),
        FakeJob::new(5, "lint \x1b[31m", "analyze").status("failed"),
        FakeJob::new(6, "no-trace", "test").no_trace().archive(&[("smoke.serial", unknown.as_bytes())]),
        FakeJob::new(7, "running", "test").status("running"),
        FakeJob::new(8, "hostile", "test").archive(&[("../../evil.log", b"x")]),
        FakeJob::new(9, "left-alone", "test"),
        FakeJob::new(10, "two-hosts", "test").archive(&[
            ("host1.serial", serial.as_bytes()),
            ("logs/host2.serial", second.as_bytes()),
            ("logs/host2-copy.log", second.as_bytes()),
        ]),
    ];
    let child = FakePipeline {
        jobs: vec![FakeJob::new(20, "real-boot", "test").trace(as_trace(serial.as_bytes()))],
        bridges: Vec::new(),
    };
    let bridges = vec![
        (10, "hardware".to_owned(), Some(("xen-project/hardware/xen".to_owned(), 7))),
        (11, "secret".to_owned(), Some(("secret/project".to_owned(), 8))),
    ];
    server.token(SECRET).pipeline(PROJECT, 6, FakePipeline { jobs, bridges });
    server.pipeline("xen-project/hardware/xen", 7, child);
    server
}

/// A number of leaks says nothing where nobody can tell them.
#[test]
fn what_a_job_cannot_tell_is_in_the_summary() {
    let lacking = |line: &str| match line.split_once(&format!("HA1 {TAG} 0 V ")) {
        Some((_, rest)) => {
            let body = rest.rsplit_once(' ').map_or(rest, |(body, _)| body);
            record_of(TAG, &format!("0 V {body} lacks=owners"))
        }
        None => format!("{line}\r\n"),
    };
    let serial: String = log(&["trace"]).lines().map(lacking).collect();
    let server = Server::new();
    let job = FakeJob::new(3, "smoke", "test").archive(&[("smoke.serial", serial.as_bytes())]);
    let jobs = FakePipeline { jobs: vec![job], bridges: Vec::new() };
    server.token(SECRET).pipeline(PROJECT, 6, jobs);
    let dir = tempfile::tempdir().expect("a folder");
    let ran = pull(&server, dir.path(), &[]);
    let read = |name: &str| fs::read_to_string(dir.path().join("6").join(name)).expect(&ran.err);
    let people = read("summary.txt");
    assert!(people.contains("owners (smoke). Hence unknown: which domain memory is for"), "{people}");
    let summary: Value = serde_json::from_str(&read("summary.json")).expect("JSON");
    assert_eq!(summary["jobs"][0]["reports"][0]["lacks"], serde_json::json!(["owners"]));
}

fn tree(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((
                    path.strip_prefix(root).expect("below").to_owned(),
                    fs::read(&path).expect("read"),
                ));
            }
        }
    }
    found.sort();
    found
}

fn plain(text: &str, server: &Server) -> String {
    text.replace(&server.url, "http://gitlab")
}

#[test]
fn a_pipeline_becomes_reports_and_a_summary() {
    let server = server();
    let dir = tempfile::tempdir().expect("a folder");
    let ran = pull(&server, dir.path(), &["--exclude", "left-*"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out, "");
    let files = tree(dir.path());
    let names: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    assert_snapshot!("pull_folder", names.join("\n"));
    let root = dir.path().join("6");
    let summary = fs::read_to_string(root.join("summary.txt")).expect("a summary");
    assert_snapshot!("pull_summary", plain(&summary, &server));
    let json = fs::read_to_string(root.join("summary.json")).expect("a summary");
    assert_snapshot!("pull_summary_json", plain(&json, &server));
    for (path, bytes) in &files {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(SECRET), "the token is in {}", path.display());
    }
    assert!(summary.bytes().chain(json.bytes()).all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
    assert!(ran.err.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{}", ran.err);
}

/// What the runner adds to the console log changes nothing in the report.
#[test]
fn the_trace_of_a_job_says_what_the_log_itself_says() {
    let server = server();
    let dir = tempfile::tempdir().expect("a folder");
    let ran = pull(&server, dir.path(), &["--jobs", "real-boot", "--jobs", "qemu*"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let folder = repository("testdata/boot-4.17-x86_64");
    let parsed = dir.path().join("6/parsed/x86_64");
    let report = fs::read_to_string(parsed.join("real-boot.4")).expect("a report");
    assert!(report.lines().count() > 100);
    assert!(report == output_of(&["report", "--format", "rfc", text(&folder)]), "{report}");
    let made = dir.path().join("made.log");
    fs::write(&made, log(&["trace"])).expect("written");
    let expected = output_of(&["report", "--format", "rfc", "--symbols", text(&image()), text(&made)]);
    assert_eq!(fs::read_to_string(parsed.join("qemu%3A%20smoke%20%5Bx86%5D")).expect("a report"), expected);
    let saved = dir.path().join("6/runs/x86_64/real-boot.4.xhr");
    assert!(output_of(&["report", "--format", "rfc", text(&saved)]) == report);
    // The other jobs were not asked for.
    assert_eq!((server.count("/jobs/5/trace"), server.count("/jobs/9/trace")), (0, 0));
}

#[test]
fn a_second_run_fetches_nothing_and_writes_the_same() {
    let server = server();
    let dir = tempfile::tempdir().expect("a folder");
    let first = pull(&server, dir.path(), &["--parallel", "1"]);
    assert_eq!(first.code, 0, "{}", first.err);
    let before = tree(dir.path());
    server.forget();
    let second = pull(&server, dir.path(), &["--parallel", "8"]);
    assert_eq!(second.code, 0, "{}", second.err);
    assert!(tree(dir.path()) == before);
    let again: Vec<String> = server
        .asked()
        .into_iter()
        .map(|asked| asked.path)
        .filter(|path| !path.contains("/pipelines/"))
        .collect();
    assert_eq!(again.len(), 1, "only the trace that was missing: {again:?}");
    assert!(again.iter().all(|path| path.ends_with("/jobs/6/trace")), "{again:?}");
}

/// A run that is killed in the middle of a download, and one that follows it.
#[test]
fn a_killed_run_leaves_nothing_that_looks_whole() {
    let server = server();
    let whole = tempfile::tempdir().expect("a folder");
    assert_eq!(pull(&server, whole.path(), &[]).code, 0);
    let dir = tempfile::tempdir().expect("a folder");
    server.fault("/jobs/4/trace", Fault::Stall(100_000));
    server.forget();
    let mut command = command(&server, dir.path(), &[]);
    let mut child = command.stderr(Stdio::null()).spawn().expect("xenheap runs");
    let part = dir.path().join("6/jobs/new/real-boot.4/trace.log.part");
    let last = dir.path().join("6/jobs/new/real-boot.20/trace.log");
    let begin = Instant::now();
    while fs::metadata(&part).map_or(0, |data| data.len()) < 100_000 || !last.exists() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it does not get there");
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(part.exists() && !part.with_file_name("trace.log").exists());

    let fetched = server.count("/trace");
    assert_eq!(pull(&server, dir.path(), &[]).code, 0);
    let names = |root: &Path| tree(root).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(names(dir.path()), names(whole.path()));
    assert!(tree(dir.path()) == tree(whole.path()));
    // This one, one that GitLab does not have, and what the others were just at.
    let again = server.count("/trace") - fetched;
    assert!(server.count("/jobs/4/trace") == 2 && again <= 4, "{again}");
}

#[test]
fn images_are_fetched_until_each_log_has_its_own() {
    let server = server();
    let dir = tempfile::tempdir().expect("a folder");
    // Both builds of one batch are fetched, or one after the other.
    let ran = pull(&server, dir.path(), &["--jobs", "qemu*", "--parallel", "1"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!((server.count("/jobs/1/artifacts"), server.count("/jobs/2/artifacts")), (1, 1));
    // A job without a record is counted, and refused where that is asked for.
    let both = ["--jobs", "qemu*", "--jobs", "lint*"];
    let ran = pull(&server, dir.path(), &both);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = pull(&server, dir.path(), &[&both[..], &["--strict"]].concat());
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("without records: 1"), "{}", ran.err);
    // Where nothing has a record, no image is needed.
    server.forget();
    let other = tempfile::tempdir().expect("a folder");
    let ran = pull(&server, other.path(), &["--jobs", "lint*"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("no job of this pipeline has a log with records"), "{}", ran.err);
    assert_eq!((server.count("/jobs/1/artifacts"), server.count("/jobs/2/artifacts")), (0, 0));
}

#[test]
fn exit_codes_and_messages() {
    let server = server();
    let dir = tempfile::tempdir().expect("a folder");
    let run = |token: Option<&str>, more: &[&str]| -> Ran {
        let mut command = command(&server, dir.path(), more);
        match token {
            Some(token) => command.env("XENHEAP_GITLAB_TOKEN", token),
            None => command.env_remove("XENHEAP_GITLAB_TOKEN"),
        };
        command.output().expect("xenheap runs").into()
    };
    let ran = run(Some("glpat-wrong"), &[]);
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert!(ran.err.contains("status 401") && ran.err.contains("XENHEAP_GITLAB_TOKEN"), "{}", ran.err);
    assert!(!ran.err.contains("glpat-wrong"), "{}", ran.err);

    let ran = run(None, &[]);
    assert_eq!(ran.code, 5, "{}", ran.err);
    assert!(ran.err.contains("set XENHEAP_GITLAB_TOKEN"), "{}", ran.err);

    // Even who wants to know everything is not told the token.
    let ran = run(Some(SECRET), &["-vvvv", "--jobs", "qemu*"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("GET http") && !ran.err.contains(SECRET), "{}", ran.err);

    let mut other =
        xenheap(&["pull", "gitlab", PROJECT, "99", "--url", &server.url, "--out-dir", text(dir.path())]);
    let ran: Ran = other.env("XENHEAP_GITLAB_TOKEN", SECRET).output().expect("xenheap runs").into();
    assert_eq!(ran.code, 3, "{}", ran.err);

    for bad in [
        &["pull", "gitlab", PROJECT, "6", "--url", "gitlab.com"][..],
        &["pull", "gitlab", "", "6"],
        &["pull", "gitlab", PROJECT, "x"],
    ] {
        support::refused(bad);
    }
    // Nobody listens there.
    let gone = ["pull", "gitlab", PROJECT, "6", "--url", "http://gitlab.invalid"];
    let ran: Ran = xenheap(&gone)
        .env_remove("GITLAB_TOKEN")
        .env_remove("CI_JOB_TOKEN")
        .output()
        .expect("xenheap runs")
        .into();
    assert_eq!(ran.code, 5, "{}", ran.err);
}

#[test]
fn what_did_not_come_is_named_and_the_next_run_gets_it() {
    let server = server();
    let dir = tempfile::tempdir().expect("a folder");
    for _ in 0..6 {
        server.fault(
            "/jobs/3/trace",
            Fault::Redirect(format!("{}/api/v4/projects/1000/jobs/3/trace", server.url)),
        );
    }
    let ran = pull(&server, dir.path(), &["--jobs", "qemu*"]);
    assert_eq!(ran.code, 5, "{}", ran.err);
    let json = fs::read(dir.path().join("6/summary.json")).expect("a summary");
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["totals"]["not_fetched"], 1);
    assert_eq!(json["totals"]["reported"], 1, "the serial log came");
    let ran = pull(&server, dir.path(), &["--jobs", "qemu*"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn a_folder_of_another_gitlab_is_refused() {
    let (here, there) = (server(), server());
    let dir = tempfile::tempdir().expect("a folder");
    assert_eq!(pull(&here, dir.path(), &["--jobs", "qemu*"]).code, 0);
    let ran = pull(&there, dir.path(), &["--jobs", "qemu*"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("give another folder"), "{}", ran.err);
}
