//! Any bytes as a `.ci` file: an error with a line that exists, or a unit.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use xenheap_facts::ci;

fuzz_target!(|data: &[u8]| {
    match ci::parse(Path::new("fuzz.ci"), data) {
        Ok(unit) => {
            let lines = data.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(unit.nodes.len() + unit.edges.len() + 2, lines);
        }
        Err(error) => assert!(error.line >= 1 && error.line <= data.iter().filter(|byte| **byte == b'\n').count() + 1),
    }
});
