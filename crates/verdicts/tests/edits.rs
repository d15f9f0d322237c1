//! Edits keep what they do not touch, and what is written says what it should.

use proptest::prelude::*;
use xenheap_model::{Arch, Kind, NormalStack, Verdict};
use xenheap_verdicts::{
    Bound, Change, ChargeTo, Entry, Match, Pattern, Per, Subject, VerdictFile, harvest, rfc,
};

/// What people write, quotes and backslashes included, but nothing that could move a cursor.
fn words() -> impl Strategy<Value = String> {
    prop::collection::vec("[ -~äß→]{0,30}", 0..4)
        .prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect())
}

fn frames() -> impl Strategy<Value = Vec<String>> {
    let frame = prop_oneof![
        4 => "[a-e]{1,2}",
        1 => "[a-c]\\.c#[a-e]{1,2}",
        1 => "[a-e]{1,2} \\[inlined\\]",
    ];
    prop::collection::vec(frame, 1..6)
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(Verdict::ALL.to_vec())
}

prop_compose! {
    fn entry(at: usize)(
        verdict in verdict(),
        by in prop::option::of("[A-Z]{1,8}"),
        assumption in prop::option::of("[a-z (]{1,10}[a-z]"),
        comment in words(),
        kind in prop::option::of(prop::sample::select(Kind::ANONYMOUS.to_vec())),
        arch in prop::option::of(prop::sample::select(vec![Arch::X86_64, Arch::Arm64])),
        size in prop::option::of(0u64..5000),
        charge in prop::option::of(prop::sample::select(ChargeTo::ALL.to_vec())),
        frames in frames(),
    ) -> Entry {
        let stack: String = frames.iter().enumerate().map(|(level, frame)| format!("{:width$}{frame}\n", "", width = 2 * level)).collect();
        Entry {
            id: format!("e{at}"), verdict, by, assumption, comment, kind, allocator: None, arch,
            bound: size.map(|size| Bound { size: Some(size), per: Per::Run, ..Bound::default() }),
            charge, revision: None, uncertain: None, pattern: Pattern::parse(&stack), stack,
        }
    }
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    (1usize..6).prop_flat_map(|count| (0..count).map(entry).collect::<Vec<_>>())
}

/// A file as somebody wrote it by hand: with comments of their own between entries and behind
/// values.
fn by_hand(entries: &[Entry], remarks: &[String]) -> String {
    let mut file = VerdictFile::default();
    for entry in entries {
        assert_eq!(file.add(entry.clone()), Ok(()));
    }
    let mut remark = remarks.iter().cycle();
    let lines = file.to_string();
    lines
        .lines()
        .map(|line| match line {
            "[[verdict]]" => format!(
                "# {}\n{line}  # {}\n",
                remark.next().map_or("", |r| r),
                remark.next().map_or("", |r| r)
            ),
            line if line.starts_with("verdict = ") => {
                format!("{line}   # {}\n", remark.next().map_or("", |r| r))
            }
            line => format!("{line}\n"),
        })
        .collect()
}

fn parsed(text: &str) -> VerdictFile {
    VerdictFile::parse("v.toml", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

proptest! {
    #[test]
    fn what_is_added_is_read_again(entries in entries()) {
        let mut file = VerdictFile::default();
        for entry in &entries {
            prop_assert_eq!(file.add(entry.clone()), Ok(()));
        }
        let again = parsed(&file.to_string());
        prop_assert_eq!(again.entries(), &entries[..]);
        prop_assert_eq!(again.to_string(), file.to_string());
    }

    #[test]
    fn a_change_touches_its_own_lines_only(
        entries in entries(),
        remarks in prop::collection::vec("[ -~]{0,20}", 3),
        which in any::<prop::sample::Index>(),
        verdict in verdict(),
        comment in words(),
    ) {
        let text = by_hand(&entries, &remarks);
        let mut file = parsed(&text);
        let which = which.index(entries.len());
        let change = Change { verdict: Some(verdict), comment: Some(comment.clone()), ..Change::default() };
        let id = format!("e{which}");
        prop_assert_eq!(file.change(&id, &change), Ok(()));
        let after = file.to_string();
        // Everything up to the entry and everything from the next one on is the same, to the byte.
        let starts = |text: &str| text.match_indices("\n[[verdict]]").map(|(at, _)| at).collect::<Vec<_>>();
        let (old, new) = (starts(&text), starts(&after));
        prop_assert_eq!(old.len(), new.len());
        prop_assert_eq!(&text[..old[which]], &after[..new[which]]);
        let rest = |text: &str, starts: &[usize]| starts.get(which + 1).map(|at| text[*at..].to_owned());
        prop_assert_eq!(rest(&text, &old), rest(&after, &new));
        let again = parsed(&after);
        prop_assert_eq!(again.get(&id).map(|entry| (entry.verdict, entry.comment.clone())), Some((verdict, comment)));
        // The remark behind the verdict stays.
        let remark = text[old[which]..].lines().find(|line| line.starts_with("verdict = ")).and_then(|line| line.split_once("   # "));
        let kept = after[new[which]..].lines().find(|line| line.starts_with("verdict = ")).and_then(|line| line.split_once("   # "));
        prop_assert_eq!(remark.map(|(_, remark)| remark), kept.map(|(_, remark)| remark));
    }

    #[test]
    fn fmt_says_the_same_and_has_nothing_to_do_twice(entries in entries(), remarks in prop::collection::vec("[ -~]{0,20}", 3)) {
        let mut file = parsed(&by_hand(&entries, &remarks));
        file.format();
        let once = file.to_string();
        let mut again = parsed(&once);
        prop_assert_eq!(again.entries(), &entries[..]);
        again.format();
        prop_assert_eq!(again.to_string(), once);
    }

    #[test]
    fn a_retired_id_stays_taken(entries in entries()) {
        let mut file = parsed(&by_hand(&entries, &["x".to_owned()]));
        prop_assert_eq!(file.retire("e0"), Ok(()));
        let mut again = parsed(&file.to_string());
        prop_assert_eq!(again.entries(), &entries[1..]);
        prop_assert!(again.add(entries[0].clone()).is_err());
    }

    #[test]
    fn a_stack_matches_the_entry_made_of_it(entry in entry(0)) {
        let stack = NormalStack::new(entry.pattern.frames().cloned());
        let mut file = VerdictFile::default();
        prop_assert_eq!(file.add(entry.clone()), Ok(()));
        let subject = Subject { kind: entry.kind.unwrap_or(Kind::Xmalloc), arch: entry.arch.unwrap_or_default(), stack: &stack, truncated: false };
        let found = file.find(&subject);
        prop_assert_eq!(found.entry().map(|entry| entry.id.as_str()), Some("e0"), "{:?}", Match::None);
    }

    #[test]
    fn the_database_of_the_rfc_loses_nothing(entries in entries()) {
        let mut file = VerdictFile::default();
        for mut entry in entries {
            entry.allocator = Some("alloc_domheap_pages".to_owned());
            entry.kind = None;
            // That form has no word for these, and a line that begins like a comment's is one.
            entry.by.get_or_insert_with(|| "X".to_owned());
            entry.comment = entry.comment.lines().map(|line| format!("{}\n", line.trim())).collect();
            (entry.arch, entry.bound, entry.charge) = (None, None, None);
            prop_assert_eq!(file.add(entry), Ok(()));
        }
        let (text, left_out) = rfc::export(&file);
        prop_assert!(left_out.is_empty());
        let mut again = VerdictFile::default();
        let imported = rfc::import(&text, &mut again);
        prop_assert!(imported.skipped.is_empty());
        // The same stack with the same words is one entry.
        let distinct = |file: &VerdictFile| rfc::export(file).0;
        let once = distinct(&again);
        let mut twice = VerdictFile::default();
        rfc::import(&once, &mut twice);
        prop_assert_eq!(distinct(&twice), once.clone());
        if imported.known.is_empty() {
            prop_assert_eq!(once, text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", report in "\\PC{0,200}") {
        let _ = VerdictFile::parse("v.toml", &text);
        let mut file = VerdictFile::default();
        rfc::import(&text, &mut file);
        harvest(&report, &mut file);
        parsed(&file.to_string());
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, expected) in [
        ("", "v.toml:1:1: it does not say `format = 1`"),
        ("format = 2", "v.toml:1:10: this xenheap reads format 1 only"),
        ("format = 1\nfoo = 1", "v.toml:2:7: unknown key \"foo\""),
        (
            "format = 1\n[[verdict]]\nid = \"a\"\nverdict = \"FINE\"\nstack = \"a\"",
            "v.toml:4:11: `verdict` is one of SAFE",
        ),
        ("format = 1\n[[verdict]]\nid = \"a b\"", "v.toml:3:6: `id` is a word"),
        ("format = 1\n[[verdict]]\nverdict = \"SAFE\"", "v.toml:2:1: this entry has no `id`"),
        (
            "format = 1\n[[verdict]]\nid = \"a\"\nverdict = \"SAFE\"\nstack = \"a\"\n[[verdict]]\nid = \"a\"\nverdict = \"SAFE\"\nstack = \"b\"",
            "v.toml:7:6: the id \"a\" was used before",
        ),
        (
            "format = 1\nretired = [\"a\"]\n[[verdict]]\nid = \"a\"\nverdict = \"SAFE\"\nstack = \"a\"",
            "v.toml:4:6: the id \"a\" was used before",
        ),
        (
            "format = 1\n[[verdict]]\nid = \"a\"\nverdict = \"SAFE\"\nstack = \"a\"\nbound = { per = \"run\" }",
            "v.toml:6:9: `bound` claims nothing",
        ),
        (
            "format = 1\n[[verdict]]\nid = \"a\"\nverdict = \"SAFE\"\nstack = \"a\"\ncomment = \"\\u001b[31m\"",
            "v.toml:6:11: `comment` contains",
        ),
        ("format = 1\n[[verdict]\n", "v.toml:2:"),
    ] {
        match VerdictFile::parse("v.toml", text) {
            Ok(_) => panic!("it was read: {text}"),
            Err(error) => assert!(error.to_string().starts_with(expected), "{error}\nexpected {expected}"),
        }
    }
}

/// Found by the fuzz target `verdicts`: one CR was lost when the file was written.
#[test]
fn lines_that_were_converted_twice_are_told() {
    let error = VerdictFile::parse("v.toml", "format = 1\r\n\r\r\n").expect_err("two ends");
    assert!(error.to_string().starts_with("v.toml:2:1: this line ends with CR CR LF"), "{error}");
}

/// Stacks that differ in what was inlined alone look alike in the RFC's reports, but each has its
/// entry.
#[test]
fn a_second_harvest_changes_nothing() {
    let paragraph = |comment: &str, stack: &str| {
        format!("   1  xmalloc, charge nobody\n      // {comment}\n      allocated  1 B\n{stack}\n")
    };
    let report = paragraph("one", "      f\n        g [inlined]\n          h\n")
        + &paragraph("two", "      f\n        h\n");
    let mut file = VerdictFile::default();
    assert_eq!(harvest(&report, &mut file).added.len(), 2);
    let before = file.to_string();
    let second = harvest(&report, &mut file);
    assert_eq!((second.same, second.changed.len(), second.refused.len()), (2, 0, 0), "{second:?}");
    assert_eq!(file.to_string(), before);
}
