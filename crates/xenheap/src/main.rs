//! The command `xenheap`: arguments in, exit code out. Everything else is done by the libraries.

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

use std::process::ExitCode;

use clap::Parser;

use crate::{cli::Cli, failure::Failure};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    log(cli.verbose);
    failure::be_quiet(cli.quiet);
    let result = config::lower(cli).and_then(run);
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.print();
            failure.exit.into()
        }
    }
}

/// Tells what is wrong with the arguments. A shell can have put names of files there, which are
/// quoted.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Help and version quote nothing.
        error.exit();
    }
    failure::say_always(xenheap_output::printable(error.render().to_string().trim_end()));
    failure::Exit::Usage.into()
}

fn run(command: config::Command) -> Result<failure::Exit, Failure> {
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
    tracing_subscriber::registry().with(lines).with(Targets::new().with_target("xenheap", level)).init();
}
