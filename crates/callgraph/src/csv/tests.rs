use std::fs;

use proptest::prelude::*;

use super::*;
use crate::testing::graph;

/// What this form keeps of a graph: no inlined frames, and no site without a call.
fn kept(mut graph: Graph) -> Graph {
    for site in &mut graph.sites {
        site.inlined.clear();
    }
    let called: std::collections::BTreeSet<SiteId> = graph.edges.iter().map(|edge| edge.site).collect();
    let lost: Vec<bool> = (0..)
        .zip(&graph.sites)
        .map(|(at, site)| site.open.is_none() && !called.contains(&SiteId(at)))
        .collect();
    let mut draft = Draft::from(graph);
    for (site, lost) in draft.sites.iter_mut().zip(lost) {
        if lost {
            site.caller = FunctionId(u32::MAX);
        }
    }
    draft.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_is_read(graph in graph()) {
        let folder = tempfile::tempdir().expect("a folder");
        graph.write_csv(folder.path(), "a test").expect("it is written");
        prop_assert!(is_normalized(folder.path()));
        prop_assert_eq!(Graph::read_csv(folder.path()).expect("it is whole"), kept(graph));
    }
}

fn read(functions: &str, edges: &str) -> Result<Graph, String> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(FUNCTIONS), functions).expect("it is written");
    fs::write(folder.path().join(EDGES), edges).expect("it is written");
    Graph::read_csv(folder.path())
        .map_err(|error| error.to_string().replace(&folder.path().display().to_string(), "D"))
}

const FUNCTION_COLUMNS: &str = "function,source_file,line,module,backend,linkage,visibility,notes\n";
const EDGE_COLUMNS: &str = "caller,callee,source_file,line,edge_kind,backend,module,notes\n";

#[test]
fn a_graph_of_another_tool_is_read() {
    let functions = format!(
        "{FUNCTION_COLUMNS}f,common/f.c,7,common,clang,external,default,hot\na.c:g,,,,clang,static,,\n"
    );
    let edges = format!(
        "{EDGE_COLUMNS}f,a.c:g,common/f.c,9,direct,clang,common,\nf,*,common/f.c,10,unresolved_indirect,clang,common,fn ptr\na.c:g,memcpy,,,synthetic,clang,,\n"
    );
    let graph = read(&functions, &edges).expect("it is whole");
    let names: Vec<_> =
        graph.functions.iter().map(|function| (function.name.as_str(), function.is_static)).collect();
    assert_eq!(names, [("f", false), ("g", true), ("memcpy", false)]);
    let kinds: Vec<_> = graph.sites.iter().map(|site| (site.caller.0, site.kind, site.open)).collect();
    assert_eq!(
        kinds,
        [
            (0, SiteKind::Call, None),
            (0, SiteKind::Indirect, Some(Open::Unknown)),
            (1, SiteKind::Synthetic, None)
        ]
    );
    let edges: Vec<_> = graph.edges.iter().map(|edge| (edge.site.0, edge.callee.0, edge.certainty)).collect();
    assert_eq!(edges, [(0, 1, Certainty::Certain), (2, 2, Certainty::Resolved)]);
}

#[test]
fn calls_that_a_table_decides_stand_once_and_keep_their_contexts() {
    let function = |name: &str| unknown(name);
    let mut draft =
        Draft { functions: ["emulate", "hvm", "pv", "read"].map(function).to_vec(), ..Draft::default() };
    for (caller, callee) in [(1, 0), (2, 0), (0, 3)] {
        let site = draft.site(Site {
            caller: FunctionId(caller),
            address: Some(u64::from(caller)),
            location: None,
            kind: SiteKind::Call,
            inlined: Vec::new(),
            target: None,
            open: None,
        });
        let (evidence, certainty) = (Evidence::Flow, Certainty::Resolved);
        draft.edges.push(Edge { site, callee: FunctionId(callee), evidence, certainty });
        let callee = FunctionId(callee);
        draft.ways.push(match caller {
            0 => Way { site, callee, within: Some(ContextId(0)), into: None },
            _ => Way { site, callee, within: None, into: Some(ContextId(caller - 1)) },
        });
    }
    let says = |says: &str| Context { function: FunctionId(0), says: says.to_owned(), closed: true };
    draft.contexts = vec![says("ops = hvm_ops"), says("ops = pv_ops")];
    let graph = draft.finish();
    let folder = tempfile::tempdir().expect("a folder");
    graph.write_csv(folder.path(), "a test").expect("it is written");
    let text = |name| fs::read_to_string(folder.path().join(name)).expect("it is there");
    let first = |name| {
        let text = text(name);
        let rows = text.lines().skip(1).map(|row| row.split(',').take(2).collect::<Vec<_>>().join(" "));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(first(FUNCTIONS), ["emulate ", "hvm ", "pv ", "read "]);
    assert_eq!(first(EDGES), ["emulate read", "hvm emulate", "pv emulate"]);
    assert_eq!(Graph::read_csv(folder.path()).expect("it is whole"), graph);
    // Without the contexts, as older versions wrote it, each call is possible for all.
    let metadata: serde_json::Value = serde_json::from_str(&text(METADATA)).expect("JSON");
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut metadata = metadata.clone();
        change(&mut metadata);
        fs::write(folder.path().join(METADATA), metadata.to_string()).expect("it is written");
        Graph::read_csv(folder.path()).map_err(|error| error.to_string())
    };
    let older = with(&|metadata| {
        metadata.as_object_mut().expect("an object").retain(|key, _| key != "contexts" && key != "ways");
    });
    assert_eq!(older, Ok(Graph { contexts: Vec::new(), ways: Vec::new(), ..graph.clone() }));
    let damaged = with(&|metadata| metadata["ways"][0]["within"] = 2.into());
    assert!(damaged.is_err_and(|error| error.ends_with("there is no context 2 in `contexts`")));
}

/// Found when the fuzz target `csv` was written: which row of a site comes first is no matter.
#[test]
fn a_site_is_open_if_any_of_its_rows_says_so() {
    let functions = format!("{FUNCTION_COLUMNS}f,,,,,external,,\n");
    let (direct, open) = ("f,f,,,direct,,,site=1\n", "f,__indirect_call,,,unresolved_indirect,,,site=1\n");
    let graph = read(&functions, &format!("{EDGE_COLUMNS}{direct}{open}")).expect("it is whole");
    assert_eq!((graph.sites.len(), graph.sites[0].open), (1, Some(Open::Unknown)));
}

/// Found when the fuzz target `csv` was written: what was written could not be read.
#[test]
fn a_function_may_be_called_what_another_would_be_told_apart_by() {
    let unit =
        |name: &str, unit: &str| Function { unit: Some(unit.to_owned()), is_static: false, ..unknown(name) };
    let functions = vec![unit("f", "a.c"), unit("f", "b.c"), unit("f@2", "a.c")];
    assert_eq!(ids(&functions), ["f", "f@3", "f@2"]);
}

#[test]
fn damage_is_told_with_its_line() {
    let good = format!("{FUNCTION_COLUMNS}f,,,,,external,,\n");
    let edges = |row: &str| read(&good, &format!("{EDGE_COLUMNS}{row}\n")).expect_err("it is damaged");
    assert_eq!(edges("f,f,,,direct,,,kind=jump"), "D/edges.csv, line 2: `jump` is no kind of a call");
    assert_eq!(edges("f,f,,,direct,,,address=zero"), "D/edges.csv, line 2: `zero` is no address");
    assert!(edges("f,f,,,maybe,,,").starts_with("D/edges.csv: "), "{}", edges("f,f,,,maybe,,,"));
    let twice = read(&format!("{good}f,,,,,external,,\n"), EDGE_COLUMNS).expect_err("it is damaged");
    assert_eq!(twice, "D/functions.csv, line 3: the function `f` stands here a second time");
    assert!(read("a,b\n1,2\n", EDGE_COLUMNS).is_err_and(|error| error.contains("missing field `function`")));
}
