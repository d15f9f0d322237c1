//! Any text as the RFC's database of comments. What is taken from it can be written and read;
//! taking it a second time adds nothing; and the database that is made of the entries again says
//! the same of the same stacks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xenheap_fuzz::lines;
use xenheap_verdicts::{
    Entry, VerdictFile,
    rfc::{self, Imported},
};

/// What a database has of an entry.
fn said(entry: &Entry) -> String {
    let comment: Vec<&str> = entry.comment.lines().collect();
    format!(
        "{:?} {:?} {comment:?} {:?} {:?}",
        entry.verdict, entry.assumption, entry.allocator, entry.pattern
    )
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut file = VerdictFile::default();
    let first = rfc::import(text, &mut file);
    assert_eq!(first.added.len(), file.entries().len());
    for skipped in &first.skipped {
        assert!(skipped.line <= lines(data) && text.contains(&skipped.text));
    }
    let written = file.to_string();
    let again = VerdictFile::parse("fuzz", &written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(again.entries(), file.entries());

    let second = rfc::import(text, &mut file);
    // One that was refused for a hidden character can say the same as one that is there now.
    assert!(second.added.is_empty());
    assert!(second.skipped.iter().all(|skipped| first.skipped.contains(skipped)));
    let all = |imported: &Imported| imported.added.len() + imported.known.len() + imported.skipped.len();
    assert_eq!(all(&second), all(&first));

    let (database, left_out) = rfc::export(&file);
    let mut back = VerdictFile::default();
    let third = rfc::import(&database, &mut back);
    assert!(third.skipped.is_empty(), "{database}");
    let expected: Vec<String> =
        file.entries().iter().filter(|entry| !left_out.contains(&entry.id)).map(said).collect();
    assert_eq!(back.entries().iter().map(said).collect::<Vec<_>>(), expected, "{database}");
});
