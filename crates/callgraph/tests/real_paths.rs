//! The count on a real graph against full enumeration. `./check --full` makes the graph:
//!
//! ```text
//! xenheap graph build debian:4.17 --sources ci --out-dir DIR
//! XENHEAP_CI_GRAPH=DIR \
//!     cargo test --release -p xenheap-callgraph --features real-run --test real_paths
//! ```

use std::path::Path;

use xenheap_callgraph::{Graph, Names, View, ViewOptions};
use xenheap_paths::{NodeSet, Paths, Query, Shape};

#[test]
fn the_count_is_the_number_of_paths() {
    let path = std::env::var_os("XENHEAP_CI_GRAPH").expect("XENHEAP_CI_GRAPH: a graph of .ci files alone");
    let graph = Graph::load(Path::new(&path)).expect("a graph");
    let names = Names::new(&graph.functions);
    let view = View::new(&graph, ViewOptions::default()).expect("a view");
    let sources = view.compact().roots();
    for name in ["_xmalloc", "alloc_xenheap_pages"] {
        let targets = NodeSet::of(graph.functions.len(), [names.one(name).expect("a function").0]);
        let paths = Paths::new(&Query {
            graph: view.compact(),
            sources: &sources,
            targets: &targets,
            within: None,
            through: None,
            shape: Shape::default(),
        })
        .expect("a query");
        let count = paths.count();
        let mut stream = paths.stream();
        let mut number = 0u64;
        while stream.advance().is_some() {
            number += 1;
        }
        println!("{name}: {number} paths");
        assert!(number > 1000, "{name}: {number}");
        assert_eq!(count.exact(), Some(&number.into()), "{name}");
    }
}
