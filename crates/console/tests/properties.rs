//! Properties of reading a log, whatever surrounds the records.
#![allow(missing_docs, reason = "a test")]

mod support;

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};
use support::*;
use xenheap_console::{
    Place, Refusal, RfcRecord,
    format::{self, Stamp},
};
use xenheap_model::Doubt;

fn join(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut log = lines.join(&b'\n');
    log.push(b'\n');
    log
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// What was written is read again, under every prefix and with everything that can stand around
    /// it.
    #[test]
    fn records_survive(
        records in vec((record(), stamp(), before(), behind(), any::<bool>()), 1..12),
    ) {
        let mut lines = Vec::new();
        for ((tag, seq, record), stamp, before, behind, marked) in &records {
            let text = format::record(*tag, *seq, record);
            let text = if *marked { format::console(*stamp, &text) } else { text };
            let mut line = before.clone();
            line.extend_from_slice(text.as_bytes());
            line.extend_from_slice(behind);
            lines.push(line);
        }
        let kept = read(&join(&lines));
        let expected: Vec<_> = records.iter().map(|(record, ..)| record.clone()).collect();
        prop_assert_eq!(kept.records(), expected);
        for (ours, (line, number)) in kept.ours.iter().zip(lines.iter().zip(1..)) {
            prop_assert_eq!(ours.at.line, number);
            let start: u64 = lines.iter().take(number as usize - 1).map(|line| line.len() as u64 + 1).sum();
            let at = (ours.at.offset - start) as usize;
            prop_assert!(line[at..].starts_with(b"HA1 "), "{}", line[at..].escape_ascii());
        }
        assert_honest(&kept);
    }

    /// Characters of terminals inside a record do not harm it.
    #[test]
    fn control_characters_do_no_harm((tag, seq, record) in record(), places in vec(any::<prop::sample::Index>(), 1..5)) {
        let text = format::record(tag, seq, &record);
        let mut line = format::console(Stamp::Boot(1), &text).into_bytes();
        for (place, noise) in places.iter().zip([&b"\0"[..], b"\x1b[32m", b"\r", b"\x1b[0m", b"\x07"]) {
            // Not inside of an earlier sequence.
            let place = place.index(line.len() + 1);
            if !line[..place].contains(&0x1b) {
                line.splice(place..place, noise.iter().copied());
            }
        }
        let kept = read(&line);
        prop_assert_eq!(kept.records(), vec![(tag, seq, record)]);
        prop_assert_eq!(&kept.ours[0].bytes, text.as_bytes());
        prop_assert!(kept.stats.unfinished);
    }

    /// Any one byte of a record changed, and it is not believed.
    #[test]
    fn altered_records_are_refused(
        (tag, seq, record) in record(),
        place in any::<prop::sample::Index>(),
        byte in b'!'..=b'~',
    ) {
        let text = format::record(tag, seq, &record);
        let mut bytes = text.clone().into_bytes();
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != byte);
        bytes[place] = byte;
        let kept = read(&[b"(XEN) ", &bytes[..], b"\n"].concat());
        prop_assert_eq!(kept.records(), vec![]);
        // Without its first word it is no record of any kind.
        let expected = if place < 4 { 0 } else { 1 };
        prop_assert_eq!(kept.refused.len(), expected, "{}", bytes.escape_ascii());
    }

    /// Any piece of the end missing, and it is not believed.
    #[test]
    fn cut_records_are_refused((tag, seq, record) in record(), place in any::<prop::sample::Index>()) {
        let text = format::record(tag, seq, &record);
        let end = place.index(text.len() - 4) + 4;
        let kept = read(&text.as_bytes()[..end]);
        prop_assert_eq!(kept.records(), vec![]);
        let readable = if end >= "HA1 01234567".len() { Some(tag) } else { None };
        prop_assert_eq!(kept.reasons(), vec![Refusal::Damaged(readable)]);
    }

    /// RFC records and their traces, with others' lines anywhere between.
    #[test]
    fn rfc_records_survive(
        records in vec((rfc_record(), stamp()), 1..6),
        noise in vec((any::<prop::sample::Index>(), foreign_line()), 0..10),
        before in before(),
        behind in behind(),
    ) {
        let mut lines = Vec::new();
        for (record, stamp) in &records {
            for message in format::rfc(record) {
                let mut line = before.clone();
                line.extend_from_slice(format::console(*stamp, &message).as_bytes());
                line.extend_from_slice(&behind);
                lines.push(line);
            }
        }
        let clean = read(&join(&lines));
        let expected: Vec<_> = records.iter().map(|(record, _)| record.clone()).collect();
        prop_assert_eq!(clean.rfcs(), expected);
        for (place, line) in &noise {
            lines.insert(place.index(lines.len() + 1), line.clone());
        }
        let noisy = read(&join(&lines));
        // What looks like a frame, without Xen's mark, can be one that lost it: that is doubted.
        let has = |line: &[u8], word: &[u8]| line.windows(word.len()).any(|at| at == word);
        let is_frame = |line| [&b"[<"[..], b">] ", b"+0x", b"(X"].iter().any(|word| has(line, word));
        let doubted = noise.iter().any(|(_, line)| is_frame(line));
        let without_doubt = |mut rfcs: Vec<RfcRecord>| {
            let damaged = |of: &mut RfcRecord| {
                doubted && of.uncertain.take_if(|doubt| doubt.why == Doubt::DamagedFrame).is_some()
            };
            rfcs.iter_mut().for_each(|of| {
                damaged(of);
            });
            rfcs
        };
        prop_assert_eq!(without_doubt(noisy.rfcs()), clean.rfcs());
        prop_assert_eq!(noisy.symbols, clean.symbols);
        prop_assert!(noisy.ours.is_empty());
    }

    /// Others' lines between records change nothing, and the lines of guests are told of.
    #[test]
    fn foreign_lines_change_nothing(
        records in vec((record(), stamp()), 1..12),
        noise in vec((any::<prop::sample::Index>(), foreign_line()), 0..10),
    ) {
        let mut lines: Vec<Vec<u8>> = records
            .iter()
            .map(|((tag, seq, record), stamp)| {
                format::console(*stamp, &format::record(*tag, *seq, record)).into_bytes()
            })
            .collect();
        let clean = read(&join(&lines));
        prop_assert!(clean.refused.is_empty());
        let mut forged = 0;
        for (place, line) in &noise {
            let has = |word: &[u8]| line.windows(word.len()).any(|at| at == word);
            forged += usize::from(has(b"(d1)") && has(b"DEBUG: ") || has(b"(d2)") || has(b"DOM1: (XEN) DEBUG"));
            lines.insert(place.index(lines.len() + 1), line.clone());
        }
        let noisy = read(&join(&lines));
        prop_assert_eq!(noisy.records(), clean.records());
        let (unmarked, guests): (Vec<_>, Vec<_>) =
            noisy.reasons().into_iter().partition(|why| *why == Refusal::RfcUnmarked);
        prop_assert_eq!(guests, vec![Refusal::Guest; forged]);
        let bare = noise.iter().filter(|(_, line)| line.starts_with(b"DEBUG: ")).count();
        prop_assert_eq!(unmarked.len(), bare);
        prop_assert!(noisy.rfc.is_empty());
    }

    /// A guest's mark before anything makes it the guest's.
    #[test]
    fn nothing_behind_a_guests_mark_counts(
        (tag, seq, record) in record(),
        rfc in rfc_record(),
        stamp in stamp(),
        before in before(),
        behind in behind(),
        mark in prop::sample::select(vec!["(d1) ", "(d1) [    1.234567] ", "(d32751) x", "(XEN) DOM1: ", "(XEN) [   12.000000] DOM7: "]),
    ) {
        let mut messages = vec![format::record(tag, seq, &record)];
        messages.extend(format::rfc(&rfc));
        let mut lines = Vec::new();
        for message in &messages {
            for text in [format::console(stamp, message), message.clone()] {
                let mut line = before.clone();
                line.extend_from_slice(mark.as_bytes());
                line.extend_from_slice(text.as_bytes());
                line.extend_from_slice(&behind);
                lines.push(line);
            }
        }
        let kept = read(&join(&lines));
        prop_assert_eq!((kept.ours.len(), kept.rfc.len(), kept.symbols.len()), (0, 0, 0));
        let guests = kept.reasons().iter().filter(|why| **why == Refusal::Guest).count();
        prop_assert_eq!(guests, 4);
    }

    /// How the bytes arrive is no matter.
    #[test]
    fn pieces_change_nothing(
        parts in vec(prop_oneof![
            4 => (record(), stamp()).prop_map(|((tag, seq, record), stamp)| {
                format::console(stamp, &format::record(tag, seq, &record)).into_bytes()
            }),
            4 => rfc_record().prop_map(|record| {
                let lines: Vec<String> =
                    format::rfc(&record).iter().map(|line| format::console(Stamp::Boot(7), line)).collect();
                lines.join("\n").into_bytes()
            }),
            4 => foreign_line(),
            2 => before(),
            8 => Just(b"\n".to_vec()),
            1 => vec(any::<u8>(), 0..2000),
            1 => (1..200_000usize).prop_map(|length| vec![b' '; length]),
        ], 0..60),
        sizes in prop_oneof![vec(1..300usize, 1..20), vec(1..200_000usize, 1..20)],
    ) {
        let log = parts.concat();
        let whole = read(&log);
        let pieces = read_from(Pieces::new(&log, sizes));
        prop_assert_eq!(&whole, &pieces);
        prop_assert_eq!(whole.stats.bytes, log.len() as u64);
        let ends = log.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let unfinished = log.last().is_some_and(|&byte| byte != b'\n');
        prop_assert_eq!(whole.stats.lines, ends + u64::from(unfinished));
        prop_assert_eq!(whole.stats.unfinished, unfinished);
        assert_honest(&whole);
    }

    /// Anything at all can be read.
    #[test]
    fn any_bytes_can_be_read(bytes in vec(any::<u8>(), 0..4000)) {
        assert_honest(&read(&bytes));
    }

    /// The quick way for ordinary lines decides as the slow one does, which a character of no
    /// meaning enforces.
    #[test]
    fn both_ways_are_one(
        lines in vec((prop_oneof![
            4 => record().prop_map(|(tag, seq, record)| vec![format::record(tag, seq, &record)]),
            2 => rfc_record().prop_map(|record| format::rfc(&record)),
            1 => "[ -~]{0,60}".prop_map(|text| vec![text]),
        ], stamp(), any::<bool>()), 0..12),
    ) {
        let mut quick = Vec::new();
        let mut slow = Vec::new();
        for (messages, stamp, cut) in lines {
            for message in messages {
                let mut line = format::console(stamp, &message).into_bytes();
                if cut {
                    line.truncate(line.len() * 3 / 4);
                }
                slow.extend_from_slice(&line);
                slow.extend_from_slice(b"\0\n");
                quick.extend_from_slice(&line);
                quick.push(b'\n');
            }
        }
        let (quick, slow) = (read(&quick), read(&slow));
        prop_assert_eq!(quick.records(), slow.records());
        prop_assert_eq!(quick.rfc.iter().map(|(_, record)| record).collect::<Vec<_>>(),
            slow.rfc.iter().map(|(_, record)| record).collect::<Vec<_>>());
        prop_assert_eq!(quick.reasons(), slow.reasons());
        let names = |kept: &Kept| kept.symbols.iter().cloned().collect::<BTreeSet<_>>();
        prop_assert_eq!(names(&quick), names(&slow));
        let lines = |places: &[(Place, Refusal)]| places.iter().map(|(at, _)| at.line).collect::<Vec<_>>();
        prop_assert_eq!(lines(&quick.refused), lines(&slow.refused));
    }
}
