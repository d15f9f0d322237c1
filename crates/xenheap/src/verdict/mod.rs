//! `xenheap verdict`: what people decided, one file a subcommand.

mod add;
mod fmt;
mod harvest;
mod list;
mod matching;
mod rfc;
mod stale;
mod store;

pub use add::add;
pub use harvest::read_bytes;
pub use store::Store;

use clap::Subcommand;

use crate::failure::{Exit, Failure};

/// What can be done with a verdict file (docs/verdicts.md).
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  xenheap verdict add verdicts.toml run --all && $EDITOR verdicts.toml && xenheap report run --verdicts verdicts.toml"
)]
pub enum Verdict {
    /// List the entries
    List(list::List),
    /// Show one entry completely
    Show(list::Show),
    /// Add entries for stacks of a run that have none, to be decided
    Add(add::Add),
    /// Show which entry matches which stack, and which entries almost match
    Match(matching::Match),
    /// Format a file
    Fmt(fmt::Fmt),
    /// List entries that match nothing, or whose functions changed
    Stale(stale::Stale),
    /// Take comments that were typed into a report back into the file
    Harvest(harvest::Harvest),
    /// Add the entries of a comments database of the RFC's
    Import(rfc::Import),
    /// Write the entries as a comments database of the RFC's
    Export(rfc::Export),
    /// Take an entry out; its id is never used again
    Retire(fmt::Retire),
}

/// Does it.
pub fn run(command: Verdict) -> Result<Exit, Failure> {
    match command {
        Verdict::List(arguments) => list::list(&arguments),
        Verdict::Show(arguments) => list::show(&arguments),
        Verdict::Add(arguments) => add::run(&arguments),
        Verdict::Match(arguments) => matching::run(&arguments),
        Verdict::Fmt(arguments) => fmt::fmt(&arguments),
        Verdict::Stale(arguments) => stale::run(&arguments),
        Verdict::Harvest(arguments) => harvest::run(&arguments),
        Verdict::Import(arguments) => rfc::import(&arguments),
        Verdict::Export(arguments) => rfc::export(&arguments),
        Verdict::Retire(arguments) => fmt::retire(&arguments),
    }
}
