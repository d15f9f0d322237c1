//! `xenheap sweep run`.

use xenheap_model::sweep::{Stack, TrialResult};
use xenheap_output::printable;
use xenheap_sweep::{SweepError, Watch};

use super::{failure, print};
use crate::{
    failure::{Exit, Failure, say},
    format::Format,
    progress::LabProgress,
};

/// What is swept, and how the result is written.
#[derive(Debug)]
pub struct Config {
    pub sweep: xenheap_sweep::Config,
    pub format: Format,
}

/// A line for each boot.
struct Lines;

impl Watch for Lines {
    fn result(&self, done: usize, of: usize, stack: &Stack, result: &TrialResult) {
        let leak = if result.leaks.is_empty() { "" } else { ", leak" };
        let (hash, outcome, seconds) = (stack.hash, result.outcome.as_str(), result.seconds);
        say(format_args!("{done:4}/{of} {hash:016x} {outcome}{leak} ({seconds} s)"));
    }

    fn failed(&self, stack: &Stack, error: &SweepError) {
        say(format_args!("{:016x} was not tried: {}", stack.hash, printable(&error.to_string())));
    }
}

/// Sweeps, and prints what its folder has now.
pub fn run(config: &Config) -> Result<Exit, Failure> {
    let progress = LabProgress::new();
    let swept = xenheap_sweep::sweep(&config.sweep, &progress, &Lines).map_err(failure)?;
    drop(progress);
    print(&swept, config.format)?;
    if swept.pending() > 0 {
        say(format_args!("{} stacks are still to be tried: give the same command again", swept.pending()));
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}
