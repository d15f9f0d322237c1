//! A small program of real parts, compiled as a build of Xen is: what its graph must have, and
//! which files make none.

use std::{fs, path::Path, process::Command};

use xenheap_callgraph::{
    Code, Evidence, Function, Graph, Lack, Open, SiteKind,
    build::{Error, Sources, assemble, parse_ci, units},
};
use xenheap_facts::{build::Build, dwarf::Debug, image::Image};

const FLAGS: &str = "-O2 -g -std=gnu99 -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -fcallgraph-info=su";

const A: &str = "\
struct domain { int id; };
struct ops { int (*run)(struct domain *d); };
extern const struct ops *ops;
extern int b(struct domain *d);
extern void stop(void) __attribute__((noreturn, cold));
static __attribute__((noinline)) int helper(int x) { volatile int y = x; return y; }
static inline __attribute__((always_inline)) int within(struct domain *d) { return helper(d->id) + 1; }
int a(int n, struct domain *d)
{
    if ( __builtin_expect(n < 0, 0) )
        stop();
    return within(d) + ops->run(d);
}
int last(struct domain *d) { return b(d); }
int again(int n) { volatile int kept = n; return n ? again(n - 1) + kept : 0; }
void _start(void) { struct domain d = { 1 }; a(again(2), &d); last(&d); stop(); }
";

const B: &str = "\
struct domain { int id; };
struct ops { int (*run)(struct domain *d); };
static __attribute__((noinline)) int helper(int x) { volatile int y = x + 1; return y; }
int b(struct domain *d) { return helper(d->id) * 2; }
int also_b(struct domain *d) __attribute__((alias(\"b\")));
static const struct ops mine = { b };
const struct ops *ops = &mine;
";

const S: &str = "\
        .text
        .globl stop
        .type stop, @function
stop:   call first
        nop
second: hlt
        jmp second
first:  ret
";

/// The folder of a finished build.
fn compiled(folder: &Path) {
    for (name, text) in [("a.c", A), ("b.c", B), ("s.S", S)] {
        fs::write(folder.join(name), text).expect("it is written");
        compile(folder, name, &[]);
    }
    link(folder);
}

fn compile(folder: &Path, name: &str, flags: &[&str]) {
    compile_to(folder, name, &format!("{}.o", name.split('.').next().expect("a name")), flags);
}

fn compile_to(folder: &Path, name: &str, object: &str, flags: &[&str]) {
    let arguments: Vec<&str> = FLAGS.split(' ').chain(flags.iter().copied()).collect();
    gcc(folder, &[&arguments[..], &["-c", name, "-o", object]].concat());
}

fn link(folder: &Path) {
    link_all(folder, &["a.o", "b.o", "s.o"]);
}

fn link_all(folder: &Path, objects: &[&str]) {
    let how = ["-nostdlib", "-static", "-no-pie", "-Wl,--build-id", "-o", "xen-syms"];
    gcc(folder, &[&how[..], objects].concat());
}

fn gcc(folder: &Path, arguments: &[&str]) {
    let ran = Command::new("gcc").args(arguments).current_dir(folder).output().expect("gcc runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

fn graph_of(folder: &Path, ci: &Path) -> Result<Graph, Error> {
    let build = Build::open(folder).expect("a build");
    let image = Image::open(build.image().expect("an image")).expect("an image");
    let debug = Debug::read(&image).expect("debug information");
    let files = Build::open(ci).expect("a folder").ci().expect("files");
    Ok(assemble(Sources { image: Some((&image, &debug)), ci: &files, ..Sources::default() })?.draft.finish())
}

fn function<'a>(graph: &'a Graph, unit: &str, name: &str) -> (u32, &'a Function) {
    let mut found = (0..)
        .zip(&graph.functions)
        .filter(|(_, function)| function.name == name && function.unit.as_deref() == Some(unit));
    let one = found.next().unwrap_or_else(|| panic!("{unit}:{name} is there"));
    assert!(found.next().is_none(), "{unit}:{name} is there twice");
    one
}

/// A call: its kind, the callee, what is inlined around it, and what says so.
type Call = (SiteKind, Option<String>, Vec<String>, Vec<Evidence>);

/// What a function calls.
fn calls(graph: &Graph, unit: &str, name: &str) -> Vec<Call> {
    let (caller, _) = function(graph, unit, name);
    let name_of = |id: u32| {
        let function = &graph.functions[id as usize];
        format!("{}:{}", function.unit.as_deref().unwrap_or_default(), function.name)
    };
    let sites = (0..).zip(&graph.sites).filter(|(_, site)| site.caller.0 == caller);
    sites
        .map(|(at, site)| {
            let edges: Vec<_> = graph.edges.iter().filter(|edge| edge.site.0 == at).collect();
            (
                site.kind,
                edges.first().map(|edge| name_of(edge.callee.0)),
                site.inlined
                    .iter()
                    .map(|frame| graph.functions[frame.function.0 as usize].name.clone())
                    .collect(),
                edges.iter().map(|edge| edge.evidence).collect(),
            )
        })
        .collect()
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_graph_has_what_image_debug_information_and_ci_say() {
    let folder = tempfile::tempdir().expect("a folder");
    compiled(folder.path());
    let graph = graph_of(folder.path(), folder.path()).expect("a graph");
    let both = vec![Evidence::Image, Evidence::Ci];
    let callee = |name: &str| Some(name.to_owned());

    // Statics of one name are two functions.
    let (_, helper) = function(&graph, "b.c", "helper");
    assert!(helper.is_static && helper.code == Code::C && helper.stack.is_some());
    assert_eq!(calls(&graph, "b.c", "b"), [(SiteKind::Call, callee("b.c:helper"), vec![], both.clone())]);

    // A part that was moved away belongs to its function; so does what is inlined.
    let (_, a) = function(&graph, "a.c", "a");
    assert_eq!(a.pieces.len(), 2, "{:?}", a.pieces);
    assert_eq!(
        a.owner.as_ref().map(|owner| (owner.parameter.as_str(), owner.holds.as_str())),
        Some(("d", "domain"))
    );
    let of_a = calls(&graph, "a.c", "a");
    assert!(of_a.contains(&(SiteKind::Call, callee("s.S:stop"), vec![], both.clone())), "{of_a:?}");
    assert!(
        of_a.contains(&(SiteKind::Call, callee("a.c:helper"), vec!["within".to_owned()], both.clone())),
        "{of_a:?}"
    );
    assert!(of_a.contains(&(SiteKind::Indirect, None, vec![], vec![])), "{of_a:?}");
    assert_eq!(of_a.len(), 3);
    let (_, within) = function(&graph, "a.c", "within");
    assert!(within.pieces.is_empty());

    assert_eq!(calls(&graph, "a.c", "last"), [(SiteKind::Tail, callee("b.c:b"), vec![], both.clone())]);
    assert!(calls(&graph, "a.c", "again").contains(&(SiteKind::Call, callee("a.c:again"), vec![], both)));

    // Assembly falls from one symbol into the next, unless it has stopped.
    let only = vec![Evidence::Image];
    let (_, stop) = function(&graph, "s.S", "stop");
    assert!(stop.noreturn && stop.code == Code::Assembly);
    assert_eq!(
        calls(&graph, "s.S", "stop"),
        [
            (SiteKind::Call, callee("s.S:first"), vec![], only.clone()),
            (SiteKind::Fall, callee("s.S:second"), vec![], only),
        ]
    );
    assert_eq!(calls(&graph, "s.S", "second"), []);

    let count = |what: &str| graph.facts.counts.get(what).copied().unwrap_or(0);
    assert_eq!(count("ci.files-of-the-image"), 2);
    assert_eq!(count("ci.calls-not-in-the-image") + count("ci.indirect-calls-not-in-the-image"), 0);
    assert_eq!(graph.sites.iter().filter(|site| site.open == Some(Open::Unknown)).count(), 1);
    assert_eq!(graph, graph_of(folder.path(), folder.path()).expect("a graph"));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn files_of_another_build_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    compiled(folder.path());
    let other = tempfile::tempdir().expect("a folder");
    let text = fs::read_to_string(folder.path().join("a.ci")).expect("it is there");

    fs::write(other.path().join("x.ci"), text.replace("a.c", "x.c")).expect("it is written");
    let error = graph_of(folder.path(), other.path()).expect_err("it is of another build");
    assert!(matches!(error, Error::OtherBuild { files: 1, .. }), "{error}");
    fs::remove_file(other.path().join("x.ci")).expect("it is there");

    // The same file of another version of the source: everything stands elsewhere.
    let moved: String = (1..=16).rev().fold(text.clone(), |text, line| {
        text.replace(&format!("a.c:{line}:"), &format!("a.c:{}:", line + 40))
    });
    fs::write(other.path().join("a.ci"), moved).expect("it is written");
    let named = |lacks: [Lack; 2]| {
        let units = ["a.c", "b.c"].into_iter().map(str::to_owned);
        units.zip(lacks.map(|lack| vec![lack])).collect::<Vec<_>>()
    };
    assert_eq!(lacks(folder.path(), other.path()), named([Lack::OwnCi, Lack::Ci]));

    // One that has all of the image, and much more.
    let more =
        |number| format!("node: {{ title: \"more{number}\" label: \"more{number}\\na.c:90:1\" }}\n}}\n");
    let more = (0..9).fold(text.clone(), |text, number| {
        text.strip_suffix("}\n").expect("its end").to_owned() + &more(number)
    });
    fs::write(other.path().join("a.ci"), more).expect("it is written");
    let error = graph_of(folder.path(), other.path()).expect_err("it is of another build");
    assert!(matches!(error, Error::Differs { missing: 9, .. }), "{error}");

    fs::write(other.path().join("a.ci"), &text[..text.len() - 10]).expect("it is written");
    let error = graph_of(folder.path(), other.path()).expect_err("it is cut").to_string();
    assert!(error.starts_with("a.ci, line ") && error.contains("the compiler was interrupted"), "{error}");
}

#[test]
fn what_the_compiler_alone_says_is_a_graph_too() {
    let folder = tempfile::tempdir().expect("a folder");
    compiled(folder.path());
    let files = Build::open(folder.path()).expect("a folder").ci().expect("files");
    let graph = assemble(Sources { ci: &files, ..Sources::default() }).expect("a graph").draft.finish();
    let ci = vec![Evidence::Ci];
    assert_eq!(calls(&graph, "b.c", "b"), [(SiteKind::Call, Some("b.c:helper".to_owned()), vec![], ci)]);
    assert_eq!(
        calls(&graph, "a.c", "last").first().and_then(|call| call.1.clone()).as_deref(),
        Some("b.c:b")
    );
    assert!(matches!(assemble(Sources { ci: &[], ..Sources::default() }), Err(Error::Nothing)));
}

/// What an image and the `.ci` files of a folder lack.
#[cfg(target_arch = "x86_64")]
fn lacks(folder: &Path, ci: &Path) -> Vec<(String, Vec<Lack>)> {
    let lacks = graph_of(folder, ci).expect("a graph").facts.lacks;
    lacks.into_iter().map(|(unit, lacks)| (unit, lacks.into_iter().collect())).collect()
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_unit_of_the_image_without_its_file_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    compiled(folder.path());
    let ci = folder.path().join("b.ci");
    assert_eq!(lacks(folder.path(), folder.path()), [], "assembly has none");
    let text = fs::read_to_string(&ci).expect("it is there");
    let one = |lack: Lack| vec![("b.c".to_owned(), vec![lack])];

    fs::remove_file(&ci).expect("it is there");
    assert_eq!(lacks(folder.path(), folder.path()), one(Lack::Ci));
    // One of another unit, or with nothing in it, does not stand for it.
    fs::write(&ci, text.replace("b.c", "include/b.h")).expect("it is written");
    assert_eq!(lacks(folder.path(), folder.path()), one(Lack::Ci));
    fs::write(&ci, "graph: { title: \"b.c\"\n}\n").expect("it is written");
    assert_eq!(lacks(folder.path(), folder.path()), one(Lack::OwnCi));
    // Nor does one of another version of its source; and it is not used.
    fs::write(&ci, text.replace("b.c:3:", "b.c:2:")).expect("it is written");
    assert_eq!(lacks(folder.path(), folder.path()), one(Lack::OwnCi));
    let graph = graph_of(folder.path(), folder.path()).expect("a graph");
    let (_, helper) = function(&graph, "b.c", "helper");
    assert_eq!((helper.stack, helper.location.as_ref().map(|at| at.line)), (None, Some(3)));
    // With its own one beside it nothing is missing.
    fs::write(folder.path().join("other.ci"), &text).expect("it is written");
    assert_eq!(lacks(folder.path(), folder.path()), []);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_unit_without_debug_information_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    compiled(folder.path());
    compile(folder.path(), "b.c", &["-g0"]);
    link(folder.path());
    assert_eq!(lacks(folder.path(), folder.path()), [("b.c".to_owned(), vec![Lack::DebugInfo])]);
    fs::remove_file(folder.path().join("b.ci")).expect("it is there");
    assert_eq!(lacks(folder.path(), folder.path()), [("b.c".to_owned(), vec![Lack::Ci, Lack::DebugInfo])]);
}

/// One source makes two units, as Xen's page walkers do: the file that is missing is that of one of
/// them.
#[cfg(target_arch = "x86_64")]
#[test]
fn two_units_of_one_source_have_a_file_each() {
    let folder = tempfile::tempdir().expect("a folder");
    compiled(folder.path());
    let text = B
        .replace("int also_b(", "int ALSO(")
        .replace("(\"b\")", "(NAME_TEXT)")
        .replace("int b(", "int NAME(")
        .replace("= { b }", "= { NAME }")
        .replace("*ops =", "*OPS =");
    fs::write(folder.path().join("b.c"), text).expect("it is written");
    fs::remove_file(folder.path().join("b.ci")).expect("it is there");
    for (name, ops, object) in [("b", "ops", "b_1.o"), ("b2", "ops2", "b_2.o")] {
        let defines = [
            format!("-DNAME={name}"),
            format!("-DNAME_TEXT=\"{name}\""),
            format!("-DALSO=also_{name}"),
            format!("-DOPS={ops}"),
        ];
        compile_to(folder.path(), "b.c", object, &defines.each_ref().map(String::as_str));
    }
    link_all(folder.path(), &["a.o", "b_1.o", "b_2.o", "s.o"]);
    assert_eq!(lacks(folder.path(), folder.path()), []);
    fs::remove_file(folder.path().join("b_1.ci")).expect("it is there");
    let named = lacks(folder.path(), folder.path());
    assert!(
        matches!(&named[..], [(unit, lacks)] if unit.starts_with("b.c with ") && lacks[..] == [Lack::Ci]),
        "{named:?}"
    );
}

/// What objects and the `.ci` files beside them lack.
fn lacks_of_objects(folder: &Path) -> Vec<(String, Vec<Lack>)> {
    let build = Build::open(folder).expect("a folder");
    let (files, objects) = (build.ci().expect("files"), build.objects().expect("objects"));
    let units = parse_ci(&files).expect("units");
    let lacks = units::of_objects(&objects, &files, &units);
    lacks.into_iter().map(|(unit, lacks)| (unit, lacks.into_iter().collect())).collect()
}

#[test]
fn an_object_without_its_file_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    compiled(folder.path());
    let path = |name: &str| folder.path().join(name);
    let tool = |program: &str, arguments: &[&str]| {
        let ran = Command::new(program).args(arguments).current_dir(folder.path()).output().expect("it runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    let one = |name: &str, lack: Lack| vec![(name.to_owned(), vec![lack])];
    fs::remove_file(path("xen-syms")).expect("it is there");
    tool("ld", &["-r", "a.o", "b.o", "s.o", "-o", "built_in.o"]);
    tool("ld", &["-r", "b.o", "-o", "prelink.o"]);
    tool("ar", &["rcs", "lib.a", "b.o"]);
    // Xen's makefiles give the sources of some objects another folder.
    tool("objcopy", &["--redefine-sym", "b.c=common/b.c", "b.o"]);
    // Programs that run while Xen is built have no such files, and are no part of it.
    fs::create_dir_all(path("tools")).expect("it is made");
    fs::copy(path("a.o"), path("tools/conf.o")).expect("it is copied");
    assert_eq!(lacks_of_objects(folder.path()), []);

    let text = fs::read_to_string(path("b.ci")).expect("it is there");
    fs::remove_file(path("b.ci")).expect("it is there");
    assert_eq!(lacks_of_objects(folder.path()), one("b.o", Lack::Ci));
    // Of another folder, and of another build.
    fs::write(path("tools/b.ci"), &text).expect("it is written");
    assert_eq!(lacks_of_objects(folder.path()), one("b.o", Lack::Ci));
    fs::remove_file(path("tools/b.ci")).expect("it is there");
    fs::write(path("b.ci"), text.replace("\"b\"", "\"c\"")).expect("it is written");
    assert_eq!(lacks_of_objects(folder.path()), one("b.o", Lack::OwnCi));
    fs::remove_file(path("b.ci")).expect("it is there");

    // What only an archive, or an object that was linked, still has.
    fs::remove_file(path("b.o")).expect("it is there");
    fs::remove_file(path("prelink.o")).expect("it is there");
    assert_eq!(lacks_of_objects(folder.path()), one("b.o", Lack::Ci));
    fs::remove_file(path("lib.a")).expect("it is there");
    assert_eq!(lacks_of_objects(folder.path()), one("built_in.o of b.c", Lack::Ci));

    compile(folder.path(), "b.c", &["-flto"]);
    assert_eq!(lacks_of_objects(folder.path()), one("b.o", Lack::Code));
    let empty = tempfile::tempdir().expect("a folder");
    fs::write(empty.path().join("b.ci"), text).expect("it is written");
    assert_eq!(lacks_of_objects(empty.path()), one("the build", Lack::Witness));
}
