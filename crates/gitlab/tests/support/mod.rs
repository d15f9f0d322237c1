//! A GitLab in small, as its documentation describes it: pages, tokens, statuses and headers, and
//! the faults of networks. Not GitLab: that cannot be run here. Where a page of the documentation
//! is followed, it is named.
#![allow(dead_code, reason = "each test uses a part")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Cursor, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// A job as the server keeps it.
#[derive(Clone, Debug)]
pub struct FakeJob {
    pub id: u64,
    pub name: String,
    pub stage: String,
    pub status: String,
    pub trace: Option<Vec<u8>>,
    pub archive: Option<Vec<u8>>,
}

impl FakeJob {
    pub fn new(id: u64, name: &str, stage: &str) -> Self {
        FakeJob {
            id,
            name: name.to_owned(),
            stage: stage.to_owned(),
            status: "success".to_owned(),
            trace: Some(format!("trace of {name}\n").into_bytes()),
            archive: None,
        }
    }

    pub fn trace(mut self, trace: impl Into<Vec<u8>>) -> Self {
        self.trace = Some(trace.into());
        self
    }

    pub fn no_trace(mut self) -> Self {
        self.trace = None;
        self
    }

    pub fn archive(mut self, files: &[(&str, &[u8])]) -> Self {
        self.archive = Some(pack(files));
        self
    }

    pub fn status(mut self, status: &str) -> Self {
        self.status = status.to_owned();
        self
    }
}

/// A pipeline as the server keeps it.
#[derive(Clone, Debug, Default)]
pub struct FakePipeline {
    pub jobs: Vec<FakeJob>,
    pub bridges: Vec<FakeBridge>,
}

/// Number and name of a bridge, project and pipeline that it started.
pub type FakeBridge = (u64, String, Option<(String, u64)>);

/// What goes wrong with the next request for a path.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status with these headers.
    Status(u16, Vec<(&'static str, String)>),
    /// The connection ends after so many bytes of the body.
    Drop(usize),
    /// Nothing more comes after so many bytes of the body, but the connection stays.
    Stall(usize),
    /// The connection ends before there is any answer.
    Silence,
    /// The bytes lie elsewhere.
    Redirect(String),
    /// This body.
    Body(Vec<u8>),
}

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub query: String,
    pub token: Option<String>,
    pub headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    /// By path and number; projects have a number too.
    pipelines: BTreeMap<(String, u64), FakePipeline>,
    projects: BTreeMap<String, u64>,
    token: Option<String>,
    faults: Vec<(String, Fault)>,
    asked: Vec<Asked>,
    /// Whether lists have a `Link` header, an `x-next-page` header.
    link: bool,
    next_page: bool,
    /// GitLab 19.2 has another word for bridges.
    only_trigger_jobs: bool,
    endless: bool,
    files: BTreeMap<String, Vec<u8>>,
}

/// Serves until the process ends.
pub struct Server {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State { link: true, next_page: true, ..State::default() }));
        let server = Server { url: url.clone(), state: Arc::clone(&state) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, url) = (Arc::clone(&state), url.clone());
                thread::spawn(move || serve(stream, &state, &url));
            }
        });
        server
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread failed")
    }

    pub fn pipeline(&self, project: &str, number: u64, pipeline: FakePipeline) -> &Self {
        let mut state = self.state();
        let next = 1000 + state.projects.len() as u64;
        state.projects.entry(project.to_owned()).or_insert(next);
        state.pipelines.insert((project.to_owned(), number), pipeline);
        drop(state);
        self
    }

    /// Only who has this sees anything.
    pub fn token(&self, token: &str) -> &Self {
        self.state().token = Some(token.to_owned());
        self
    }

    /// The next request for a path that contains `path` goes wrong. Several for one path happen one
    /// after the other.
    pub fn fault(&self, path: &str, fault: Fault) -> &Self {
        self.state().faults.push((path.to_owned(), fault));
        self
    }

    pub fn pages_by(&self, link: bool, next_page: bool) -> &Self {
        let mut state = self.state();
        (state.link, state.next_page) = (link, next_page);
        drop(state);
        self
    }

    pub fn only_trigger_jobs(&self) -> &Self {
        self.state().only_trigger_jobs = true;
        self
    }

    /// Every page says that there is another.
    pub fn endless(&self) -> &Self {
        self.state().endless = true;
        self
    }

    /// A file that everybody sees, as an object store has it.
    pub fn file(&self, path: &str, bytes: &[u8]) -> &Self {
        self.state().files.insert(path.to_owned(), bytes.to_owned());
        self
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    pub fn forget(&self) {
        self.state().asked.clear();
    }

    /// How often something was asked for whose path ends so.
    pub fn count(&self, end: &str) -> usize {
        self.state().asked.iter().filter(|asked| asked.path.ends_with(end)).count()
    }

    pub fn faults_left(&self) -> usize {
        self.state().faults.len()
    }
}

pub fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in files {
        zip.start_file(*name, options).expect("started");
        zip.write_all(content).expect("written");
    }
    zip.finish().expect("finished").into_inner()
}

/// What a runner with `FF_TIMESTAMPS` makes of a job's output: a time, the number of the stream and
/// its kind before each line, the sections that GitLab's pages fold
/// (<https://docs.gitlab.com/ci/jobs/job_logs/>), and lines that came in two pieces.
pub fn as_trace(output: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut number = 0;
    let mut line = |flag: char, text: &[u8]| {
        number += 1;
        let (minutes, seconds) = (number / 6000 % 60, number / 100 % 60);
        let stamp = format!("2025-03-17T18:{minutes:02}:{seconds:02}.{:06}Z 01O{flag}", number % 100);
        out.extend_from_slice(stamp.as_bytes());
        out.extend_from_slice(text);
        out.push(b'\n');
    };
    line(' ', b"\x1b[0KRunning with gitlab-runner 17.9.1 (bbf75488)\x1b[0;m");
    line(' ', b"section_start:1742237339:step_script\r\x1b[0K\x1b[36;1mExecuting \"step_script\"\x1b[0;m");
    for (at, text) in output.split(|byte| *byte == b'\n').enumerate() {
        match text.split_at_checked(at % 97) {
            Some((first, second)) if at % 3 == 0 && !first.is_empty() && !second.is_empty() => {
                line(' ', first);
                line('+', second);
            }
            _ => line(' ', text),
        }
    }
    line(' ', b"section_end:1742237399:step_script\r\x1b[0K\x1b[32;1mJob succeeded\x1b[0;m");
    out
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, url: &str) {
    let Some(asked) = read_request(&stream) else { return };
    let answer = answer(&asked, state, url);
    let _ = match answer {
        Answer::Nothing => Ok(()),
        Answer::Whole { status, headers, body } => send(&mut stream, status, &headers, body.len(), &body),
        Answer::Cut { length, body } => send(&mut stream, 200, &[], length, &body),
        Answer::Stalled { length, body } => {
            let sent = send(&mut stream, 200, &[], length, &body);
            thread::sleep(Duration::from_secs(60));
            sent
        }
    };
    let _ = stream.shutdown(Shutdown::Write);
    // Who closes while something waits to be read makes the other side lose what was sent.
    let _ = stream.read_to_end(&mut Vec::new());
}

fn read_request(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    let mut words = first.split(' ');
    assert_eq!(words.next(), Some("GET"), "{first}");
    let (path, query) = words.next().map(|target| target.split_once('?').unwrap_or((target, "")))?;
    let headers: BTreeMap<String, String> = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect();
    let token =
        ["private-token", "job-token", "authorization"].iter().find_map(|name| headers.get(*name).cloned());
    Some(Asked { path: path.to_owned(), query: query.to_owned(), token, headers })
}

fn send(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(&str, String)],
    length: usize,
    body: &[u8],
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()
}

enum Answer {
    Nothing,
    Whole { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    Cut { length: usize, body: Vec<u8> },
    Stalled { length: usize, body: Vec<u8> },
}

fn status(status: u16, message: &str) -> Answer {
    let body = json!({ "message": message }).to_string().into_bytes();
    Answer::Whole { status, headers: Vec::new(), body }
}

fn answer(asked: &Asked, state: &Mutex<State>, url: &str) -> Answer {
    let mut state = state.lock().expect("no thread failed");
    state.asked.push(asked.clone());
    let fault = state.faults.iter().position(|(path, _)| asked.path.contains(path.as_str()));
    let fault = fault.map(|at| state.faults.remove(at).1);
    let whole = match &fault {
        Some(Fault::Silence) => return Answer::Nothing,
        Some(Fault::Status(code, headers)) => {
            // The body of a 429:
            // <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#use-a-custom-rate-limit-response>.
            return Answer::Whole {
                status: *code,
                headers: headers.clone(),
                body: b"Retry later\n".to_vec(),
            };
        }
        Some(Fault::Redirect(to)) => {
            return Answer::Whole { status: 302, headers: vec![("Location", to.clone())], body: Vec::new() };
        }
        Some(Fault::Body(body)) => Answer::Whole { status: 200, headers: Vec::new(), body: body.clone() },
        Some(Fault::Drop(_) | Fault::Stall(_)) | None => whole(asked, &state, url),
    };
    match (fault, whole) {
        (Some(Fault::Drop(after)), Answer::Whole { body, .. }) => {
            Answer::Cut { length: body.len(), body: body[..after.min(body.len())].to_vec() }
        }
        (Some(Fault::Stall(after)), Answer::Whole { body, .. }) => {
            Answer::Stalled { length: body.len(), body: body[..after.min(body.len())].to_vec() }
        }
        (_, whole) => whole,
    }
}

fn whole(asked: &Asked, state: &State, url: &str) -> Answer {
    if let Some(bytes) = state.files.get(&asked.path) {
        return Answer::Whole { status: 200, headers: Vec::new(), body: bytes.clone() };
    }
    // Paths: <https://docs.gitlab.com/api/rest/#make-a-rest-api-request>; slashes of a project are
    // %2F: #namespaced-paths.
    let Some(path) = asked.path.strip_prefix("/api/v4/projects/") else {
        return status(404, "404 Not Found");
    };
    // <https://docs.gitlab.com/api/rest/authentication/>: 401 if the token is not valid.
    if state.token.is_some() && asked.token != state.token {
        return status(401, "401 Unauthorized");
    }
    let parts: Vec<&str> = path.split('/').collect();
    let Some((project, rest)) = parts.split_first() else { return status(404, "404 Not Found") };
    let project = project.replace("%2F", "/");
    let by_number = |(_, number): &(&String, &u64)| number.to_string() == project;
    let project = state.projects.iter().find(by_number).map_or(project.clone(), |(name, _)| name.clone());
    let Some(number) = state.projects.get(&project) else { return status(404, "404 Project Not Found") };
    match rest {
        ["pipelines", pipeline, what] => {
            let Some(found) =
                pipeline.parse().ok().and_then(|id| state.pipelines.get(&(project.clone(), id)))
            else {
                return status(404, "404 Not Found");
            };
            let items: Vec<Value> = match *what {
                // <https://docs.gitlab.com/api/jobs/#list-pipeline-jobs>: the newest first.
                "jobs" => found
                    .jobs
                    .iter()
                    .rev()
                    .map(|job| job_json(job, pipeline, *number, url, &project))
                    .collect(),
                // <https://docs.gitlab.com/api/jobs/#list-pipeline-bridges>.
                "bridges" if !state.only_trigger_jobs => bridges_json(found, url),
                // <https://docs.gitlab.com/api/jobs/#list-pipeline-trigger-jobs>.
                "trigger_jobs" => bridges_json(found, url),
                _ => return status(404, "404 Not Found"),
            };
            list(asked, state, url, items)
        }
        ["jobs", id, what] => {
            let mut jobs = state
                .pipelines
                .iter()
                .filter(|((of, _), _)| *of == project)
                .flat_map(|(_, found)| &found.jobs);
            let Some(job) = jobs.find(|job| job.id.to_string() == **id) else {
                return status(404, "404 Not Found");
            };
            let body = match *what {
                // <https://docs.gitlab.com/api/jobs/#get-a-log-file>: 404 if there is no log file.
                "trace" => job.trace.clone(),
                // <https://docs.gitlab.com/api/job_artifacts/#get-job-artifacts>: 404 if there are
                // no artifacts.
                "artifacts" => job.archive.clone(),
                _ => None,
            };
            match body {
                Some(body) => Answer::Whole { status: 200, headers: Vec::new(), body },
                None => status(404, "404 Not Found"),
            }
        }
        _ => status(404, "404 Not Found"),
    }
}

/// The fields of <https://docs.gitlab.com/api/jobs/#list-pipeline-jobs> that matter, and some that
/// do not.
fn job_json(job: &FakeJob, pipeline: &str, project: u64, url: &str, path: &str) -> Value {
    let pipeline: u64 = pipeline.parse().expect("a number");
    let mut value = json!({
        "commit": { "id": "0ff3ae198f8601a285adcf5c0fff204ee6fba5fd", "title": "Test the CI integration." },
        "coverage": null,
        "allow_failure": false,
        "created_at": "2015-12-24T15:51:21.727Z",
        "duration": 0.192,
        "artifacts_expire_at": "2016-01-23T17:54:24.921Z",
        "tag_list": ["docker runner"],
        "id": job.id,
        "name": job.name,
        "pipeline": { "id": pipeline, "project_id": project, "ref": "main", "status": "pending" },
        "ref": "main",
        "artifacts": [],
        "runner": null,
        "stage": job.stage,
        "status": job.status,
        "web_url": format!("{url}/{path}/-/jobs/{}", job.id),
    });
    if let Some(archive) = &job.archive {
        value["artifacts_file"] = json!({ "filename": "artifacts.zip", "size": archive.len() });
        value["artifacts"] = json!([
            { "file_type": "archive", "size": archive.len(), "filename": "artifacts.zip", "file_format": "zip" },
            { "file_type": "metadata", "size": 186, "filename": "metadata.gz", "file_format": "gzip" },
        ]);
    }
    value
}

fn bridges_json(found: &FakePipeline, url: &str) -> Vec<Value> {
    let one = |(id, name, to): &FakeBridge| {
        let downstream = to.as_ref().map(|(project, pipeline)| {
            json!({
                "id": pipeline,
                "sha": "f62a4b2fb89754372a346f24659212eb8da13601",
                "status": "pending",
                "web_url": format!("{url}/{project}/-/pipelines/{pipeline}"),
            })
        });
        json!({ "id": id, "name": name, "stage": "test", "status": "success", "downstream_pipeline": downstream })
    };
    found.bridges.iter().map(one).collect()
}

/// One page: <https://docs.gitlab.com/api/rest/#offset-based-pagination>.
fn list(asked: &Asked, state: &State, url: &str, items: Vec<Value>) -> Answer {
    let parameter = |name: &str| -> Option<usize> {
        asked
            .query
            .split('&')
            .filter_map(|part| part.split_once('='))
            .find(|(key, _)| *key == name)?
            .1
            .parse()
            .ok()
    };
    let page = parameter("page").unwrap_or(1).max(1);
    let per_page = parameter("per_page").unwrap_or(20).min(100);
    let pages = items.len().div_ceil(per_page).max(1);
    let next = (state.endless || page < pages).then_some(page + 1);
    let mut headers = Vec::new();
    if state.next_page {
        headers.push(("x-next-page", next.map_or_else(String::new, |next| next.to_string())));
        headers.push(("x-total", items.len().to_string()));
    }
    if state.link {
        let to = |page: usize| format!("<{url}{}?id=1&page={page}&per_page={per_page}>", asked.path);
        let mut link = format!("{}; rel=\"first\", {}; rel=\"last\"", to(1), to(pages));
        if let Some(next) = next {
            link = format!("{}; rel=\"next\", {link}", to(next));
        }
        headers.push(("link", link));
    }
    let body: Vec<Value> = items.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    Answer::Whole { status: 200, headers, body: Value::from(body).to_string().into_bytes() }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
