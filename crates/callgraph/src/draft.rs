//! A graph in the making: things are added in any order, and get their places when it is done.

use std::collections::HashMap;

use crate::graph::{
    Allocation, Context, ContextId, Edge, Entry, Facts, Function, FunctionId, Graph, Site, SiteId, Way,
};

/// A graph whose tables are not sorted yet. Ids are positions in its own tables until
/// [`Draft::finish`].
#[derive(Debug, Default)]
pub struct Draft {
    /// What it is made from.
    pub facts: Facts,
    /// In any order.
    pub functions: Vec<Function>,
    /// In any order.
    pub sites: Vec<Site>,
    /// In any order.
    pub edges: Vec<Edge>,
    /// In any order.
    pub entries: Vec<Entry>,
    /// In any order.
    pub allocations: Vec<Allocation>,
    /// In any order.
    pub contexts: Vec<Context>,
    /// In any order.
    pub ways: Vec<Way>,
}

impl From<Graph> for Draft {
    fn from(graph: Graph) -> Self {
        let Graph { facts, functions, sites, edges, entries, allocations, contexts, ways } = graph;
        Draft { facts, functions, sites, edges, entries, allocations, contexts, ways }
    }
}

impl Draft {
    /// Adds a function.
    pub fn function(&mut self, function: Function) -> FunctionId {
        self.functions.push(function);
        FunctionId(last(self.functions.len()))
    }

    /// Adds a call site.
    pub fn site(&mut self, site: Site) -> SiteId {
        self.sites.push(site);
        SiteId(last(self.sites.len()))
    }

    /// Adds to one of the counts.
    pub fn count(&mut self, what: &str, more: u64) {
        *self.facts.counts.entry(what.to_owned()).or_default() += more;
    }

    /// Puts everything into its place. What refers to something that is not there is left out.
    pub fn finish(self) -> Graph {
        let (functions, place) = sorted(self.functions, |function| {
            let pieces = function.pieces.first().map(|piece| piece.start);
            (function.name.clone(), function.unit.clone(), pieces, function.location.clone())
        });
        let function = |id: FunctionId| place.get(index(id.0)).copied().map(FunctionId);
        let sites = self.sites.into_iter().map(|mut site| {
            let caller = function(site.caller);
            site.inlined.retain_mut(|frame| match function(frame.function) {
                Some(id) => {
                    frame.function = id;
                    true
                }
                None => false,
            });
            // A site without its caller goes to the end, where no edge finds it.
            site.caller = caller.unwrap_or(FunctionId(u32::MAX));
            site
        });
        let (mut sites, place) = sorted(sites.collect(), |site| {
            (
                site.caller,
                site.address.is_none(),
                site.address,
                site.location.clone(),
                site.kind,
                site.target.clone(),
            )
        });
        let known = sites.partition_point(|site| site.caller != FunctionId(u32::MAX));
        sites.truncate(known);
        let site = |id: SiteId| place.get(index(id.0)).copied().filter(|at| index(*at) < known).map(SiteId);
        let mut edges: Vec<Edge> = self
            .edges
            .into_iter()
            .filter_map(|edge| Some(Edge { site: site(edge.site)?, callee: function(edge.callee)?, ..edge }))
            .collect();
        edges.sort_unstable();
        edges.dedup_by_key(|edge| (edge.site, edge.callee, edge.evidence));
        let mut entries: Vec<Entry> = self
            .entries
            .into_iter()
            .filter_map(|entry| Some(Entry { function: function(entry.function)?, ..entry }))
            .collect();
        entries.sort();
        entries.dedup();
        let mut allocations: Vec<Allocation> = self
            .allocations
            .into_iter()
            .filter_map(|one| {
                Some(Allocation { site: site(one.site)?, callee: function(one.callee)?, ..one })
            })
            .collect();
        allocations.sort_by_key(|allocation| (allocation.site, allocation.callee));
        let contexts = self
            .contexts
            .into_iter()
            .filter_map(|context| Some(Context { function: function(context.function)?, ..context }));
        let (contexts, place) = sorted(contexts.collect(), Context::clone);
        let context = |id: ContextId| place.get(index(id.0)).copied().map(ContextId);
        let mut ways: Vec<Way> = self
            .ways
            .into_iter()
            .filter_map(|way| {
                let (within, into) = (way.within.and_then(context), way.into.and_then(context));
                Some(Way { site: site(way.site)?, callee: function(way.callee)?, within, into })
            })
            .collect();
        ways.sort_unstable();
        ways.dedup();
        Graph { facts: self.facts, functions, sites, edges, entries, allocations, contexts, ways }
    }
}

/// Sorts, and tells for each old position the new one. Equal keys stay in their order.
fn sorted<T, K: Ord>(items: Vec<T>, key: impl Fn(&T) -> K) -> (Vec<T>, Vec<u32>) {
    let mut items: Vec<(usize, T)> = items.into_iter().enumerate().collect();
    items.sort_by_cached_key(|(_, item)| key(item));
    let places: HashMap<usize, u32> = items.iter().map(|(old, _)| *old).zip(0..).collect();
    let new = (0..items.len()).map(|old| places.get(&old).copied().unwrap_or(u32::MAX)).collect();
    (items.into_iter().map(|(_, item)| item).collect(), new)
}

fn last(length: usize) -> u32 {
    u32::try_from(length.saturating_sub(1)).unwrap_or(u32::MAX)
}

fn index(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
