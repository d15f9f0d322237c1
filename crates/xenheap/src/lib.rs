//! The command `xenheap` as a library, so that tests need no process of it.
//!
//! [`run_from`] is the whole command. [`answer_to`] says what it answers to arguments alone, and
//! does nothing; [`command`] is the tree of its subcommands with their options.
//!
//! Inside, `cli` has the arguments of each command and checks them, and `run` does what the command
//! is for. Both have a file for each command, of the same name.

mod busy;
mod cli;
mod failure;
mod format;
mod graph_file;
mod input;
mod output;
mod progress;
mod run;
mod runs;
mod store;

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

use crate::cli::Cli;

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
    let done = cli.lower().and_then(run::run);
    busy::over();
    match done {
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
        Ok(cli) => cli.lower().err().map(|failure| Answer { exit: failure.exit, text: failure.text() }),
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
