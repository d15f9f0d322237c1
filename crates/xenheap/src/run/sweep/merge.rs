//! `xenheap sweep merge`.

use std::path::PathBuf;

use super::{failure, print};
use crate::{
    failure::{Exit, Failure},
    format::Format,
};

/// Which sweeps are put together, and how the result is written.
#[derive(Debug)]
pub struct Config {
    pub dirs: Vec<PathBuf>,
    pub format: Format,
}

/// Puts shards together.
pub fn run(config: &Config) -> Result<Exit, Failure> {
    print(&xenheap_sweep::merge(&config.dirs).map_err(failure)?, config.format)?;
    Ok(Exit::Done)
}
