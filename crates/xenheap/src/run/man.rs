//! `xenheap man`.

use std::{io, path::Path};

use crate::failure::{Exit, Failure};

/// Writes a manual page for each command.
pub fn run(dir: &Path) -> Result<Exit, Failure> {
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(crate::command(), dir))
        .map_err(|error: io::Error| Failure::write(dir, &error))?;
    Ok(Exit::Done)
}
