//! What a verdict file says of entries and stacks, for people.

mod common;

use xenheap_report::{
    Render,
    verdict::{EntriesText, EntryText, Matched, MatchedText, Stale, StaleText, Why},
};
use xenheap_verdicts::{Entry, VerdictFile};

const FILE: &str = r#"format = 1

[[verdict]]
id = "one"
verdict = "SAFE"
by = "mé"
comment = "once per boot"
stack = """
...
  do_event_channel_op
    ...
"""

[[verdict]]
id = "two"
verdict = "PROBLEM"
comment = ""
uncertain = "a line was lost"
stack = """
...
  do_event_channel_op
    evtchn_fifo_init_control
      ...
"""
"#;

fn file() -> VerdictFile {
    VerdictFile::parse("v.toml", FILE).expect("a verdict file")
}

fn rendered<T: ?Sized>(renderer: &dyn Render<T>, value: &T) -> String {
    let mut text = Vec::new();
    renderer.render(value, &mut text).expect("written");
    String::from_utf8(text).expect("UTF-8")
}

#[test]
fn entries_have_a_line_each_and_are_shown_whole() {
    let file = file();
    let entries: Vec<&Entry> = file.entries().iter().collect();
    assert_eq!(
        rendered(&EntriesText, entries.as_slice()),
        "one          SAFE                  do_event_channel_op  once per boot\n\
         two          PROBLEM               \
         do_event_channel_op > evtchn_fifo_init_control (uncertain)\n"
    );
    let one = rendered(&EntryText, file.get("one").expect("an entry"));
    assert!(one.starts_with("// one: SAFE\n// once per boot\nby         mé\n"), "{one}");
}

#[test]
fn controls_in_what_people_wrote_reach_no_terminal() {
    let stale = Stale { id: "a\u{1b}[2J".to_owned(), why: Why::Contradicted(["ü\u{9b}".to_owned()].into()) };
    assert_eq!(rendered(&StaleText, [stale].as_slice()), "a\u{fffd}[2J: contradicted by ü\u{fffd}\n");
}

#[test]
fn each_reason_to_look_at_an_entry_is_a_line() {
    let functions = || ["f".to_owned(), "g".to_owned()].into();
    let all = [
        Why::Unmatched,
        Why::Contradicted(functions()),
        Why::NoRevision,
        Why::Changed { since: "R".to_owned(), functions: functions() },
    ]
    .map(|why| Stale { id: "x".to_owned(), why });
    assert_eq!(
        rendered(&StaleText, all.as_slice()),
        "x: matched nothing\nx: contradicted by f, g\nx: names no revision; give one with --since\n\
         x: changed since R: f, g\n"
    );
}

#[test]
fn each_stack_has_its_entry_or_why_it_has_none() {
    let (file, report) = (file(), common::report());
    let all = Matched::new(&report, &file, false);
    let text = rendered(&MatchedText, [all.clone()].as_slice());
    let head = format!("{}: {} of {} stacks have an entry\n", report.name(), all.matched, all.all);
    assert!(text.starts_with(&head), "{text}");
    for part in [
        "  contradicting entries: one, two\n",
        "  no entry can match it: the recorder did not see the whole stack\n",
        "  no entry, and none that is nearly alike\n",
    ] {
        assert!(text.contains(part), "{part}{text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
    let missing = Matched::new(&report, &file, true);
    assert_eq!((missing.all, missing.stacks.len()), (all.all, all.all - all.matched));
}
