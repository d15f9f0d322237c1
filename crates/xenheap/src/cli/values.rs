//! Values that several commands have.

use xenheap_lab::XenSource;

use crate::failure::{Exit, Failure};

pub fn parse_parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("use NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A source of Xen.
pub fn source(xen: &str) -> Result<XenSource, Failure> {
    xen.parse().map_err(usage)
}

/// What the lab says of a value that it does not know.
pub fn usage(error: xenheap_lab::Error) -> Failure {
    Failure::from_error(Exit::Usage, &error)
}

/// How many compilers run at once.
pub fn jobs(wanted: Option<usize>) -> usize {
    wanted.filter(|jobs| *jobs > 0).unwrap_or_else(xenheap_lab::default_jobs)
}
