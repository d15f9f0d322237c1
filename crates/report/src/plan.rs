//! What domains would need if they paid for themselves, a format a module.

mod files;
mod json;
mod svg;
mod text;

use xenheap_judge::EntryPoint;
use xenheap_model::Domain;
use xenheap_output::size::{Date, Seconds};
use xenheap_plan::{Axis, Memory, Payer, Plan, Policy, RunPlan};

pub use files::{PlanFile, files};
pub use json::PlanJson;
pub use svg::PlanSvg;
pub use text::PlanText;

use crate::guest::guest;

/// What is asked of a plan.
#[derive(Clone, Debug)]
pub struct Question {
    /// The policy that the settings and the curves are for.
    pub policy: Policy,
    /// What domains have.
    pub memory: Memory,
}

/// A plan, with what is asked of it.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What is asked.
    pub question: &'a Question,
}

/// Where something stands on a run's axis of time.
fn when(axis: Axis, at: u64) -> String {
    match axis {
        Axis::Events => format!("event {at}"),
        Axis::SinceBoot => Seconds(at).to_string(),
        Axis::Dates => Date(at).to_string(),
    }
}

/// A payer's name within a run: `d1`, or `d1.7` with the generation if several domains had the id.
fn payer_name(run: &RunPlan, payer: Payer) -> String {
    match payer {
        Payer::Domain(id)
            if run.domains.iter().filter(|domain| domain.id.domain == id.domain).count() > 1 =>
        {
            format!("{}.{}", id.domain, id.generation)
        }
        other => other.to_string(),
    }
}

/// The kinds of guests that domains of an id are.
fn guests(plan: &Plan, domain: Domain) -> String {
    let accounts =
        plan.runs.iter().flat_map(|run| run.domains.iter().map(move |account| (run.arch, account)));
    let kinds = accounts.filter(|(_, account)| account.id.domain == domain);
    let kinds: std::collections::BTreeSet<&str> =
        kinds.map(|(arch, account)| guest(account.flags, arch)).collect();
    kinds.into_iter().collect::<Vec<_>>().join("; ")
}

/// What Xen was asked to do, and the last functions that it called for it, in one line.
fn path(run: &RunPlan, stack: xenheap_model::StackId) -> String {
    const LAST: usize = 3;
    let Some(stack) = run.stacks.get(&stack) else { return "a stack that could not be read".to_owned() };
    let names: Vec<&str> = stack.frames.iter().map(|frame| frame.function.as_str()).collect();
    let function = EntryPoint::of(stack).function;
    let worker = names.iter().position(|name| function.ends_with(name)).unwrap_or(0);
    let called: Vec<&str> = stack
        .frames
        .iter()
        .skip(worker + 1)
        .filter(|frame| !frame.inlined)
        .map(|frame| frame.function.as_str())
        .collect();
    let more = if called.len() > LAST { "... > " } else { "" };
    let last = called.get(called.len().saturating_sub(LAST)..).unwrap_or_default().join(" > ");
    match (function.is_empty(), last.is_empty()) {
        (true, true) => "a stack that could not be read".to_owned(),
        (false, true) => function,
        (true, false) => format!("{more}{last}"),
        (false, false) => format!("{function}: {more}{last}"),
    }
}
