//! `xenheap graph paths` and the questions to a graph, on a small part of a real one.
//!
//! The part is of Xen 4.17, x86_64, debug, and was made with
//!
//! ```text
//! xenheap graph build debian:4.17 --config CONFIG_DEBUG=y --out-dir graph
//! xenheap graph export graph --format graph -o crates/xenheap/testdata/small.xhg \
//!     --certainty resolved --from do_grant_table_op --from do_memory_op --to _xmalloc \
//!     --to alloc_xenheap_pages --preset boot --preset cuts
//! ```

mod support;

use insta::assert_snapshot;
use support::{output_of, run};

const GRAPH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/small.xhg");

fn asked(arguments: &[&str]) -> String {
    output_of(arguments)
}

#[test]
fn paths() {
    assert_snapshot!("to", asked(&["graph", "paths", GRAPH, "--to", "alloc_xenheap_pages", "--limit", "4"]));
    assert_snapshot!(
        "locations_and_stack",
        asked(&[
            "graph",
            "paths",
            GRAPH,
            "--to",
            "_xmalloc",
            "--locations",
            "--stack",
            "--source",
            "--limit",
            "3"
        ])
    );
    assert_snapshot!(
        "json",
        asked(&[
            "graph",
            "paths",
            GRAPH,
            "--to",
            "_xmalloc",
            "--format",
            "json",
            "--limit",
            "2",
            "--locations",
            "--stack",
            "--preset",
            "softirq"
        ])
    );
    assert_snapshot!(
        "filters",
        asked(&[
            "graph",
            "paths",
            GRAPH,
            "--to",
            "_xmalloc",
            "--include",
            "gnttab_*",
            "--exclude",
            "*map*",
            "--preset",
            "guest",
            "--limit",
            "3"
        ])
    );
}

/// The number that is printed first is that of the paths that follow, without a limit.
#[test]
fn the_number_is_that_of_the_paths() {
    for options in [
        &["--to", "_xmalloc"][..],
        &["--to", "alloc_xenheap_pages", "--locations"],
        &["--to", "_xmalloc", "--source", "--max-length", "8"],
        &["--to", "alloc_xenheap_pages", "--recursive", "--max-length", "7"],
        &["--to", "_xmalloc", "--include", "gnttab_*", "--preset", "hypercalls"],
        &["--from", "do_memory_op", "--max-length", "7"],
    ] {
        let text = asked(&[&["graph", "paths", GRAPH, "--limit", "0"], options].concat());
        let number: usize = text
            .strip_prefix("// ")
            .and_then(|text| text.split(' ').next())
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| {
                panic!("{options:?}: no number in {}", text.lines().next().unwrap_or_default())
            });
        assert!(number > 1, "{options:?}: {number}");
        assert_eq!(text.matches("\n\n").count(), number, "{options:?}");
        let json = asked(&[&["graph", "paths", GRAPH, "--limit", "0", "--format", "json"], options].concat());
        assert_eq!(json.lines().count(), number + 2, "{options:?}");
        assert!(json.contains(&format!("\"paths\":\"{number}\"")), "{options:?}");
    }
}

#[test]
fn questions() {
    let cuts = ["--preset", "softirq", "--exclude", "p2m_pod_decrease_reservation"];
    let ask = |question: &[&str]| asked(&[question, &cuts].concat());
    assert_snapshot!("reach", ask(&["graph", "reach", GRAPH, "--to", "_xmalloc"]));
    assert_snapshot!("funnels", ask(&["graph", "funnels", GRAPH, "--to", "_xmalloc", "--limit", "8"]));
    assert_snapshot!(
        "cut",
        ask(&["graph", "cut", GRAPH, "--from", "do_memory_op", "--to", "alloc_xenheap_pages"])
    );
    assert_snapshot!(
        "why",
        ask(&["graph", "why", GRAPH, "--from", "do_memory_op", "--to", "_xmalloc", "--limit", "2"])
    );
    for question in [
        &["graph", "reach", GRAPH, "--to", "_xmalloc", "--format", "json"][..],
        &["graph", "funnels", GRAPH, "--to", "_xmalloc", "--format", "json"],
        &["graph", "cut", GRAPH, "--to", "_xmalloc", "--from", "do_grant_table_op", "--format", "json"],
        &["graph", "why", GRAPH, "--from", "do_memory_op", "--to", "_xmalloc", "--format", "json"],
    ] {
        let value: serde_json::Value = serde_json::from_str(&ask(question)).expect("JSON");
        assert!(value.is_object());
    }
}

/// What a cut names does separate, and each of its functions is needed.
#[test]
fn a_cut_cuts() {
    let cut = asked(&["graph", "cut", GRAPH, "--from", "do_grant_table_op", "--to", "_xmalloc"]);
    let names: Vec<&str> = cut.lines().filter(|line| !line.starts_with("//")).collect();
    assert!(!names.is_empty());
    let count = |excluded: &[&str]| {
        let mut arguments =
            vec!["graph", "paths", GRAPH, "--from", "do_grant_table_op", "--to", "_xmalloc", "--limit", "1"];
        for name in excluded {
            arguments.extend(["--exclude", name]);
        }
        asked(&arguments).lines().next().unwrap_or_default().to_owned()
    };
    assert!(count(&names).starts_with("// 0 paths"), "{}", count(&names));
    for spared in 0..names.len() {
        let mut others = names.clone();
        others.remove(spared);
        assert!(!count(&others).starts_with("// 0 paths"), "{} is not needed", names[spared]);
    }
}

#[test]
fn exports() {
    let small = ["--from", "do_grant_table_op", "--to", "alloc_xenheap_pages"];
    let export =
        |format: &str| asked(&[&["graph", "export", GRAPH, "--format", format], &small[..]].concat());
    assert_snapshot!("dot", export("dot"));
    assert_snapshot!("graphml", export("graphml"));
    let value: serde_json::Value = serde_json::from_str(&export("json")).expect("JSON");
    let functions = value["functions"].as_array().expect("a list").len();
    assert!(functions > 1);
    assert_eq!(export("dot").matches("label=").count(), functions);
    assert_eq!(export("graphml").matches("<node ").count(), functions);
    let dir = tempfile::tempdir().expect("a temporary folder");
    asked(
        &[&["graph", "export", GRAPH, "--format", "csv", "--out-dir", support::text(dir.path())], &small[..]]
            .concat(),
    );
    let csv = std::fs::read_to_string(dir.path().join("functions.csv")).expect("a file");
    // A head, and the functions that are inlined around the calls too.
    assert!(csv.lines().count() > functions, "{csv}");
    // A part of a graph is a graph, of which the same part is itself.
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (part, again) = (dir.path().join("part.xhg"), dir.path().join("again.xhg"));
    let all = [&["graph", "export", "--format", "graph"], &small[..]].concat();
    asked(&[&all[..], &[GRAPH, "-o", support::text(&part)]].concat());
    asked(&[&all[..4], &[support::text(&part), "-o", support::text(&again)]].concat());
    assert_eq!(std::fs::read(&part).expect("a file"), std::fs::read(&again).expect("a file"));
}

#[test]
fn presets_are_printed() {
    let text = asked(&["graph", "paths", "--presets"]);
    for name in ["boot", "noreturn", "diagnostics", "softirq", "context-switch", "interrupts", "guest"] {
        assert!(text.contains(&format!("name = \"{name}\"")), "{name}");
    }
}

#[test]
fn errors() {
    let mut told = String::new();
    for arguments in [
        &["graph", "paths", GRAPH, "--to", "_xmaloc"][..],
        &["graph", "paths", GRAPH],
        &["graph", "paths", "--to", "_xmalloc"],
        &["graph", "paths", GRAPH, "--to", "_xmalloc", "--recursive"],
        &["graph", "paths", GRAPH, "--to", "_xmalloc", "--preset", "nonsense"],
        &["graph", "paths", GRAPH, "--to", "_xmalloc", "--exclude", "nonsense"],
        &["graph", "paths", GRAPH, "--to", "_xmalloc", "--exclude", "@no-such-file"],
        &["graph", "paths", "no-such-graph", "--to", "_xmalloc"],
        &["graph", "cut", GRAPH, "--to", "_xmalloc", "--include", "x"],
    ] {
        let ran = run(arguments);
        assert_ne!(ran.code, 0, "{arguments:?}");
        assert_eq!(ran.out, "", "{arguments:?}");
        let first: Vec<&str> = ran.err.lines().take(4).collect();
        told.push_str(&format!("{}: {}\n\n", ran.code, first.join("\n").replace(GRAPH, "GRAPH")));
    }
    assert_snapshot!("errors", told);
}
