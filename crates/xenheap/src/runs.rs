//! Runs as the commands want them: with progress on a terminal, warnings, and errors for people.

use std::path::{Path, PathBuf};

use xenheap_console::Position;
use xenheap_report::Report;
use xenheap_runs::{Loaded, Notice, Observer, Options, RunError, Tick};

use crate::{
    busy,
    failure::{Exit, Failure, warn},
    progress::Reading,
};

/// Reads a RUN, and saves it if that is asked for.
pub fn load(path: &Path, options: &Options) -> Result<Loaded, Failure> {
    Ok(xenheap_runs::load(path, options, &Terminal)?)
}

/// Reads a RUN for commands that have no options for that.
pub fn report(path: &Path) -> Result<Report, Failure> {
    let Loaded { job, run, .. } = load(path, &Options::default())?;
    Ok(Report::new(job, run, &Default::default()))
}

/// See [`xenheap_runs::names`].
pub fn names(paths: &[PathBuf]) -> Result<Vec<String>, Failure> {
    Ok(xenheap_runs::names(paths)?)
}

/// Standard error.
pub struct Terminal;

impl Observer for Terminal {
    fn opened(&self, path: &Path, position: Position) -> Tick {
        busy::now(format_args!("reading {}", path.display()));
        let reading = Reading::new(path, position);
        Box::new(move || reading.tick())
    }

    fn notice(&self, notice: Notice) {
        match notice {
            Notice::Damaged { job, damage } => warn(format_args!("{job}: {damage}")),
            Notice::Mismatch { image, mismatch } => {
                warn(format_args!("names can be wrong: {}: {mismatch}", image.display()));
            }
            Notice::NoDebugInfo => {
                warn("the image has no debug information: no inlined functions and no lines are shown");
            }
            Notice::NoNames { job } => warn(format_args!(
                "{job}: addresses have no names: put `xen-syms` of the build beside the log, or name it with --symbols"
            )),
            Notice::NamesOfItsOwn { name } => {
                warn(format_args!("{name} has its own names: --symbols is not used"));
            }
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let exit = match error {
            RunError::Save(_) | RunError::OneBoot { .. } => Exit::Usage,
            _ => Exit::Input,
        };
        let failure = Failure::from_error(exit, &error);
        match error {
            RunError::NoLog { .. } => {
                failure.help("give a folder that `xenheap lab run` made, or the log itself")
            }
            RunError::Mismatch { .. } => failure.help(
                "name the right one with --symbols FILE, or use none with --no-symbols; \
                 --allow-mismatch uses this one, with names that can be wrong",
            ),
            RunError::OneBoot { .. } => failure.help("report the log itself to choose another"),
            _ => failure,
        }
    }
}
