//! A program whose callers hand constant tables down, compiled as a build of Xen is: what is called
//! through a table is told apart by it.

use std::{fs, path::Path, process::Command};

use xenheap_callgraph::{
    Evidence, Excerpt, FunctionId, Graph, Names, View, ViewOptions,
    build::{Sources, assemble},
    flow, recall,
};
use xenheap_facts::{build::Build, dwarf::Debug, image::Image};
use xenheap_paths::{Direction, NodeSet, reach};

const FLAGS: &str = "-O2 -g -std=gnu99 -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=branch -fcallgraph-info=su -fdump-tree-gimple-lineno";

const A: &str = "\
#define apart __attribute__((noipa))
struct ops { void (*read)(int n); void (*write)(int n); };
volatile int seen;
apart static void pv_read(int n) { seen = n; }
apart static void pv_write(int n) { seen = n + 1; }
apart static void hvm_read(int n) { seen = n + 2; }
apart static void hvm_write(int n) { seen = n + 3; }
apart static void hvm_discard(int n) { seen = n + 4; }
apart static void late_read(int n) { seen = n + 5; }
static const struct ops pv_ops = { pv_read, pv_write };
static const struct ops hvm_ops = { hvm_read, hvm_write };
static const struct ops hvm_quiet = { hvm_read, hvm_discard };
struct ops late_ops = { late_read, hvm_write };
apart static void step(int n, const struct ops *ops) { ops->write(n); seen = n; }
static inline __attribute__((always_inline)) void fetch(const struct ops *from, int n) { from->read(n); seen = 0; }
apart static void note(int n) { seen = n + 8; }
apart static void emulate(int n, const struct ops *ops) { note(n); fetch(ops, n); step(n, ops); seen = 1; }
apart static const struct ops *choose(int n) { return n ? &hvm_ops : &hvm_quiet; }
apart void pv_entry(int n) { emulate(n, &pv_ops); seen = 2; }
apart void hvm_entry(int n) { emulate(n, choose(n)); seen = 3; }
apart static void look(int n, const struct ops *ops) { ops->read(n); seen = 4; }
apart void pv_look(int n) { look(n, &pv_ops); seen = 5; }
apart void late_look(int n) { look(n, &late_ops); seen = 6; }
static inline __attribute__((always_inline)) void each(void (*what)(int n), int n) { what(n); seen = 7; }
apart static void mark(int n) { seen = n + 7; }
apart void all(int n) { each(mark, n); seen = 8; }
void _start(void) { pv_entry(1); hvm_entry(2); pv_look(3); late_look(4); all(5); }
";

fn graph(folder: &Path) -> Graph {
    fs::write(folder.join("a.c"), A).expect("it is written");
    let gcc = |arguments: &[&str]| {
        let ran = Command::new("gcc").args(arguments).current_dir(folder).output().expect("gcc runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    gcc(&[&FLAGS.split(' ').collect::<Vec<_>>()[..], &["-c", "a.c", "-o", "a.o"]].concat());
    gcc(&["-nostdlib", "-static", "-no-pie", "-Wl,--build-id", "a.o", "-o", "xen-syms"]);
    let build = Build::open(folder).expect("a build");
    let image = Image::open(build.image().expect("an image")).expect("an image");
    let debug = Debug::read(&image).expect("debug information");
    let ci = build.ci().expect("files");
    let sources = Sources { image: Some((&image, &debug)), ci: &ci, ..Sources::default() };
    let mut draft = assemble(sources).expect("a graph").draft;
    flow::resolve(&mut draft, &image, &build, false).expect("dumps");
    draft.finish()
}

/// The names of all that a function leads to.
fn reached(view: &View<'_>, names: &Names<'_>, from: &str) -> Vec<String> {
    let from = names.one(from).expect("it is there");
    let from = NodeSet::of(view.nodes().count(), view.nodes().of(from));
    let found = reach(view.compact(), &from, None, Direction::Forward);
    let mut all: Vec<String> =
        found.iter().filter_map(|node| Some(view.function(node)?.name.clone())).collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn what_a_table_does_not_hold_is_not_reached_through_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let graph = graph(folder.path());
    for source in [false, true] {
        let view = View::new(&graph, ViewOptions { source, ..ViewOptions::default() }).expect("a view");
        let names = Names::of(&graph);
        let leads = |from: &str| {
            let mut all = reached(&view, &names, from);
            all.retain(|name| name.contains("_read") || name.contains("_write") || name == "hvm_discard");
            all.join(" ")
        };
        assert_eq!(leads("pv_entry"), "pv_read pv_write");
        assert_eq!(leads("hvm_entry"), "hvm_discard hvm_read hvm_write");
        assert_eq!(leads("pv_look"), "pv_read");
        // What can be written is not constant: all that such a field holds anywhere.
        assert_eq!(leads("late_look"), "hvm_read late_read pv_read");
        assert!(view.roots().iter().all(|node| names.show(FunctionId(node)) != "a.c#emulate"));
    }
    let mut said: Vec<String> = graph
        .contexts
        .iter()
        .map(|context| {
            let name = &graph.functions[context.function.0 as usize].name;
            format!("{name} ({}) {}", context.says, context.closed)
        })
        .collect();
    said.sort();
    assert_eq!(
        said,
        [
            "emulate (ops = hvm_ops or hvm_quiet) true",
            "emulate (ops = pv_ops) true",
            "look (ops = pv_ops) false",
            "step (ops = hvm_ops or hvm_quiet) true",
            "step (ops = pv_ops) true",
        ]
    );
    let targets = recall::indirect(&graph).targets;
    assert!(targets.mean < targets.joined, "{targets:?}");
    let part = graph.part(&NodeSet::all(graph.functions.len()));
    assert_eq!((part.contexts.len(), part.ways.len()), (graph.contexts.len(), graph.ways.len()));
}

#[test]
fn a_function_is_exported_for_each_table_and_not_once_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let graph = graph(folder.path());
    let view = View::new(&graph, ViewOptions::default()).expect("a view");
    let names = Names::of(&graph);
    let functions = view.without_vain(NodeSet::all(view.nodes().count()));
    let excerpt = Excerpt { view: &view, names: &names, functions: &functions };
    let compact = view.compact();
    let ends = excerpt.edges().map(|edge| (compact.tail(edge), compact.head(edge)));
    let calls: Vec<String> = ends
        .map(|(from, to)| format!("{} > {}", excerpt.name(from), excerpt.name(to)))
        .filter(|call| ["emulate", "look", "step"].iter().any(|name| call.contains(name)))
        .map(|call| call.replace("a.c#", ""))
        .collect();
    assert_eq!(
        calls,
        [
            "_start > late_look",
            "_start > pv_look",
            "hvm_entry > emulate (ops = hvm_ops or hvm_quiet)",
            "late_look > look",
            "look > hvm_read",
            "look > late_read",
            "look > pv_read",
            "pv_entry > emulate (ops = pv_ops)",
            "pv_look > look (ops = pv_ops)",
            "emulate (ops = hvm_ops or hvm_quiet) > hvm_read",
            "emulate (ops = hvm_ops or hvm_quiet) > note",
            "emulate (ops = hvm_ops or hvm_quiet) > step (ops = hvm_ops or hvm_quiet)",
            "emulate (ops = pv_ops) > note",
            "emulate (ops = pv_ops) > pv_read",
            "emulate (ops = pv_ops) > step (ops = pv_ops)",
            "look (ops = pv_ops) > pv_read",
            "step (ops = hvm_ops or hvm_quiet) > hvm_discard",
            "step (ops = hvm_ops or hvm_quiet) > hvm_write",
            "step (ops = pv_ops) > pv_write",
        ]
    );
    // Without a table it is never called, so it is no function of its own.
    let listed = |name: &str| functions.iter().any(|node| excerpt.name(node) == name);
    assert!(listed("a.c#look") && !listed("a.c#emulate"));
    // What the tables of the csv form lack stands beside them.
    let csv = folder.path().join("csv");
    fs::create_dir(&csv).expect("made");
    graph.write_csv(&csv, "a test").expect("it is written");
    let read = Graph::read_csv(&csv).expect("it is whole");
    assert_eq!((&read.contexts, &read.ways), (&graph.contexts, &graph.ways));
}

#[test]
fn a_pointer_call_that_the_compiler_made_direct_is_one_still() {
    let folder = tempfile::tempdir().expect("a folder");
    let graph = graph(folder.path());
    let mark = Names::of(&graph).one("mark").expect("it is there");
    let evidence: Vec<Evidence> =
        graph.edges.iter().filter(|edge| edge.callee == mark).map(|edge| edge.evidence).collect();
    assert!(evidence.contains(&Evidence::Image) && evidence.contains(&Evidence::Flow), "{evidence:?}");
    let unreached = recall::indirect(&graph).unreached;
    assert!(!unreached.keys().any(|name| name.ends_with(":mark")), "{unreached:?}");
}
