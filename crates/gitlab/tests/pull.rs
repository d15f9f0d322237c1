//! Pipelines of a GitLab in small, see `support`.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use support::{FakeJob, FakePipeline, Fault, Server, now};
use xenheap_gitlab::{
    Client, Config, DownloadOutcome, Error, Header, Limits, Project, PullPlan, Retry, Role, Selection, Site,
    Store, Task, Token, Watch, What, fetch,
};

const PROJECT: &str = "xen-project/people/me/xen";
const SECRET: &str = "glpat-0123456789secret";

#[derive(Default)]
struct Counted(AtomicU64);

impl Watch for Counted {
    fn bytes(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn done(&self, _: &Task<'_>, _: &DownloadOutcome) {}
}

fn client(server: &Server, token: Option<&str>) -> Client {
    let retry = Retry {
        attempts: 4,
        first: Duration::from_millis(5),
        longest: Duration::from_millis(20),
        patience: Duration::from_secs(60),
        silence: Duration::from_millis(1500),
    };
    let token =
        token.map(|token| Token::new(Header::Private, token, "XENHEAP_GITLAB_TOKEN").expect("a token"));
    Client::new(Config { site: Site::new(&server.url).expect("a site"), token, retry }).expect("a client")
}

fn project() -> Project {
    Project::new(PROJECT).expect("a project")
}

fn plan(client: &Client) -> Result<PullPlan, Error> {
    PullPlan::make(client, &project(), 6, &Selection::default(), &[])
}

fn pipeline(jobs: Vec<FakeJob>) -> FakePipeline {
    FakePipeline { jobs, bridges: Vec::new() }
}

fn pull_all<'a>(
    client: &Client,
    store: &Store,
    plan: &'a PullPlan,
    limits: &Limits,
) -> Result<Vec<(Task<'a>, DownloadOutcome)>, Error> {
    let both = |job| [Task { job, what: What::Trace }, Task { job, what: What::Archive }];
    let wanted = |task: &Task<'_>| task.what == What::Trace || task.job.job.has_archive();
    let tasks: Vec<Task<'_>> = plan.jobs.iter().flat_map(both).filter(wanted).collect();
    let outcomes = fetch(client, store, &tasks, limits, 4, &Counted::default())?;
    Ok(tasks.into_iter().zip(outcomes).collect())
}

/// All files below a folder with their contents, without the lock.
fn tree(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != ".lock") {
                let bytes = fs::read(&path).expect("a file");
                found.push((path.strip_prefix(root).expect("below").to_owned(), bytes));
            }
        }
    }
    found.sort();
    found
}

fn names(root: &Path) -> Vec<String> {
    tree(root).into_iter().map(|(path, _)| path.display().to_string()).collect()
}

#[test]
fn two_hundred_jobs_come_over_several_pages() {
    for (link, next_page) in [(true, true), (true, false), (false, true), (false, false)] {
        let server = Server::new();
        server.pages_by(link, next_page);
        let jobs = (1..=200)
            .map(|id| FakeJob::new(id, &format!("test {id}"), "test").trace(vec![b'x'; id as usize]));
        server.pipeline(PROJECT, 6, pipeline(jobs.collect()));
        let client = client(&server, None);
        let plan = plan(&client).expect("a plan");
        assert_eq!(
            plan.jobs.iter().map(|planned| planned.job.id).collect::<Vec<_>>(),
            (1..=200).collect::<Vec<_>>()
        );
        let asked = if link || next_page { 2 } else { 3 };
        assert_eq!(
            server.count("/jobs"),
            asked,
            "100 on a page, and whether there is another is not always said"
        );
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(dir.path(), &plan).expect("a store");
        let outcomes = pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
        for (task, outcome) in &outcomes {
            assert!(
                matches!(outcome, DownloadOutcome::Fetched(bytes) if *bytes == task.job.job.id),
                "{task:?} {outcome:?}"
            );
        }
        assert_eq!(tree(store.root()).len(), 201, "a trace of each, and whose they are");
    }
}

#[test]
fn a_list_without_any_header_of_pages_has_one() {
    let server = Server::new();
    server.pages_by(false, false).pipeline(PROJECT, 6, pipeline(vec![FakeJob::new(1, "a", "test")]));
    assert_eq!(plan(&client(&server, None)).expect("a plan").jobs.len(), 1);
}

#[test]
fn pages_do_not_go_on_for_ever() {
    let server = Server::new();
    server.endless().pipeline(PROJECT, 6, pipeline(vec![FakeJob::new(1, "a", "test")]));
    let error = plan(&client(&server, None)).expect_err("no end");
    assert!(matches!(error, Error::Endless { .. }), "{error}");
    assert_eq!(server.asked().len(), 200);
}

#[test]
fn what_is_no_list_is_an_error() {
    let server = Server::new();
    server.fault("/jobs", Fault::Body(b"<html>log in</html>".to_vec()));
    assert!(matches!(plan(&client(&server, None)), Err(Error::Json { .. })));
}

#[test]
fn too_many_requests_wait_as_long_as_gitlab_says() {
    let server = Server::new();
    server.pipeline(PROJECT, 6, pipeline(vec![FakeJob::new(1, "a", "test"), FakeJob::new(2, "b", "test")]));
    server.fault("/jobs/1/trace", Fault::Status(429, vec![("Retry-After", "1".to_owned())]));
    server.fault(
        "/pipelines/6/bridges",
        Fault::Status(429, vec![("RateLimit-Reset", (now() + 2).to_string())]),
    );
    let client = client(&server, None);
    let begin = Instant::now();
    let plan = plan(&client).expect("a plan");
    assert!(begin.elapsed() > Duration::from_millis(900), "{:?}", begin.elapsed());
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path(), &plan).expect("a store");
    let begin = Instant::now();
    let outcomes = pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
    assert!(begin.elapsed() > Duration::from_millis(990), "{:?}", begin.elapsed());
    assert!(
        outcomes.iter().all(|(_, outcome)| matches!(outcome, DownloadOutcome::Fetched(_))),
        "{outcomes:?}"
    );
    assert_eq!((server.count("/jobs/1/trace"), server.faults_left()), (2, 0));
}

#[test]
fn a_limit_that_lasts_ends_the_run_at_once() {
    let server = Server::new();
    server.fault("/jobs", Fault::Status(429, vec![("Retry-After", "3600".to_owned())]));
    let error = plan(&client(&server, None)).expect_err("too long");
    assert!(matches!(error, Error::Busy { wait } if wait.as_secs() == 3600), "{error}");
    assert!(error.is_network());
}

#[test]
fn failing_servers_and_dropped_connections_are_asked_again() {
    let server = Server::new();
    let log: Vec<u8> =
        (0..20_000).flat_map(|line| format!("(XEN) line {line} of the log\n").into_bytes()).collect();
    let job = FakeJob::new(1, "a", "test").trace(log.clone()).archive(&[("smoke.serial", &log)]);
    server.pipeline(PROJECT, 6, pipeline(vec![job]));
    server.fault("/pipelines/6/jobs", Fault::Status(502, Vec::new()));
    server.fault("/pipelines/6/jobs", Fault::Silence);
    server.fault("/pipelines/6/jobs", Fault::Drop(17));
    server.fault("/jobs/1/trace", Fault::Drop(100_000));
    server.fault("/jobs/1/trace", Fault::Status(503, Vec::new()));
    server.fault("/jobs/1/artifacts", Fault::Drop(500));
    // The connection stays, and nothing comes.
    server.fault("/jobs/1/artifacts", Fault::Stall(300));
    // A body that ends where it should not, and says so in no header.
    server.fault("/jobs/1/artifacts", Fault::Body(b"PK".to_vec()));
    let client = client(&server, None);
    let plan = plan(&client).expect("a plan");
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path(), &plan).expect("a store");
    pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
    assert_eq!(server.faults_left(), 0);
    assert_eq!((server.count("/trace"), server.count("/artifacts")), (3, 4));
    let folder = store.root().join("jobs/new/a.1");
    assert!(fs::read(folder.join("trace.log")).expect("a trace") == log);
    assert!(fs::read(folder.join("artifacts/smoke.serial")).expect("a log") == log);
}

#[test]
fn what_never_comes_is_named_and_the_rest_comes_all_the_same() {
    let server = Server::new();
    server.pipeline(PROJECT, 6, pipeline((1..=5).map(|id| FakeJob::new(id, "t", "test")).collect()));
    for _ in 0..4 {
        server.fault("/jobs/2/trace", Fault::Drop(3));
    }
    let client = client(&server, None);
    let plan = plan(&client).expect("a plan");
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path(), &plan).expect("a store");
    let outcomes = pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
    let failed: Vec<String> = outcomes
        .iter()
        .filter_map(|(task, outcome)| match outcome {
            DownloadOutcome::Failed(error) => Some(format!("{} {error}", task.job.name)),
            _ => None,
        })
        .collect();
    assert_eq!(failed.len(), 1, "{outcomes:?}");
    assert!(failed[0].starts_with("t.2 ") && failed[0].contains("after 4 attempts"), "{failed:?}");
    let found = names(store.root());
    assert!(found.iter().all(|name| !name.contains(".part")), "{found:?}");
    assert_eq!(found.len(), 5, "{found:?}");

    // Nothing of what is there is fetched again.
    server.forget();
    let outcomes = pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
    assert_eq!(outcomes.iter().filter(|(_, outcome)| matches!(outcome, DownloadOutcome::Had)).count(), 4);
    assert_eq!(
        server
            .asked()
            .iter()
            .map(|asked| asked.path.rsplit('/').nth(1).expect("a part").to_owned())
            .collect::<Vec<_>>(),
        ["2"]
    );
}

#[test]
fn an_interrupted_run_goes_on_where_it_ended() {
    let server = Server::new();
    let jobs = || {
        (1..=20).map(|id| {
            FakeJob::new(id, &format!("t{id}"), "test")
                .archive(&[("smoke.serial", format!("log {id}").as_bytes())])
        })
    };
    server.pipeline(PROJECT, 6, pipeline(jobs().collect()));
    let client = client(&server, None);
    let plan = plan(&client).expect("a plan");
    let whole = tempfile::tempdir().expect("a folder");
    let store = Store::open(whole.path(), &plan).expect("a store");
    pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
    let expected = tree(store.root());

    // As a killed process leaves it: some whole, some half there under their temporary names.
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path(), &plan).expect("a store");
    let some: Vec<Task<'_>> = plan.jobs.iter().take(7).map(|job| Task { job, what: What::Trace }).collect();
    fetch(&client, &store, &some, &Limits::default(), 2, &Counted::default()).expect("fetched");
    let torn = store.root().join("jobs/new/t9.9");
    fs::create_dir_all(torn.join("artifacts.part/deep")).expect("a folder");
    fs::write(torn.join("artifacts.part/deep/old.log"), "half").expect("written");
    fs::write(torn.join("artifacts.part/smoke.serial"), "half").expect("written");
    fs::write(torn.join("trace.log.part"), "half of a much longer text than the trace has").expect("written");
    drop(store);

    server.forget();
    let store = Store::open(dir.path(), &plan).expect("a store");
    pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
    assert!(tree(store.root()) == expected, "{:?}", names(store.root()));
    assert_eq!((server.count("/trace"), server.count("/artifacts")), (13, 20));
}

#[test]
fn a_wrong_token_is_an_error_at_once_and_is_not_told() {
    let server = Server::new();
    server.token("another").pipeline(PROJECT, 6, pipeline(vec![FakeJob::new(1, "a", "test")]));
    let client = client(&server, Some(SECRET));
    let error = plan(&client).expect_err("refused");
    let text = format!("{error} {error:?} {client:?}");
    assert!(matches!(error, Error::Denied { status: 401, .. }), "{error}");
    assert!(text.contains("XENHEAP_GITLAB_TOKEN") && !text.contains(SECRET), "{text}");
    assert_eq!(server.asked().len(), 1, "asked once only");
    assert_eq!(server.asked()[0].headers["private-token"], SECRET);

    let error = plan(&self::client(&server, None)).expect_err("refused");
    assert!(error.to_string().contains("set XENHEAP_GITLAB_TOKEN"), "{error}");
}

#[test]
fn a_refusal_in_the_middle_stops_all() {
    let server = Server::new();
    server.token(SECRET).pipeline(
        PROJECT,
        6,
        pipeline((1..=50).map(|id| FakeJob::new(id, "t", "test")).collect()),
    );
    server.fault("/jobs/3/trace", Fault::Status(403, Vec::new()));
    let client = client(&server, Some(SECRET));
    let plan = plan(&client).expect("a plan");
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path(), &plan).expect("a store");
    let error = pull_all(&client, &store, &plan, &Limits::default()).expect_err("refused");
    assert!(
        matches!(&error, Error::Denied { status: 403, place, .. } if place.ends_with("/jobs/3/trace")),
        "{error}"
    );
    assert!(server.count("/trace") < 20, "{}", server.count("/trace"));
}

#[test]
fn a_job_token_goes_into_its_own_header() {
    let server = Server::new();
    server.token("job").pipeline(PROJECT, 6, pipeline(vec![FakeJob::new(1, "a", "test")]));
    let token = Token::new(Header::Job, "job", "CI_JOB_TOKEN").expect("a token");
    let site = Site::new(&server.url).expect("a site");
    let client = Client::new(Config { site, token: Some(token), retry: Retry::default() }).expect("a client");
    plan(&client).expect("a plan");
    assert!(server.asked().iter().all(|asked| asked.headers["job-token"] == "job"));
}

#[test]
fn a_token_is_not_sent_over_an_open_line() {
    let config = |url| Config {
        site: Site::new(url).expect("a site"),
        token: Some(Token::new(Header::Private, SECRET, "GITLAB_TOKEN").expect("a token")),
        retry: Retry::default(),
    };
    assert!(matches!(Client::new(config("http://gitlab.example.com")), Err(Error::Exposed { .. })));
    assert!(Client::new(config("https://gitlab.example.com")).is_ok());
}

#[test]
fn artifacts_on_another_host_are_fetched_without_the_token() {
    let (server, store_of_objects) = (Server::new(), Server::new());
    let archive = support::pack(&[("smoke.serial", b"(XEN) hello\n")]);
    store_of_objects.file("/bucket/artifacts.zip", &archive);
    let mut job = FakeJob::new(1, "a", "test");
    job.archive = Some(archive);
    server.token(SECRET).pipeline(PROJECT, 6, pipeline(vec![job]));
    let away = format!("{}/bucket/artifacts.zip?X-Amz-Signature=verysecret", store_of_objects.url);
    server.fault("/jobs/1/artifacts", Fault::Redirect(away.clone()));
    // Links that are too old are refused by the other host, not by GitLab: a new one helps.
    store_of_objects.fault("/bucket", Fault::Status(403, Vec::new()));
    server.fault("/jobs/1/artifacts", Fault::Redirect(away));
    // A move within GitLab keeps it.
    server.fault("/jobs/1/trace", Fault::Redirect("/api/v4/projects/1000/jobs/1/trace".to_owned()));
    let client = client(&server, Some(SECRET));
    let plan = plan(&client).expect("a plan");
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path(), &plan).expect("a store");
    let outcomes = pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
    assert!(
        outcomes.iter().all(|(_, outcome)| matches!(outcome, DownloadOutcome::Fetched(_))),
        "{outcomes:?}"
    );
    let away = store_of_objects.asked();
    assert_eq!(away.len(), 2);
    for asked in away {
        let headers = format!("{:?}", asked.headers);
        assert!(asked.token.is_none() && !headers.contains(SECRET), "{headers}");
    }
    assert!(server.asked().iter().all(|asked| asked.token.as_deref() == Some(SECRET)));
    for (path, bytes) in tree(dir.path()) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains(SECRET) && !text.contains("verysecret"), "{}", path.display());
    }
}

#[test]
fn a_message_does_not_tell_the_query_of_a_redirect() {
    let (server, other) = (Server::new(), Server::new());
    server.pipeline(PROJECT, 6, pipeline(vec![FakeJob::new(1, "a", "test")]));
    for _ in 0..4 {
        server.fault("/jobs/1/trace", Fault::Redirect(format!("{}/x?signature=verysecret", other.url)));
        other.fault("/x", Fault::Status(403, Vec::new()));
    }
    let client = client(&server, None);
    let plan = plan(&client).expect("a plan");
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path(), &plan).expect("a store");
    let outcomes = pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
    let text = format!("{outcomes:?}");
    assert!(text.contains("status 403") && !text.contains("verysecret"), "{text}");
}

#[test]
fn redirects_end() {
    let server = Server::new();
    server.pipeline(PROJECT, 6, pipeline(Vec::new()));
    for _ in 0..10 {
        server.fault("/jobs", Fault::Redirect("/api/v4/projects/1000/pipelines/6/jobs".to_owned()));
    }
    assert!(matches!(plan(&client(&server, None)), Err(Error::Redirect { .. })));
    assert_eq!(server.asked().len(), 6);
}

#[test]
fn a_job_without_a_trace_is_missing_and_nothing_more() {
    let server = Server::new();
    let jobs = vec![FakeJob::new(1, "a", "test").no_trace(), FakeJob::new(2, "b", "test")];
    server.pipeline(PROJECT, 6, pipeline(jobs));
    let client = client(&server, None);
    let plan = plan(&client).expect("a plan");
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path(), &plan).expect("a store");
    let outcomes = pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
    assert!(matches!(outcomes[0].1, DownloadOutcome::Missing), "{outcomes:?}");
    assert!(matches!(outcomes[1].1, DownloadOutcome::Fetched(_)), "{outcomes:?}");
    assert_eq!(server.count("/jobs/1/trace"), 1, "a 404 is an answer");
}

#[test]
fn an_unknown_pipeline_is_not_found() {
    let server = Server::new();
    server.pipeline(PROJECT, 7, pipeline(Vec::new()));
    let error = plan(&client(&server, None)).expect_err("none");
    assert!(matches!(error, Error::NotFound { .. }) && !error.is_network(), "{error}");
}

#[test]
fn pipelines_that_it_started_are_followed() {
    for only_trigger_jobs in [false, true] {
        let server = Server::new();
        if only_trigger_jobs {
            server.only_trigger_jobs();
        }
        let started = |project: &str, number| Some((project.to_owned(), number));
        let parent = FakePipeline {
            jobs: vec![FakeJob::new(1, "build", "build"), FakeJob::new(2, "smoke", "test")],
            bridges: vec![
                (10, "child".to_owned(), started(PROJECT, 7)),
                (11, "hardware".to_owned(), started("xen-project/hardware/xen", 8)),
                (12, "skipped".to_owned(), None),
                (13, "hidden".to_owned(), started("secret/project", 9)),
            ],
        };
        // Pipelines in a circle end too.
        let child = FakePipeline {
            jobs: vec![FakeJob::new(3, "smoke", "test")],
            bridges: vec![(14, "back".to_owned(), started(PROJECT, 6))],
        };
        server.pipeline(PROJECT, 6, parent).pipeline(PROJECT, 7, child);
        server.pipeline("xen-project/hardware/xen", 8, pipeline(vec![FakeJob::new(4, "adl-smoke", "test")]));
        let client = client(&server, None);
        let plan = plan(&client).expect("a plan");
        let found: Vec<(u64, u64, &str, Role)> = plan
            .jobs
            .iter()
            .map(|planned| (planned.pipeline, planned.job.id, planned.name.as_str(), planned.role))
            .collect();
        assert_eq!(
            found,
            [
                (6, 1, "build", Role::Image),
                (6, 2, "smoke.2", Role::Log),
                (7, 3, "smoke.3", Role::Log),
                (8, 4, "adl-smoke", Role::Log)
            ]
        );
        assert_eq!(plan.unseen, [("hidden".to_owned(), 9)]);
        let dir = tempfile::tempdir().expect("a folder");
        let store = Store::open(dir.path(), &plan).expect("a store");
        let outcomes = pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
        assert!(
            outcomes.iter().all(|(_, outcome)| matches!(outcome, DownloadOutcome::Fetched(_))),
            "{outcomes:?}"
        );
    }
}

#[test]
fn hostile_archives_are_refused_once() {
    let server = Server::new();
    let zeros = vec![0; 4 << 20];
    let jobs = vec![
        FakeJob::new(1, "slip", "test").archive(&[("../../../evil.log", b"x")]),
        FakeJob::new(2, "bomb", "test").archive(&[("a.log", &zeros)]),
        FakeJob::new(3, "../../name", "test").archive(&[("a.log", b"x")]),
    ];
    server.pipeline(PROJECT, 6, pipeline(jobs));
    let limits = Limits { file: 1 << 20, ..Limits::default() };
    let client = client(&server, None);
    let plan = plan(&client).expect("a plan");
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path(), &plan).expect("a store");
    let reasons = || -> Vec<String> {
        let outcomes = pull_all(&client, &store, &plan, &limits).expect("pulled");
        outcomes
            .into_iter()
            .filter_map(|(task, outcome)| match outcome {
                DownloadOutcome::Refused(reason) => Some(format!("{}: {reason}", task.job.name)),
                _ => None,
            })
            .collect()
    };
    let expected = [
        "slip: it would write to `../../../evil.log`".to_owned(),
        "bomb: `a.log` unpacks to more than 1048576 bytes".to_owned(),
    ];
    assert_eq!(reasons(), expected);
    let fetched = server.count("/artifacts");
    assert_eq!(reasons(), expected, "it is remembered");
    assert_eq!(server.count("/artifacts"), fetched);
    assert_eq!(
        names(dir.path()),
        [
            "6/jobs/new/%2E.%2F..%2Fname.3/artifacts/a.log",
            "6/jobs/new/%2E.%2F..%2Fname.3/trace.log",
            "6/jobs/new/bomb.2/artifacts.refused",
            "6/jobs/new/bomb.2/trace.log",
            "6/jobs/new/slip.1/artifacts.refused",
            "6/jobs/new/slip.1/trace.log",
            "6/pipeline.json",
        ]
    );
}

#[test]
fn sizes_are_bounded() {
    let server = Server::new();
    let job = FakeJob::new(1, "a", "test").trace(vec![b'x'; 5000]);
    server.pipeline(PROJECT, 6, pipeline(vec![job]));
    let client = client(&server, None);
    let plan = plan(&client).expect("a plan");
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path(), &plan).expect("a store");
    let limits = |trace| Limits { trace, ..Limits::default() };
    let outcomes = pull_all(&client, &store, &plan, &limits(4999)).expect("pulled");
    assert!(
        matches!(outcomes[0].1, DownloadOutcome::Failed(Error::TooLarge { limit: 4999, .. })),
        "{outcomes:?}"
    );
    assert_eq!(server.count("/trace"), 1, "asking again would not make it smaller");
    let outcomes = pull_all(&client, &store, &plan, &limits(5000)).expect("pulled");
    assert!(matches!(outcomes[0].1, DownloadOutcome::Fetched(5000)), "{outcomes:?}");
}

#[test]
fn a_folder_belongs_to_one_pipeline_and_one_process() {
    let (server, other) = (Server::new(), Server::new());
    for server in [&server, &other] {
        server.pipeline(PROJECT, 6, pipeline(vec![FakeJob::new(1, "a", "test")]));
    }
    let dir = tempfile::tempdir().expect("a folder");
    let plan_here = plan(&client(&server, None)).expect("a plan");
    let store = Store::open(dir.path(), &plan_here).expect("a store");
    assert!(matches!(Store::open(dir.path(), &plan_here), Err(Error::Locked { .. })));
    drop(store);
    // By its number it is the same project.
    let by_number =
        PullPlan::make(&client(&server, None), &Project::number(1000), 6, &Selection::default(), &[]);
    assert!(Store::open(dir.path(), &by_number.expect("a plan")).is_ok());
    let plan_there = plan(&client(&other, None)).expect("a plan");
    assert!(matches!(Store::open(dir.path(), &plan_there), Err(Error::Foreign { .. })));
}

#[test]
fn a_shelf_does_not_hide_what_was_fetched() {
    let server = Server::new();
    server.pipeline(
        PROJECT,
        6,
        pipeline(vec![FakeJob::new(1, "a", "test").archive(&[("smoke.serial", b"x")])]),
    );
    let client = client(&server, None);
    let plan = plan(&client).expect("a plan");
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path(), &plan).expect("a store");
    pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
    store.shelve("a.1", "arm64").expect("moved");
    assert_eq!(
        names(store.root()),
        ["jobs/arm64/a.1/artifacts/smoke.serial", "jobs/arm64/a.1/trace.log", "pipeline.json"]
    );
    server.forget();
    let outcomes = pull_all(&client, &store, &plan, &Limits::default()).expect("pulled");
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, DownloadOutcome::Had)), "{outcomes:?}");
    assert!(server.asked().is_empty());
    let paths: Vec<bool> = store.contents("a.1").expect("read").iter().map(|file| file.is_trace).collect();
    assert_eq!(paths, [false, true]);
}
