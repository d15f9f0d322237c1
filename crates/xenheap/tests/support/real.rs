//! Reports of a real RUN, which `./check` makes and names in `XENHEAP_RUN`.

use std::path::PathBuf;

use serde_json::Value;

use super::{output_of, text};

pub fn run_folder() -> PathBuf {
    PathBuf::from(
        std::env::var_os("XENHEAP_RUN").expect("XENHEAP_RUN names the RUN folder: ./check makes one"),
    )
}

pub fn report(arguments: &[&str]) -> String {
    output_of(&[&["report"], arguments, &[text(&run_folder())]].concat())
}

pub fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&report(&[&["--format", "json"], arguments].concat())).expect("the report is JSON")
}

pub fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no number"))
}

pub fn findings(report: &Value) -> &Vec<Value> {
    report["findings"].as_array().expect("findings")
}

/// From the entry to the allocator.
pub fn functions(finding: &Value) -> Vec<&str> {
    let frames = finding["stack"]["frames"].as_array().expect("frames");
    frames.iter().map(|frame| frame["function"].as_str().expect("a name")).collect()
}
