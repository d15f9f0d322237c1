//! `xenheap pull`, a subcommand a file.

pub mod gitlab;
mod summary;

use crate::failure::{Exit, Failure};

/// Whence a pipeline is pulled.
#[derive(Debug)]
pub enum Command {
    Gitlab(gitlab::Config),
}

/// Does it.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Gitlab(config) => gitlab::run(config),
    }
}
