//! A summary for merge requests and job pages.

use std::io::{self, Write};

use xenheap_judge::Gate;
use xenheap_model::Untold;
use xenheap_output::{Escaped, size::Bytes};

use super::{UNCERTAIN, doubtful, marked, problems, say_doubtful};
use crate::Render;
use crate::untold::{TITLE, list};

/// How many problems the table lists.
const SHOWN: usize = 50;

/// Markdown with a table of runs and one of problems.
#[derive(Clone, Copy, Debug, Default)]
pub struct Markdown;

impl Render<Gate> for Markdown {
    fn render(&self, gate: &Gate, out: &mut dyn Write) -> io::Result<()> {
        let problems = problems(gate);
        match problems.len() {
            0 => writeln!(out, "## xenheap check: passed\n")?,
            count => writeln!(out, "## xenheap check: refused, {count} problems\n")?,
        }
        writeln!(out, "| run | findings | refused | peak of all |\n|---|---:|---:|---:|")?;
        for run in &gate.runs {
            let refused =
                run.cases.iter().filter(|case| !case.refusals.is_empty()).count() + run.refusals.len();
            let peak = run.cases.iter().fold(0u64, |sum, case| sum.saturating_add(case.counters.peak));
            writeln!(out, "| {} | {} | {refused} | {} |", cell(&run.name), run.cases.len(), Bytes(peak))?;
        }
        if !problems.is_empty() {
            writeln!(out, "\n| problem | what | path | what to do |\n|---|---|---|---|")?;
        }
        for problem in problems.iter().take(SHOWN) {
            let path = problem.case.map(marked).unwrap_or_default();
            let code = problem.code().as_str();
            writeln!(
                out,
                "| {code} | {} | {} | {} |",
                cell(&problem.what),
                cell(&path),
                cell(&problem.next)
            )?;
        }
        if problems.len() > SHOWN {
            writeln!(out, "\nand {} more, in the file of details", problems.len() - SHOWN)?;
        }
        let doubtful = doubtful(gate);
        if !doubtful.is_empty() {
            writeln!(out, "\n{UNCERTAIN}: {}.\n", say_doubtful(gate, &doubtful))?;
            list(doubtful.iter().take(SHOWN).map(|one| one.line()), out)?;
        }
        if doubtful.len() > SHOWN {
            writeln!(out, "\nand {} more, in the file of details", doubtful.len() - SHOWN)?;
        }
        if !gate.untold.is_empty() {
            writeln!(out, "\n{TITLE}:\n")?;
            list(gate.untold.iter().map(Untold::line), out)?;
        }
        Ok(())
    }
}

/// Text that stays within its cell and is nothing but text.
pub(crate) fn cell(text: &str) -> String {
    let escaped = Escaped(text).to_string();
    escaped.chars().fold(String::new(), |mut cell, c| {
        match c {
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '&' => cell.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' | '!' | '@' => {
                cell.push('\\');
                cell.push(c);
            }
            c => cell.push(c),
        }
        cell
    })
}
