//! Running short-lived programs of the machine: apt, dpkg, compilers asked for their version.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::error::Error;
use crate::supervise;
use crate::text;

/// How many lines of a failed program's output are shown.
const SHOWN_LINES: usize = 10;

/// Runs it to its end, with nothing to read and messages in plain English.
pub(crate) fn output(
    program: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    folder: Option<&Path>,
) -> Result<Output, Error> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .env("PATH", supervise::search_path())
        .stdin(Stdio::null());
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    command.output().map_err(|source| Error::Spawn { program: program.to_owned(), source })
}

/// What it printed; an error if it failed.
pub(crate) fn stdout(program: &str, arguments: &[&str], folder: Option<&Path>) -> Result<String, Error> {
    let output = output(program, arguments, folder)?;
    if !output.status.success() {
        return Err(tool_error(format!("{program} {}", arguments.join(" ")), &output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// That a command has failed.
pub(crate) fn tool_error(command: String, output: &Output) -> Error {
    Error::Tool { command, status: supervise::describe(output.status), output: last_words(output) }
}

/// The end of what it printed, errors last.
pub(crate) fn last_words(output: &Output) -> Vec<String> {
    text::tail(&[output.stdout.as_slice(), b"\n", output.stderr.as_slice()].concat(), SHOWN_LINES)
}
