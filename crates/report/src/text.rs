//! The report for people.

mod calls;
mod charged;
mod domains;
mod experiment;
mod findings;
mod leaks;
mod overview;

use std::io::{self, Write};

use xenheap_model::Arch;

use xenheap_output::{
    Escaped,
    layout::{Paint, WIDTH},
    size::Several,
};

use crate::{Group, Render, Report};
use findings::Findings;

/// What a person can choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextOptions {
    /// Show where in the source each frame is.
    pub lines: bool,
    /// Show every stack, also of what was freed again.
    pub all: bool,
    /// Use the colours of a terminal.
    pub color: bool,
}

/// The report for people. Leaks come first, then what is known of the run as a whole, then the
/// single findings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text(pub TextOptions);

impl Render<[Report]> for Text {
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
            self.one(report, paint, out)?;
        }
        Ok(())
    }
}

impl Text {
    fn one(&self, report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
        if !overview::head(report, paint, out)? {
            return overview::refused(report, paint, out);
        }
        let groups = Group::of(report.findings());
        let mut findings = Findings::new(report, &groups, self.0, paint);
        overview::filtered(report, out)?;
        leaks::write(report, &mut findings, paint, out)?;
        domains::write(report, paint, out)?;
        overview::totals(report, paint, out)?;
        experiment::write(report, paint, out)?;
        charged::write(report, paint, out)?;
        calls::write(report, paint, out)?;
        overview::checks(report, paint, out)?;
        overview::refused(report, paint, out)?;
        findings.write(report, out)
    }
}
