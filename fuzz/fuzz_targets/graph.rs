//! Any bytes as a graph file: an error with a line that exists, or a graph that can be written and
//! is the same when it is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xenheap_callgraph::{Graph, GraphFileError};
use xenheap_fuzz::lines;

fuzz_target!(|data: &[u8]| {
    // What is fuzzed is the content: compression would hide it.
    let Ok(packed) = zstd::encode_all(data, 1) else { return };
    match Graph::read("fuzz", &packed) {
        Ok(graph) => {
            let mut bytes = Vec::new();
            graph.write(&mut bytes, "fuzz").expect("memory can be written");
            assert_eq!(Graph::read("fuzz", &bytes).expect("it is whole"), graph);
        }
        Err(GraphFileError::Line { line, .. } | GraphFileError::Surplus { line, .. }) => {
            assert!((1..=lines(data) as u64).contains(&line));
        }
        // Others name the table and the row.
        Err(_) => {}
    }
});
