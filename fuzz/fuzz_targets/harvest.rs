//! Any text as a report into which people typed comments, beside a database of the RFC's. Each
//! refusal names a line that exists; the file can be written and read; entries that nobody spoke of
//! stay; and where each comment counted, a second harvest changes nothing.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use xenheap_fuzz::{files, lines};
use xenheap_verdicts::{VerdictFile, harvest, rfc};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let [report, database] = files(text);
    let mut file = VerdictFile::default();
    rfc::import(database, &mut file);
    let before = file.entries().to_vec();

    let first = harvest(report, &mut file);
    assert!(first.refused.iter().all(|(line, _)| (1..=lines(report.as_bytes())).contains(line)));
    assert_eq!(file.entries().len(), before.len() + first.added.len());
    let changed: BTreeSet<&String> = first.changed.iter().collect();
    for (old, new) in before.iter().zip(file.entries()) {
        assert_eq!(old == new, !changed.contains(&old.id));
    }
    let written = file.to_string();
    let again = VerdictFile::parse("fuzz", &written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(again.entries(), file.entries());

    // A comment that said what the file said can be the older one of two.
    if first.refused.is_empty() && first.same == 0 {
        let second = harvest(report, &mut file);
        assert_eq!((second.changed.len(), second.added.len(), second.refused.len()), (0, 0, 0));
        assert_eq!(file.to_string(), written);
    }
});
