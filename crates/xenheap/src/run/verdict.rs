//! `xenheap verdict`: what people decided. A subcommand a file.

pub mod add;
pub mod export;
pub mod fmt;
pub mod harvest;
pub mod import;
pub mod list;
pub mod matching;
pub mod retire;
pub mod show;
pub mod stale;

use crate::failure::{Exit, Failure};

/// What can be done with a verdict file (docs/verdicts.md).
#[derive(Debug)]
pub enum Command {
    List(list::Config),
    Show(show::Config),
    Add(add::Config),
    Match(matching::Config),
    Fmt(fmt::Config),
    Stale(stale::Config),
    Harvest(harvest::Config),
    Import(import::Config),
    Export(export::Config),
    Retire(retire::Config),
}

/// Does it.
pub fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::List(config) => list::run(config),
        Command::Show(config) => show::run(config),
        Command::Add(config) => add::run(config),
        Command::Match(config) => matching::run(config),
        Command::Fmt(config) => fmt::run(config),
        Command::Stale(config) => stale::run(config),
        Command::Harvest(config) => harvest::run(config),
        Command::Import(config) => import::run(config),
        Command::Export(config) => export::run(config),
        Command::Retire(config) => retire::run(config),
    }
}
