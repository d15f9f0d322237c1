//! Graphs for tests: any that a build could have.

use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    draft::Draft,
    graph::{
        Allocation, Anonymity, Certainty, Code, Context, ContextId, Edge, Entry, EntryClass, Evidence, Facts,
        Function, FunctionId, Graph, InlinedFrame, Location, Open, Owner, Piece, Section, Site, SiteId,
        SiteKind, StackUse, Way, Who,
    },
};

fn location() -> impl Strategy<Value = Location> {
    (select(vec!["common/a.c", "include/xen/b.h", "arch/x86/c, \"d\".c"]), 1..9_u32, 0..4_u32)
        .prop_map(|(file, line, column)| Location { file: file.to_owned(), line, column })
}

fn piece() -> impl Strategy<Value = Piece> {
    let section = select(vec![Section::Text, Section::Init, Section::Other]);
    ("[a-z]{1,3}(\\.cold|\\.part\\.0)?", 1..u64::MAX, 0..999_u64, section, any::<bool>())
        .prop_map(|(symbol, start, size, section, landing)| Piece { symbol, start, size, section, landing })
}

fn function() -> impl Strategy<Value = Function> {
    let owner = ("[a-z]{1,2}", select(vec!["domain", "vcpu"]))
        .prop_map(|(parameter, holds)| Owner { parameter, holds: holds.to_owned() });
    let stack = (0..9999_u32, any::<bool>()).prop_map(|(bytes, dynamic)| StackUse { bytes, dynamic });
    (
        "[a-d]{1,2}",
        option::of("[x-z]\\.c"),
        any::<bool>(),
        option::of(location()),
        select(vec![Code::C, Code::Assembly]),
        vec(piece(), 0..3),
        option::of(stack),
        option::of(owner),
        any::<bool>(),
    )
        .prop_map(|(name, unit, is_static, location, code, pieces, stack, owner, noreturn)| Function {
            name,
            unit,
            is_static,
            location,
            code,
            pieces,
            stack,
            owner,
            noreturn,
        })
}

type Called = Vec<(u32, Evidence)>;

fn site(functions: u32) -> impl Strategy<Value = (Site, Called)> {
    let id = move || (0..functions).prop_map(FunctionId);
    let frame =
        (id(), option::of(location())).prop_map(|(function, location)| InlinedFrame { function, location });
    let kind = select(vec![
        SiteKind::Call,
        SiteKind::Tail,
        SiteKind::Fall,
        SiteKind::Indirect,
        SiteKind::Alternative,
        SiteKind::Synthetic,
    ]);
    let evidence = select(vec![
        Evidence::Image,
        Evidence::Ci,
        Evidence::Flow,
        Evidence::Slot,
        Evidence::Model,
        Evidence::Type,
    ]);
    let open = select(vec![
        Open::Firmware,
        Open::NeverSet,
        Open::Uncalled,
        Open::Loaded,
        Open::Assembly,
        Open::Unknown,
    ]);
    (
        id(),
        option::of(any::<u64>()),
        option::of(location()),
        kind,
        vec(frame, 0..3),
        option::of("[a-z =\"]{1,8}"),
        option::of(open),
        vec((0..functions, evidence), 0..4),
    )
        .prop_map(|(caller, address, location, kind, inlined, target, open, callees)| {
            (Site { caller, address, location, kind, inlined, target, open }, callees)
        })
}

/// Any graph.
pub fn graph() -> impl Strategy<Value = Graph> {
    vec(function(), 1..6).prop_flat_map(|functions| {
        let count = u32::try_from(functions.len()).expect("there are few");
        let entry = (0..count, "[a-z.]{1,6}").prop_map(|(function, operation)| Entry {
            function: FunctionId(function),
            class: EntryClass::Hypercall,
            operation,
            who: Who::DeviceModel,
            source: "a table".to_owned(),
        });
        let context = (0..count, "[a-z] = [a-z]", any::<bool>())
            .prop_map(|(function, says, closed)| Context { function: FunctionId(function), says, closed });
        let build = option::of("[a-f0-9]{4}");
        (Just(functions), vec(site(count), 0..12), vec(entry, 0..3), build, vec(context, 0..4)).prop_map(
            |(functions, sites, entries, build_id, contexts)| {
                let mut graph = Draft::from(made(functions, sites, entries, build_id));
                graph.contexts = contexts;
                told_apart(&mut graph);
                graph.finish()
            },
        )
    })
}

/// Makes calls of functions with contexts, and from them, possible in some: each context of the
/// caller enters the next of the callee.
fn told_apart(draft: &mut Draft) {
    let of = |function| {
        let ids = (0..).map(ContextId).zip(&draft.contexts);
        ids.filter(|(_, context)| context.function == function).map(|(id, _)| id).collect::<Vec<_>>()
    };
    let mut ways = Vec::new();
    for Edge { site, callee, .. } in &draft.edges {
        let Some(caller) = draft.sites.get(site.0 as usize).map(|site| site.caller) else { continue };
        let mut into = of(*callee).into_iter();
        for within in of(caller) {
            ways.push(Way { site: *site, callee: *callee, within: Some(within), into: into.next() });
        }
        if let Some(into) = into.next() {
            ways.push(Way { site: *site, callee: *callee, within: None, into: Some(into) });
        }
    }
    draft.ways = ways;
}

fn made(
    functions: Vec<Function>,
    sites: Vec<(Site, Called)>,
    entries: Vec<Entry>,
    build_id: Option<String>,
) -> Graph {
    let facts = Facts { architecture: "x86_64".to_owned(), build_id, ..Facts::default() };
    let mut draft = Draft { facts, functions, entries, ..Draft::default() };
    draft.count("a.thing", 7);
    for (site, callees) in sites {
        let id = draft.site(site);
        for (callee, evidence) in callees {
            let certainty = if evidence <= Evidence::Ci { Certainty::Certain } else { Certainty::Resolved };
            draft.edges.push(Edge { site: id, callee: FunctionId(callee), evidence, certainty });
            if evidence == Evidence::Ci {
                draft.allocations.push(Allocation {
                    site: SiteId(id.0),
                    callee: FunctionId(callee),
                    anonymity: Anonymity::May,
                    evidence: "d".to_owned(),
                    condition: Some("d is NULL".to_owned()),
                });
            }
        }
    }
    draft.finish()
}
