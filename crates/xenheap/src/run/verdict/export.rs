//! `xenheap verdict export`: a comments database of the RFC's.

use std::path::PathBuf;

use xenheap_output::without_controls;
use xenheap_verdicts::rfc;

use crate::{
    failure::{Exit, Failure, warn},
    output,
    store::Store,
};

/// Which entries.
#[derive(Debug)]
pub struct Config {
    pub file: PathBuf,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let store = Store::open(&config.file)?;
    let (text, left_out) = rfc::export(&store.file);
    if !left_out.is_empty() {
        let ids = left_out.join(", ");
        warn(format_args!("left out, because the RFC's tools know neither gaps nor globs: {ids}"));
    }
    output::print(without_controls(&text).as_bytes())?;
    Ok(Exit::Done)
}
