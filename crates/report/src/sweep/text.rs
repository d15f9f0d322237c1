//! For people.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use xenheap_model::{
    Kind,
    sweep::{Sweep, Trial, TrialOutcome, TrialResult},
};
use xenheap_output::Escaped;

use crate::Render;

/// How many functions of a stack the table shows, innermost first: who asked for memory, and on
/// whose behalf.
const FRAMES: usize = 6;

/// A table: a line for each stack, with what there is to say of it below.
#[derive(Clone, Copy, Debug, Default)]
pub struct SweepText;

impl Render<Sweep> for SweepText {
    fn render(&self, sweep: &Sweep, out: &mut dyn Write) -> io::Result<()> {
        let identity = &sweep.identity;
        writeln!(
            out,
            "Xen {} ({}), workload {}: \
             allocation {} of each of {} stacks failed, once, in a boot of its own\n",
            Escaped(&identity.xen),
            Escaped(&identity.arch),
            Escaped(&identity.workload),
            identity.nth,
            sweep.trials.len()
        )?;
        summary(sweep, out)?;
        writeln!(out, "\n  {:16}  {:8}  {:18}  asked for by", "stack", "kind", "outcome")?;
        sweep.trials.iter().try_for_each(|trial| line(trial, out))
    }
}

fn summary(sweep: &Sweep, out: &mut dyn Write) -> io::Result<()> {
    let results = || sweep.trials.iter().filter_map(|trial| trial.result.as_ref());
    let mut counts: BTreeMap<TrialOutcome, usize> = BTreeMap::new();
    for result in results() {
        *counts.entry(result.outcome).or_default() += 1;
    }
    for (outcome, count) in counts {
        writeln!(out, "  {count:4}  {}", outcome.as_str())?;
    }
    if sweep.pending() > 0 {
        writeln!(out, "  {:4}  not tried yet", sweep.pending())?;
    }
    let leaked = results().filter(|result| !result.leaks.is_empty()).count();
    writeln!(out, "  {leaked:4}  of them with a leak")?;
    let doubtful = results().filter(|result| result.doubt.is_some()).count();
    writeln!(out, "  {doubtful:4}  of them with a log that cannot show leaks")
}

fn line(trial: &Trial, out: &mut dyn Write) -> io::Result<()> {
    let stack = &trial.stack;
    let kinds: Vec<&str> = stack.kinds.iter().copied().map(Kind::as_str).collect();
    let outcome = trial.result.as_ref().map_or("not tried yet", |result| result.outcome.as_str());
    let leaks = trial.result.as_ref().is_some_and(|result| !result.leaks.is_empty());
    let outcome = format!("{outcome}{}", if leaks { ", leak" } else { "" });
    writeln!(
        out,
        "  {:016x}  {:8}  {outcome:18}  {}",
        stack.hash,
        kinds.join(","),
        functions(&stack.frames)
    )?;
    trial.result.as_ref().map_or(Ok(()), |result| remarks(result, out))
}

fn functions(frames: &[String]) -> String {
    let shown: Vec<String> =
        frames.iter().rev().take(FRAMES).map(|frame| Escaped(frame).to_string()).collect();
    let more = if frames.len() > FRAMES { " < ..." } else { "" };
    format!("{}{more}", shown.join(" < "))
}

fn remarks(result: &TrialResult, out: &mut dyn Write) -> io::Result<()> {
    let mut say = |text: String| writeln!(out, "  {:16}  {}", "", Escaped(&text));
    if let Some(failed) = &result.failed {
        let about = failed.subject.map(|subject| format!(", at work on {}", subject.id)).unwrap_or_default();
        say(format!("{} bytes while {} ran{about}", failed.bytes, failed.current))?;
    }
    if result.outcome != TrialOutcome::Unnoticed
        && let Some(message) = &result.message
    {
        say(message.clone())?;
    }
    for crash in &result.crashes {
        let at = crash.at.as_ref().map(|at| format!(", by {at}")).unwrap_or_default();
        say(format!("{} crashed{at}", crash.domain))?;
    }
    if let Some(last) = result.said.last() {
        say(last.clone())?;
    }
    for leak in &result.leaks {
        say(format!(
            "leak ({}): {} more of kind {}, {} bytes, stack {:016x}: {}",
            leak.found.as_str(),
            leak.more.count,
            leak.kind.as_str(),
            leak.more.bytes,
            leak.hash,
            functions(&leak.frames)
        ))?;
    }
    Ok(())
}
