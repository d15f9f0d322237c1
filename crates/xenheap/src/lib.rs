//! The command `xenheap` as a library, so that tests need no process of it.
//!
//! [`run_from`] is the whole command. [`answer_to`] says what it answers to arguments alone, and
//! does nothing; [`command`] is the tree of its subcommands with their options.

mod assess;
mod check;
mod cli;
mod config;
mod coverage;
mod diff;
mod failure;
mod format;
mod graph;
mod instrument;
mod lab;
mod output;
mod plan;
mod progress;
mod pull;
mod report;
mod runs;
mod sweep;
mod verdict;

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

use crate::{cli::Cli, failure::Failure};

pub use failure::Exit;

/// What the command answers to arguments alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it ends.
    pub exit: Exit,
    /// What is wrong with the arguments and what to do, or the page that they ask for.
    pub text: String,
}

/// Does what the arguments say. The first of them is the name of the command. Answers go to
/// standard output, messages to standard error.
pub fn run_from(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return tell(&error),
    };
    log(cli.verbose);
    failure::be_quiet(cli.quiet);
    match config::lower(cli).and_then(run) {
        Ok(exit) => exit,
        Err(failure) => {
            failure.print();
            failure.exit
        }
    }
}

/// Reads and checks arguments as [`run_from`] does, and does nothing. `None`: they make sense.
pub fn answer_to(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Option<Answer> {
    match Cli::try_parse_from(arguments) {
        Err(error) => Some(Answer { exit: exit_of(&error), text: usage(&error) }),
        Ok(cli) => {
            config::lower(cli).err().map(|failure| Answer { exit: failure.exit, text: failure.text() })
        }
    }
}

/// The command with its subcommands and their options, for completions, manual pages and tests.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Tells what is wrong with the arguments, or prints the page that they ask for.
fn tell(error: &clap::Error) -> Exit {
    let exit = exit_of(error);
    if exit == Exit::Done {
        // Who closed standard output does not want to know.
        let _ = error.print();
    } else {
        failure::say_always(usage(error));
    }
    exit
}

/// Help and version are no errors.
fn exit_of(error: &clap::Error) -> Exit {
    if error.use_stderr() { Exit::Usage } else { Exit::Done }
}

/// A shell can have put names of files among the arguments, which are quoted.
fn usage(error: &clap::Error) -> String {
    xenheap_output::printable(error.render().to_string().trim_end())
}

fn run(command: config::Command) -> Result<Exit, Failure> {
    match command {
        config::Command::Report(config) => report::run(&config),
        config::Command::Diff(arguments) => diff::run(&arguments),
        config::Command::Check(arguments) => check::run(&arguments),
        config::Command::Verdict(command) => verdict::run(command),
        config::Command::Plan(arguments) => plan::run(&arguments),
        config::Command::Pull(command) => pull::run(&command),
        config::Command::Instrument(config) => instrument::run(&config),
        config::Command::LabRun(config) => lab::run(&config),
        config::Command::LabFetch(source) => lab::fetch(&source),
        config::Command::Sweep(command) => sweep::run(command),
        config::Command::Graph(command) => graph::run(command),
        config::Command::Assess(arguments) => assess::run(&arguments),
        config::Command::Coverage(arguments) => coverage::run(&arguments),
        config::Command::Completions(shell) => cli::completions(shell),
        config::Command::Man(dir) => cli::man(&dir),
    }
}

/// Messages of our libraries, on standard error. Those of others quote what the network says.
fn log(verbose: u8) {
    use tracing_subscriber::{
        filter::{LevelFilter, Targets},
        fmt,
        layer::SubscriberExt,
        util::SubscriberInitExt,
    };
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false).without_time().with_target(false);
    let all = tracing_subscriber::registry().with(lines).with(Targets::new().with_target("xenheap", level));
    // Within one process the first call decides.
    let _ = all.try_init();
}
