//! What each command does, a file a command. A command takes what `cli` made of its arguments; it
//! knows nothing of how they are typed.

pub mod assess;
pub mod check;
mod completions;
pub mod coverage;
pub mod diff;
pub mod graph;
pub mod instrument;
pub mod joined;
pub mod lab;
mod man;
pub mod plan;
pub mod pull;
pub mod report;
pub mod sweep;
pub mod verdict;

use std::path::PathBuf;

use clap_complete::Shell;

use crate::{
    busy,
    failure::{Exit, Failure, is_quiet},
};

/// A command that makes sense.
#[derive(Debug)]
pub enum Command {
    Instrument(instrument::Config),
    Lab(lab::Command),
    Sweep(sweep::Command),
    Report(Box<report::Config>),
    Graph(graph::Command),
    Coverage(coverage::Config),
    Assess(assess::Config),
    Diff(diff::Config),
    Check(check::Config),
    Verdict(verdict::Command),
    Plan(plan::Config),
    Pull(pull::Command),
    Completions(Shell),
    Man(PathBuf),
}

impl Command {
    /// Whether it shows no progress of its own.
    fn is_quiet_work(&self) -> bool {
        !matches!(
            self,
            Command::Lab(_)
                | Command::Sweep(sweep::Command::Run(_))
                | Command::Graph(graph::Command::Build(_))
                | Command::Pull(_)
        )
    }
}

/// Does it.
pub fn run(command: Command) -> Result<Exit, Failure> {
    if command.is_quiet_work() && !is_quiet() {
        busy::begin("working");
    }
    match command {
        Command::Instrument(config) => instrument::run(&config),
        Command::Lab(command) => lab::run(&command),
        Command::Sweep(command) => sweep::run(&command),
        Command::Report(config) => report::run(&config),
        Command::Graph(command) => graph::run(&command),
        Command::Coverage(config) => coverage::run(&config),
        Command::Assess(config) => assess::run(&config),
        Command::Diff(config) => diff::run(&config),
        Command::Check(config) => check::run(&config),
        Command::Verdict(command) => verdict::run(&command),
        Command::Plan(config) => plan::run(&config),
        Command::Pull(command) => pull::run(command),
        Command::Completions(shell) => completions::run(shell),
        Command::Man(dir) => man::run(&dir),
    }
}
