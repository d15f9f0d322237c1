//! What `.ci` files add to an image: places with columns, use of the stack; and whether both say
//! the same.

use std::collections::HashMap;

use rayon::prelude::*;
use xenheap_facts::{
    build::File,
    ci::{self, INDIRECT, Unit},
    dwarf::Debug,
    image::Image,
    place::Place,
};
use xenheap_model::relative;

use super::{
    Error,
    code::index,
    functions::{Functions, base},
    units::{self, Compared},
};
use crate::{
    draft::Draft,
    graph::{Certainty, Edge, Evidence, FunctionId, Location, SiteId, SiteKind, StackUse},
};

/// Parses all files; of several damaged ones the first is told of.
pub fn parse(files: &[File]) -> Result<Vec<Unit<'_>>, Error> {
    Ok(files.par_iter().map(File::ci).collect::<Result<_, ci::Error>>()?)
}

/// Adds what they say to the functions and sites of an image.
pub(super) fn add(
    draft: &mut Draft,
    (image, debug): (&Image, &Debug),
    functions: &Functions,
    units: &[Unit<'_>],
) -> Result<(), Error> {
    let folder = debug.units.iter().find_map(|unit| unit.folder.as_deref());
    let Compared { own: kept, of_the_image, lacks } = units::compare(image, debug, units);
    draft.facts.lacks.extend(lacks);
    draft.count("ci.files", units.len() as u64);
    draft.count("ci.files-of-the-image", of_the_image as u64);
    let build = || draft_build(draft);
    if of_the_image == 0 && !units.is_empty() {
        return Err(Error::OtherBuild { files: units.len(), build: build() });
    }
    let twice = kept.windows(2).filter(|pair| matches!(pair, [(a, _), (b, _)] if a == b)).count();
    draft.count("ci.units-with-several-files", twice as u64);
    let mut names = Names { functions, folder };
    nodes(draft, &mut names, &kept)?;
    let mut sites: Vec<Vec<SiteId>> = vec![Vec::new(); draft.functions.len()];
    for (site, id) in draft.sites.iter().zip(0..) {
        if let Some(of) = sites.get_mut(index(site.caller.0)) {
            of.push(SiteId(id));
        }
    }
    let mut callees: Vec<Option<FunctionId>> = vec![None; draft.sites.len()];
    for edge in &draft.edges {
        if let Some(callee) = callees.get_mut(index(edge.site.0)) {
            *callee = Some(edge.callee);
        }
    }
    Matching { used: vec![false; draft.sites.len()], sites, callees }.edges(draft, &mut names, &kept);
    Ok(())
}

fn draft_build(draft: &Draft) -> String {
    draft.facts.build_id.clone().unwrap_or_else(|| "(without an id)".to_owned())
}

/// Finds the function that an id of a `.ci` file means.
struct Names<'a> {
    functions: &'a Functions,
    folder: Option<&'a str>,
}

impl Names<'_> {
    fn function(&self, id: ci::Id<'_>) -> Option<FunctionId> {
        let unit = id.unit.map(|unit| relative(unit, self.folder));
        self.functions.named(unit.as_deref(), base(id.name))
    }

    fn location(&self, place: Place<'_>) -> Location {
        Location { file: relative(place.file, self.folder), line: place.line, column: place.column }
    }
}

fn nodes(draft: &mut Draft, names: &mut Names<'_>, kept: &[(String, &Unit<'_>)]) -> Result<(), Error> {
    let (mut compared, mut missing) = (0, 0);
    for node in kept.iter().flat_map(|(_, unit)| &unit.nodes).filter(|node| node.defined) {
        compared += 1;
        let Some(function) = names.function(node.id).and_then(|id| draft.functions.get_mut(index(id.0)))
        else {
            missing += 1;
            continue;
        };
        if let Some(stack) = node.stack {
            // Of a function and its clones the one that takes most counts.
            let dynamic = stack.dynamic && !stack.bounded;
            let before = function.stack.get_or_insert(StackUse { bytes: 0, dynamic });
            before.bytes = before.bytes.max(stack.bytes);
            before.dynamic |= dynamic;
        }
        if let Some(place) = node.place {
            function.location = Some(names.location(place));
        }
    }
    draft.count("ci.functions", compared);
    draft.count("ci.functions-not-in-the-image", missing);
    // A few functions are thrown away by the linker; another build has more of them.
    if missing * 4 > compared {
        return Err(Error::Differs { compared, missing, build: draft_build(draft) });
    }
    Ok(())
}

/// Which edge of a `.ci` file is which site of the image.
struct Matching {
    used: Vec<bool>,
    sites: Vec<Vec<SiteId>>,
    callees: Vec<Option<FunctionId>>,
}

impl Matching {
    fn edges(mut self, draft: &mut Draft, names: &mut Names<'_>, kept: &[(String, &Unit<'_>)]) {
        let mut later = Vec::new();
        for edge in kept.iter().flat_map(|(_, unit)| &unit.edges) {
            let Some(caller) = names.function(edge.caller) else {
                draft.count("ci.calls-of-functions-not-in-the-image", 1);
                continue;
            };
            let callee = (edge.callee.name != INDIRECT).then(|| names.function(edge.callee));
            let place = edge.place.map(|place| names.location(place));
            if callee == Some(None) {
                draft.count("ci.calls-of-what-is-not-in-the-image", 1);
                continue;
            }
            let callee = callee.flatten();
            match self.site(draft, caller, callee, |site| same_line(site, place.as_ref())) {
                Some(site) => {
                    draft.count("ci.calls-at-the-same-place", 1);
                    self.agree(draft, site, callee, place);
                }
                None => later.push((caller, callee, place)),
            }
        }
        // What the compiler moved has another line in the image: then who calls whom must do.
        for (caller, callee, place) in later {
            match self.site(draft, caller, callee, |_| true) {
                Some(site) => {
                    draft.count("ci.calls-at-another-place", 1);
                    self.agree(draft, site, callee, place);
                }
                None if callee.is_none() => draft.count("ci.indirect-calls-not-in-the-image", 1),
                None if callee == Some(caller) => draft.count("ci.recursions-made-a-loop", 1),
                // One instruction can stand for several calls of the source: the compiler merges
                // equal ends.
                None if self.calls(caller, callee) => draft.count("ci.calls-merged-into-one", 1),
                None => draft.count("ci.calls-not-in-the-image", 1),
            }
        }
        let mut only: HashMap<&'static str, u64> = HashMap::new();
        for (site, used) in draft.sites.iter().zip(&self.used) {
            let c = draft
                .functions
                .get(index(site.caller.0))
                .is_some_and(|caller| caller.code == crate::graph::Code::C);
            let what = match (site.kind, *used) {
                (_, true) => continue,
                (SiteKind::Call | SiteKind::Tail, _) if c => "image.calls-not-in-ci",
                (SiteKind::Indirect, _) if c => "image.indirect-calls-not-in-ci",
                (SiteKind::Alternative, _) => "image.alternative-calls-not-in-ci",
                _ => "image.calls-in-assembly",
            };
            *only.entry(what).or_default() += 1;
        }
        for (what, number) in only {
            draft.count(what, number);
        }
    }

    /// Whether any site of a caller has that callee.
    fn calls(&self, caller: FunctionId, callee: Option<FunctionId>) -> bool {
        let sites = self.sites.get(index(caller.0)).map(Vec::as_slice).unwrap_or_default();
        sites.iter().any(|site| self.callees.get(index(site.0)) == Some(&callee))
    }

    /// An unused site of a caller with that callee (none: any indirect one).
    fn site(
        &mut self,
        draft: &Draft,
        caller: FunctionId,
        callee: Option<FunctionId>,
        fits: impl Fn(Option<&Location>) -> bool,
    ) -> Option<SiteId> {
        let found = self.sites.get(index(caller.0))?.iter().copied().find(|id| {
            let at = index(id.0);
            let Some(site) = draft.sites.get(at) else { return false };
            self.used.get(at) == Some(&false)
                && self.callees.get(at) == Some(&callee)
                && (callee.is_some() || matches!(site.kind, SiteKind::Indirect | SiteKind::Alternative))
                && fits(site.location.as_ref())
        })?;
        *self.used.get_mut(index(found.0))? = true;
        Some(found)
    }

    fn agree(&self, draft: &mut Draft, id: SiteId, callee: Option<FunctionId>, place: Option<Location>) {
        if let (Some(site), Some(place)) = (draft.sites.get_mut(index(id.0)), place) {
            site.location = Some(place);
        }
        if let Some(callee) = callee {
            draft.edges.push(Edge {
                site: id,
                callee,
                evidence: Evidence::Ci,
                certainty: Certainty::Certain,
            });
        }
    }
}

fn same_line(site: Option<&Location>, place: Option<&Location>) -> bool {
    match (site, place) {
        (Some(a), Some(b)) => (&a.file, a.line) == (&b.file, b.line),
        _ => false,
    }
}
