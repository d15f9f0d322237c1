//! Progress on standard error, where that is a terminal.

use std::{
    cell::RefCell,
    io::IsTerminal,
    path::Path,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use xenheap_console::Position;
use xenheap_lab::{Progress, Stage};

use crate::failure::{printable, say};

/// An input that is read faster than one can look needs no bar.
const LARGE: u64 = 64 << 20;

/// Shows how much of a file was read.
pub struct Reading {
    bar: ProgressBar,
    position: Position,
}

impl Reading {
    pub fn new(path: &Path, position: Position) -> Self {
        let total = position.total().unwrap_or(0);
        let bar = if total >= LARGE && std::io::stderr().is_terminal() {
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
        let spinner = if std::io::stderr().is_terminal() {
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
