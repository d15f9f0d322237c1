use proptest::prelude::*;

use super::*;
use crate::{Lack, Whole, testing::graph};

fn written(graph: &Graph) -> Vec<u8> {
    let mut bytes = Vec::new();
    graph.write(&mut bytes, "a test").expect("memory can be written");
    bytes
}

fn packed(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).expect("it can be packed")
}

proptest! {
    #[test]
    fn what_is_written_is_read(graph in graph()) {
        let bytes = written(&graph);
        prop_assert_eq!(&bytes, &written(&graph));
        prop_assert_eq!(Graph::read("a.xhg", &bytes).expect("it is whole"), graph);
    }

    #[test]
    fn a_shorter_file_is_refused(graph in graph(), part in 0.0..1.0_f64) {
        let bytes = written(&graph);
        let length = (bytes.len() as f64 * part) as usize;
        prop_assert!(Graph::read("a.xhg", bytes.get(..length).expect("it is shorter")).is_err());
    }

    #[test]
    fn a_shorter_text_is_refused(graph in graph(), part in 0.0..1.0_f64) {
        let text = zstd::decode_all(written(&graph).as_slice()).expect("it is whole");
        let length = (text.len() as f64 * part) as usize;
        let cut = zstd::encode_all(text.get(..length).expect("it is shorter"), 1).expect("it can be packed");
        let error = Graph::read("a.xhg", &cut).expect_err("it is cut");
        let told = matches!(error, GraphFileError::CutOff { .. } | GraphFileError::NotAGraphFile { .. });
        prop_assert!(told, "{error}");
    }

    #[test]
    fn any_damage_is_an_error_or_another_graph(graph in graph(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = zstd::decode_all(written(&graph).as_slice()).expect("it is whole");
        let at = at.index(text.len());
        text[at] = byte;
        let damaged = zstd::encode_all(text.as_slice(), 1).expect("it can be packed");
        if let Ok(read) = Graph::read("a.xhg", &damaged) {
            // Whatever is read can be written and read again.
            prop_assert_eq!(Graph::read("b.xhg", &written(&read)).expect("it is whole"), read);
        }
    }
}

const HEAD: &str = r#"{"magic":"xenheap-graph","version":1,"tool":"t","facts":{"architecture":"arm64","xen":null,"build_id":null,"compiler":null,"config_sha256":null,"counts":{}},"strings":1,"functions":1,"sites":1,"edges":1,"entries":0,"allocations":0}"#;
const FUNCTION: &str = r#"[[0,null,false,null,"c",[],null,null,false]]"#;
const SITE: &str = r#"[[0,7,null,"call",[],null,null]]"#;
const EDGE: &str = r#"[[0,0,"image","certain"]]"#;

fn error_of(lines: &[&str]) -> String {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Graph::read("a.xhg", &packed(&text)).expect_err("it is damaged").to_string()
}

#[test]
fn a_file_by_another_program_is_read() {
    let text = [HEAD, r#"["f"]"#, FUNCTION, SITE, EDGE, "[]", "[]"].map(|line| format!("{line}\n")).concat();
    let graph = Graph::read("a.xhg", &packed(&text)).expect("it is whole");
    assert_eq!(graph.functions.first().map(|function| function.name.as_str()), Some("f"));
    assert_eq!(graph.sites.first().and_then(|site| site.address), Some(7));
    assert_eq!(graph.edges.len(), 1);
}

/// What version 2 added: contexts, and ways between them.
#[test]
fn contexts_are_read_and_checked() {
    let head = HEAD
        .replace("\"version\":1", "\"version\":2")
        .replace("\"strings\":1", "\"strings\":2")
        .replace("\"allocations\":0", "\"allocations\":0,\"contexts\":1,\"ways\":1");
    let lines = |contexts: &'static str, ways: &'static str| {
        [&head, r#"["f","ops = t"]"#, FUNCTION, SITE, EDGE, "[]", "[]", contexts, ways]
            .map(|line| format!("{line}\n"))
            .concat()
    };
    let text = lines("[[0,1,true]]", "[[0,0,null,0]]");
    let graph = Graph::read("a.xhg", &packed(&text)).expect("it is whole");
    assert_eq!(graph.contexts[0].says, "ops = t");
    assert_eq!(graph.ways_of(SiteId(0), FunctionId(0)).next().and_then(|way| way.into), Some(ContextId(0)));
    assert_eq!(Graph::read("b.xhg", &written(&graph)).expect("it is whole"), graph);
    let error = |text: String| Graph::read("a.xhg", &packed(&text)).expect_err("it is damaged").to_string();
    let dangling = error(lines("[[0,1,true]]", "[[0,0,1,0]]"));
    assert!(dangling.contains("ways"), "{dangling}");
    let cut: String = text.lines().take(8).map(|line| format!("{line}\n")).collect();
    assert!(error(cut).contains("ways"));
}

#[test]
fn a_graph_of_a_part_of_a_build_says_what_lacks() {
    let lacks = r#""counts":{},"lacks":{"common/a.c":["ci","dump"]}}"#;
    let head = HEAD.replace("\"version\":1", "\"version\":2").replace(r#""counts":{}}"#, lacks);
    let text = [&head, r#"["f"]"#, FUNCTION, SITE, EDGE, "[]", "[]", "[]", "[]"]
        .map(|line| format!("{line}\n"))
        .concat();
    let graph = Graph::read("a.xhg", &packed(&text)).expect("it is whole");
    let lacks = vec![("common/a.c".to_owned(), vec![Lack::Ci, Lack::Dump])];
    assert_eq!(graph.whole(), Whole::Lacks(lacks));
    let written = zstd::decode_all(written(&graph).as_slice()).expect("it is whole");
    assert!(written.starts_with(br#"{"magic":"xenheap-graph","version":2,"#));
    assert_eq!(
        Graph::read("b.xhg", &packed(&String::from_utf8_lossy(&written))).expect("it is whole"),
        graph
    );
}

#[test]
fn damage_is_told() {
    let strings = r#"["f"]"#;
    let newer = HEAD.replace("\"version\":1", "\"version\":9");
    assert_eq!(
        error_of(&[&newer]),
        "a.xhg is a graph file of version 9, this xenheap reads up to version 2: use the xenheap that wrote it (t) or a newer one, or build the graph again"
    );
    let none = "a.xhg is not a graph file (make one with `xenheap graph build`)";
    assert_eq!(error_of(&["{\"magic\":\"xenheap-run\",\"version\":2}"]), none);
    assert_eq!(error_of(&["Xen"]), none);
    assert_eq!(Graph::read("a.xhg", b"no zstd").expect_err("it is none").to_string(), none);
    assert_eq!(Graph::read("a.xhg", b"").expect_err("it is none").to_string(), none);
    let whole = [HEAD, strings, FUNCTION, SITE, EDGE, "[]", "[]"];
    assert_eq!(
        error_of(&whole[..4]),
        "a.xhg ends before its edges: it was cut off, copy it or build the graph again"
    );
    let with = |at: usize, line: &'static str| {
        let mut lines = whole;
        lines[at] = line;
        error_of(&lines)
    };
    assert_eq!(with(4, "[]"), "a.xhg has 0 edges, and its head says 1: it is damaged");
    assert_eq!(
        with(4, r#"[[0,1,"image","certain"]]"#),
        "a.xhg is damaged: row 0 of its edges refers to something that is not there"
    );
    assert_eq!(
        with(2, r#"[[1,null,false,null,"c",[],null,null,false]]"#),
        "a.xhg is damaged: row 0 of its functions refers to something that is not there"
    );
    assert!(
        with(3, r#"[[0,7,null,"jump",[],null,null]]"#)
            .starts_with("a.xhg is damaged in line 4: unknown variant `jump`")
    );
    let mut more = whole.to_vec();
    more.push("[]");
    assert_eq!(error_of(&more), "a.xhg goes on after its last table, in line 8: it is damaged");
}
