//! Long jobs whose output goes to a log, and which can be watched.

use std::fs::File;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use crate::error::Error;
use crate::follow::Follow;
use crate::progress::{Progress, Stage};
use crate::supervise::Job;
use crate::text;

/// How a job ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// How many lines the log has, with those of earlier jobs.
    pub(crate) lines: usize,
}

/// Runs a job to its end, its output going to the end of `log`. `usual_lines`: how long that log is
/// in the end, about.
pub(crate) fn run(
    job: &Job,
    what: &str,
    log: &Path,
    usual_lines: usize,
    stage: Stage,
    progress: &dyn Progress,
) -> Result<Ended, Error> {
    let open = || File::options().create(true).append(true).open(log).map_err(Error::io("open", log));
    let mut running =
        job.start(open()?, open()?).map_err(|source| Error::Spawn { program: what.to_owned(), source })?;
    let mut follow = Follow::new(log)?;
    let mut cutter = text::LineCutter::default();
    let mut lines = 0;
    loop {
        // Asked first, so that what was written before its end is seen.
        let ended = running.poll().map_err(Error::io("wait for what writes", log))?;
        let mut last = None;
        follow.read_rest(|bytes| {
            cutter.feed(bytes, |line| {
                lines += 1;
                last = Some(text::escape(line));
            });
        })?;
        if let Some(last) = last {
            progress.line(stage, last.trim());
            let percent = (lines * 100 / usual_lines.max(1)).min(99);
            progress.percent(stage, u8::try_from(percent).unwrap_or(99));
        }
        if let Some(status) = ended {
            return Ok(Ended { status, lines });
        }
        if progress.cancelled() {
            return Err(Error::Cancelled);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
