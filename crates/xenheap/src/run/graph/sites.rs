//! `xenheap graph sites`.

use xenheap_callgraph::{Graph, SiteId, SiteKind};
use xenheap_report::{
    Render,
    graph::{IndirectCall, IndirectCalls, IndirectCallsText, Json, Target, part_of},
};

use crate::{
    failure::{Exit, Failure},
    format::Format,
    graph_file::GraphFile,
    output,
};

/// Which indirect calls.
#[derive(Debug)]
pub struct Config {
    pub graph: GraphFile,
    /// Only those whose targets are not all known.
    pub open: bool,
    /// Only those through a place whose name contains this.
    pub through: Option<String>,
    pub format: Format,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let graph = config.graph.load()?;
    let calls = calls(&graph)
        .filter(|call| !config.open || call.open.is_some())
        .filter(|call| {
            config
                .through
                .as_deref()
                .is_none_or(|text| call.through.is_some_and(|through| through.contains(text)))
        })
        .collect();
    let found = IndirectCalls { part: part_of(&graph), calls };
    let renderer: &dyn Render<IndirectCalls<'_>> = match config.format {
        Format::Text => &IndirectCallsText,
        Format::Json => &Json,
    };
    output::stdout(|out| renderer.render(&found, out))?;
    Ok(Exit::Done)
}

fn calls(graph: &Graph) -> impl Iterator<Item = IndirectCall<'_>> {
    let name = |id: xenheap_callgraph::FunctionId| {
        graph.functions.get(id.0 as usize).map_or("", |function| function.name.as_str())
    };
    (0..).map(SiteId).zip(&graph.sites).filter_map(move |(id, site)| {
        if !matches!(site.kind, SiteKind::Indirect | SiteKind::Alternative | SiteKind::Synthetic) {
            return None;
        }
        let targets = graph.edges_of(id).map(|edge| Target {
            function: name(edge.callee),
            unit: graph.functions.get(edge.callee.0 as usize).and_then(|function| function.unit.as_deref()),
            evidence: edge.evidence,
            certainty: edge.certainty,
        });
        let innermost = site.innermost();
        Some(IndirectCall {
            function: name(innermost),
            within: (innermost != site.caller).then(|| name(site.caller)),
            place: site.location.as_ref().map(|at| format!("{at}:{}", at.column)),
            address: site.address.map(|address| format!("{address:#x}")),
            kind: site.kind,
            through: site.target.as_deref(),
            open: site.open,
            targets: targets.collect(),
        })
    })
}
