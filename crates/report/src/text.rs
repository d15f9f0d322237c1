//! The report for people.

mod findings;
mod layout;
mod overview;

use std::io::{self, Write};

use xenheap_model::Arch;

use crate::{Escaped, Renderer, Report, size::Several};
use layout::Paint;

/// How wide the report may get.
const WIDTH: usize = 100;

/// What a person can choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextOptions {
    /// Show where in the source each frame is.
    pub lines: bool,
    /// Use the colours of a terminal.
    pub color: bool,
}

/// The report for people: facts, totals, self-checks, findings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text(pub TextOptions);

impl Renderer for Text {
    fn render(&self, reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
        let paint = Paint(self.0.color);
        let mut arch: Option<Arch> = None;
        for (at, report) in reports.iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            let own = report.run().facts.arch;
            if reports.len() > 1 && arch != Some(own) {
                arch = Some(own);
                let runs = reports.iter().filter(|report| report.run().facts.arch == own).count();
                let title = format!("==== {}: {} ", own.as_str(), Several(runs as u64, "run"));
                writeln!(out, "{}\n", paint.bold(&format!("{title:=<WIDTH$}")))?;
            }
            writeln!(out, "{}\n", paint.bold(&Escaped(report.name()).to_string()))?;
            overview::write(report, paint, out)?;
            findings::write(report, self.0.lines, paint, out)?;
        }
        Ok(())
    }
}
