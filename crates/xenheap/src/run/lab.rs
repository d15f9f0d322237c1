//! `xenheap lab`, a subcommand a file.

mod fetch;
mod run;

use std::path::PathBuf;

use xenheap_lab::{Cache, Class, Error, RunConfig, XenSource};

use crate::{
    failure::{Exit, Failure},
    progress::LabProgress,
};

/// What the lab can do.
#[derive(Debug)]
pub enum Command {
    Run(Box<RunConfig>),
    Fetch(XenSource),
}

/// Does it.
pub fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(config) => run::run(config),
        Command::Fetch(source) => fetch::run(source),
    }
}

/// Gets a source; returns where its tree is, which is not to be changed.
pub fn tree(source: &XenSource) -> Result<PathBuf, Failure> {
    let progress = LabProgress::new();
    let cache = Cache::from_environment();
    xenheap_lab::fetch(&cache, source, &progress)
        .and_then(|origin| xenheap_lab::source_tree(&cache, &origin, &progress))
        .map_err(failure)
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
