//! Any bytes as a graph file: an error, or a graph that can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xenheap_callgraph::Graph;

fuzz_target!(|data: &[u8]| {
    // What is fuzzed is the content: compression would hide it.
    let Ok(packed) = zstd::encode_all(data, 1) else { return };
    if let Ok(graph) = Graph::read("fuzz", &packed) {
        let mut bytes = Vec::new();
        graph.write(&mut bytes, "fuzz").expect("memory can be written");
        assert_eq!(Graph::read("fuzz", &bytes).expect("it is whole"), graph);
    }
});
