//! A graph of `.ci` files alone: what the compiler knew of each unit.

use std::collections::BTreeMap;

use xenheap_facts::{
    ci::{INDIRECT, Id, Node, Unit},
    place::Place,
};
use xenheap_model::relative;

use crate::{
    draft::Draft,
    graph::{
        Certainty, Code, Edge, Evidence, Function, FunctionId, Location, Open, Site, SiteKind, StackUse,
    },
};

/// Adds all units. Statics are told apart by their unit; of several definitions of what other units see, each unit calls its own,
/// and the others the first.
pub(super) fn add(draft: &mut Draft, units: &[Unit<'_>]) {
    draft.count("ci.files", units.len() as u64);
    let mut units: Vec<(String, &Unit<'_>)> =
        units.iter().map(|unit| (relative(unit.title, None), unit)).collect();
    units.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut statics: BTreeMap<(String, &str), FunctionId> = BTreeMap::new();
    let mut globals: BTreeMap<&str, Vec<(&str, FunctionId)>> = BTreeMap::new();
    for (title, unit) in &units {
        for node in unit.nodes.iter().filter(|node| node.defined) {
            let id = draft.function(defined(title, node));
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
    for (title, unit) in &units {
        let find = |id: Id<'_>| match id.unit {
            Some(unit) => statics.get(&(relative(unit, None), id.name)).copied(),
            None => {
                let all = globals.get(id.name)?;
                let own = all.iter().find(|(of, _)| of == title).or(all.first());
                own.map(|(_, id)| *id)
            }
        };
        for edge in &unit.edges {
            let Some(caller) = find(edge.caller) else {
                draft.count("ci.calls-of-unknown-functions", 1);
                continue;
            };
            let indirect = edge.callee.name == INDIRECT;
            let callee = match find(edge.callee) {
                _ if indirect => None,
                Some(callee) => Some(callee),
                // Assembly, or what the compiler has built in.
                None => Some(
                    *unknown
                        .entry(edge.callee.name)
                        .or_insert_with(|| draft.function(undefined(edge.callee.name))),
                ),
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
            if let Some(callee) = callee {
                draft.edges.push(Edge {
                    site,
                    callee,
                    evidence: Evidence::Ci,
                    certainty: Certainty::Certain,
                });
            }
        }
    }
    draft.count("ci.functions-without-definition", unknown.len() as u64);
}

fn location(place: Place<'_>) -> Location {
    Location { file: relative(place.file, None), line: place.line, column: place.column }
}

fn defined(unit: &str, node: &Node<'_>) -> Function {
    Function {
        name: node.id.name.to_owned(),
        unit: Some(unit.to_owned()),
        is_static: node.id.unit.is_some(),
        location: node.place.map(location),
        code: Code::C,
        pieces: Vec::new(),
        stack: node
            .stack
            .map(|stack| StackUse { bytes: stack.bytes, dynamic: stack.dynamic && !stack.bounded }),
        owner: None,
        noreturn: false,
    }
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
