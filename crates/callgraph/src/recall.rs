//! How much of what is possible a graph contains, measured against what is independent of it: the
//! landing pads that the build put where an indirect call may arrive, and stacks that were seen.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;
use xenheap_model::{Frame, clean, same_file};

use crate::{Certainty, Code, ContextId, Edge, EntryClass, FunctionId, Graph, Open, SiteId, SiteKind};

/// What a graph knows of its indirect calls. No fallback edge counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Indirect {
    /// Indirect and alternative calls of the image.
    pub sites: usize,
    /// Those of firmware.
    pub firmware: usize,
    /// Those in functions that nothing in this build calls.
    pub uncalled: usize,
    /// Those with at least one target.
    pub with_targets: usize,
    /// Those of code that Xen writes at run time and that calls no function.
    pub stubs: usize,
    /// Those that are open, by reason.
    pub open: BTreeMap<Open, usize>,
    /// Targets of the sites that have some.
    pub targets: Spread,
    /// Functions in C that begin with a landing pad; none in a build without them.
    pub landings: usize,
    /// Those that a call through a pointer reaches, also one that the compiler made direct.
    pub reached: usize,
    /// The others, with the reason.
    pub unreached: BTreeMap<String, String>,
}

/// How numbers are spread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Sum divided by count; of a call in several contexts their mean counts.
    pub mean: f64,
    /// The same with the targets of all contexts together.
    pub joined: f64,
    /// Half are not larger.
    pub median: usize,
    /// The largest.
    pub most: usize,
}

impl Indirect {
    /// Share of the sites that are resolved, firmware and code that nothing calls apart: with
    /// targets, or known to call nothing.
    pub fn resolved(&self) -> Share {
        Share { part: self.with_targets + self.stubs, whole: self.sites - self.firmware - self.uncalled }
    }

    /// Share of the landing pads that are reached.
    pub fn landing(&self) -> Share {
        Share { part: self.reached, whole: self.landings }
    }
}

/// A part of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Share {
    /// How many.
    pub part: usize,
    /// Of how many.
    pub whole: usize,
}

impl Share {
    /// Per cent, cut after the second digit so that nothing is rounded up to a goal.
    pub fn percent(self) -> Option<f64> {
        let hundredths = (self.part * 10_000).checked_div(self.whole)?;
        u32::try_from(hundredths).ok().map(|hundredths| f64::from(hundredths) / 100.0)
    }
}

/// Measures a graph against its own image.
pub fn indirect(graph: &Graph) -> Indirect {
    let mut targets: HashMap<SiteId, usize> = HashMap::new();
    let mut reached: HashSet<FunctionId> = HashSet::new();
    let through_pointers =
        |edge: &&Edge| edge.certainty != Certainty::Fallback && edge.evidence.is_of_a_pointer();
    let mut last = None;
    let mut apart: BTreeMap<SiteId, BTreeMap<Option<ContextId>, BTreeSet<FunctionId>>> = BTreeMap::new();
    for edge in graph.edges.iter().filter(through_pointers) {
        reached.insert(edge.callee);
        // Several things can say that one edge exists.
        if last.replace((edge.site, edge.callee)) != Some((edge.site, edge.callee)) {
            *targets.entry(edge.site).or_default() += 1;
            for way in graph.ways_of(edge.site, edge.callee) {
                apart.entry(edge.site).or_default().entry(way.within).or_default().insert(edge.callee);
            }
        }
    }
    let mut found = Indirect {
        sites: 0,
        firmware: 0,
        uncalled: 0,
        with_targets: 0,
        stubs: 0,
        open: BTreeMap::new(),
        targets: Spread::default(),
        landings: 0,
        reached: 0,
        unreached: BTreeMap::new(),
    };
    let mut sizes = Vec::new();
    let mut told_apart = 0.0;
    for (id, site) in (0..).map(SiteId).zip(&graph.sites) {
        if !matches!(site.kind, SiteKind::Indirect | SiteKind::Alternative) {
            continue;
        }
        found.sites += 1;
        match (targets.get(&id), site.open) {
            (Some(count), _) => {
                sizes.push(*count);
                // Of a call whose targets contexts tell apart, each context counts alike.
                told_apart += match apart.get(&id) {
                    Some(contexts) => {
                        float(contexts.values().map(BTreeSet::len).sum()) / float(contexts.len())
                    }
                    None => float(*count),
                };
            }
            (None, None) => found.stubs += 1,
            (None, Some(open)) => *found.open.entry(open).or_default() += 1,
        }
    }
    found.firmware = found.open.get(&Open::Firmware).copied().unwrap_or(0);
    found.uncalled = found.open.get(&Open::Uncalled).copied().unwrap_or(0);
    found.with_targets = sizes.len();
    let count = float(sizes.len());
    found.targets = spread(sizes);
    found.targets.joined = found.targets.mean;
    if count > 0.0 {
        found.targets.mean = told_apart / count;
    }
    for (id, function) in (0..).map(FunctionId).zip(&graph.functions) {
        if function.code != Code::C || !function.pieces.iter().any(|piece| piece.landing) {
            continue;
        }
        found.landings += 1;
        if reached.contains(&id) {
            found.reached += 1;
            continue;
        }
        let name = format!("{}:{}", function.unit.as_deref().unwrap_or_default(), function.name);
        let why = graph.facts.unreached.get(&name).map_or("not known", String::as_str).to_owned();
        found.unreached.insert(name, why);
    }
    found
}

fn spread(mut sizes: Vec<usize>) -> Spread {
    sizes.sort_unstable();
    let mean = if sizes.is_empty() { 0.0 } else { float(sizes.iter().sum()) / float(sizes.len()) };
    Spread {
        mean,
        joined: mean,
        median: sizes.get(sizes.len() / 2).copied().unwrap_or(0),
        most: sizes.last().copied().unwrap_or(0),
    }
}

fn float(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// A frame of a stack that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Its function.
    pub function: &'a str,
    /// The file of a static function, or the end of its path.
    pub file: Option<&'a str>,
    /// Whether it is inlined into the frame before it.
    pub inlined: bool,
}

impl<'a> From<&'a Frame> for Seen<'a> {
    fn from(frame: &'a Frame) -> Self {
        Seen { function: &frame.function, file: frame.file.as_deref(), inlined: frame.inlined }
    }
}

/// How the graph explains that one function was seen to call another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Explained {
    /// A call of it, or it is inlined there.
    Direct,
    /// A call of a function that ends by jumping to it, whose frame is gone then.
    Tail,
    /// A call through a pointer; or a call of a function that ends by jumping there through one.
    Indirect,
    /// No call: an exception or an interrupt came while the first one ran.
    Arrival,
    /// Not at all.
    Missing,
    /// One of the two is no function of the graph.
    Unknown,
}

/// The (caller, callee) pairs of stacks, and how the graph explains each.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pairs {
    /// Each pair once.
    pub pairs: BTreeMap<(String, String), Explained>,
}

impl Pairs {
    /// How many are explained so.
    pub fn count(&self, how: Explained) -> usize {
        self.pairs.values().filter(|found| **found == how).count()
    }

    /// Share of the pairs that are edges, those through pointers and those that are no calls apart.
    pub fn direct(&self) -> Share {
        let part = self.count(Explained::Direct) + self.count(Explained::Tail);
        Share { part, whole: part + self.count(Explained::Missing) + self.count(Explained::Unknown) }
    }
}

/// A graph, prepared for looking up pairs.
pub struct Lookup<'a> {
    graph: &'a Graph,
    named: HashMap<&'a str, Vec<FunctionId>>,
    direct: HashSet<(FunctionId, FunctionId)>,
    tails: HashMap<FunctionId, Vec<FunctionId>>,
    indirect: HashSet<(FunctionId, FunctionId)>,
    /// Who calls something through a pointer: a function without a frame can have jumped there.
    pointers: HashMap<FunctionId, Vec<FunctionId>>,
    /// Where exceptions and interrupts arrive.
    arrivals: BTreeSet<FunctionId>,
}

impl<'a> Lookup<'a> {
    /// Prepares it.
    pub fn new(graph: &'a Graph) -> Self {
        let mut lookup = Lookup {
            graph,
            named: HashMap::new(),
            direct: HashSet::new(),
            tails: HashMap::new(),
            indirect: HashSet::new(),
            pointers: HashMap::new(),
            arrivals: BTreeSet::new(),
        };
        for (id, function) in (0..).map(FunctionId).zip(&graph.functions) {
            lookup.named.entry(clean(&function.name)).or_default().push(id);
        }
        for site in &graph.sites {
            let mut outer = site.caller;
            for frame in &site.inlined {
                lookup.direct.insert((outer, frame.function));
                outer = frame.function;
            }
        }
        for edge in graph.edges.iter().filter(|edge| edge.certainty != Certainty::Fallback) {
            let Some(site) = graph.sites.get(edge.site.0 as usize) else { continue };
            let caller = site.innermost();
            match site.kind {
                SiteKind::Call | SiteKind::Fall | SiteKind::Tail => {
                    lookup.direct.insert((caller, edge.callee));
                    if site.kind != SiteKind::Call {
                        lookup.tails.entry(site.caller).or_default().push(edge.callee);
                    }
                }
                SiteKind::Indirect | SiteKind::Alternative | SiteKind::Synthetic => {
                    lookup.indirect.insert((caller, edge.callee));
                    lookup.pointers.entry(edge.callee).or_default().push(site.caller);
                }
            }
        }
        lookup.arrivals = lookup.find_arrivals();
        lookup
    }

    /// The functions that a frame can be of.
    pub fn functions(&self, seen: Seen<'_>) -> Vec<FunctionId> {
        let all = self.named.get(clean(seen.function)).map_or(&[][..], Vec::as_slice);
        let in_file = |id: &&FunctionId| {
            let function = self.graph.functions.get(id.0 as usize);
            match (
                seen.file,
                function.and_then(|function| function.unit.as_deref().filter(|_| function.is_static)),
            ) {
                // Images call assembly by its object.
                (Some(file), Some(unit)) => same_file(unit, file),
                _ => true,
            }
        };
        all.iter().filter(in_file).copied().collect()
    }

    /// The entries of exceptions and interrupts, with the assembly that they run into.
    fn find_arrivals(&self) -> BTreeSet<FunctionId> {
        let machine = |class| matches!(class, EntryClass::Trap | EntryClass::Interrupt);
        let entries = self.graph.entries.iter().filter(|entry| machine(entry.class));
        let assembly = |id: &FunctionId| {
            let function = self.graph.functions.get(id.0 as usize);
            function.is_some_and(|function| function.code == Code::Assembly)
        };
        let mut found = BTreeSet::new();
        let mut todo: Vec<FunctionId> = entries.map(|entry| entry.function).filter(assembly).collect();
        while let Some(id) = todo.pop() {
            if found.insert(id) {
                todo.extend(self.tails.get(&id).into_iter().flatten().copied().filter(assembly));
            }
        }
        found
    }

    /// How the graph explains that the first was seen to call the second.
    pub fn explain(&self, caller: Seen<'_>, callee: Seen<'_>) -> Explained {
        let (callers, callees) = (self.functions(caller), self.functions(callee));
        if callers.is_empty() || callees.is_empty() {
            return Explained::Unknown;
        }
        let any = |edges: &HashSet<(FunctionId, FunctionId)>| {
            callers.iter().any(|from| callees.iter().any(|to| edges.contains(&(*from, *to))))
        };
        if any(&self.direct) {
            return Explained::Direct;
        }
        // Functions whose last act is a jump that ends in the callee.
        let mut ends: BTreeSet<FunctionId> = callees.iter().copied().collect();
        loop {
            let more: Vec<_> = self
                .tails
                .iter()
                .filter(|(from, to)| !ends.contains(*from) && to.iter().any(|to| ends.contains(to)))
                .map(|(from, _)| *from)
                .collect();
            if more.is_empty() {
                break;
            }
            ends.extend(more);
        }
        let through = |edges: &HashSet<(FunctionId, FunctionId)>| {
            callers.iter().any(|from| ends.iter().any(|to| edges.contains(&(*from, *to))))
        };
        if through(&self.direct) {
            return Explained::Tail;
        }
        if any(&self.indirect) || through(&self.indirect) {
            return Explained::Indirect;
        }
        ends.extend(callees.iter().filter_map(|callee| self.pointers.get(callee)).flatten());
        let through = |edges: &HashSet<(FunctionId, FunctionId)>| {
            callers.iter().any(|from| ends.iter().any(|to| edges.contains(&(*from, *to))))
        };
        if through(&self.direct) {
            return Explained::Indirect;
        }
        if callees.iter().any(|callee| self.arrivals.contains(callee)) {
            return Explained::Arrival;
        }
        Explained::Missing
    }

    /// Adds the pairs of a stack, root first.
    pub fn add(&self, stack: &[Seen<'_>], pairs: &mut Pairs) {
        for pair in stack.windows(2) {
            let [caller, callee] = pair else { continue };
            let key = (clean(caller.function).to_owned(), clean(callee.function).to_owned());
            pairs.pairs.entry(key).or_insert_with(|| self.explain(*caller, *callee));
        }
    }
}
