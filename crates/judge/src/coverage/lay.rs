//! Laying one recorded stack on the graph, call by call.

use std::collections::BTreeSet;

use xenheap_callgraph::{
    FunctionId, SiteId, SiteKind, anonymity,
    recall::{Explained, Seen},
};
use xenheap_model::{Frame, Stack, clean, same_file};

use super::ground::Ground;

/// A stack on the graph.
#[derive(Debug, Default)]
pub(super) struct PlacedStack {
    /// Each (caller, callee) of it, inlined ones included, and how the graph explains it.
    pub pairs: Vec<(String, String, Explained)>,
    /// The calls that were made, as far as addresses tell.
    pub calls: BTreeSet<SiteId>,
    /// The functions that were in it, as far as they are known for sure.
    pub functions: BTreeSet<FunctionId>,
    /// The allocation sites that it passed; positions in the ground's table.
    pub sites: BTreeSet<usize>,
    /// Where it ended.
    pub end: End,
}

/// At which call of an allocator a stack ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// One that the graph has.
    Known,
    /// One of several.
    OneOf(Vec<usize>),
    /// None that the graph knows.
    #[default]
    Nowhere,
}

impl PlacedStack {
    /// The first pair that the graph does not have.
    pub fn missing(&self) -> Option<&(String, String, Explained)> {
        self.pairs.iter().find(|(_, _, how)| matches!(how, Explained::Missing | Explained::Unknown))
    }
}

/// A function with what the compiler inlined into it: what one address of a stack stands for.
struct Group<'s> {
    frames: &'s [Frame],
    call: At,
}

/// What an address tells of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// The call that was made.
    Call(SiteId),
    /// That the graph has no call there.
    NoCall,
    /// There is none, or it is one of another image.
    Unknown,
}

impl<'s> Group<'s> {
    fn outer(&self) -> Option<&'s Frame> {
        self.frames.first()
    }

    fn inner(&self) -> Option<&'s Frame> {
        self.frames.last()
    }
}

impl Ground<'_> {
    /// Lays a stack. Addresses are those of the graph's image only if the run is of the same build.
    pub(super) fn lay(&self, stack: &Stack, same_build: bool) -> PlacedStack {
        let mut laid = PlacedStack::default();
        let groups = self.groups(&stack.frames, same_build);
        for (at, group) in groups.iter().enumerate() {
            self.add_functions(group, &mut laid);
            for pair in group.frames.windows(2) {
                if let [outer, inner] = pair {
                    let how = self.lookup.explain(Seen::from(outer), Seen::from(inner));
                    laid.pairs.push((shown(outer), shown(inner), how));
                }
            }
            match groups.get(at + 1) {
                Some(next) => self.step(group, next, &mut laid),
                None => self.end(group, &mut laid),
            }
        }
        laid
    }

    fn groups<'s>(&self, frames: &'s [Frame], same_build: bool) -> Vec<Group<'s>> {
        let mut groups = Vec::new();
        let mut rest = frames;
        while !rest.is_empty() {
            let inlined = rest.iter().skip(1).take_while(|frame| frame.inlined).count();
            let (group, others) = rest.split_at(inlined + 1);
            rest = others;
            let address = group.first().and_then(|frame| frame.addr).filter(|_| same_build);
            let call = address.and_then(|address| self.call_before(address)).filter(|call| {
                // An address can be that of an instruction that was interrupted.
                let caller = self.graph.sites.get(call.0 as usize).map(|site| site.caller);
                let functions = group.first().map(|frame| self.lookup.functions(Seen::from(frame)));
                caller.is_some_and(|caller| functions.is_some_and(|functions| functions.contains(&caller)))
            });
            let call = match (address, call) {
                (_, Some(call)) => At::Call(call),
                (Some(_), None) => At::NoCall,
                (None, None) => At::Unknown,
            };
            groups.push(Group { frames: group, call });
        }
        groups
    }

    /// Which functions a group is of: by its call, else by names that only one function has.
    fn add_functions(&self, group: &Group<'_>, laid: &mut PlacedStack) {
        if let At::Call(call) = group.call
            && let Some(site) = self.graph.sites.get(call.0 as usize)
        {
            laid.functions.insert(site.caller);
            laid.functions.extend(site.inlined.iter().map(|frame| frame.function));
            return;
        }
        for frame in group.frames {
            if let [one] = self.lookup.functions(Seen::from(frame)).as_slice() {
                laid.functions.insert(*one);
            }
        }
    }

    /// From one group to the next.
    fn step(&self, group: &Group<'_>, next: &Group<'_>, laid: &mut PlacedStack) {
        let (Some(inner), Some(callee)) = (group.inner(), next.outer()) else { return };
        let functions = self.lookup.functions(Seen::from(callee));
        let by_call = match group.call {
            At::Call(call) => self.by_call(call, &functions).map(|how| (call, how)),
            At::NoCall | At::Unknown => None,
        };
        let how = match (group.call, by_call) {
            (_, Some((call, how))) => {
                laid.calls.insert(call);
                laid.sites.extend(self.by_site.get(&call));
                how
            }
            // What was registered somewhere has no call of its own at an address, and neither has
            // an exception.
            (At::Call(_) | At::NoCall, None) => {
                match self.lookup.explain(Seen::from(inner), Seen::from(callee)) {
                    Explained::Direct | Explained::Tail => Explained::Missing,
                    how => how,
                }
            }
            (At::Unknown, None) => {
                let how = self.lookup.explain(Seen::from(inner), Seen::from(callee));
                if let [site] = self.candidates(group, Some(&functions)).as_slice() {
                    laid.sites.insert(*site);
                }
                how
            }
        };
        if how == Explained::Arrival {
            // What was interrupted has not asked for what follows.
            laid.calls.clear();
            laid.functions.clear();
            laid.sites.clear();
        }
        laid.pairs.push((shown(inner), shown(callee), how));
    }

    /// Whether a call leads to one of these functions, itself or through jumps at the end of what
    /// it calls.
    fn by_call(&self, call: SiteId, functions: &[FunctionId]) -> Option<Explained> {
        let kind = self.graph.sites.get(call.0 as usize)?.kind;
        let callees: Vec<FunctionId> = self.callees(call).collect();
        let through = matches!(kind, SiteKind::Indirect | SiteKind::Alternative | SiteKind::Synthetic);
        if callees.iter().any(|callee| functions.contains(callee)) {
            return Some(if through { Explained::Indirect } else { Explained::Direct });
        }
        let ends: BTreeSet<FunctionId> = callees.iter().flat_map(|callee| self.jumps(*callee).0).collect();
        if functions.iter().any(|function| ends.contains(function)) {
            return Some(if through { Explained::Indirect } else { Explained::Tail });
        }
        // A jump through a pointer looks like a call through it, but for the frame that is missing
        // here.
        let jump = ends.iter().any(|end| self.calls_through_pointer(*end, functions));
        jump.then_some(Explained::Indirect)
    }

    /// The end of a stack: who called the allocator.
    fn end(&self, group: &Group<'_>, laid: &mut PlacedStack) {
        let call = match group.call {
            At::Call(call) => call,
            At::NoCall => return,
            At::Unknown => return self.end_by_names(group, laid),
        };
        if let Some(site) = self.by_site.get(&call) {
            laid.calls.insert(call);
            laid.sites.insert(*site);
            laid.end = End::Known;
            return;
        }
        if self.is_inner(call) {
            laid.calls.insert(call);
            // Whoever called this allocator is the site.
            laid.end = if laid.sites.is_empty() { End::Nowhere } else { End::Known };
            return;
        }
        // What was called has jumped into the allocator, and has no frame.
        let mut jumps = BTreeSet::new();
        for callee in self.callees(call) {
            jumps.extend(self.jumps(callee).1);
        }
        let sites: Vec<usize> = jumps.iter().filter_map(|jump| self.by_site.get(jump)).copied().collect();
        laid.end = match sites.as_slice() {
            [] if !laid.sites.is_empty() && jumps.iter().any(|jump| self.is_inner(*jump)) => End::Known,
            [] => End::Nowhere,
            [site] => {
                laid.calls.insert(call);
                laid.calls.extend(self.sites.get(*site).map(|known| known.site));
                laid.sites.insert(*site);
                End::Known
            }
            several => End::OneOf(several.to_vec()),
        };
    }

    /// The same without an address.
    fn end_by_names(&self, group: &Group<'_>, laid: &mut PlacedStack) {
        let serves = group.outer().is_some_and(|frame| anonymity::serves(clean(&frame.function)));
        laid.end = match self.candidates(group, None).as_slice() {
            // Whoever called this allocator is the site.
            [] if serves && !laid.sites.is_empty() => End::Known,
            [] => End::Nowhere,
            [site] => {
                laid.sites.insert(*site);
                End::Known
            }
            several => End::OneOf(several.to_vec()),
        };
    }

    /// The allocation sites that a group without a known call can be at: in its functions, inlined
    /// alike, on its line.
    fn candidates(&self, group: &Group<'_>, callees: Option<&[FunctionId]>) -> Vec<usize> {
        let (Some(outer), Some(inner)) = (group.outer(), group.inner()) else { return Vec::new() };
        let functions = self.lookup.functions(Seen::from(outer));
        let chain: Vec<Vec<FunctionId>> =
            group.frames.iter().skip(1).map(|frame| self.lookup.functions(Seen::from(frame))).collect();
        let fits = |at: &usize, with_line: bool| {
            let known = self.sites.get(*at);
            let site = known.and_then(|known| self.graph.sites.get(known.site.0 as usize));
            let (Some(known), Some(site)) = (known, site) else { return false };
            let calls =
                callees.is_none_or(|callees| known.callees.iter().any(|callee| callees.contains(callee)));
            let inlined = site.inlined.len() == chain.len()
                && site.inlined.iter().zip(&chain).all(|(frame, seen)| seen.contains(&frame.function));
            let line = match (&inner.source, &site.location) {
                (Some(source), Some(at)) if with_line => {
                    source.line == at.line && same_file(&source.file, &at.file)
                }
                _ => !with_line,
            };
            calls && inlined && line && functions.contains(&site.caller)
        };
        let all: Vec<usize> = (0..self.sites.len()).filter(|at| fits(at, false)).collect();
        let on_line: Vec<usize> = all.iter().copied().filter(|at| fits(at, true)).collect();
        // Names alone tell only where there is no choice.
        if on_line.is_empty() { all } else { on_line }
    }
}

fn shown(frame: &Frame) -> String {
    let name = xenheap_model::NormalFrame::from(frame);
    match name.file {
        Some(file) => format!("{file}#{}", name.function),
        None => name.function,
    }
}
