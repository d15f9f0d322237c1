//! Any bytes as a `.ci` file: an error with a line that exists, or a unit with as many nodes and
//! edges as the file has lines of them, in which every name and every file of a place stands in the
//! text.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use xenheap_facts::ci::{self, Id};
use xenheap_fuzz::lines;

fuzz_target!(|data: &[u8]| {
    match ci::parse(Path::new("fuzz.ci"), data) {
        Ok(unit) => {
            assert_eq!(unit.nodes.len() + unit.edges.len() + 2, lines(data) - 1);
            let begins =
                |word: &[u8]| data.split(|byte| *byte == b'\n').filter(|line| line.starts_with(word)).count();
            assert_eq!((unit.nodes.len(), unit.edges.len()), (begins(b"node:"), begins(b"edge:")));
            let text = std::str::from_utf8(data).expect("only text is a unit");
            let stands = |id: Id<'_>| match id.unit {
                Some(unit) => text.contains(&format!("\"{unit}:{}\"", id.name)),
                None => text.contains(&format!("\"{}\"", id.name)),
            };
            // A few are enough: all of a large file would take the time of many files.
            for node in unit.nodes.iter().take(8) {
                assert!(stands(node.id));
                assert!(node.place.is_none_or(|at| text.contains(&format!("{}:", at.file))));
            }
            for edge in unit.edges.iter().take(8) {
                assert!(stands(edge.caller) && stands(edge.callee));
            }
        }
        Err(error) => assert!((1..=lines(data)).contains(&error.line)),
    }
});
