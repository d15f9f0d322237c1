//! Progress on standard error, where that is a terminal.

use std::{
    cell::RefCell,
    io::IsTerminal,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use xenheap_console::Position;
use xenheap_gitlab::{DownloadOutcome, Task, Watch};
use xenheap_lab::{Progress, Stage};
use xenheap_output::printable;

use crate::{
    busy,
    failure::{is_quiet, say},
};

/// An input that is read faster than one can look needs no bar.
const LARGE: u64 = 64 << 20;

fn on_terminal() -> bool {
    std::io::stderr().is_terminal() && !is_quiet()
}

/// Shows how much of a file was read.
pub struct Reading {
    bar: ProgressBar,
    position: Position,
}

impl Reading {
    pub fn new(path: &Path, position: Position) -> Self {
        let total = position.total().unwrap_or(0);
        let bar = if total >= LARGE && on_terminal() {
            busy::over();
            let style = ProgressStyle::with_template(
                "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            );
            let bar = ProgressBar::new(total).with_prefix(printable(&path.display().to_string()));
            match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        } else {
            ProgressBar::hidden()
        };
        Reading { bar, position }
    }

    pub fn tick(&self) {
        self.bar.set_position(self.position.read());
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Shows what the lab does: a line a stage, and on a terminal the line that the stage is at.
pub struct LabProgress {
    started: RefCell<Instant>,
    spinner: ProgressBar,
}

impl LabProgress {
    pub fn new() -> Self {
        let spinner = if on_terminal() {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:10} {wide_msg}") {
                spinner.set_style(style);
            }
            spinner
        } else {
            ProgressBar::hidden()
        };
        LabProgress { started: RefCell::new(Instant::now()), spinner }
    }
}

impl Progress for LabProgress {
    fn start(&self, stage: Stage, what: &str) {
        self.started.replace(Instant::now());
        self.spinner.set_prefix(stage.name());
        self.spinner.set_message(printable(what));
        self.spinner.enable_steady_tick(Duration::from_millis(120));
        if self.spinner.is_hidden() {
            say(format_args!("{:10} {}", stage.name(), printable(what)));
        }
    }

    fn percent(&self, _: Stage, percent: u8) {
        self.spinner.set_message(format!("{percent} %"));
    }

    fn line(&self, _: Stage, line: &str) {
        self.spinner.set_message(printable(line));
    }

    fn note(&self, stage: Stage, what: &str) {
        self.spinner.suspend(|| say(format_args!("{:10} {}", stage.name(), printable(what))));
    }

    fn finish(&self, stage: Stage, result: &str) {
        let seconds = self.started.borrow().elapsed().as_secs();
        let text = format!("{:10} {} ({seconds} s)", stage.name(), printable(result));
        self.spinner.suspend(|| say(text));
    }
}

impl Drop for LabProgress {
    fn drop(&mut self) {
        self.spinner.finish_and_clear();
    }
}

/// Shows how downloads go on: on a terminal a bar, and at the end one line of what came.
pub struct Pulling {
    bar: ProgressBar,
    what: String,
    bytes: AtomicU64,
    fetched: AtomicU64,
    had: AtomicU64,
}

impl Pulling {
    pub fn new(what: &str, count: usize) -> Self {
        let bar = if on_terminal() {
            let bar = ProgressBar::new(count as u64).with_prefix(what.to_owned());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_bar} {pos}/{len} {msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        } else {
            ProgressBar::hidden()
        };
        let zero = || AtomicU64::new(0);
        Pulling { bar, what: what.to_owned(), bytes: zero(), fetched: zero(), had: zero() }
    }
}

impl Watch for Pulling {
    fn bytes(&self, count: u64) {
        let bytes = self.bytes.fetch_add(count, Ordering::Relaxed) + count;
        self.bar.set_message(HumanBytes(bytes).to_string());
    }

    fn done(&self, _: &Task<'_>, outcome: &DownloadOutcome) {
        match outcome {
            DownloadOutcome::Fetched(_) => self.fetched.fetch_add(1, Ordering::Relaxed),
            DownloadOutcome::Had => self.had.fetch_add(1, Ordering::Relaxed),
            DownloadOutcome::Missing | DownloadOutcome::Refused(_) | DownloadOutcome::Failed(_) => 0,
        };
        self.bar.inc(1);
    }
}

impl Drop for Pulling {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        let (fetched, had) = (self.fetched.load(Ordering::Relaxed), self.had.load(Ordering::Relaxed));
        let bytes = HumanBytes(self.bytes.load(Ordering::Relaxed));
        say(format_args!("{}: {fetched} downloads, {bytes}; {had} were here already", self.what));
    }
}
