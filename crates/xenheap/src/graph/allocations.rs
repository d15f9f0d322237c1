//! `xenheap graph allocations`.

use clap::{Args, ValueEnum};
use xenheap_callgraph::{Anonymity, FunctionId, Graph, Names, charging::Callers};
use xenheap_report::{
    Render,
    graph::{AllocatorCall, AllocatorCalls, AllocatorCallsText, Holder, Json, OwnerDistance},
};

use super::{
    Given,
    asking::{Asked, Selecting},
};
use crate::{
    failure::{Exit, Failure},
    format::Format,
    output,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph allocations graph                    every call of an allocator that can run after boot
  xenheap graph allocations graph --anonymity may    only those whose charge depends on a value, with the condition
  xenheap graph allocations graph --boot             also those of code that is gone after boot")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// Only these; repeatable
    #[arg(long, value_enum, value_name = "HOW")]
    pub anonymity: Vec<Anonymous>,
    /// Also calls in functions that exist only until Xen has booted
    #[arg(long)]
    pub boot: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Callers are looked for in what these leave: deferred work is not called by those who wanted it.
const PRESETS: [&str; 2] = ["boot", "cuts"];

/// Whether what a call allocates is charged to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Anonymous {
    /// Each time
    Always,
    /// Depends on a value
    May,
    /// Never
    Never,
}

impl Anonymous {
    fn is(self, anonymity: Anonymity) -> bool {
        anonymity
            == match self {
                Anonymous::Always => Anonymity::Always,
                Anonymous::May => Anonymity::May,
                Anonymous::Never => Anonymity::Never,
            }
    }
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let graph = arguments.graph.load()?;
    let selecting = Selecting { preset: PRESETS.map(str::to_owned).to_vec(), ..Selecting::default() };
    let asked = Asked::new(&graph, &selecting, false)?;
    let callers = Callers::new(&graph, &asked.selection.within);
    let calls = calls(&graph, &asked.names, &callers)
        .filter(|call| arguments.boot || !call.boot_only)
        .filter(|call| {
            arguments.anonymity.is_empty()
                || arguments.anonymity.iter().any(|wanted| wanted.is(call.anonymity))
        })
        .collect();
    let found = AllocatorCalls { left_out: asked.left_out(), calls };
    let renderer: &dyn Render<AllocatorCalls<'_>> = match arguments.format {
        Format::Text => &AllocatorCallsText,
        Format::Json => &Json,
    };
    output::stdout(|out| renderer.render(&found, out))?;
    Ok(Exit::Done)
}

fn calls<'a>(
    graph: &'a Graph,
    names: &'a Names<'a>,
    callers: &'a Callers<'a>,
) -> impl Iterator<Item = AllocatorCall<'a>> {
    graph.allocations.iter().filter_map(move |allocation| {
        let site = graph.sites.get(allocation.site.0 as usize)?;
        let innermost = site.innermost();
        let charging = callers.charging(allocation.site);
        Some(AllocatorCall {
            function: names.show(innermost),
            within: (innermost != site.caller).then(|| names.show(site.caller)),
            place: site.location.as_ref().map(ToString::to_string),
            address: site.address.map(|address| format!("{address:#x}")),
            allocator: names.show(allocation.callee),
            boot_only: graph.functions.get(site.caller.0 as usize).is_some_and(|caller| caller.boot_only()),
            anonymity: allocation.anonymity,
            evidence: &allocation.evidence,
            condition: allocation.condition.as_deref(),
            owner: OwnerDistance {
                nearest: charging
                    .nearest
                    .and_then(|(function, frames)| holder(graph, names, function, frames)),
                holders: charging.holders,
                farthest: charging.farthest,
                without: charging.without.map(|start| names.show(start)),
            },
        })
    })
}

fn holder<'a>(
    graph: &'a Graph,
    names: &'a Names<'a>,
    function: FunctionId,
    frames: u32,
) -> Option<Holder<'a>> {
    let owner = graph.functions.get(function.0 as usize)?.owner.as_ref()?;
    Some(Holder { function: names.show(function), parameter: &owner.parameter, holds: &owner.holds, frames })
}
