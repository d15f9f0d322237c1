//! `xenheap graph allocations`.

use xenheap_callgraph::{Anonymity, Certainty, FunctionId, Graph, Names, charging::Callers};
use xenheap_report::{
    Render,
    graph::{AllocatorCall, AllocatorCalls, AllocatorCallsText, Holder, Json, OwnerDistance},
};

use super::query::{GraphQuery, Selecting};
use crate::{
    failure::{Exit, Failure},
    format::Format,
    graph_file::GraphFile,
    output,
};

/// Callers are looked for in what these leave: deferred work is not called by those who wanted it.
const PRESETS: [&str; 2] = ["boot", "cuts"];

/// Which calls of allocators.
#[derive(Debug)]
pub struct Config {
    pub graph: GraphFile,
    /// Only these; all if there are none.
    pub anonymity: Vec<Anonymity>,
    /// Also those that are gone after boot.
    pub boot: bool,
    pub format: Format,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let graph = config.graph.load()?;
    let selecting = Selecting {
        include: Vec::new(),
        exclude: Vec::new(),
        presets: PRESETS.map(str::to_owned).to_vec(),
        least: Certainty::Resolved,
        source: false,
    };
    let query = GraphQuery::new(&graph, &selecting, false)?;
    let callers = Callers::new(&graph, &query.selection.within);
    let calls = calls(&graph, &query.names, &callers)
        .filter(|call| config.boot || !call.boot_only)
        .filter(|call| config.anonymity.is_empty() || config.anonymity.contains(&call.anonymity))
        .collect();
    let found = AllocatorCalls { left_out: query.left_out(), calls };
    let renderer: &dyn Render<AllocatorCalls<'_>> = match config.format {
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
