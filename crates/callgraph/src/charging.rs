//! How far the owner is from a call of an allocator: which frame above it, in the source, holds a
//! `struct domain *` or a `struct vcpu *`. The nearer and the more surely, the easier the
//! allocation could be charged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use xenheap_paths::NodeSet;

use crate::{Certainty, FunctionId, Graph, Nodes, SiteId};

/// Who holds the owner on the ways to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charging {
    /// The nearest function that holds one, and how many frames it is above the function that the
    /// call stands in; inlined frames count.
    pub nearest: Option<(FunctionId, u32)>,
    /// How many functions are the first that holds one, on one way or another.
    pub holders: usize,
    /// How many frames up the farthest of them is, on the shortest way to each.
    pub farthest: u32,
    /// Where a way starts on which nobody holds one: the nearest such start.
    pub without: Option<FunctionId>,
}

/// The graph turned around, for many questions. It is walked as paths are, by [`Nodes`]: where a
/// table that is handed down decides what is called, only callers that hand down the right one are
/// above.
pub struct Callers<'a> {
    graph: &'a Graph,
    nodes: Nodes,
    /// For each node, the sites that call it, and the node of the function around each.
    sites: Vec<Vec<(SiteId, u32)>>,
    /// For sites that are possible in some contexts only, the nodes of the functions around them.
    apart: BTreeMap<SiteId, BTreeSet<u32>>,
    /// Nodes that stand for nothing.
    vain: BTreeSet<u32>,
    /// Nodes that nobody calls, and those where control arrives from outside: what stands above on
    /// the stack then is not of the same matter.
    starts: Vec<bool>,
}

impl<'a> Callers<'a> {
    /// Calls that only the type of a pointer allows are not among them, and none of functions that
    /// are not within the set: boot code, say, or deferred work, whose callers are not those who
    /// wanted it.
    pub fn new(graph: &'a Graph, within: &NodeSet) -> Self {
        let nodes = Nodes::new(graph);
        let mut all = Vec::new();
        let mut apart: BTreeMap<SiteId, BTreeSet<u32>> = BTreeMap::new();
        for edge in graph.edges.iter().filter(|edge| edge.certainty != Certainty::Fallback) {
            let Some(site) = graph.sites.get(edge.site.0 as usize) else { continue };
            let (steps, told) = nodes.steps(graph, site.caller, edge);
            if told {
                apart.entry(edge.site).or_default().extend(steps.iter().map(|(from, _)| *from));
            }
            all.extend(steps.into_iter().map(|(from, to)| (edge.site, from, to)));
        }
        let heads = all.iter().filter(|(_, from, to)| from != to).map(|(_, _, to)| *to);
        let vain = nodes.vain(graph, NodeSet::of(nodes.count(), heads));
        let mut sites = vec![Vec::new(); nodes.count()];
        for (site, from, to) in all {
            if let Some(of) = sites.get_mut(to as usize)
                && within.has(from)
                && !vain.contains(&from)
            {
                of.push((site, from));
            }
        }
        for of in &mut sites {
            of.sort_unstable();
            of.dedup();
        }
        let mut starts: Vec<bool> = sites.iter().map(Vec::is_empty).collect();
        for node in graph.entries.iter().flat_map(|entry| nodes.of(entry.function)) {
            if let Some(start) = starts.get_mut(node as usize) {
                *start = true;
            }
        }
        Callers { graph, nodes, sites, apart, vain, starts }
    }

    /// The nodes of the function around a site in which it can call something.
    fn around(&self, site: SiteId) -> Vec<u32> {
        let Some(caller) = self.graph.sites.get(site.0 as usize).map(|site| site.caller) else {
            return Vec::new();
        };
        match self.apart.get(&site) {
            Some(nodes) => nodes.iter().copied().collect(),
            None => self.nodes.of(caller).filter(|node| !self.vain.contains(node)).collect(),
        }
    }

    fn holds(&self, function: FunctionId) -> bool {
        self.graph.functions.get(function.0 as usize).is_some_and(|function| function.owner.is_some())
    }

    /// Goes up from a site through the functions inlined around it: the first that holds an owner
    /// and how far it is, or the function whose machine code it is and how far that is.
    fn climb(&self, site: SiteId, distance: u32) -> Option<(FunctionId, u32, bool)> {
        let site = self.graph.sites.get(site.0 as usize)?;
        let frames = site.inlined.iter().rev().map(|frame| frame.function).chain([site.caller]);
        let mut last = None;
        for (function, distance) in frames.zip(distance..) {
            let holds = self.holds(function);
            last = Some((function, distance, holds));
            if holds {
                break;
            }
        }
        last
    }

    /// Who holds the owner above a call.
    pub fn charging(&self, site: SiteId) -> Charging {
        let mut holders: BTreeMap<FunctionId, u32> = BTreeMap::new();
        let mut reached: BTreeMap<u32, u32> = BTreeMap::new();
        let mut without: Option<(u32, FunctionId)> = None;
        // A function inlined into another makes a step longer than one, so a function can be
        // reached again by a shorter way.
        let mut next: VecDeque<_> = self.around(site).into_iter().map(|node| (site, node, 0)).collect();
        while let Some((site, node, distance)) = next.pop_front() {
            let Some((function, distance, holds)) = self.climb(site, distance) else { continue };
            if holds {
                let known = holders.entry(function).or_insert(distance);
                *known = distance.min(*known);
                continue;
            }
            if reached.get(&node).is_some_and(|known| *known <= distance) {
                continue;
            }
            reached.insert(node, distance);
            if self.starts.get(node as usize).copied().unwrap_or(false) {
                without = Some(without.map_or((distance, function), |known| known.min((distance, function))));
                continue;
            }
            let above = self.sites.get(node as usize).into_iter().flatten();
            next.extend(above.map(|(site, from)| (*site, *from, distance + 1)));
        }
        Charging {
            nearest: holders
                .iter()
                .map(|(function, distance)| (*distance, *function))
                .min()
                .map(|(d, f)| (f, d)),
            holders: holders.len(),
            farthest: holders.values().copied().max().unwrap_or(0),
            without: without.map(|(_, function)| function),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Code, Context, ContextId, Edge, Entry, EntryClass, Evidence, Function, InlinedFrame, Owner, Site,
        SiteKind, Way, Who,
    };

    fn charging(graph: &Graph, site: u32) -> Charging {
        Callers::new(graph, &NodeSet::all(Nodes::new(graph).count())).charging(SiteId(site))
    }

    /// Functions by name, those with a `*` hold a domain; calls as (caller, inlined around it,
    /// callee).
    fn graph(functions: &[&str], calls: &[(u32, &[u32], u32)]) -> Graph {
        let function = |name: &&str| Function {
            name: name.trim_end_matches('*').to_owned(),
            unit: None,
            is_static: false,
            location: None,
            code: Code::C,
            pieces: Vec::new(),
            stack: None,
            owner: name
                .ends_with('*')
                .then(|| Owner { parameter: "d".to_owned(), holds: "domain".to_owned() }),
            noreturn: false,
        };
        let site = |(caller, inlined, _): &(u32, &[u32], u32)| Site {
            caller: FunctionId(*caller),
            address: None,
            location: None,
            kind: SiteKind::Call,
            inlined: inlined
                .iter()
                .map(|function| InlinedFrame { function: FunctionId(*function), location: None })
                .collect(),
            target: None,
            open: None,
        };
        let edge = |(site, (_, _, callee)): (u32, &(u32, &[u32], u32))| Edge {
            site: SiteId(site),
            callee: FunctionId(*callee),
            evidence: Evidence::Image,
            certainty: Certainty::Certain,
        };
        Graph {
            functions: functions.iter().map(function).collect(),
            sites: calls.iter().map(site).collect(),
            edges: (0..).zip(calls).map(edge).collect(),
            ..Graph::default()
        }
    }

    #[test]
    fn the_caller_itself_holds_the_owner() {
        let graph = graph(&["alloc", "make*", "call"], &[(1, &[], 0), (2, &[], 1)]);
        let found = charging(&graph, 0);
        let expected = Charging { nearest: Some((FunctionId(1), 0)), holders: 1, farthest: 0, without: None };
        assert_eq!(found, expected);
    }

    #[test]
    fn inlined_frames_are_steps_and_may_hold_it() {
        // call* [inlined in make] calls plain, which allocates in a function inlined into it
        let graph =
            graph(&["alloc", "plain", "inner", "call*", "make"], &[(1, &[2], 0), (4, &[3], 1), (4, &[], 4)]);
        let found = charging(&graph, 0);
        assert_eq!(found.nearest, Some((FunctionId(3), 2)));
        assert_eq!(found.without, None);
    }

    #[test]
    fn a_way_without_an_owner_is_told_and_cycles_end() {
        let mut graph = graph(
            &["alloc", "low", "high*", "timer", "loop"],
            &[(1, &[], 0), (2, &[], 1), (3, &[], 1), (4, &[], 1), (1, &[], 4)],
        );
        let found = charging(&graph, 0);
        assert_eq!((found.nearest, found.holders), (Some((FunctionId(2), 1)), 1));
        assert_eq!(found.without, Some(FunctionId(3)));
        // An entry is a start although others call it, and what is above it does not count.
        graph.entries.push(Entry {
            function: FunctionId(1),
            class: EntryClass::Trap,
            operation: "x".to_owned(),
            who: Who::AnyGuest,
            source: String::new(),
        });
        let found = charging(&graph, 0);
        assert_eq!((found.nearest, found.without), (None, Some(FunctionId(1))));
    }

    #[test]
    fn what_is_not_within_is_not_climbed() {
        let graph = graph(&["alloc", "low", "softirq", "high*"], &[(1, &[], 0), (2, &[], 1), (3, &[], 2)]);
        let within = NodeSet::of(4, [0, 1, 3]);
        let found = Callers::new(&graph, &within).charging(SiteId(0));
        assert_eq!((found.nearest, found.without), (None, Some(FunctionId(1))));
    }

    /// Two tables, of which one leads to what allocates.
    #[test]
    fn a_caller_that_hands_down_another_table_is_not_above() {
        let mut graph = graph(
            &["alloc", "low", "emulate", "pv_entry", "hvm_entry*", "outside"],
            &[(1, &[], 0), (2, &[], 1), (3, &[], 2), (4, &[], 2), (2, &[], 5)],
        );
        let found = charging(&graph, 0);
        assert_eq!((found.nearest, found.without), (Some((FunctionId(4), 2)), Some(FunctionId(3))));
        let says = |says: &str| Context { function: FunctionId(2), says: says.to_owned(), closed: true };
        graph.contexts = vec![says("ops = hvm"), says("ops = pv")];
        let way = |site, callee, within: Option<u32>, into: Option<u32>| Way {
            site: SiteId(site),
            callee: FunctionId(callee),
            within: within.map(ContextId),
            into: into.map(ContextId),
        };
        graph.ways = vec![way(1, 1, Some(0), None), way(2, 2, None, Some(1)), way(3, 2, None, Some(0))];
        let found = charging(&graph, 0);
        let expected = Charging { nearest: Some((FunctionId(4), 2)), holders: 1, farthest: 2, without: None };
        assert_eq!(found, expected);
        // A call that no table decides stands in each context; nobody is above the function without
        // a table.
        let found = charging(&graph, 4);
        assert_eq!((found.nearest, found.without), (Some((FunctionId(4), 1)), Some(FunctionId(3))));
        // But for the outside, if it comes in there.
        graph.entries.push(Entry {
            function: FunctionId(2),
            class: EntryClass::Trap,
            operation: "x".to_owned(),
            who: Who::AnyGuest,
            source: String::new(),
        });
        assert_eq!(charging(&graph, 4).without, Some(FunctionId(2)));
    }

    #[test]
    fn nobody_holds_it() {
        let graph = graph(&["alloc", "low"], &[(1, &[], 0)]);
        let found = charging(&graph, 0);
        assert_eq!(found, Charging { nearest: None, holders: 0, farthest: 0, without: Some(FunctionId(1)) });
        assert_eq!(charging(&graph, 7).nearest, None);
    }
}
