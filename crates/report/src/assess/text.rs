//! For people.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use xenheap_judge::{Assessment, Standing, coverage::Site};
use xenheap_output::Escaped;

use super::{
    SCOPE,
    blocker::{Open, open},
    not_covered, standings,
};
use crate::{
    Render,
    coverage::{decision, head, shown, way},
};

/// The result first, then what it stands on.
#[derive(Clone, Copy, Debug, Default)]
pub struct AssessmentText;

impl Render<Assessment> for AssessmentText {
    fn render(&self, assessment: &Assessment, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n", assessment.result())?;
        writeln!(out, "{SCOPE}\n")?;
        head(&assessment.coverage, out)?;
        blockers(assessment, out)?;
        writeln!(out, "\nEvery call")?;
        for (standing, site) in standings(assessment) {
            one(standing, site, out)?;
        }
        writeln!(out, "\nNot covered")?;
        for line in not_covered(assessment) {
            writeln!(out, "  {}", Escaped(line))?;
        }
        writeln!(out, "\nTaken for granted")?;
        for line in &assessment.coverage.assumptions {
            writeln!(out, "  {}", Escaped(line))?;
        }
        Ok(())
    }
}

fn blockers(assessment: &Assessment, out: &mut dyn Write) -> io::Result<()> {
    let mut by_code: BTreeMap<&str, Vec<Open<'_>>> = BTreeMap::new();
    for open in open(assessment) {
        by_code.entry(open.code).or_default().push(open);
    }
    for (code, all) in by_code {
        writeln!(out, "\nOpen: {code} ({})", all.len())?;
        let mut next = "";
        for open in &all {
            let runs: Vec<String> = open.runs.iter().map(|run| Escaped(run).to_string()).collect();
            let runs = if runs.is_empty() { String::new() } else { format!(" ({})", runs.join(", ")) };
            writeln!(out, "  {}: {}{runs}", Escaped(&open.about), Escaped(&open.what))?;
            if open.next != next {
                next = &open.next;
                writeln!(out, "      what to do: {}", Escaped(next))?;
            }
        }
    }
    Ok(())
}

fn one(standing: Standing, site: &Site, out: &mut dyn Write) -> io::Result<()> {
    let at = site.at.as_deref().map_or_else(String::new, |at| format!(" ({})", Escaped(at)));
    let function = Escaped(&site.function);
    writeln!(out, "  {function}{at}, {}: {}", Escaped(site.allocators.join(", ")), standing.describe())?;
    let reason = site.reason.as_deref().map_or_else(String::new, |reason| format!(": {}", Escaped(reason)));
    writeln!(out, "      {}{reason}", site.state.describe())?;
    if let Some(by) = site.who {
        writeln!(out, "      {} can come here, by {}", by.as_str(), Escaped(site.entries.join(", ")))?;
    }
    if let Some(condition) = &site.condition {
        writeln!(out, "      anonymous only if {}", Escaped(condition))?;
    }
    match &site.evidence {
        Some(evidence) => writeln!(out, "      {}", shown(evidence))?,
        None if !site.way.is_empty() => writeln!(out, "      by way of {}", way(&site.way))?,
        None => {}
    }
    for decided in &site.decisions {
        writeln!(out, "      {}", decision(decided))?;
    }
    Ok(())
}
