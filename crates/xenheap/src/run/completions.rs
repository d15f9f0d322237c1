//! `xenheap completions`.

use clap_complete::Shell;

use crate::{
    failure::{Exit, Failure},
    output,
};

/// Prints a script for a shell.
pub fn run(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::command(), "xenheap", &mut script);
    output::print(&script)?;
    Ok(Exit::Done)
}
