//! What can go wrong, how it is told, and the exit codes.

use std::{
    error::Error,
    fmt,
    io::{self, Write},
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use xenheap_output::printable;

use crate::busy;

/// How a command ends. `docs` and `--help` list these; scripts depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It is done.
    Done = 0,
    /// A gate refuses: a failed self-check with `--strict`, a tree that cannot be instrumented with
    /// `--check`.
    Refused = 1,
    /// Wrong use: options, or an output that cannot be written.
    Usage = 2,
    /// An input that cannot be read, or inputs that do not belong together.
    Input = 3,
    /// A build, a boot or a time limit failed.
    Failed = 4,
    /// The network.
    Network = 5,
}

/// The list of exit codes for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a gate refuses: check, assess (not supported), report --strict (a self-check failed), pull --strict (a job has no record), instrument --check (would not apply), verdict fmt --check (not formatted)
  2  wrong use, or an output that cannot be written
  3  an input cannot be read, or inputs do not belong together
  4  a build or a boot failed, or a time limit ended before the work was done
  5  the network or a server failed";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An error for people: what happened, what to do, and how the command ends.
#[derive(Debug)]
pub struct Failure {
    /// How the command ends.
    pub exit: Exit,
    message: String,
    help: Option<String>,
}

impl Failure {
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Failure { exit, message: printable(&message.to_string()), help: None }
    }

    /// From an error and everything behind it.
    pub fn from_error(exit: Exit, error: &dyn Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Many messages contain that of their cause.
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = error.source();
        }
        Failure::new(exit, message)
    }

    pub fn usage(message: impl fmt::Display) -> Self {
        Failure::new(Exit::Usage, message)
    }

    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.help = Some(printable(&help.to_string()));
        self
    }

    /// An output that cannot be written. A reader that went away (`xenheap report ... | head`) is
    /// no error.
    pub fn output(what: &str, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Failure { exit: Exit::Done, message: String::new(), help: None };
        }
        Failure::usage(format!("cannot write {what}: {error}"))
    }

    pub fn write(path: &Path, error: &io::Error) -> Self {
        Failure::output(&path.display().to_string(), error)
    }

    /// Tells it on standard error.
    pub fn print(&self) {
        if !self.message.is_empty() {
            say_always(self.text());
        }
    }

    /// What is told.
    pub fn text(&self) -> String {
        let mut theme = GraphicalTheme::none();
        theme.characters = miette::ThemeCharacters::ascii();
        let mut text = String::new();
        let handler = GraphicalReportHandler::new_themed(theme).with_wrap_lines(false);
        if handler.render_report(&mut text, self).is_err() {
            text.clone_from(&self.message);
        }
        // What marks an error in miette's layout is the word here.
        let text = text.trim();
        format!("error: {}", text.strip_prefix("x ").unwrap_or(text))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
}

/// With `--quiet` nothing is written to standard error but errors.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Sets it, once, before anything is written.
pub fn be_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Writes a line of progress or of results to standard error, but not with `--quiet`.
pub fn say(line: impl fmt::Display) {
    if !is_quiet() {
        say_always(line);
    }
}

/// Writes a line to standard error. Who closed that does not want to know.
pub fn say_always(line: impl fmt::Display) {
    busy::suspend(|| _ = writeln!(io::stderr(), "{line}"));
}

/// Tells of something that is no error and that the user should know.
pub fn warn(message: impl fmt::Display) {
    say(format_args!("warning: {}", printable(&message.to_string())));
}
