//! What pointers were found to hold, put on the call instructions of the image.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Callee, Flow, Resolved};
use crate::{Certainty, Code, Draft, Edge, Evidence, FunctionId, Location, Open, Site, SiteId, SiteKind};

/// A place in a unit: file, line, column.
type Key<'a> = (u32, &'a str, &'a str, u32, u32);

/// Gives the open sites of a graph their targets. `slots` are the variables that calls at fixed
/// addresses go through.
pub fn apply(draft: &mut Draft, flow: &Flow) {
    let names = Names::new(draft, flow);
    let mut exact: HashMap<Key<'_>, Vec<&Resolved>> = HashMap::new();
    let mut lines: HashMap<Key<'_>, Vec<&Resolved>> = HashMap::new();
    for site in flow.sites.iter().filter(|site| !site.synthetic) {
        let (Some(unit), Some((file, line, column))) = (site.unit_index, &site.at) else { continue };
        // What is inlined in part only does not name its function: then the place alone must do.
        for function in [site.function.as_str(), ""] {
            exact.entry((unit, function, file, *line, *column)).or_default().push(site);
            lines.entry((unit, function, file, *line, 0)).or_default().push(site);
        }
    }
    let mut edges = Vec::new();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for index in 0..draft.sites.len() {
        let Some(site) = draft.sites.get(index) else { continue };
        if !matches!(site.kind, SiteKind::Indirect | SiteKind::Alternative) {
            continue;
        }
        let id = SiteId(u32::try_from(index).unwrap_or(u32::MAX));
        let caller = draft.functions.get(site.caller.0 as usize);
        let Some(caller) = caller else { continue };
        if caller.code == Code::Assembly {
            if site.open.is_none() {
                continue;
            }
            let table = flow.tables.iter().find(|table| table.callers.contains(&caller.name));
            let (target, open) = match table {
                Some(table) => {
                    edges.extend(names.edges(id, &table.callees));
                    (table.mechanism.clone(), None)
                }
                None => ("assembly".to_owned(), Some(Open::Assembly)),
            };
            set(draft, index, target, open);
            continue;
        }
        let unit = caller.pieces.iter().find_map(|piece| flow.units.get(&piece.start)).copied();
        let innermost = site.inlined.last().and_then(|frame| draft.functions.get(frame.function.0 as usize));
        let name = innermost.unwrap_or(caller).name.as_str();
        let found = match (unit, &site.location) {
            (Some(unit), Some(at)) => [
                (&exact, name, at.column, "indirect sites matched by function, line and column"),
                (&exact, "", at.column, "indirect sites matched by line and column"),
                (&lines, name, 0, "indirect sites matched by function and line"),
                (&lines, "", 0, "indirect sites matched by line"),
            ]
            .into_iter()
            .find_map(|(index, name, column, how)| {
                Some((how, index.get(&(unit, name, at.file.as_str(), at.line, column))?))
            }),
            _ => None,
        };
        let Some((how, found)) = found else {
            *counts.entry("indirect sites not matched").or_default() += 1;
            continue;
        };
        *counts.entry(how).or_default() += 1;
        let mut targets = BTreeSet::new();
        let mut open = None;
        let mut any = false;
        for resolved in found {
            targets.insert(resolved.target.as_str());
            any |= !resolved.callees.is_empty();
            open = open.or(resolved.open);
            edges.extend(names.edges(id, &resolved.callees));
            edges.extend(names.edges(id, &resolved.fallback));
        }
        let target = targets.into_iter().collect::<Vec<_>>().join(" or ");
        set(draft, index, target, open.filter(|_| !any));
    }
    edges.extend(made_direct(draft, flow, &names, &exact));
    for (what, count) in counts {
        draft.count(what, count);
    }
    draft.edges.extend(edges);
    raised(draft, flow, &names);
    for (what, count) in &flow.counts {
        draft.count(what, *count);
    }
    uncalled(draft);
    draft.facts.unreached = unreached(draft, flow);
}

/// Calls through pointers that the compiler made direct: the image calls one of the functions that
/// the statement at that place was found to call.
fn made_direct(
    draft: &Draft,
    flow: &Flow,
    names: &Names,
    statements: &HashMap<Key<'_>, Vec<&Resolved>>,
) -> BTreeSet<Edge> {
    let mut edges = BTreeSet::new();
    for edge in &draft.edges {
        let Some(site) = draft.sites.get(edge.site.0 as usize) else { continue };
        if !matches!(site.kind, SiteKind::Call | SiteKind::Tail) {
            continue;
        }
        let Some(caller) = draft.functions.get(site.caller.0 as usize) else { continue };
        let unit = caller.pieces.iter().find_map(|piece| flow.units.get(&piece.start)).copied();
        let innermost = draft.functions.get(site.innermost().0 as usize).unwrap_or(caller);
        let (Some(unit), Some(at)) = (unit, &site.location) else { continue };
        let found = statements.get(&(unit, innermost.name.as_str(), at.file.as_str(), at.line, at.column));
        let calls = |resolved: &&Resolved| names.edges(edge.site, &resolved.callees).collect::<Vec<_>>();
        let callees = found.into_iter().flatten().flat_map(calls);
        edges.extend(callees.filter(|found| found.callee == edge.callee));
    }
    edges
}

/// Finds the functions that nothing calls, or only others of them: what they would call needs no
/// answer.
fn uncalled(draft: &mut Draft) {
    let mut callers: BTreeMap<FunctionId, BTreeSet<FunctionId>> = BTreeMap::new();
    for edge in &draft.edges {
        if let Some(site) = draft.sites.get(edge.site.0 as usize) {
            callers.entry(edge.callee).or_default().insert(site.caller);
        }
    }
    let mut dead: BTreeSet<FunctionId> = BTreeSet::new();
    loop {
        let more: Vec<FunctionId> = (0..)
            .map(FunctionId)
            .zip(&draft.functions)
            .filter(|(id, function)| function.code == Code::C && !dead.contains(id))
            .map(|(id, _)| id)
            .filter(|id| {
                callers.get(id).is_none_or(|all| all.iter().all(|from| from == id || dead.contains(from)))
            })
            .collect();
        if more.is_empty() {
            break;
        }
        dead.extend(more);
    }
    for site in draft.sites.iter_mut().filter(|site| dead.contains(&site.caller)) {
        if site.open == Some(Open::NeverSet) {
            site.open = Some(Open::Uncalled);
        }
    }
}

/// Why no indirect call reaches a function that could be called so.
fn unreached(draft: &Draft, flow: &Flow) -> BTreeMap<String, String> {
    let (through_pointers, direct): (Vec<&Edge>, Vec<&Edge>) =
        draft.edges.iter().partition(|edge| edge.evidence.is_of_a_pointer());
    let reached: BTreeSet<FunctionId> = through_pointers.iter().map(|edge| edge.callee).collect();
    let called: BTreeSet<FunctionId> = direct.iter().map(|edge| edge.callee).collect();
    let mut why = BTreeMap::new();
    for (id, function) in (0..).map(FunctionId).zip(&draft.functions) {
        if reached.contains(&id)
            || function.code != Code::C
            || !function.pieces.iter().any(|piece| piece.landing)
        {
            continue;
        }
        let same = |callee: &&Callee| callee.name == function.name && callee.unit == function.unit;
        let site = flow.sites.iter().find(|site| site.callees.iter().any(|callee| same(&callee)));
        let held: Vec<&str> = flow
            .places
            .iter()
            .filter(|(_, functions)| functions.contains(&function.name))
            .map(|(place, _)| place.as_str())
            .collect();
        let mut reason = match (site, held.as_slice()) {
            (Some(site), _) => format!(
                "{} calls it through {}, and the compiler made that call direct",
                site.function, site.target
            ),
            (None, []) => {
                "its address is nowhere: the attribute cf_check alone gives it its endbr64".to_owned()
            }
            (None, held) => {
                format!("its address is in {}, which nothing in this build calls through", held.join(", "))
            }
        };
        if held.is_empty() && site.is_none() && called.contains(&id) {
            reason.push_str("; it is called directly");
        }
        why.insert(format!("{}:{}", function.unit.as_deref().unwrap_or_default(), function.name), reason);
    }
    why
}

fn set(draft: &mut Draft, index: usize, target: String, open: Option<Open>) {
    if let Some(site) = draft.sites.get_mut(index) {
        site.target = Some(target).filter(|target| !target.is_empty());
        site.open = open;
    }
}

/// Sites of what an exception is raised for: they have no call instruction.
fn raised(draft: &mut Draft, flow: &Flow, names: &Names) {
    for site in flow.sites.iter().filter(|site| site.synthetic) {
        let caller = Callee {
            name: site.function.clone(),
            unit: site.unit.clone(),
            address: None,
            evidence: Evidence::Model,
        };
        let Some(caller) = names.find(&caller) else {
            draft.count("sites of functions that the image does not have", 1);
            continue;
        };
        let location = site.at.as_ref().map(|(file, line, column)| Location {
            file: file.clone(),
            line: *line,
            column: *column,
        });
        let id = draft.site(Site {
            caller,
            address: None,
            location,
            kind: SiteKind::Synthetic,
            inlined: Vec::new(),
            target: Some(site.target.clone()),
            open: site.callees.is_empty().then_some(Open::Unknown),
        });
        let edges: Vec<_> = names.edges(id, &site.callees).collect();
        draft.edges.extend(edges);
    }
}

/// Functions of a graph by what the dumps call them.
struct Names {
    by_address: HashMap<u64, FunctionId>,
    by_unit: HashMap<(String, Option<String>), FunctionId>,
}

impl Names {
    fn new(draft: &Draft, _flow: &Flow) -> Self {
        let mut names = Names { by_address: HashMap::new(), by_unit: HashMap::new() };
        for (id, function) in (0..).map(FunctionId).zip(&draft.functions) {
            for piece in &function.pieces {
                names.by_address.insert(piece.start, id);
            }
            names.by_unit.entry((function.name.clone(), function.unit.clone())).or_insert(id);
        }
        names
    }

    fn find(&self, callee: &Callee) -> Option<FunctionId> {
        let by_address = callee.address.and_then(|address| self.by_address.get(&address));
        by_address.or_else(|| self.by_unit.get(&(callee.name.clone(), callee.unit.clone()))).copied()
    }

    fn edges<'a>(&'a self, site: SiteId, callees: &'a [Callee]) -> impl Iterator<Item = Edge> + 'a {
        callees.iter().filter_map(move |callee| {
            let certainty =
                if callee.evidence == Evidence::Type { Certainty::Fallback } else { Certainty::Resolved };
            Some(Edge { site, callee: self.find(callee)?, evidence: callee.evidence, certainty })
        })
    }
}
