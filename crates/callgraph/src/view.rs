//! A graph as the algorithms see it: functions as nodes, calls as edges, and what is left out.

use std::{collections::BTreeSet, ops::Range};

use xenheap_paths::{self as paths, NodeSet};

use crate::{
    Certainty, Edge, EntryClass, Evidence, Function, FunctionId, Graph, Location, NameError, Names, Nodes,
    Preset, Site, Who,
};

/// How a graph is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewOptions {
    /// As the source says it: functions that the compiler inlined are nodes too. Else as the image
    /// does it.
    pub source: bool,
    /// The least certainty that counts.
    pub least: Certainty,
    /// Whether calls at different places are different edges.
    pub locations: bool,
}

impl Default for ViewOptions {
    fn default() -> Self {
        ViewOptions { source: false, least: Certainty::Resolved, locations: false }
    }
}

/// A graph with functions and their contexts as nodes: see [`Nodes`].
#[derive(Debug)]
pub struct View<'a> {
    graph: &'a Graph,
    nodes: Nodes,
    /// Functions' own nodes that stand for nothing: nothing enters them, and they have no edges.
    vain: BTreeSet<u32>,
    compact: paths::Graph,
    /// For each compact edge what it stands for.
    links: Vec<Link>,
    calls: Vec<Call>,
}

/// What a compact edge stands for.
#[derive(Debug, Clone)]
struct Link {
    calls: Range<usize>,
}

/// One call: an edge of the graph, or a step into a function that was inlined on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    edge: u32,
    /// Which frame of the site: none for the call itself, else the inlined function that is stepped
    /// into.
    inlined: Option<u32>,
}

/// What says that a step of a path exists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reason<'a> {
    /// Where the caller calls.
    pub location: Option<&'a Location>,
    /// None: the compiler inlined the callee there.
    pub edge: Option<&'a Edge>,
    /// The site.
    pub site: &'a Site,
}

impl<'a> View<'a> {
    /// Of a graph. Edges to what is not there are left out (the graph file's reader has refused
    /// them).
    pub fn new(graph: &'a Graph, options: ViewOptions) -> Result<Self, paths::Error> {
        let nodes = Nodes::new(graph);
        let mut calls: Vec<(u32, u32, Place<'a>, Call)> = Vec::with_capacity(graph.edges.len());
        for (index, edge) in graph.edges.iter().enumerate() {
            let Some(site) =
                graph.sites.get(edge.site.0 as usize).filter(|_| edge.certainty <= options.least)
            else {
                continue;
            };
            let edge_index = index as u32;
            let place = Place::new(options, site.location.as_ref(), site.address);
            let (steps, apart) = nodes.steps(graph, site.caller, edge);
            // What is inlined has no contexts of its own: such a call is shown as the image has it.
            if apart || !options.source || site.inlined.is_empty() {
                let call = Call { edge: edge_index, inlined: None };
                calls.extend(steps.into_iter().map(|(from, to)| (from, to, place, call)));
                continue;
            }
            for mut from in nodes.of(site.caller) {
                for (frame, inlined) in site.inlined.iter().enumerate() {
                    let call = Call { edge: edge_index, inlined: Some(frame as u32) };
                    let place = Place::new(options, inlined.location.as_ref(), None);
                    calls.push((from, inlined.function.0, place, call));
                    from = inlined.function.0;
                }
                calls.push((from, edge.callee.0, place, Call { edge: edge_index, inlined: None }));
            }
        }
        let heads = calls.iter().filter(|(from, to, ..)| from != to).map(|(_, to, ..)| *to);
        let vain = nodes.vain(graph, NodeSet::of(nodes.count(), heads));
        calls.retain(|(from, ..)| !vain.contains(from));
        calls.sort_unstable();
        calls.dedup();
        let mut ends: Vec<(u32, u32)> = Vec::new();
        let mut links: Vec<Link> = Vec::new();
        let mut last: Option<Place> = None;
        for (index, (from, to, place, _)) in calls.iter().enumerate() {
            match links.last_mut() {
                Some(link) if ends.last() == Some(&(*from, *to)) && last == Some(*place) => {
                    link.calls.end = index + 1;
                }
                _ => {
                    ends.push((*from, *to));
                    links.push(Link { calls: index..index + 1 });
                    last = Some(*place);
                }
            }
        }
        let compact = paths::Graph::new(nodes.count(), &ends)?;
        Ok(View { graph, nodes, vain, compact, links, calls: calls.into_iter().map(|call| call.3).collect() })
    }

    /// The graph that it shows.
    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// Its nodes.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// The functions that nobody calls.
    pub fn roots(&self) -> NodeSet {
        self.without_vain(self.compact.roots())
    }

    /// The functions that call nobody.
    pub fn leaves(&self) -> NodeSet {
        self.without_vain(self.compact.leaves())
    }

    /// Of some nodes those that stand for something. The own node of a function that is only called
    /// with tables stands for nothing beside its contexts.
    pub fn without_vain(&self, mut nodes: NodeSet) -> NodeSet {
        for node in &self.vain {
            nodes.remove(*node);
        }
        nodes
    }

    /// For the algorithms; the nodes are [`View::nodes`].
    pub fn compact(&self) -> &paths::Graph {
        &self.compact
    }

    /// A function.
    pub fn function(&self, node: u32) -> Option<&'a Function> {
        self.graph.functions.get(self.nodes.function(node).0 as usize)
    }

    /// What says that a compact edge exists, in order of place.
    pub fn reasons(&self, edge: u32) -> Vec<Reason<'a>> {
        let calls = self.links.get(edge as usize).and_then(|link| self.calls.get(link.calls.clone()));
        let mut reasons: Vec<Reason> =
            calls.unwrap_or_default().iter().filter_map(|call| self.reason(*call)).collect();
        // A function inlined at one place is stepped into for each call that it makes.
        let key = |reason: &Reason<'a>| (reason.location, reason.edge.map(|edge| edge.evidence));
        reasons.dedup_by(|a, b| a.edge.is_none() && key(a) == key(b));
        reasons
    }

    fn reason(&self, call: Call) -> Option<Reason<'a>> {
        let edge = self.graph.edges.get(call.edge as usize)?;
        let site = self.graph.sites.get(edge.site.0 as usize)?;
        Some(match call.inlined {
            None => Reason { location: site.location.as_ref(), edge: Some(edge), site },
            Some(frame) => {
                Reason { location: site.inlined.get(frame as usize)?.location.as_ref(), edge: None, site }
            }
        })
    }

    /// The first place where a compact edge's caller calls.
    pub fn location(&self, edge: u32) -> Option<&'a Location> {
        self.reasons(edge).iter().find_map(|reason| reason.location)
    }

    /// The kinds of evidence of a compact edge, each once; none for a step into what was inlined.
    pub fn evidence(&self, edge: u32) -> Vec<Evidence> {
        let mut found: Vec<Evidence> =
            self.reasons(edge).iter().filter_map(|reason| reason.edge.map(|edge| edge.evidence)).collect();
        found.sort();
        found.dedup();
        found
    }
}

/// What makes two calls different edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place<'a> {
    Any,
    At(&'a Location),
    Address(Option<u64>),
}

impl<'a> Place<'a> {
    fn new(options: ViewOptions, location: Option<&'a Location>, address: Option<u64>) -> Self {
        match (options.locations, location) {
            (false, _) => Place::Any,
            (true, Some(location)) => Place::At(location),
            (true, None) => Place::Address(address),
        }
    }
}

/// A pattern for functions, and whether it may mean none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// A name or a glob.
    pub text: String,
    /// One from a list for several versions of Xen may.
    pub may_be_absent: bool,
}

/// Which paths are wanted, by the functions on them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Paths through one of these; none: all.
    pub include: Vec<Pattern>,
    /// Paths through none of these.
    pub exclude: Vec<Pattern>,
    /// And what these say.
    pub presets: Vec<Preset>,
}

/// What a filter means in one graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The nodes of the graph.
    pub nodes: Nodes,
    /// The functions that are left.
    pub within: NodeSet,
    /// Functions of which each path must have one.
    pub through: Option<NodeSet>,
    /// Where paths start, if the filter says so.
    pub sources: Option<NodeSet>,
    /// What was taken out, and by whom.
    pub removed: Vec<Removed>,
    /// Patterns that mean nothing in this graph.
    pub absent: Vec<String>,
}

/// What one preset, or the list of the user, took out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The preset; none: the user.
    pub preset: Option<String>,
    /// The functions.
    pub functions: Vec<FunctionId>,
    /// Names of the preset that this graph lacks.
    pub absent: Vec<String>,
}

impl Filter {
    /// Finds the functions.
    pub fn select(&self, graph: &Graph, names: &Names) -> Result<Selection, NameError> {
        let nodes = Nodes::new(graph);
        let count = nodes.count();
        let mut selection = Selection {
            nodes,
            within: NodeSet::all(count),
            through: None,
            sources: None,
            removed: Vec::new(),
            absent: Vec::new(),
        };
        if !self.include.is_empty() {
            let found = selection.find(&self.include, names)?;
            selection.through = Some(selection.nodes.set(count, found));
        }
        if !self.exclude.is_empty() {
            let functions = selection.find(&self.exclude, names)?;
            selection.remove(Removed { preset: None, functions, absent: Vec::new() });
        }
        for preset in &self.presets {
            let mut removed =
                Removed { preset: Some(preset.name.clone()), functions: Vec::new(), absent: Vec::new() };
            for name in &preset.exclude {
                let found = names.matching(name);
                if found.is_empty() {
                    removed.absent.push(name.clone());
                }
                removed.functions.extend(found);
            }
            let all = (0..).map(FunctionId).zip(&graph.functions);
            if preset.boot_only {
                removed.functions.extend(all.filter(|(_, function)| function.boot_only()).map(|(id, _)| id));
            }
            if let Some(who) = preset.who {
                removed.functions.extend(only_for_more(graph, who));
            }
            if preset.who.is_some() || !preset.classes.is_empty() {
                let starts = starts(graph, &preset.classes, preset.who);
                match &mut selection.sources {
                    Some(sources) => sources.keep(&starts),
                    None => selection.sources = Some(starts),
                }
            }
            removed.functions.sort();
            removed.functions.dedup();
            selection.remove(removed);
        }
        Ok(selection)
    }
}

/// The functions of entries of some classes (none: all) that one so trusted, or less, can take.
pub fn starts(graph: &Graph, classes: &[EntryClass], who: Option<Who>) -> NodeSet {
    let wanted = graph.entries.iter().filter(|entry| {
        (classes.is_empty() || classes.contains(&entry.class)) && who.is_none_or(|who| entry.who <= who)
    });
    let nodes = Nodes::new(graph);
    nodes.set(nodes.count(), wanted.map(|entry| entry.function))
}

/// The functions that are entries of hypercalls for the more trusted, and no entries for others.
fn only_for_more(graph: &Graph, who: Who) -> Vec<FunctionId> {
    let open = starts(graph, &[], Some(who));
    let closed = graph.entries.iter().filter(|entry| entry.class == EntryClass::Hypercall && entry.who > who);
    closed.map(|entry| entry.function).filter(|id| !open.has(id.0)).collect()
}

impl Selection {
    fn find(&mut self, patterns: &[Pattern], names: &Names) -> Result<Vec<FunctionId>, NameError> {
        let mut all = Vec::new();
        for pattern in patterns {
            let found = names.matching(&pattern.text);
            if found.is_empty() {
                if !pattern.may_be_absent {
                    names.one(&pattern.text)?;
                }
                self.absent.push(pattern.text.clone());
            }
            all.extend(found);
        }
        all.sort();
        all.dedup();
        Ok(all)
    }

    fn remove(&mut self, removed: Removed) {
        for node in removed.functions.iter().flat_map(|id| self.nodes.of(*id)) {
            self.within.remove(node);
        }
        self.removed.push(removed);
    }

    /// Takes a function back in: one that is asked for by name is never left out.
    pub fn keep(&mut self, id: FunctionId) {
        for node in self.nodes.of(id) {
            self.within.insert(node);
        }
        for removed in &mut self.removed {
            removed.functions.retain(|other| *other != id);
        }
    }
}
