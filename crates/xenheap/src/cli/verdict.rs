//! `xenheap verdict`: the arguments, a subcommand a file.

mod add;
mod export;
mod fmt;
mod harvest;
mod import;
mod list;
mod matching;
mod retire;
mod show;
mod stale;

use clap::Subcommand;

use crate::{failure::Failure, run::verdict};

/// What can be done with a verdict file (docs/verdicts.md).
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  xenheap verdict add verdicts.toml run --all && $EDITOR verdicts.toml && xenheap report run --verdicts verdicts.toml"
)]
pub enum Command {
    /// List the entries
    List(list::Arguments),
    /// Show one entry completely
    Show(show::Arguments),
    /// Add entries for stacks of a run that have none, to be decided
    Add(add::Arguments),
    /// Show which entry matches which stack, and which entries almost match
    Match(matching::Arguments),
    /// Format a file
    Fmt(fmt::Arguments),
    /// List entries that match nothing, or whose functions changed
    Stale(stale::Arguments),
    /// Take comments that were typed into a report back into the file
    Harvest(harvest::Arguments),
    /// Add the entries of a comments database of the RFC's
    Import(import::Arguments),
    /// Write the entries as a comments database of the RFC's
    Export(export::Arguments),
    /// Take an entry out; its id is never used again
    Retire(retire::Arguments),
}

impl Command {
    pub fn lower(self) -> Result<verdict::Command, Failure> {
        Ok(match self {
            Command::List(arguments) => verdict::Command::List(arguments.lower()),
            Command::Show(arguments) => verdict::Command::Show(arguments.lower()),
            Command::Add(arguments) => verdict::Command::Add(arguments.lower()),
            Command::Match(arguments) => verdict::Command::Match(arguments.lower()),
            Command::Fmt(arguments) => verdict::Command::Fmt(arguments.lower()),
            Command::Stale(arguments) => verdict::Command::Stale(arguments.lower()?),
            Command::Harvest(arguments) => verdict::Command::Harvest(arguments.lower()),
            Command::Import(arguments) => verdict::Command::Import(arguments.lower()),
            Command::Export(arguments) => verdict::Command::Export(arguments.lower()),
            Command::Retire(arguments) => verdict::Command::Retire(arguments.lower()),
        })
    }
}
