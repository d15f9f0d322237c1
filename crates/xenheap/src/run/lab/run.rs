//! `xenheap lab run`.

use xenheap_lab::RunConfig;
use xenheap_output::printable;

use super::failure;
use crate::{
    failure::{Exit, Failure, say},
    output,
    progress::LabProgress,
};

/// Does a whole run, and says where it lies.
pub fn run(config: &RunConfig) -> Result<Exit, Failure> {
    let progress = LabProgress::new();
    let folder = xenheap_lab::run(config, &progress).map_err(failure)?;
    drop(progress);
    let path = printable(&folder.path.display().to_string());
    output::print(format!("{path}\n").as_bytes())?;
    if config.mode.is_some() {
        say(format_args!("\nThe run is in {path}. Report it with:\n    xenheap report {path}"));
    }
    Ok(Exit::Done)
}
