//! What a report in the format of the RFC does not tell.

use std::io::{self, Write};

use xenheap_model::View;
use xenheap_output::printable;

use super::left_out;
use crate::{Render, Report};

/// What the format has no word for, in one line; nothing if there is no such thing in the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWord;

impl Render<Report> for NoWord {
    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let left_out: Vec<String> =
            left_out(report).into_iter().map(|(what, count)| format!("{what} ({count})")).collect();
        if left_out.is_empty() {
            return Ok(());
        }
        let (name, left_out) = (printable(report.name()), left_out.join(", "));
        writeln!(out, "{name}: left out, because the rfc format has no word for it: {left_out}")
    }
}

/// That the report has none of what the format is made of, in one line; nothing if it has.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl Render<Report> for NoEvents {
    fn render(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        if report.run().facts.view != Some(View::Summary) {
            return Ok(());
        }
        let name = printable(report.name());
        writeln!(out, "{name}: the summary view has no single events, which the rfc format is made of")
    }
}
