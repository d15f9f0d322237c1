//! The self-checks are checked, on the log of a real boot in all modes: `XENHEAP_RUN` names its
//! folder or the log itself.

mod support;

use std::{io::Read, path::PathBuf};

use support::mutate::mutate;

#[test]
fn each_mutation_of_a_real_log_fails_the_right_check() {
    let run =
        PathBuf::from(std::env::var_os("XENHEAP_RUN").expect("XENHEAP_RUN names a RUN folder or a log"));
    let path = if run.is_dir() { run.join("console.log") } else { run };
    let mut log = Vec::new();
    let mut input = xenheap_console::open(&path).expect("the log can be opened");
    input.read_to_end(&mut log).expect("the log can be read");
    let classes = mutate(&log);
    for class in ["V", "S", "S in a dump", "P", "K", "Y", "Z begin", "Z end"] {
        assert!(classes.contains(class), "{class} is not in {classes:?}");
    }
    for op in ["Alloc", "Fail", "Free", "Give", "Take"] {
        for view in ["trace", "warn"] {
            assert!(classes.contains(&format!("{view} {op}")), "{view} {op} is not in {classes:?}");
        }
    }
}
