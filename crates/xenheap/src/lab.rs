//! `xenheap lab`.

use std::path::PathBuf;

use xenheap_lab::{Cache, Class, Error, RunConfig, XenSource};
use xenheap_output::printable;

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

/// Gets a source; returns where its tree is, which is not to be changed.
pub fn tree(source: &XenSource) -> Result<PathBuf, Failure> {
    let progress = LabProgress::new();
    let cache = Cache::from_environment();
    xenheap_lab::fetch(&cache, source, &progress)
        .and_then(|origin| xenheap_lab::source_tree(&cache, &origin, &progress))
        .map_err(failure)
}

/// Gets a source and prints where its tree is.
pub fn fetch(source: &XenSource) -> Result<Exit, Failure> {
    let tree = tree(source)?;
    output::print(format!("{}\n", tree.display()).as_bytes())?;
    Ok(Exit::Done)
}

pub fn failure(error: Error) -> Failure {
    let exit = match error.class() {
        Class::Usage => Exit::Usage,
        Class::Input => Exit::Input,
        Class::Run => Exit::Failed,
        Class::Network => Exit::Network,
    };
    Failure::from_error(exit, &error)
}
