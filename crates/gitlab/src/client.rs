use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::de::DeserializeOwned;
use tracing::{debug, info};
use ureq::{
    Agent, Body,
    http::{HeaderMap, Response, StatusCode, Uri, header::LOCATION},
    tls::{RootCerts, TlsConfig},
};

use crate::{
    Error, Project, Site, Token,
    api::{self, Bridge, Job},
    url::{resolve, shown},
};

/// A list may have so many pages.
const PAGES: usize = 200;
/// A page may have so many bytes; GitLab's have some hundred thousand.
const PAGE_BYTES: u64 = 32 << 20;
/// A request may be sent on so often.
const REDIRECTS: usize = 5;
const CONNECT: Duration = Duration::from_secs(30);

/// How often and when to ask again.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// How often something is asked for in all.
    pub attempts: u32,
    /// The wait before the second attempt; each further one is twice as long.
    pub first: Duration,
    /// No wait of our own is longer.
    pub longest: Duration,
    /// No wait that GitLab asks for may be longer.
    pub patience: Duration,
    /// A server that says nothing for so long has gone.
    pub silence: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            attempts: 6,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            patience: Duration::from_secs(600),
            silence: Duration::from_secs(120),
        }
    }
}

/// Whom to ask, as whom, and how patiently.
#[derive(Debug)]
pub struct Config {
    /// The GitLab.
    pub site: Site,
    /// Without one only what is public can be seen.
    pub token: Option<Token>,
    /// When something fails.
    pub retry: Retry,
}

/// Asks a GitLab. Several threads may share one.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    site: Site,
    token: Option<Token>,
    retry: Retry,
    /// GitLab wants no request before this.
    not_before: Mutex<Option<Instant>>,
}

/// What became of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has so many bytes.
    Bytes(u64),
    /// GitLab does not have it.
    Nothing,
}

/// Why one attempt failed.
enum Failed {
    /// Another may succeed.
    Again(String),
    /// GitLab said when.
    Later(Duration, String),
    /// No other will.
    Never(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed::Never(error)
    }
}

impl Client {
    /// Connects nowhere yet.
    pub fn new(config: Config) -> Result<Self, Error> {
        let Config { site, token, retry } = config;
        if let Some(token) = token.as_ref().filter(|_| site.is_exposed()) {
            return Err(Error::Exposed { source_name: token.source().to_owned(), site: site.to_string() });
        }
        // The machine's own certificates: a GitLab in a company has one that only those vouch for.
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .user_agent(concat!("xenheap/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .http_status_as_error(false)
            // Redirects are followed here, where it is known who may see the token.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(retry.silence))
            .timeout_per_read(Some(retry.silence))
            .build()
            .new_agent();
        Ok(Client { agent, site, token, retry, not_before: Mutex::new(None) })
    }

    /// Whom it asks.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The jobs of a pipeline, by number.
    pub fn jobs(&self, project: &Project, pipeline: u64) -> Result<Vec<Job>, Error> {
        let mut jobs: Vec<Job> = self.list(&api::jobs(project, pipeline))?.ok_or_else(|| {
            Error::NotFound { place: format!("pipeline {pipeline} of {project}"), token: self.token_source() }
        })?;
        jobs.sort_by_key(|job| job.id);
        jobs.dedup_by_key(|job| job.id);
        Ok(jobs)
    }

    /// The jobs of a pipeline that start others, by number.
    pub fn bridges(&self, project: &Project, pipeline: u64) -> Result<Vec<Bridge>, Error> {
        let found = match self.list(&api::bridges(project, pipeline))? {
            Some(found) => Some(found),
            None => self.list(&api::trigger_jobs(project, pipeline))?,
        };
        let mut bridges: Vec<Bridge> = found.unwrap_or_default();
        bridges.sort_by_key(|bridge| bridge.id);
        Ok(bridges)
    }

    /// Writes what a job printed to a file.
    pub fn trace(
        &self,
        project: &Project,
        job: u64,
        limit: u64,
        into: (&mut File, &Path),
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Found, Error> {
        self.download(&api::trace(project, job), limit, None, into, progress)
    }

    /// Writes a job's archive of artifacts to a file. It must have `size` bytes, if that is known.
    pub fn archive(
        &self,
        project: &Project,
        job: u64,
        limit: u64,
        size: Option<u64>,
        into: (&mut File, &Path),
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Found, Error> {
        self.download(&api::archive(project, job), limit, size, into, progress)
    }

    fn token_source(&self) -> Option<String> {
        self.token.as_ref().map(|token| token.source().to_owned())
    }

    /// All pages of a list; `None` for 404.
    fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Option<Vec<T>>, Error> {
        let mut all = Vec::new();
        let mut query = format!("per_page={}", api::PER_PAGE);
        for number in 1..=PAGES {
            let uri = self.site.api(&format!("{path}?{query}"))?;
            let Some((page, next)) = self.ask(&uri, |response| page(&uri, response))? else {
                return Ok(None);
            };
            let page: Vec<T> =
                serde_json::from_slice(&page).map_err(|source| Error::Json { place: shown(&uri), source })?;
            let is_full = page.len() >= api::PER_PAGE as usize;
            all.extend(page);
            match next {
                Next::Query(next) => query = next,
                Next::Unsaid if is_full => query = page_query(number + 1),
                Next::Unsaid | Next::None => return Ok(Some(all)),
            }
        }
        Err(Error::Endless { place: path.to_owned(), what: "pages", limit: PAGES })
    }

    fn download(
        &self,
        path: &str,
        limit: u64,
        size: Option<u64>,
        (file, name): (&mut File, &Path),
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Found, Error> {
        let uri = self.site.api(path)?;
        let found = self.ask(&uri, |response| {
            let bytes = copy(response, file, limit, progress).map_err(|stop| match stop {
                Stop::Network(error) => Failed::Again(error.to_string()),
                Stop::TooLarge => Error::TooLarge { place: shown(&uri), limit }.into(),
                Stop::File(source) => Error::File { path: name.to_owned(), source }.into(),
            })?;
            match size.filter(|size| *size != bytes) {
                Some(size) => Err(Failed::Again(format!("{bytes} bytes came of {size}"))),
                None => Ok(bytes),
            }
        })?;
        Ok(found.map_or(Found::Nothing, Found::Bytes))
    }

    /// Asks until there is an answer; `None` for 404.
    fn ask<T>(
        &self,
        uri: &Uri,
        mut take: impl FnMut(Response<Body>) -> Result<T, Failed>,
    ) -> Result<Option<T>, Error> {
        let mut wait = self.retry.first;
        let mut attempt = 1;
        loop {
            self.wait_for_leave();
            let answer = self.once(uri).and_then(|response| response.map(&mut take).transpose());
            let (pause, reason) = match answer {
                Ok(taken) => return Ok(taken),
                Err(Failed::Never(error)) => return Err(error),
                Err(Failed::Again(reason)) => (wait, reason),
                Err(Failed::Later(wait, _)) if wait > self.retry.patience => {
                    return Err(Error::Busy { wait });
                }
                Err(Failed::Later(wait, reason)) => {
                    self.let_all_wait(wait);
                    (Duration::ZERO, reason)
                }
            };
            if attempt >= self.retry.attempts {
                return Err(Error::GaveUp { place: shown(uri), attempts: attempt, reason });
            }
            info!("asking again for {}: {}", shown(uri).escape_default(), reason.escape_default());
            thread::sleep(pause);
            attempt += 1;
            wait = (wait * 2).min(self.retry.longest);
        }
    }

    /// One attempt, with its redirects; `None` for 404.
    fn once(&self, uri: &Uri) -> Result<Option<Response<Body>>, Failed> {
        let mut target = uri.clone();
        for _ in 0..=REDIRECTS {
            debug!("GET {}", shown(&target).escape_default());
            let mut request = self.agent.get(target.clone());
            if let Some(token) = self.token.as_ref().filter(|_| self.site.owns(&target)) {
                request = request.header(token.header.name(), token.value.clone());
            }
            let response = request.call().map_err(|error| transport(uri, error))?;
            match response.status() {
                StatusCode::OK => return Ok(Some(response)),
                StatusCode::NOT_FOUND => return Ok(None),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => target = redirect(uri, &target, response.headers())?,
                status => return Err(self.refused(uri, &target, status, response.headers())),
            }
        }
        Err(Error::Redirect { place: shown(uri), reason: "from one address to the next without an end" }
            .into())
    }

    fn refused(&self, uri: &Uri, target: &Uri, status: StatusCode, headers: &HeaderMap) -> Failed {
        let place = shown(uri);
        match status {
            // An object store refuses links that have become too old; GitLab makes a new one.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if !self.site.owns(target) => {
                Failed::Again(format!("{} answers with status {}", shown(target), status.as_u16()))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Error::Denied { place, status: status.as_u16(), token: self.token_source() }.into()
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let reason = "too many requests (status 429)".to_owned();
                match wanted_pause(headers, SystemTime::now()) {
                    Some(pause) => Failed::Later(pause, reason),
                    None => Failed::Again(reason),
                }
            }
            StatusCode::REQUEST_TIMEOUT => Failed::Again("a time limit (status 408)".to_owned()),
            status if status.is_server_error() => Failed::Again(format!("status {}", status.as_u16())),
            status => Error::Status { place, status: status.as_u16() }.into(),
        }
    }

    fn wait_for_leave(&self) {
        let until = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = until {
            thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }

    /// A limit on requests is one for all of them.
    fn let_all_wait(&self, pause: Duration) {
        let until = Instant::now().checked_add(pause);
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = (*not_before).max(until);
    }
}

/// What an answer says of the next page.
enum Next {
    Query(String),
    None,
    /// Neither header is there: a proxy can take them out. Behind a full page there may be another.
    Unsaid,
}

fn page_query(number: usize) -> String {
    format!("per_page={}&page={number}", api::PER_PAGE)
}

/// The bytes of a page, and what is said of the next one.
fn page(uri: &Uri, response: Response<Body>) -> Result<(Vec<u8>, Next), Failed> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let (link, number) = (header(api::LINK), header(api::NEXT_PAGE));
    let by_number = || Some(page_query(number?.trim().parse().ok()?));
    let next = match link.and_then(api::next_of_link).map(str::to_owned).or_else(by_number) {
        Some(query) => Next::Query(query),
        None if link.is_none() && number.is_none() => Next::Unsaid,
        None => Next::None,
    };
    let mut bytes = Vec::new();
    response
        .into_body()
        .into_reader()
        .take(PAGE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failed::Again(error.to_string()))?;
    if bytes.len() as u64 > PAGE_BYTES {
        return Err(Error::TooLarge { place: shown(uri), limit: PAGE_BYTES }.into());
    }
    Ok((bytes, next))
}

/// Why a body was not written down.
enum Stop {
    Network(io::Error),
    TooLarge,
    File(io::Error),
}

/// Writes a body into a file, which may hold what an earlier attempt left.
fn copy(
    response: Response<Body>,
    file: &mut File,
    limit: u64,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<u64, Stop> {
    file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).map_err(Stop::File)?;
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 64 << 10];
    let mut total = 0;
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Stop::Network(error)),
        };
        total += count as u64;
        if total > limit {
            return Err(Stop::TooLarge);
        }
        file.write_all(buffer.get(..count).unwrap_or_default()).map_err(Stop::File)?;
        progress(count as u64);
    }
}

/// Where an answer sends us.
fn redirect(uri: &Uri, from: &Uri, headers: &HeaderMap) -> Result<Uri, Error> {
    let refused = |reason| Error::Redirect { place: shown(uri), reason };
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let target = location
        .and_then(|location| resolve(from, location))
        .ok_or_else(|| refused("to no address at all"))?;
    if from.scheme_str() == Some("https") && target.scheme_str() != Some("https") {
        return Err(refused("from an encrypted address to one that is not"));
    }
    Ok(target)
}

/// How long GitLab wants to be left alone.
fn wanted_pause(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let number = |name| -> Option<u64> { headers.get(name)?.to_str().ok()?.trim().parse().ok() };
    if let Some(seconds) = number(api::RETRY_AFTER) {
        return Some(Duration::from_secs(seconds));
    }
    let reset = UNIX_EPOCH.checked_add(Duration::from_secs(number(api::RATE_LIMIT_RESET)?))?;
    Some(reset.duration_since(now).unwrap_or_default())
}

/// What a connection that failed means.
fn transport(uri: &Uri, error: ureq::Error) -> Failed {
    let place = shown(uri);
    let reason = error.to_string();
    match error {
        ureq::Error::Io(error) if is_about_certificates(&error) => {
            Error::Certificate { place, reason }.into()
        }
        ureq::Error::Io(_)
        | ureq::Error::Timeout(_)
        | ureq::Error::ConnectionFailed
        | ureq::Error::Protocol(_) => Failed::Again(reason),
        _ => Error::Connection { place, reason }.into(),
    }
}

fn is_about_certificates(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

#[cfg(test)]
mod tests {
    use ureq::http::HeaderValue;

    use super::*;

    #[test]
    fn a_pause_is_said_in_two_ways() {
        let now = UNIX_EPOCH + Duration::from_secs(1_609_844_370);
        let pause = |headers: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            wanted_pause(&map, now).map(|pause| pause.as_secs())
        };
        assert_eq!(pause(&[]), None);
        assert_eq!(pause(&[("retry-after", "30"), ("ratelimit-reset", "1609844371")]), Some(30));
        assert_eq!(pause(&[("ratelimit-reset", "1609844400")]), Some(30));
        assert_eq!(pause(&[("ratelimit-reset", "1")]), Some(0));
        assert_eq!(pause(&[("retry-after", "Tue, 05 Jan 2021 11:00:00 GMT")]), None);
        assert_eq!(pause(&[("retry-after", "99999999999999999999")]), None);
        assert_eq!(pause(&[("ratelimit-reset", "18446744073709551615")]), None);
    }

    #[test]
    fn a_redirect_does_not_leave_encryption() {
        let from = Uri::from_static("https://gitlab.com/a");
        let to = |location: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_static(location));
            redirect(&from, &from, &headers).map(|uri| uri.to_string())
        };
        assert_eq!(to("https://store.example/x").expect("followed"), "https://store.example/x");
        assert!(matches!(to("http://store.example/x"), Err(Error::Redirect { .. })));
        assert!(matches!(to(""), Err(Error::Redirect { .. })));
    }
}
