//! A small graph, seen in the ways a graph can be seen.

use xenheap_callgraph::{
    Certainty, Code, Edge, Entry, EntryClass, Evidence, Filter, Function, FunctionId, Graph, InlinedFrame,
    Location, Names, Pattern, Piece, Section, Site, SiteId, SiteKind, View, ViewOptions, Who, presets,
};

fn function(name: &str, section: Option<Section>) -> Function {
    let piece = |section| Piece { symbol: name.to_owned(), start: 0, size: 1, section, landing: false };
    Function {
        name: name.to_owned(),
        unit: Some("common/x.c".to_owned()),
        is_static: false,
        location: None,
        code: Code::C,
        pieces: section.map(piece).into_iter().collect(),
        stack: None,
        owner: None,
        noreturn: false,
    }
}

fn at(line: u32) -> Option<Location> {
    Some(Location { file: "common/x.c".to_owned(), line, column: 1 })
}

fn site(caller: u32, line: u32, inlined: Vec<(u32, u32)>) -> Site {
    Site {
        caller: FunctionId(caller),
        address: Some(u64::from(line)),
        location: at(line),
        kind: SiteKind::Call,
        inlined: inlined
            .into_iter()
            .map(|(function, line)| InlinedFrame { function: FunctionId(function), location: at(line) })
            .collect(),
        target: None,
        open: None,
    }
}

fn edge(site: u32, callee: u32, evidence: Evidence, certainty: Certainty) -> Edge {
    Edge { site: SiteId(site), callee: FunctionId(callee), evidence, certainty }
}

fn entry(function: u32, operation: &str, who: Who) -> Entry {
    let operation = operation.to_owned();
    Entry {
        function: FunctionId(function),
        class: EntryClass::Hypercall,
        operation,
        who,
        source: String::new(),
    }
}

/// do_op (0) calls alloc (4) at two places, once within the inlined helper (1); start_xen (2), of
/// boot, calls alloc; panic (3) calls alloc through a pointer, and do_op calls panic; a guess says
/// that alloc calls panic. set_op (5) is privileged.
fn graph() -> Graph {
    let text = Some(Section::Text);
    Graph {
        functions: vec![
            function("do_op", text),
            function("helper", None),
            function("start_xen", Some(Section::Init)),
            function("panic", text),
            function("alloc", text),
            function("set_op", text),
        ],
        sites: vec![
            site(0, 10, vec![]),
            site(0, 20, vec![(1, 11)]),
            site(0, 12, vec![]),
            site(2, 30, vec![]),
            site(3, 40, vec![]),
            site(4, 50, vec![]),
            site(0, 13, vec![]),
            site(5, 60, vec![]),
        ],
        edges: vec![
            edge(0, 4, Evidence::Image, Certainty::Certain),
            edge(0, 4, Evidence::Ci, Certainty::Certain),
            edge(1, 4, Evidence::Image, Certainty::Certain),
            edge(2, 3, Evidence::Image, Certainty::Certain),
            edge(3, 4, Evidence::Image, Certainty::Certain),
            edge(4, 4, Evidence::Flow, Certainty::Resolved),
            edge(5, 3, Evidence::Type, Certainty::Fallback),
            edge(6, 5, Evidence::Image, Certainty::Certain),
            edge(7, 4, Evidence::Image, Certainty::Certain),
        ],
        entries: vec![entry(0, "op", Who::AnyGuest), entry(5, "op.set", Who::ControlDomain)],
        ..Graph::default()
    }
}

fn ends(view: &View) -> Vec<(u32, u32)> {
    let compact = view.compact();
    (0..compact.edges() as u32).map(|edge| (compact.tail(edge), compact.head(edge))).collect()
}

#[test]
fn as_the_image_and_as_the_source_have_it() {
    let graph = graph();
    let image = View::new(&graph, ViewOptions::default()).expect("a view");
    assert_eq!(ends(&image), [(0, 3), (0, 4), (0, 5), (2, 4), (3, 4), (5, 4)]);
    assert_eq!(image.evidence(1), [Evidence::Image, Evidence::Ci]);
    let source = View::new(&graph, ViewOptions { source: true, ..ViewOptions::default() }).expect("a view");
    assert_eq!(ends(&source), [(0, 1), (0, 3), (0, 4), (0, 5), (1, 4), (2, 4), (3, 4), (5, 4)]);
    let step = source.reasons(0);
    assert_eq!((step.len(), step[0].edge, step[0].location), (1, None, at(11).as_ref()));
    assert_eq!(source.location(4), at(20).as_ref());
}

#[test]
fn certainty_and_places() {
    let graph = graph();
    let certain = ViewOptions { least: Certainty::Certain, ..ViewOptions::default() };
    assert!(!ends(&View::new(&graph, certain).expect("a view")).contains(&(3, 4)));
    let all = ViewOptions { least: Certainty::Fallback, ..ViewOptions::default() };
    assert!(ends(&View::new(&graph, all).expect("a view")).contains(&(4, 3)));
    let places =
        View::new(&graph, ViewOptions { locations: true, ..ViewOptions::default() }).expect("a view");
    let of_op: Vec<_> =
        (0..places.compact().edges() as u32).filter(|edge| places.compact().head(*edge) == 4).collect();
    let lines: Vec<u32> =
        of_op.iter().filter_map(|edge| places.location(*edge)).map(|place| place.line).collect();
    assert_eq!(lines, [10, 20, 30, 40, 60]);
}

#[test]
fn filters_and_presets() {
    let graph = graph();
    let names = Names::new(&graph.functions);
    let preset = |name: &str| presets::chosen(&[name.to_owned()]).expect("a preset");
    let strict = |text: &str| Pattern { text: text.to_owned(), may_be_absent: false };
    let select = |filter: Filter| filter.select(&graph, &names).expect("a selection");

    let boot = select(Filter { presets: preset("boot"), ..Filter::default() });
    assert_eq!(boot.removed[0].functions, [FunctionId(2)]);
    assert!(!boot.within.has(2) && boot.within.has(1));

    let mut crash = select(Filter { presets: preset("crash"), ..Filter::default() });
    assert_eq!(crash.removed.iter().map(|removed| removed.functions.len()).collect::<Vec<_>>(), [1, 0]);
    assert!(crash.removed[0].absent.contains(&"machine_halt".to_owned()));
    crash.keep(FunctionId(3));
    assert!(crash.within.has(3) && crash.removed[0].functions.is_empty());

    let guest = select(Filter { presets: preset("guest"), ..Filter::default() });
    assert_eq!(guest.sources.map(|sources| sources.iter().collect::<Vec<_>>()), Some(vec![0]));
    assert_eq!(guest.removed[0].functions, [FunctionId(5)]);
    let hypercalls = select(Filter { presets: preset("hypercalls"), ..Filter::default() });
    assert_eq!(hypercalls.sources.map(|sources| sources.iter().collect::<Vec<_>>()), Some(vec![0, 5]));

    let own =
        select(Filter { include: vec![strict("*_xen")], exclude: vec![strict("set_op")], presets: vec![] });
    assert_eq!(own.through.map(|through| through.iter().collect::<Vec<_>>()), Some(vec![2]));
    assert!(!own.within.has(5));

    let unknown = Filter { exclude: vec![strict("pannic")], ..Filter::default() };
    let error = unknown.select(&graph, &names).expect_err("unknown");
    assert_eq!(error.to_string(), "there is no function `pannic` in this graph; near it: panic");
    let listed = Pattern { may_be_absent: true, ..strict("pannic") };
    assert_eq!(select(Filter { exclude: vec![listed], ..Filter::default() }).absent, ["pannic"]);
}
