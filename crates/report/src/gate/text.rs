//! For people: in short on the terminal, and all of it in a file.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use xenheap_judge::{Code, Gate};
use xenheap_output::{Escaped, layout::hanging, size::Several};

use super::{
    Problem, UNCERTAIN, doubt, doubtful, marked, problems,
    refusal::{describe_all, what},
    say_doubtful,
};
use crate::Render;
use crate::untold::{TITLE, lines};

/// How many refusals of one kind the short answer shows.
const SHOWN: usize = 3;

/// What is refused and how to go on, in a few lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Short;

impl Render<Gate> for Short {
    fn render(&self, gate: &Gate, out: &mut dyn Write) -> io::Result<()> {
        let findings: usize = gate.runs.iter().map(|run| run.cases.len()).sum();
        let runs = Several(gate.runs.len() as u64, "run");
        let findings = Several(findings as u64, "finding");
        let problems = problems(gate);
        if problems.is_empty() {
            let but = match (gate.untold.is_empty(), gate.uncertain().next()) {
                (false, _) => "; parts of the recorder are missing, see below",
                (true, Some(_)) => "; not all stacks are certain, see below",
                (true, None) => "",
            };
            writeln!(out, "PASSED: {findings} in {runs}{but}")?;
        } else {
            writeln!(out, "REFUSED: {} in {findings} of {runs}", Several(problems.len() as u64, "problem"))?;
        }
        let mut by_code: BTreeMap<Code, Vec<&Problem<'_>>> = BTreeMap::new();
        for problem in &problems {
            by_code.entry(problem.code()).or_default().push(problem);
        }
        for (code, problems) in by_code {
            let what = describe_all(code, problems.iter().map(|problem| problem.refusal));
            writeln!(out, "\n  {} ({}): {what}", code.as_str(), problems.len())?;
            for problem in problems.iter().take(SHOWN) {
                let run = problem.run.map(|run| format!("{}: ", Escaped(run))).unwrap_or_default();
                writeln!(out, "    {run}{}", Escaped(&problem.what))?;
                if let Some(case) = problem.case {
                    writeln!(out, "      {} by {}", case.kind, Escaped(marked(case)))?;
                }
            }
            if problems.len() > SHOWN {
                writeln!(out, "    and {} more", problems.len() - SHOWN)?;
            }
            if let Some(problem) = problems.first() {
                writeln!(out, "    what to do: {}", Escaped(&problem.next))?;
            }
        }
        let doubtful = doubtful(gate);
        if !doubtful.is_empty() {
            let text = format!("{UNCERTAIN}: {}.", say_doubtful(gate, &doubtful));
            writeln!(out)?;
            hanging(out, "", 2, &text)?;
            writeln!(out)?;
            for one in doubtful.iter().take(SHOWN) {
                hanging(out, "  ", 4, &Escaped(one.line()).to_string())?;
            }
            if doubtful.len() > SHOWN {
                writeln!(out, "  and {} more; --details has all", doubtful.len() - SHOWN)?;
            }
        }
        if !gate.untold.is_empty() {
            writeln!(out, "\n{TITLE}:\n")?;
            lines(&gate.untold, out)?;
        }
        if !gate.unused.is_empty() {
            writeln!(out, "\n  {} in no run; `xenheap verdict stale` lists them", unused(gate))?;
        }
        Ok(())
    }
}

fn unused(gate: &Gate) -> String {
    format!("{} decided nothing", Several(gate.unused.len() as u64, "verdict"))
}

/// Every finding with its decision, refused ones with why, and every stack.
#[derive(Clone, Copy, Debug, Default)]
pub struct Details;

impl Render<Gate> for Details {
    fn render(&self, gate: &Gate, out: &mut dyn Write) -> io::Result<()> {
        Short.render(gate, out)?;
        for run in &gate.runs {
            writeln!(out, "\n==== {}: {}", Escaped(&run.name), Several(run.cases.len() as u64, "finding"))?;
            for refusal in &run.refusals {
                writeln!(out, "\n  REFUSED {}: {}", refusal.code().as_str(), Escaped(what(refusal)))?;
            }
            for case in &run.cases {
                let counters = &case.counters;
                writeln!(
                    out,
                    "\n  {}, charge {}: {} allocations, {} B, peak {} B, live {} B; {}",
                    case.kind,
                    case.charge,
                    counters.allocs.saturating_add(counters.taken),
                    counters.bytes.saturating_add(counters.taken_bytes),
                    counters.peak,
                    counters.live_bytes,
                    case.judgement.lifetime
                )?;
                let id = case.decision.entry.as_ref().map_or("no entry", |entry| entry.id.as_str());
                writeln!(out, "    {} ({})", case.decision.verdict, Escaped(id))?;
                if let Some(uncertain) = case.uncertain {
                    writeln!(out, "    {}", Escaped(doubt(uncertain)))?;
                }
                for refusal in &case.refusals {
                    writeln!(out, "    REFUSED {}: {}", refusal.code().as_str(), Escaped(what(refusal)))?;
                }
                for (level, frame) in case.frames.0.iter().enumerate() {
                    writeln!(out, "{:width$}{}", "", Escaped(frame.to_string()), width = 6 + 2 * level)?;
                }
            }
        }
        if !gate.unused.is_empty() {
            writeln!(out, "\n{}:", unused(gate))?;
        }
        for unused in &gate.unused {
            let why = match unused.against.as_slice() {
                [] => "matched nothing".to_owned(),
                ids => format!("contradicted by {}", ids.join(", ")),
            };
            writeln!(out, "  {}: {why}", Escaped(&unused.id))?;
        }
        Ok(())
    }
}
