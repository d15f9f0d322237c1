//! A graph of `.ci` files alone: what the compiler knew of each unit.

use std::collections::{BTreeMap, BTreeSet};

use xenheap_facts::{
    ci::{INDIRECT, Id, Node, Unit},
    place::Place,
};
use xenheap_model::relative;

use super::{code::index, functions::base, linkage::Linkage};
use crate::{
    draft::Draft,
    graph::{
        Certainty, Code, Edge, Evidence, Function, FunctionId, Location, Open, Site, SiteKind, StackUse,
    },
};

/// Adds all units. Statics are told apart by their unit; of several definitions of what other units
/// see, each unit calls its own, and the others the first. Where no unit defines a name by itself,
/// the linkage tells which weak function or alias it is; of several that it can be each is called.
pub(super) fn add(draft: &mut Draft, units: &[Unit<'_>], linkage: &Linkage) {
    draft.count("ci.files", units.len() as u64);
    let mut units: Vec<(String, &Unit<'_>)> =
        units.iter().map(|unit| (relative(unit.title, None), unit)).collect();
    units.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut statics: BTreeMap<(String, &str), FunctionId> = BTreeMap::new();
    let mut globals: BTreeMap<&str, Vec<(&str, FunctionId)>> = BTreeMap::new();
    for (title, unit) in &units {
        // A clone or a piece is its function, if that is there.
        let (whole, clones): (Vec<&Node<'_>>, Vec<&Node<'_>>) = unit
            .nodes
            .iter()
            .filter(|node| node.defined)
            .partition(|node| base(node.id.name) == node.id.name);
        let mut own: BTreeMap<&str, FunctionId> = BTreeMap::new();
        for node in whole.into_iter().chain(clones) {
            let id = *own.entry(base(node.id.name)).or_insert_with(|| draft.function(defined(title, node)));
            if let (Some(function), Some(stack)) = (draft.functions.get_mut(index(id.0)), stack_use(node)) {
                let most = function.stack.get_or_insert(stack);
                most.bytes = most.bytes.max(stack.bytes);
                most.dynamic |= stack.dynamic;
            }
            match node.id.unit {
                Some(unit) => {
                    statics.entry((relative(unit, None), node.id.name)).or_insert(id);
                }
                None => globals.entry(node.id.name).or_default().push((title, id)),
            }
        }
    }
    let twice: usize = globals.values().map(|all| all.len() - 1).sum();
    draft.count("ci.functions-defined-more-than-once", twice as u64);
    let mut unknown: BTreeMap<&str, FunctionId> = BTreeMap::new();
    let mut links: BTreeMap<&str, BTreeSet<FunctionId>> = BTreeMap::new();
    for (title, unit) in &units {
        let global = |name: &str| {
            let all = globals.get(name)?;
            let own = all.iter().find(|(of, _)| of == title).or(all.first());
            own.map(|(_, id)| *id)
        };
        let find = |id: Id<'_>| match id.unit {
            Some(unit) => statics.get(&(relative(unit, None), id.name)).copied(),
            None => global(id.name),
        };
        let linked = |name: &str| {
            let mut found = BTreeSet::new();
            if linkage.is_known(name) {
                let weak = statics.iter().filter(|((unit, own), _)| linkage.can_be(name, unit, own));
                found.extend(weak.map(|(_, id)| *id));
                let others =
                    globals.iter().flat_map(|(own, all)| all.iter().map(move |(unit, id)| (own, unit, id)));
                found.extend(
                    others.filter(|(own, unit, _)| linkage.can_be(name, unit, own)).map(|(.., id)| *id),
                );
            }
            found
        };
        for edge in &unit.edges {
            let Some(caller) = find(edge.caller) else {
                draft.count("ci.calls-of-unknown-functions", 1);
                continue;
            };
            let indirect = edge.callee.name == INDIRECT;
            // A weak function is replaced by one that is not.
            let strong = edge.callee.unit.filter(|unit| linkage.exports(unit, edge.callee.name));
            let known = strong.and_then(|_| global(edge.callee.name)).or_else(|| find(edge.callee));
            let callees: Vec<FunctionId> = match known {
                _ if indirect => Vec::new(),
                Some(callee) => vec![callee],
                None => {
                    let name = edge.callee.name;
                    let found = links.entry(name).or_insert_with(|| linked(name));
                    match found.is_empty() {
                        false => found.iter().copied().collect(),
                        // Assembly, or what the compiler has built in.
                        true => {
                            vec![*unknown.entry(name).or_insert_with(|| draft.function(undefined(name)))]
                        }
                    }
                }
            };
            let site = draft.site(Site {
                caller,
                address: None,
                location: edge.place.map(location),
                kind: if indirect { SiteKind::Indirect } else { SiteKind::Call },
                inlined: Vec::new(),
                target: None,
                open: indirect.then_some(Open::Unknown),
            });
            let certainty = if callees.len() > 1 { Certainty::Resolved } else { Certainty::Certain };
            for callee in callees {
                draft.edges.push(Edge { site, callee, evidence: Evidence::Ci, certainty });
            }
        }
    }
    draft.count("ci.functions-without-definition", unknown.len() as u64);
    let linked = links.values().filter(|found| !found.is_empty()).count();
    // What other units call is not static, whatever it looks like.
    for id in links.into_values().flatten() {
        if let Some(function) = draft.functions.get_mut(index(id.0)) {
            function.is_static = false;
        }
    }
    draft.count("ci.weak-functions-and-aliases", linked as u64);
}

fn location(place: Place<'_>) -> Location {
    Location { file: relative(place.file, None), line: place.line, column: place.column }
}

fn defined(unit: &str, node: &Node<'_>) -> Function {
    Function {
        name: base(node.id.name).to_owned(),
        unit: Some(unit.to_owned()),
        is_static: node.id.unit.is_some(),
        location: node.place.map(location),
        code: Code::C,
        pieces: Vec::new(),
        stack: stack_use(node),
        owner: None,
        noreturn: false,
    }
}

fn stack_use(node: &Node<'_>) -> Option<StackUse> {
    let stack = node.stack?;
    Some(StackUse { bytes: stack.bytes, dynamic: stack.dynamic && !stack.bounded })
}

fn undefined(name: &str) -> Function {
    Function {
        name: name.to_owned(),
        unit: None,
        is_static: false,
        location: None,
        code: Code::Assembly,
        pieces: Vec::new(),
        stack: None,
        owner: None,
        noreturn: false,
    }
}
