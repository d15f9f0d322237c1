//! Any bytes as a verdict file: an error with a line and a column that exist, or a file that is
//! written as it was read, to the byte. Each edit (change, retire, add, format) says after writing
//! and reading what it should, and leaves the other entries alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xenheap_fuzz::assert_place;
use xenheap_model::Verdict;
use xenheap_verdicts::{Change, VerdictFile};

/// What a person could type into an editor.
const TYPED: &str = "first \"line\" \\ of\n\n  '''\"\"\" the reason \u{e4}\n";

/// Of a large file the first entries are enough.
const EDITED: usize = 4;

fn again(file: &VerdictFile) -> VerdictFile {
    let text = file.to_string();
    let again = VerdictFile::parse("fuzz", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(again.entries(), file.entries());
    assert_eq!(again.to_string(), text);
    again
}

fuzz_target!(|data: &[u8]| {
    let file = match VerdictFile::read("fuzz", data) {
        Ok(file) => file,
        Err(error) => return assert_place(data, error.line, error.column),
    };
    let written = file.to_string();
    let rest = written.as_bytes().strip_prefix(data).expect("it is written as it was read");
    // A last line without an end gets one.
    assert!(rest.is_empty() || (!data.ends_with(b"\n") && [&b"\n"[..], b"\r\n"].contains(&rest)));

    for (at, entry) in file.entries().iter().enumerate().take(EDITED) {
        let mut changed = file.clone();
        let verdict = if entry.verdict == Verdict::Safe { Verdict::Problem } else { Verdict::Safe };
        let change = Change {
            verdict: Some(verdict),
            by: Some("somebody".to_owned()),
            assumption: Some(String::new()),
            comment: Some(TYPED.to_owned()),
        };
        changed.change(&entry.id, &change).expect("it is there");
        for (old, new) in file.entries().iter().zip(again(&changed).entries()) {
            if old.id == entry.id {
                assert_eq!(
                    (new.verdict, new.by.as_deref(), &new.assumption),
                    (verdict, Some("somebody"), &None)
                );
                assert_eq!((new.comment.as_str(), &new.pattern), (TYPED, &old.pattern));
            } else {
                assert_eq!(new, old);
            }
        }

        let mut without = file.clone();
        without.retire(&entry.id).expect("it is there");
        let mut expected = file.entries().to_vec();
        expected.remove(at);
        let mut without = again(&without);
        assert_eq!(without.entries(), expected);
        assert!(without.add(entry.clone()).is_err(), "ids are permanent");

        let mut more = file.clone();
        let id = more.fresh_id(entry.kind, &entry.pattern);
        let mut twin = entry.clone();
        twin.id = id;
        more.add(twin.clone()).expect("the id is new");
        let more = again(&more);
        let (last, before) = more.entries().split_last().expect("it was added");
        assert!(*last == twin && before == file.entries());
    }

    let mut formatted = file.clone();
    formatted.format();
    let once = formatted.to_string();
    let mut formatted = again(&formatted);
    for (old, new) in file.entries().iter().zip(formatted.entries()) {
        assert!(new.id == old.id && new.verdict == old.verdict && new.comment == old.comment);
        assert!(new.pattern == old.pattern);
    }
    formatted.format();
    assert_eq!(formatted.to_string(), once);
});
