//! The report for programs.

mod common;

use common::{doubtful, experiment, guests, render, report, run};
use insta::assert_snapshot;
use serde_json::Value;
use xenheap_model::Domain;
use xenheap_report::{Filter, Json, Report};

#[test]
fn everything() {
    assert_snapshot!(render(&Json, &[report()]));
}

#[test]
fn guests_come_and_go() {
    let text = render(&Json, &[Report::new("guests", guests(), &Filter::default())]);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["leftovers"]["leaks"], true);
    assert_eq!(value["leftovers"]["paths"].as_array().map(Vec::len), Some(2));
    let parts: Vec<_> =
        ["leftovers", "domains", "unowned", "charged", "calls"].map(|key| &value[key]).to_vec();
    assert_snapshot!(serde_json::to_string_pretty(&parts).expect("JSON"));
    let doubtful = render(&Json, &[Report::new("guests", doubtful(), &Filter::default())]);
    let value: Value = serde_json::from_str(&doubtful).expect("JSON");
    assert_eq!(value["leftovers"]["leaks"], false);
    assert!(value["leftovers"]["doubt"].as_str().is_some_and(|doubt| doubt.starts_with("sequence: 3 of")));
}

#[test]
fn what_was_made_different() {
    let text = render(&Json, &[Report::new("experiment", experiment(), &Filter::default())]);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let parts = [&value["facts"]["experiment"], &value["bills"]];
    assert_snapshot!(serde_json::to_string_pretty(&parts).expect("JSON"));
}

#[test]
fn several_runs_are_an_array() {
    let text = render(&Json, &[report(), report()]);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let runs = value.as_array().expect("an array");
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0], serde_json::from_str::<Value>(&render(&Json, &[report()])).expect("JSON"));
}

#[test]
fn filters_are_told() {
    let filter = Filter {
        owner: vec![Domain::Null],
        exclude: vec!["timer.c#*".parse().expect("a pattern")],
        ..Filter::default()
    };
    let text = render(&Json, &[Report::new("filtered", run(), &filter)]);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["filter"]["exclude"][0], "timer.c#*");
    assert_eq!(value["filter"]["owner"][0], "NULL");
    assert_eq!(value["filter"]["left-out"]["findings"], 2);
    assert_eq!(value["filter"]["left-out"]["by"]["owner"], 1);
    assert_eq!(value["filter"]["left-out"]["by"]["exclude"], 1);
    assert_eq!(value["findings"].as_array().map(Vec::len), Some(6));
    assert_eq!(value["filter"]["left-out"]["leftovers"], 0);
}

#[test]
fn leftovers_that_filters_left_out_are_counted() {
    let filter = Filter { owner: vec![Domain::Id(3)], ..Filter::default() };
    let text = render(&Json, &[Report::new("guests", guests(), &filter)]);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["leftovers"]["paths"].as_array().map(Vec::len), Some(1));
    assert_eq!(value["filter"]["left-out"]["leftovers"], 1);
    assert_eq!(value["filter"]["left-out"]["left-bytes"], 360);
}

#[test]
fn calls_are_told_apart_by_entry_and_function() {
    let text = render(&Json, &[Report::new("guests", guests(), &Filter::default())]);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let calls = value["calls"].as_array().expect("calls");
    let domctl: Vec<_> = calls.iter().filter(|call| call["function"] == "do_domctl").collect();
    assert_eq!(domctl.len(), 1);
    // One of its paths can be taken by a device model.
    assert_eq!(domctl[0]["who"], "device-model");
    assert_eq!(domctl[0]["most"]["bytes"], 4096);
    assert_eq!(domctl[0]["most-whole"]["bytes"], 4312);
}

#[test]
fn it_is_plain_ascii() {
    let text = render(&Json, &[report()]);
    assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
    assert!(text.contains("evil\\u001b[2J\\u202e"));
}
