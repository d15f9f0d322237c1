//! For a safety case.

use std::io::{self, Write};

use xenheap_judge::{Assessment, Standing, coverage::Site};
use xenheap_output::size::Bytes;

use super::{SCOPE, blocker::open, not_covered, standings};
use crate::{
    Render,
    coverage::{decision, note_texts, runs},
    gate::cell,
};

/// Markdown with a table of everything that is open, and one of every call.
#[derive(Clone, Copy, Debug, Default)]
pub struct AssessmentMarkdown;

impl Render<Assessment> for AssessmentMarkdown {
    fn render(&self, assessment: &Assessment, out: &mut dyn Write) -> io::Result<()> {
        let coverage = &assessment.coverage;
        let of = &coverage.configuration;
        let or_not = |text: &Option<String>| cell(text.as_deref().unwrap_or("not known"));
        writeln!(out, "# Anonymous allocations of Xen {} for {}\n", or_not(&of.xen), cell(&of.architecture))?;
        writeln!(out, "**{}**\n\n{SCOPE}\n", cell(&assessment.result()))?;
        writeln!(out, "Build {}, .config {}\n", or_not(&of.build_id), or_not(&of.config_sha256))?;
        writeln!(out, "| run | events | stacks laid on the graph | calls seen | complete | same build |")?;
        writeln!(out, "|---|---:|---:|---:|---|---|")?;
        for run in &coverage.runs {
            writeln!(
                out,
                "| {} | {} | {} of {} | {} | {} | {} |",
                cell(&run.name),
                run.events,
                run.laid,
                run.allocating,
                run.sites,
                run.doubt.as_deref().map_or_else(|| "yes".to_owned(), |doubt| format!("no: {}", cell(doubt))),
                if run.differs.is_empty() {
                    "yes".to_owned()
                } else {
                    format!("no: {}", cell(&run.differs.join("; ")))
                }
            )?;
        }
        let found = coverage.pairs.found();
        writeln!(out, "\nOf {} recorded (caller, callee) pairs the graph has {}.", found.whole, found.part)?;
        writeln!(out, "\n## What is open\n")?;
        if assessment.blockers.is_empty() {
            writeln!(out, "Nothing.")?;
        } else {
            writeln!(out, "| kind | of what | what | runs | what to do |\n|---|---|---|---|---|")?;
        }
        for open in open(assessment) {
            let columns: [&str; 4] = [open.code, &open.about, &open.what, &open.next];
            let [code, about, what, next] = columns.map(cell);
            let runs: Vec<String> = open.runs.iter().map(|run| cell(run)).collect();
            writeln!(out, "| {code} | {about} | {what} | {} | {next} |", runs.join(", "))?;
        }
        writeln!(out, "\n## Every call of an allocator\n")?;
        writeln!(out, "| call | stands | reached | who, by which entries | evidence | machine | people | ")?;
        writeln!(out, "|---|---|---|---|---|---|---|")?;
        for (standing, site) in standings(assessment) {
            row(standing, site, out)?;
        }
        for (title, lines) in [
            ("Not covered", not_covered(assessment)),
            ("Taken for granted", coverage.assumptions.clone()),
            (
                "Noticed",
                note_texts(&coverage.notes)
                    .iter()
                    .map(|note| format!("{}: {}", note.code.as_str(), note.what))
                    .collect(),
            ),
        ] {
            writeln!(out, "\n## {title}\n")?;
            for line in &lines {
                writeln!(out, "- {}", cell(line))?;
            }
            if lines.is_empty() {
                writeln!(out, "Nothing.")?;
            }
        }
        Ok(())
    }
}

fn row(standing: Standing, site: &Site, out: &mut dyn Write) -> io::Result<()> {
    let at = site.at.as_deref().map_or_else(String::new, |at| format!(" ({at})"));
    let call = format!("{}{at}: {}", site.function, site.allocators.join(", "));
    let reason = site.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
    let reached = format!("{}{reason}", site.state.describe());
    let by = match site.who {
        Some(by) => format!("{}: {}", by.as_str(), site.entries.join(", ")),
        None => String::new(),
    };
    let (evidence, machine) = match &site.evidence {
        None => (String::new(), String::new()),
        Some(evidence) => {
            let lifetimes: Vec<&str> = evidence.lifetimes.iter().map(|lifetime| lifetime.as_str()).collect();
            let counters = &evidence.counters;
            let seen = runs(&evidence.runs);
            (
                format!("{seen}; largest {}, peak {}", Bytes(counters.max), Bytes(counters.peak)),
                lifetimes.join(", "),
            )
        }
    };
    let people: Vec<String> = site.decisions.iter().map(decision).collect();
    writeln!(
        out,
        "| {} | {} | {} | {} | {} | {machine} | {} |",
        cell(&call),
        standing.describe(),
        cell(&reached),
        cell(&by),
        cell(&evidence),
        cell(&people.join(" / "))
    )
}
