//! The self-checks are checked, on generated logs.

mod support;

use std::collections::BTreeSet;

use support::{
    mutate::mutate,
    simulate::{Noise, Plan, log_of, story},
};
use xenheap_model::View;

fn classes(modes: &[View], steps: usize) -> BTreeSet<String> {
    let story = story(&Plan::new(77, steps, modes));
    mutate(&log_of(&story, &Noise::default()))
}

#[test]
fn one_view() {
    let expected = [
        "K",
        "P",
        "S",
        "S in a dump",
        "U",
        "V",
        "Y",
        "Z begin",
        "Z end",
        "trace Alloc",
        "trace Created",
        "trace Ended",
        "trace Fail",
        "trace Free",
        "trace Give",
        "trace GiveBack",
        "trace Take",
    ];
    assert_eq!(classes(&[View::Trace], 700), expected.map(str::to_owned).into());
}

#[test]
fn a_view_and_the_summary() {
    let classes = classes(&[View::Warn, View::Summary], 600);
    for class in ["P", "S in a dump", "warn GiveBack"] {
        assert!(classes.contains(class), "{classes:?}");
    }
}

#[test]
fn every_view() {
    let classes = classes(&[View::Trace, View::Warn, View::Summary], 500);
    assert_eq!(classes.len(), 25, "{classes:?}");
}
