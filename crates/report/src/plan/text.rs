//! For people.

use std::io::{self, Write};

use xenheap_output::{
    Escaped,
    layout::{hanging, table},
    size::{Bytes, Count, Rough, Several},
};
use xenheap_plan::{Axis, Charged, Of, Payer, Plan, Policy, RunPlan};

use super::{Answer, Question, files, guests, path, payer_name, when};
use crate::Render;
use crate::untold::{TITLE, lines};

/// How many causes of a heap are shown.
const CAUSES: usize = 5;

/// For people.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanText;

impl Render<Answer<'_>> for PlanText {
    fn render(&self, Answer { plan, question }: &Answer<'_>, out: &mut dyn Write) -> io::Result<()> {
        let runs = Several(plan.runs.len() as u64, "run");
        writeln!(out, "What domains would need if anonymous memory were charged to them: {runs}\n")?;
        for run in &plan.runs {
            if let Some(doubt) = &run.doubt {
                let text = format!("its numbers may be wrong: {}", Escaped(doubt));
                hanging(out, &format!("  {}: ", Escaped(&run.name)), 4, &text)?;
            }
        }
        let untold = plan.untold();
        if !untold.is_empty() {
            writeln!(out, "\n{TITLE}\n")?;
            lines(&untold, out)?;
            writeln!(out)?;
        }
        for policy in &plan.policies {
            needs(plan, *policy, out)?;
        }
        beyond(plan, out)?;
        for run in &plan.runs {
            causes(run, question.policy, out)?;
        }
        settings(plan, question, out)
    }
}

/// The table of payers: the worst of all runs.
fn needs(plan: &Plan, policy: Policy, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Policy {}: {}\n", policy.as_str(), policy.describe())?;
    let worst = plan.worst();
    let lines: Vec<[String; 9]> = worst
        .iter()
        .filter(|((by, _), _)| *by == policy)
        .map(|((_, payer), worst)| {
            let what = match payer {
                Payer::Domain(id) => guests(plan, id.domain),
                Payer::System => "rules say so".to_owned(),
                Payer::Never => "shared, rules say so".to_owned(),
                Payer::Nobody(why) => why.describe().to_owned(),
            };
            let name =
                if matches!(payer, Payer::Nobody(_)) { "nobody".to_owned() } else { payer.to_string() };
            [
                name,
                what,
                Count(worst.peak.bytes).to_string(),
                Count(worst.peak.pages).to_string(),
                Rough(worst.peak.used).to_string(),
                Rough(worst.peak.asked).to_string(),
                Count(worst.peak.heap).to_string(),
                Count(plan.margin.on(worst.peak.heap)).to_string(),
                Escaped(&worst.run).to_string(),
            ]
        })
        .collect();
    let margin = format!("+{} %", plan.margin.0);
    table(
        out,
        ["", "", "xmalloc B", "pages", "charged", "asked for", "heap pages", &margin, "run"],
        2,
        &lines,
    )
}

fn beyond(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "What no policy can attribute\n")?;
    let lines: Vec<[String; 5]> = plan
        .runs
        .iter()
        .map(|run| {
            let of = |of: Of| run.charged.get(&of).map(|charged| charged.peak).unwrap_or_default();
            let (part, all) = (of(Of::Beyond), of(Of::All));
            [
                Escaped(&run.name).to_string(),
                Rough(part.asked).to_string(),
                Count(part.heap).to_string(),
                Rough(all.asked).to_string(),
                Count(all.heap).to_string(),
            ]
        })
        .collect();
    table(out, ["run", "asked for", "heap pages", "of all: asked for", "heap pages"], 1, &lines)
}

/// What each heap consists of at its fullest.
fn causes(run: &RunPlan, policy: Policy, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Heaps at their fullest, run {}, policy {}\n", Escaped(&run.name), policy.as_str())?;
    for (payer, charged) in run.under(policy) {
        let Charged { high, causes, .. } = charged;
        let at = if run.axis == Axis::Events { high.moment.seq } else { high.moment.time };
        let when = when(run.axis, at);
        let name = payer_name(run, payer);
        let heap = Several(high.usage.heap, "page");
        writeln!(out, "  {name}: {heap} for {} asked for, at {when}", Bytes(high.usage.asked))?;
        for cause in causes.iter().take(CAUSES) {
            let first = format!("    {:>9}  {:<8} ", Rough(cause.bytes), cause.key.kind);
            hanging(out, &first, first.len(), &Escaped(path(run, cause.key.stack)).to_string())?;
        }
        if causes.len() > CAUSES {
            let rest = causes.iter().skip(CAUSES).fold(0u64, |sum, cause| sum.saturating_add(cause.bytes));
            writeln!(
                out,
                "    {:>9}  on {}",
                Rough(rest),
                Several((causes.len() - CAUSES) as u64, "other path")
            )?;
        }
    }
    writeln!(out)
}

fn settings(plan: &Plan, question: &Question, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "The settings that follow from policy {}", question.policy.as_str())?;
    for file in files(plan, question) {
        writeln!(out, "\n--- {}", file.name)?;
        out.write_all(file.text.as_bytes())?;
    }
    Ok(())
}
