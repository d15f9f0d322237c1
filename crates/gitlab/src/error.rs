use std::{io, path::PathBuf, time::Duration};

use thiserror::Error;

/// What can go wrong with a pipeline as a whole. Nothing of these messages contains a token or a
/// query.
#[derive(Debug, Error)]
pub enum Error {
    /// The address of a GitLab makes no sense.
    #[error("`{url}` is not the address of a GitLab: {reason}")]
    Site {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The name of a project makes no sense.
    #[error("`{name}` is not a project: give its number, or its path as in xen-project/xen")]
    Project {
        /// As it was given.
        name: String,
    },
    /// The token cannot be sent.
    #[error("the token in {source_name} contains characters that no token has")]
    Token {
        /// Where it came from.
        source_name: String,
    },
    /// A token would be sent for all to see.
    #[error(
        "the token in {source_name} is not sent to {site}, which is not encrypted: use https, or unset the variable"
    )]
    Exposed {
        /// Where it came from.
        source_name: String,
        /// Where it would go.
        site: String,
    },
    /// 401 or 403: asking again would not help.
    #[error("GitLab refuses {place} (status {status}): {}", advice(.token.as_deref()))]
    Denied {
        /// What was asked for.
        place: String,
        /// The status.
        status: u16,
        /// Where the token came from, if there was one.
        token: Option<String>,
    },
    /// 404 of something without which nothing can be done.
    #[error("GitLab knows nothing of {place}: {}", missing(.token.as_deref()))]
    NotFound {
        /// What was asked for.
        place: String,
        /// Where the token came from, if there was one.
        token: Option<String>,
    },
    /// A status that nothing can be done about.
    #[error("GitLab answers {place} with status {status}")]
    Status {
        /// What was asked for.
        place: String,
        /// The status.
        status: u16,
    },
    /// Asked again and again in vain.
    #[error("{place} cannot be had after {attempts} attempts: {reason}")]
    GaveUp {
        /// What was asked for.
        place: String,
        /// How often it was asked for.
        attempts: u32,
        /// Why the last one failed.
        reason: String,
    },
    /// The connection cannot be made, and asking again would not help.
    #[error("cannot request {place}: {reason}")]
    Connection {
        /// What was asked for.
        place: String,
        /// Why.
        reason: String,
    },
    /// Nobody whom this machine trusts vouches for the host.
    #[error(
        "cannot request {place}: {reason}; if your organisation issued the certificate, set SSL_CERT_FILE to its certificate file"
    )]
    Certificate {
        /// What was asked for.
        place: String,
        /// Why.
        reason: String,
    },
    /// The limit on the rate of requests will last.
    #[error(
        "GitLab accepts no requests for {} s: run the command again after that time; it continues where it stopped", .wait.as_secs()
    )]
    Busy {
        /// For how long.
        wait: Duration,
    },
    /// A redirect that must not be followed.
    #[error("GitLab sends {place} {reason}")]
    Redirect {
        /// What was asked for.
        place: String,
        /// Why it is not followed.
        reason: &'static str,
    },
    /// More than was to be expected.
    #[error("{place} is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        place: String,
        /// The limit.
        limit: u64,
    },
    /// Not the JSON that GitLab documents.
    #[error("{place} is not what GitLab's documentation says: {source}")]
    Json {
        /// What was asked for.
        place: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Pages without end, pipelines without end.
    #[error("{place} has more than {limit} {what}")]
    Endless {
        /// What was asked for.
        place: String,
        /// Of what.
        what: &'static str,
        /// How many were read.
        limit: usize,
    },
    /// A file of ours.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder holds another pipeline.
    #[error("{} holds pipeline {pipeline} of {there}, not of {here}: give another folder", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// The number that both have.
        pipeline: u64,
        /// Whose it is.
        there: String,
        /// Whose was asked for.
        here: String,
    },
    /// Another process writes there.
    #[error("another process is filling {}: wait for it, or give another folder", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
}

impl Error {
    /// Whether the network or GitLab is the reason, and another run may succeed.
    pub fn is_network(&self) -> bool {
        match self {
            Error::Denied { .. }
            | Error::Status { .. }
            | Error::GaveUp { .. }
            | Error::Connection { .. }
            | Error::Certificate { .. }
            | Error::Busy { .. }
            | Error::Redirect { .. }
            | Error::TooLarge { .. }
            | Error::Json { .. }
            | Error::Endless { .. } => true,
            Error::Site { .. }
            | Error::Project { .. }
            | Error::Token { .. }
            | Error::Exposed { .. }
            | Error::NotFound { .. }
            | Error::File { .. }
            | Error::Foreign { .. }
            | Error::Locked { .. } => false,
        }
    }

    /// Whether it concerns one download only, so that the others may go on.
    pub(crate) fn is_of_one(&self) -> bool {
        matches!(
            self,
            Error::Status { .. } | Error::GaveUp { .. } | Error::Redirect { .. } | Error::TooLarge { .. }
        )
    }
}

fn advice(token: Option<&str>) -> String {
    match token {
        Some(source) => {
            format!(
                "the token in {source} is wrong, has expired, or lacks the scope read_api for this project"
            )
        }
        None => "set XENHEAP_GITLAB_TOKEN to an access token with the scope read_api".to_owned(),
    }
}

fn missing(token: Option<&str>) -> String {
    match token {
        Some("CI_JOB_TOKEN") => {
            "check project and number; a job's own token sees few things, so set XENHEAP_GITLAB_TOKEN to an access token \
             with the scope read_api"
                .to_owned()
        }
        Some(source) => format!("check project and number, and whether the token in {source} may see them"),
        None => "check project and number; if it is not public, set XENHEAP_GITLAB_TOKEN to an access token with the scope \
                 read_api"
            .to_owned(),
    }
}
