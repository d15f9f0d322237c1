//! A graph, prepared for runs to be laid on it: its allocation sites, who can come to them, and by
//! which way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xenheap_callgraph::{
    Allocation, Anonymity, Certainty, Entry, EntryClass, Filter, FunctionId, Graph, Location, Names, Nodes,
    Open, Preset, PresetError, Site, SiteId, SiteKind, Who,
    anonymity::{is_allocator, serves},
    presets,
    recall::Lookup,
    starts,
};
use xenheap_model::clean;
use xenheap_paths::{self as paths, Direction, NodeSet, Ways, reach};

use super::Step;

/// The presets whose functions are not on any way by which it is said who comes to a site.
pub const CUTS: &str = "cuts";

/// Who may start, the least trusted first; each may do what those before it may.
const LEVELS: [Who; 5] = [Who::AnyGuest, Who::DeviceModel, Who::ControlDomain, Who::Hardware, Who::Boot];

/// Why a graph cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum GroundError {
    /// A filter of our own.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// A name in a filter.
    #[error(transparent)]
    Name(#[from] xenheap_callgraph::NameError),
    /// The graph is too large, or refers to what it does not have.
    #[error(transparent)]
    Graph(#[from] paths::Error),
}

/// What a site's place in the graph says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Entries lead to it; the least trusted one that can take them.
    Run(Who),
    /// Entries lead to it, but only through what the cuts take out.
    Cut,
    /// No way was found, and the graph does not know all calls.
    NotKnown,
    /// It cannot run after boot: why.
    BootOnly(String),
    /// Nothing leads to it: why.
    Unreachable(String),
}

/// One call of an allocator in code that is not the allocators' own.
#[derive(Debug)]
pub(super) struct AllocationSite {
    pub site: SiteId,
    pub callees: BTreeSet<FunctionId>,
    pub anonymity: Anonymity,
    /// Whether the graph says whether it is charged.
    pub judged: bool,
    /// What decides, where it may be anonymous.
    pub condition: Option<String>,
    pub place: Place,
    /// Entries from which a way leads there that passes no other entry; positions in the graph's
    /// table.
    pub entries: BTreeSet<usize>,
}

/// Calls of some kinds, by the function that makes them, with what they can call.
type ByCaller = HashMap<FunctionId, Vec<(SiteId, FunctionId)>>;

/// A graph, prepared.
pub struct Ground<'a> {
    pub(super) graph: &'a Graph,
    pub(super) names: Names<'a>,
    pub(super) lookup: Lookup<'a>,
    /// Sites in order of the graph; those that are never anonymous, too.
    pub(super) sites: Vec<AllocationSite>,
    pub(super) by_site: HashMap<SiteId, usize>,
    /// Calls of allocators within allocators.
    pub(super) inner: usize,
    inner_sites: BTreeSet<SiteId>,
    by_address: BTreeMap<u64, SiteId>,
    /// Calls and jumps through pointers, by function.
    pointers: ByCaller,
    /// Jumps at the end of a function, by function.
    tails: ByCaller,
    nodes: Nodes,
    /// Nodes of the graph, then sites.
    compact: paths::Graph,
    /// For each compact edge the first call that it stands for.
    links: Vec<Option<SiteId>>,
    levels: Vec<Level>,
    /// Functions where entries are.
    doors: NodeSet,
    /// Indirect calls of which neither targets are known nor why there are none.
    pub(super) unresolved: usize,
}

/// What some may do.
struct Level {
    who: Who,
    within: NodeSet,
    ways: Ways,
}

impl<'a> Ground<'a> {
    /// Prepares a graph; one of a Xen with the recorder in it is asked as if there were none
    /// ([`Graph::without_recorder`]).
    pub fn new(graph: &'a Graph) -> Result<Self, GroundError> {
        let names = Names::of(graph);
        let nodes = Nodes::new(graph);
        let (sites, inner_sites) = allocation_sites(graph);
        let (compact, links) = compact(graph, &nodes, &sites)?;
        let count = compact.nodes();
        let doors = nodes.set(count, graph.entries.iter().map(|entry| entry.function));
        let mut ground = Ground {
            graph,
            lookup: Lookup::new(graph),
            by_site: sites.iter().enumerate().map(|(at, site)| (site.site, at)).collect(),
            inner: inner_sites.len(),
            inner_sites,
            by_address: addresses(graph),
            pointers: by_caller(graph, &[SiteKind::Indirect, SiteKind::Alternative]),
            tails: by_caller(graph, &[SiteKind::Tail, SiteKind::Fall]),
            levels: Vec::new(),
            unresolved: graph.sites.iter().enumerate().filter(|(at, _)| is_unresolved(graph, *at)).count(),
            names,
            nodes,
            sites,
            compact,
            links,
            doors,
        };
        let boot = presets::chosen(&["boot".to_owned()])?;
        let cuts = presets::chosen(&["boot".to_owned(), CUTS.to_owned()])?;
        for who in LEVELS {
            let level = ground.level(&cuts, who)?;
            ground.levels.push(level);
        }
        let uncut = ground.level(&boot, Who::Boot)?;
        ground.place(&uncut);
        ground.nearest_entries();
        ground.levels.push(uncut);
        Ok(ground)
    }

    /// What one may do who is so trusted, without what presets take out.
    fn level(&self, without: &[Preset], who: Who) -> Result<Level, GroundError> {
        let mut chosen = without.to_vec();
        chosen.push(Preset {
            name: "who".to_owned(),
            title: String::new(),
            exclude: Vec::new(),
            boot_only: false,
            classes: Vec::new(),
            who: Some(who),
            presets: Vec::new(),
        });
        let filter = Filter { presets: chosen, ..Filter::default() };
        let selection = filter.select(self.graph, &self.names)?;
        let functions = self.nodes.count() as u32;
        let count = self.compact.nodes();
        let mut within = NodeSet::of(count, selection.within.iter().chain(functions..count as u32));
        // What dispatches deferred work for all leads to what only the more trusted can ask for.
        let open = starts(self.graph, &[], Some(who));
        let deferred = starts(self.graph, &[EntryClass::Softirq], None);
        for closed in deferred.iter().filter(|function| !open.has(*function)) {
            within.remove(closed);
        }
        let starts = NodeSet::of(count, selection.sources.iter().flat_map(NodeSet::iter));
        let ways = Ways::new(&self.compact, &starts, Some(&within));
        Ok(Level { who, within, ways })
    }

    /// The node of a site.
    pub(super) fn node(&self, site: usize) -> u32 {
        (self.nodes.count() + site) as u32
    }

    /// Of a function's nodes the one that the least trusted can come to.
    pub(super) fn node_of(&self, function: FunctionId) -> u32 {
        let nodes: Vec<u32> = self.nodes.of(function).collect();
        let reached = |level: &Level| nodes.iter().copied().find(|node| level.ways.reached().has(*node));
        self.levels.iter().find_map(reached).unwrap_or(function.0)
    }

    fn is_boot_only(&self, function: FunctionId) -> bool {
        self.graph.functions.get(function.0 as usize).is_some_and(|function| function.boot_only())
    }

    /// Finds for each site where it stands.
    fn place(&mut self, uncut: &Level) {
        let places: Vec<Place> = (0..self.sites.len()).map(|at| self.place_of(at, uncut)).collect();
        for (site, place) in self.sites.iter_mut().zip(places) {
            site.place = place;
        }
    }

    fn place_of(&self, at: usize, uncut: &Level) -> Place {
        let node = self.node(at);
        let caller = self.sites.get(at).and_then(|site| self.graph.sites.get(site.site.0 as usize));
        if caller.is_some_and(|site| self.is_boot_only(site.caller)) {
            return Place::BootOnly("it stands in code that is given back after boot".to_owned());
        }
        if let Some(level) = first_to(&self.levels, node) {
            return Place::Run(level.who);
        }
        if uncut.ways.reached().has(node) {
            return Place::Cut;
        }
        if self.unresolved > 0 || self.graph.is_part() {
            return Place::NotKnown;
        }
        self.why_not(node)
    }

    /// Why no entry leads to a site.
    fn why_not(&self, node: u32) -> Place {
        let count = self.compact.nodes();
        let boots = |one: u32| self.is_boot_only(self.nodes.function(one));
        let stays = NodeSet::of(count, (0..count as u32).filter(|one| !boots(*one)));
        let before = reach(&self.compact, &NodeSet::of(count, [node]), Some(&stays), Direction::Backward);
        let called_at_boot = before.iter().any(|one| self.compact.predecessors(one).any(boots));
        let is_root = |one: &u32| *one != node && self.compact.predecessors(*one).all(|from| from == *one);
        let roots: Vec<&str> =
            before.iter().filter(is_root).map(|one| self.names.show(self.nodes.function(one))).collect();
        let shown = roots.iter().take(4).copied().collect::<Vec<_>>().join(", ");
        let more = if roots.len() > 4 { ", …" } else { "" };
        match (called_at_boot, roots.is_empty()) {
            (true, true) => Place::BootOnly("only code that is given back after boot leads to it".to_owned()),
            (true, false) => Place::Unreachable(format!(
                "only code that is given back after boot leads to it, and {shown}{more}, which nothing in this build calls"
            )),
            (false, false) => Place::Unreachable(format!(
                "only {shown}{more} leads to it, which nothing in this build calls"
            )),
            (false, true) => Place::Unreachable(
                "only functions that call each other lead to it, and nothing calls them".to_owned(),
            ),
        }
    }

    /// Finds for each site the entries that lead there without passing another one.
    fn nearest_entries(&mut self) {
        let functions = self.nodes.count() as u32;
        let mut found: Vec<(u32, usize)> = Vec::new();
        for (index, entry) in self.graph.entries.iter().enumerate() {
            let Some((from, within)) = self.behind(entry) else { continue };
            let reached = reach(&self.compact, &from, Some(&within), Direction::Forward);
            found.extend(reached.iter().filter(|node| *node >= functions).map(|node| (node, index)));
        }
        for (node, entry) in found {
            if let Some(site) = self.sites.get_mut((node - functions) as usize) {
                site.entries.insert(entry);
            }
        }
    }

    /// Sites that can be anonymous.
    pub(super) fn anonymous(&self) -> impl Iterator<Item = (usize, &AllocationSite)> {
        self.sites.iter().enumerate().filter(|(_, site)| site.anonymity != Anonymity::Never)
    }

    /// The call that a frame with this address has made, if the image has one that ends there.
    pub(super) fn call_before(&self, address: u64) -> Option<SiteId> {
        /// The longest call instruction: prefix, opcode, displacement.
        const LONGEST: u64 = 8;
        let (at, site) = self.by_address.range(..address).next_back()?;
        (address - at <= LONGEST).then_some(*site)
    }

    /// What a call can call.
    pub(super) fn callees(&self, site: SiteId) -> impl Iterator<Item = FunctionId> + '_ {
        let edges = self.graph.edges_of(site);
        edges.filter(|edge| edge.certainty != Certainty::Fallback).map(|edge| edge.callee)
    }

    /// A function and all that it can jump to at its end, with these jumps.
    pub(super) fn jumps(&self, function: FunctionId) -> (BTreeSet<FunctionId>, BTreeSet<SiteId>) {
        let (mut functions, mut sites) = (BTreeSet::from([function]), BTreeSet::new());
        let mut todo = vec![function];
        while let Some(from) = todo.pop() {
            for (site, to) in self.tails.get(&from).into_iter().flatten() {
                sites.insert(*site);
                if functions.insert(*to) {
                    todo.push(*to);
                }
            }
        }
        (functions, sites)
    }

    /// Whether a function calls one of some others through a pointer.
    pub(super) fn calls_through_pointer(&self, from: FunctionId, to: &[FunctionId]) -> bool {
        self.pointers.get(&from).into_iter().flatten().any(|(_, callee)| to.contains(callee))
    }

    /// Whether a call is one of an allocator's, within an allocator.
    pub(super) fn is_inner(&self, site: SiteId) -> bool {
        self.inner_sites.contains(&site)
    }

    /// Where a site stands, as people read it: in the innermost function that is no helper of an
    /// allocator.
    pub(super) fn location(&self, site: SiteId) -> Option<&'a Location> {
        let site = self.graph.sites.get(site.0 as usize)?;
        let helper = |id: FunctionId| {
            let function = self.graph.functions.get(id.0 as usize);
            function.is_some_and(|function| {
                let file = function.location.as_ref().map_or("", |location| location.file.as_str());
                file.contains("include/")
            })
        };
        let outer = site.inlined.iter().find(|frame| helper(frame.function));
        outer.and_then(|frame| frame.location.as_ref()).or(site.location.as_ref())
    }

    /// The function of the source that a call stands in.
    pub(super) fn innermost(&self, site: SiteId) -> Option<FunctionId> {
        self.graph.sites.get(site.0 as usize).map(Site::innermost)
    }

    /// The least trusted one from whose entries a way leads to a function.
    pub(super) fn who(&self, node: u32) -> Option<Who> {
        first_to(self.levels.iter().take(LEVELS.len()), node).map(|level| level.who)
    }

    /// A shortest way from an entry to a node, as the least trusted one can take it.
    pub(super) fn way(&self, node: u32) -> Vec<Step> {
        let Some(level) = first_to(&self.levels, node) else { return Vec::new() };
        self.steps(&level.ways.to(node).unwrap_or_default(), node)
    }

    /// What an entry leads to without passing another one: it alone, and the functions that those
    /// who can take it may run.
    fn behind(&self, entry: &Entry) -> Option<(NodeSet, NodeSet)> {
        let level = self.levels.iter().find(|level| level.who == entry.who)?;
        let mut within = level.within.clone();
        within.drop_all(&self.doors);
        let from = self.nodes.set(self.compact.nodes(), [entry.function]);
        for node in from.iter() {
            within.insert(node);
        }
        Some((from, within))
    }

    /// The way to the nearest of some sites, and its node.
    fn nearest(&self, ways: &Ways, sites: &BTreeSet<usize>) -> Option<(Vec<u32>, u32)> {
        let way = |site: &usize| Some((ways.to(self.node(*site))?, self.node(*site)));
        sites.iter().filter_map(way).min_by_key(|(edges, node)| (edges.len(), *node))
    }

    /// A shortest way from an entry to the first of some sites, as this entry's callers can take
    /// it.
    pub(super) fn way_from(&self, entry: usize, sites: &BTreeSet<usize>) -> Vec<Step> {
        let Some(entry) = self.graph.entries.get(entry) else { return Vec::new() };
        let Some((from, within)) = self.behind(entry) else { return Vec::new() };
        let ways = Ways::new(&self.compact, &from, Some(&within));
        self.nearest(&ways, sites).map(|(edges, node)| self.steps(&edges, node)).unwrap_or_default()
    }

    /// The way on from a function to the nearest of some sites.
    pub(super) fn way_on(&self, node: u32, sites: &BTreeSet<usize>) -> Vec<Step> {
        let Some(level) = first_to(&self.levels, node) else { return Vec::new() };
        let from = NodeSet::of(self.compact.nodes(), [node]);
        let ways = Ways::new(&self.compact, &from, Some(&level.within));
        let mut edges = level.ways.to(node).unwrap_or_default();
        let end = self.nearest(&ways, sites).map_or(node, |(on, end)| {
            edges.extend(on);
            end
        });
        self.steps(&edges, end)
    }

    fn steps(&self, edges: &[u32], end: u32) -> Vec<Step> {
        let functions = self.nodes.count() as u32;
        let mut steps: Vec<Step> = Vec::new();
        for edge in edges {
            let from = self.compact.tail(*edge);
            let site = self.links.get(*edge as usize).copied().flatten();
            let at = site.and_then(|site| self.location(site)).map(ToString::to_string);
            steps.push(Step { function: self.names.show(FunctionId(from)).to_owned(), at });
        }
        if end < functions {
            steps.push(Step { function: self.names.show(FunctionId(end)).to_owned(), at: None });
        }
        steps
    }

    /// For each function that is on all ways to some of the sites: to which of them no way leads
    /// around it.
    pub(super) fn funnels(&self, sites: &BTreeSet<usize>) -> BTreeMap<FunctionId, usize> {
        let Some(level) = self.levels.get(LEVELS.len() - 1) else { return BTreeMap::new() };
        let mut edges: Vec<(u32, u32)> = (0..self.compact.edges() as u32)
            .map(|edge| (self.compact.head(edge), self.compact.tail(edge)))
            .collect();
        edges.sort_unstable();
        let count = self.compact.nodes();
        let Ok(back) = paths::Graph::new(count, &edges) else { return BTreeMap::new() };
        let starts = NodeSet::of(count, self.doors.iter().filter(|door| level.ways.reached().has(*door)));
        let query = paths::Query {
            graph: &back,
            sources: &NodeSet::of(count, sites.iter().map(|site| self.node(*site))),
            targets: &starts,
            within: Some(&level.within),
            through: None,
            shape: paths::Shape::default(),
        };
        let Ok(found) = paths::Paths::new(&query) else { return BTreeMap::new() };
        let functions = self.nodes.count() as u32;
        let funnels = paths::funnels(&found).into_iter();
        let many = funnels.filter(|funnel| funnel.node < functions && funnel.sources > 1);
        many.map(|funnel| (self.nodes.function(funnel.node), funnel.sources)).collect()
    }

    /// All calls on ways from an entry to one of some sites, the sites themselves included.
    pub(super) fn calls_to(&self, sites: &BTreeSet<usize>) -> BTreeSet<SiteId> {
        let Some(level) = self.levels.get(LEVELS.len() - 1) else { return BTreeSet::new() };
        let targets = NodeSet::of(self.compact.nodes(), sites.iter().map(|site| self.node(*site)));
        let mut on = reach(&self.compact, &targets, Some(&level.within), Direction::Backward);
        on.keep(level.ways.reached());
        let is_on = |id: FunctionId| self.nodes.of(id).any(|node| on.has(node));
        let ends = sites.iter().filter(|site| on.has(self.node(**site)));
        let ends = ends.filter_map(|site| self.sites.get(*site)).map(|site| site.site);
        let calls = self.graph.edges.iter().filter(|edge| {
            let site = self.graph.sites.get(edge.site.0 as usize);
            edge.certainty != Certainty::Fallback
                && is_on(edge.callee)
                && site.is_some_and(|site| is_on(site.caller))
        });
        calls.map(|edge| edge.site).chain(ends).collect()
    }
}

/// The first of some levels, the least trusted, from which a way leads to a node.
fn first_to<'l>(levels: impl IntoIterator<Item = &'l Level>, node: u32) -> Option<&'l Level> {
    levels.into_iter().find(|level| level.ways.reached().has(node))
}

/// Whether an indirect call has neither a target nor a reason for having none.
fn is_unresolved(graph: &Graph, at: usize) -> bool {
    let Some(site) = graph.sites.get(at) else { return false };
    if !matches!(site.kind, SiteKind::Indirect | SiteKind::Alternative) {
        return false;
    }
    let has_target = graph.edges_of(SiteId(at as u32)).any(|edge| edge.certainty != Certainty::Fallback);
    match site.open {
        Some(Open::Unknown) => true,
        Some(_) => false,
        None => !has_target && !site.target.as_deref().is_some_and(|target| target.starts_with("stub of ")),
    }
}

/// The calls of allocators, those within allocators apart.
fn allocation_sites(graph: &Graph) -> (Vec<AllocationSite>, BTreeSet<SiteId>) {
    let function = |id: FunctionId| graph.functions.get(id.0 as usize);
    let mut found: BTreeMap<SiteId, AllocationSite> = BTreeMap::new();
    let mut inner = BTreeSet::new();
    let mut add = |site: SiteId, callee: FunctionId, judged: Option<&Allocation>| {
        let caller = graph.sites.get(site.0 as usize).and_then(|site| function(site.caller));
        let Some(caller) = caller else { return };
        if serves(clean(&caller.name)) {
            inner.insert(site);
            return;
        }
        let anonymity = judged.map_or(Anonymity::May, |judged| judged.anonymity);
        let known = found.entry(site).or_insert_with(|| AllocationSite {
            site,
            callees: BTreeSet::new(),
            anonymity,
            judged: true,
            condition: None,
            place: Place::NotKnown,
            entries: BTreeSet::new(),
        });
        known.callees.insert(callee);
        known.anonymity = known.anonymity.min(anonymity);
        known.judged &= judged.is_some();
        known.condition = known.condition.take().or(judged.and_then(|judged| judged.condition.clone()));
    };
    for allocation in &graph.allocations {
        add(allocation.site, allocation.callee, Some(allocation));
    }
    let judged: BTreeSet<(SiteId, FunctionId)> =
        graph.allocations.iter().map(|allocation| (allocation.site, allocation.callee)).collect();
    for edge in &graph.edges {
        let allocates = function(edge.callee).is_some_and(|callee| is_allocator(&callee.name));
        if allocates && !judged.contains(&(edge.site, edge.callee)) {
            add(edge.site, edge.callee, None);
        }
    }
    (found.into_values().collect(), inner)
}

/// The graph of what can run: functions, then allocation sites. A call in an inlined copy of a
/// function that is an entry is that entry's: what only the privileged may ask for is often inlined
/// into what dispatches for all.
fn compact(
    graph: &Graph,
    nodes: &Nodes,
    sites: &[AllocationSite],
) -> Result<(paths::Graph, Vec<Option<SiteId>>), paths::Error> {
    let doors: BTreeSet<FunctionId> = graph.entries.iter().map(|entry| entry.function).collect();
    let boots =
        |id: FunctionId| graph.functions.get(id.0 as usize).is_some_and(|function| function.boot_only());
    let mut edges: Vec<(u32, u32, Option<SiteId>)> = Vec::with_capacity(graph.edges.len());
    let holder = |site: SiteId, edges: &mut Vec<(u32, u32, Option<SiteId>)>| {
        let found = graph.sites.get(site.0 as usize)?;
        let mut holder = found.caller;
        if !boots(holder) {
            for frame in found.inlined.iter().filter(|frame| doors.contains(&frame.function)) {
                edges.extend(nodes.of(holder).map(|from| (from, frame.function.0, Some(site))));
                holder = frame.function;
            }
        }
        Some(holder.0)
    };
    for edge in graph.edges.iter().filter(|edge| edge.certainty != Certainty::Fallback) {
        let Some(caller) = graph.sites.get(edge.site.0 as usize).map(|site| site.caller) else { continue };
        let Some(from) = holder(edge.site, &mut edges) else { continue };
        if from != caller.0 {
            edges.push((from, edge.callee.0, Some(edge.site)));
            continue;
        }
        let (steps, _) = nodes.steps(graph, caller, edge);
        edges.extend(steps.into_iter().map(|(from, to)| (from, to, Some(edge.site))));
    }
    for (at, site) in sites.iter().enumerate() {
        if let Some(from) = holder(site.site, &mut edges) {
            let own = nodes.of(FunctionId(from));
            edges.extend(own.map(|from| (from, (nodes.count() + at) as u32, Some(site.site))));
        }
    }
    edges.sort_unstable();
    edges.dedup_by_key(|edge| (edge.0, edge.1));
    let ends: Vec<(u32, u32)> = edges.iter().map(|edge| (edge.0, edge.1)).collect();
    let compact = paths::Graph::new(nodes.count() + sites.len(), &ends)?;
    Ok((compact, edges.into_iter().map(|edge| edge.2).collect()))
}

fn addresses(graph: &Graph) -> BTreeMap<u64, SiteId> {
    let sites = (0..).map(SiteId).zip(&graph.sites);
    sites.filter_map(|(id, site)| Some((site.address?, id))).collect()
}

fn by_caller(graph: &Graph, kinds: &[SiteKind]) -> ByCaller {
    let mut found = ByCaller::new();
    for edge in graph.edges.iter().filter(|edge| edge.certainty != Certainty::Fallback) {
        let Some(site) = graph.sites.get(edge.site.0 as usize) else { continue };
        if kinds.contains(&site.kind) {
            found.entry(site.caller).or_default().push((edge.site, edge.callee));
        }
    }
    found
}
