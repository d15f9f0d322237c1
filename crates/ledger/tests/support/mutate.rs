//! A log that passes every self-check is damaged in one place, once for each kind of record and of
//! damage, and exactly the right check must fail.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use xenheap_console::{Place, Record, RecordSink, Refusal, RfcRecord, Tag, format, scan};
use xenheap_ledger::{Account, Config, Intake};
use xenheap_model::{
    CheckId::{
        self, BalanceFree, Domains, Ended, Frees, Header, Intact, Overlap, Sequence, Stacks, Totals, Unique,
        Views,
    },
    CheckOutcome, Counters, DomainId, Life, Op, Owner, RefusalReason, Row, RowKey, StackId, View,
};

/// A record of a log: where it stands, and what it is called in the table of mutations.
#[derive(Clone)]
struct Found {
    range: Range<usize>,
    seq: u64,
    tag: Tag,
    class: String,
    record: Record,
    /// A stack that no other record tells.
    told_once: bool,
}

#[derive(Default)]
struct Locate {
    found: Vec<Found>,
    in_dump: bool,
}

impl RecordSink for Locate {
    fn record(&mut self, at: Place, tag: Tag, seq: u64, bytes: &[u8], record: Record) {
        let class = match &record {
            Record::Header(_) => "V".to_owned(),
            Record::Stack(_) if self.in_dump => "S in a dump".to_owned(),
            Record::Stack(_) => "S".to_owned(),
            Record::Event { view, event } => format!("{view} {:?}", event.op),
            Record::Domain { view, event } => {
                let op = if matches!(event.life, Life::Created { .. }) { "Created" } else { "Ended" };
                format!("{view} {op}")
            }
            Record::State(_) => "U".to_owned(),
            Record::Purpose(_) => "I".to_owned(),
            Record::Bill(_) => "D".to_owned(),
            Record::DumpBegin(_) => "Z begin".to_owned(),
            Record::Row(_) => "P".to_owned(),
            Record::Kind(_) => "K".to_owned(),
            Record::Machine(_) => "Y".to_owned(),
            Record::DumpEnd(_) => "Z end".to_owned(),
        };
        match record {
            Record::DumpBegin(_) => self.in_dump = true,
            Record::DumpEnd(_) => self.in_dump = false,
            _ => {}
        }
        let start = at.offset as usize;
        let range = start..start + bytes.len();
        self.found.push(Found { range, seq, tag, class, record, told_once: false });
    }

    fn rfc(&mut self, _: Place, _: RfcRecord) {}

    fn refused(&mut self, _: Place, _: Refusal) {}
}

fn read(log: &[u8]) -> Account {
    let mut intake = Intake::new(Config::default());
    scan(log, &mut intake, |_| {}).expect("reading from memory");
    intake.finish().expect("nothing was asked for")
}

fn failed(account: &Account) -> BTreeSet<CheckId> {
    account
        .checks
        .iter()
        .filter(|check| check.outcome == CheckOutcome::Failed)
        .map(|check| check.id)
        .collect()
}

/// The first, the last and one between of each class of records.
fn choose(log: &[u8]) -> Vec<Found> {
    let mut locate = Locate::default();
    scan(log, &mut locate, |_| {}).expect("reading from memory");
    let mut classes: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    let mut told: BTreeMap<StackId, usize> = BTreeMap::new();
    let stack = |found: &Found| match &found.record {
        Record::Stack(line) => Some(line.id),
        _ => None,
    };
    for id in locate.found.iter().filter_map(stack) {
        *told.entry(id).or_default() += 1;
    }
    for mut found in locate.found {
        found.told_once = stack(&found).is_some_and(|id| told[&id] == 1);
        assert!(log[found.range.clone()].starts_with(b"HA1 "), "the place of a record is its first byte");
        classes.entry(found.class.clone()).or_default().push(found);
    }
    let mut chosen = Vec::new();
    for of_class in classes.values() {
        let picks = BTreeSet::from([0, of_class.len() / 2, of_class.len() - 1]);
        chosen.extend(picks.into_iter().map(|i| of_class[i].clone()));
    }
    chosen
}

/// What must fail, and what may fail besides.
struct Expected {
    must: Vec<CheckId>,
    may: Vec<CheckId>,
}

fn expect(must: &[CheckId], may: &[CheckId]) -> Expected {
    Expected { must: must.to_vec(), may: may.to_vec() }
}

/// When a record is missing.
fn when_missing(found: &Found, modes: &[View]) -> Expected {
    match &found.record {
        Record::Header(_) => expect(&[Header], &[]),
        Record::Stack(_) if found.class == "S" => expect(&[Stacks], &[]),
        Record::Event { event, .. } => {
            let two = modes.contains(&View::Trace) && modes.contains(&View::Warn);
            // With two views the whole one is reported, and differs from the other. With one the
            // hypervisor's numbers differ from it; its own table is reported, if it printed one.
            let differ = match modes {
                _ if two => Views,
                _ if modes.contains(&View::Summary) => Views,
                _ => Totals,
            };
            match event.op {
                // A missed free is noticed when the memory is allocated again, and made up for.
                // What failed to be given is live again, as if nothing had happened; and what is
                // live again can be given after all.
                Op::Free | Op::Give | Op::GiveBack => expect(&[Sequence], &[Overlap, differ]),
                _ => expect(&[Sequence, differ], &[Overlap]),
            }
        }
        // Another view that has it, or the hypervisor's own table, is reported then.
        Record::Domain { .. } if modes.len() > 1 => expect(&[Sequence], &[Domains, Views]),
        Record::Domain { .. } => expect(&[Sequence, Domains], &[]),
        Record::State(_) => expect(&[Domains], &[]),
        // If the newest event's stack is new, the dump tells it under the same number again.
        Record::DumpBegin(_) => expect(&[Ended], &[Unique]),
        _ => expect(&[Ended], &[]),
    }
}

/// When a record says something else, with a good check.
fn when_other(found: &Found, modes: &[View]) -> Option<(Record, Expected)> {
    let mut record = found.record.clone();
    let expected = match &mut record {
        Record::Event { view, event } => {
            if event.op != Op::Alloc {
                return None;
            }
            // A whole page, so that pages stay pages.
            event.size = event.size.map(|size| size + 4096);
            let others = modes.iter().any(|mode| mode != view);
            let must: &[CheckId] = if others { &[Views] } else { &[Totals] };
            expect(must, &[Totals, Overlap, Frees, BalanceFree])
        }
        Record::Stack(line) => {
            // Told once only, nobody can know better.
            if found.told_once || !modes.contains(&View::Summary) {
                return None;
            }
            line.hash ^= 1;
            // The first telling counts, the others are refused.
            expect(&[Unique], &[Stacks, Ended])
        }
        Record::Row(row) => {
            row.counters.allocs += 1;
            expect(&[Totals], &[Views])
        }
        Record::Kind(line) => {
            line.totals.counters.allocs += 1;
            expect(&[Totals], &[])
        }
        Record::Machine(machine) => {
            machine.free.now += 1;
            expect(&[BalanceFree], &[])
        }
        Record::Domain { view, event } => {
            event.id.generation += 1000;
            let two = modes.contains(&View::Trace) && modes.contains(&View::Warn);
            match (two, view) {
                (true, View::Warn) => expect(&[Views], &[]),
                (true, _) => expect(&[Views, Domains], &[]),
                (false, _) => expect(&[Domains], &[]),
            }
        }
        Record::State(state) => {
            state.id.generation += 1000;
            expect(&[Domains], &[])
        }
        Record::Header(_)
        | Record::DumpBegin(_)
        | Record::DumpEnd(_)
        | Record::Purpose(_)
        | Record::Bill(_) => return None,
    };
    Some((record, expected))
}

#[track_caller]
fn assert_fails(what: &str, log: &[u8], expected: &Expected) -> Account {
    let account = read(log);
    let failed = failed(&account);
    for id in &expected.must {
        assert!(failed.contains(id), "{what}: {id:?} must fail, but {failed:?} did: {:#?}", account.checks);
    }
    for id in &failed {
        let allowed = expected.must.contains(id) || expected.may.contains(id);
        assert!(allowed, "{what}: {id:?} must not fail: {:#?}", account.checks);
    }
    account
}

/// The profile by the hypervisor's keys, which know of an owner only what was passed. Peaks of
/// parts have no sum.
fn whole_rows(account: &Account) -> BTreeMap<RowKey, Counters> {
    let mut rows: BTreeMap<RowKey, Counters> = BTreeMap::new();
    for Row { key, counters: c } in &account.profile {
        let owner = match key.owner {
            Owner::Passed(id) => Owner::Passed(DomainId::unknown(id.domain)),
            _ => Owner::Unknown,
        };
        let sum = rows.entry(RowKey { owner, ..*key }).or_default();
        sum.allocs += c.allocs;
        sum.bytes += c.bytes;
        sum.failed += c.failed;
        sum.taken_bytes += c.taken_bytes;
        sum.freed += c.freed;
        sum.freed_bytes += c.freed_bytes;
        sum.given_bytes += c.given_bytes;
        sum.live += c.live;
        sum.live_bytes += c.live_bytes;
        sum.bracketed = Some(sum.bracketed.unwrap_or(0) + c.bracketed.unwrap_or(0));
    }
    rows
}

/// Puts `text` in the place of a part of a log.
fn spliced(log: &[u8], range: Range<usize>, text: &[u8]) -> Vec<u8> {
    [&log[..range.start], text, &log[range.end..]].concat()
}

fn line_end(log: &[u8], from: usize) -> usize {
    log[from..].iter().position(|byte| *byte == b'\n').map_or(log.len(), |len| from + len + 1)
}

/// Makes all mutations of a log that passes every check. Returns the classes of records that it
/// has.
pub fn mutate(log: &[u8]) -> BTreeSet<String> {
    let whole = read(log);
    assert_eq!(failed(&whole), BTreeSet::new(), "{:#?}", whole.checks);
    let modes = whole.facts.modes.clone();
    let chosen = choose(log);
    let last_dump = chosen.iter().filter(|found| found.class == "Z end").map(|found| found.seq).max();
    for found in &chosen {
        let what = format!("{} at {}", found.class, found.seq);
        let is_earlier_dump = Some(found.seq) != last_dump;

        let missing = when_missing(found, &modes);
        let account =
            assert_fails(&format!("delete {what}"), &spliced(log, found.range.clone(), b"gone"), &missing);
        // A whole other view, or the hypervisor's own table, still gives every number.
        let told_elsewhere = modes.len() > 1 && (is_earlier_dump || missing.must != [Ended]);
        if told_elsewhere {
            assert_eq!(whole_rows(&account), whole_rows(&whole), "delete {what}");
            assert_eq!(account.totals, whole.totals, "delete {what}");
        }

        let record = &log[found.range.clone()];
        let again = [b"(XEN) ", record, b"\n"].concat();
        let next = line_end(log, found.range.end);
        for at in [next, log.len()] {
            let account = assert_fails(
                &format!("duplicate {what}"),
                &spliced(log, at..at, &again),
                &expect(&[Unique], &[]),
            );
            assert_eq!(account.profile, whole.profile, "duplicate {what}");
            assert_eq!(account.live, whole.live, "duplicate {what}");
        }

        // One digit behind the tag, so that it is known whose record is damaged.
        let digit = found.range.start + 13;
        let byte = if log[digit] == b'0' { b'1' } else { b'0' };
        let damaged = Expected { must: [&missing.must[..], &[Intact]].concat(), may: missing.may };
        assert_fails(&format!("alter {what}"), &spliced(log, digit..digit + 1, &[byte]), &damaged);

        if let Some((record, expected)) = when_other(found, &modes) {
            let text = format::record(found.tag, found.seq, &record);
            assert_fails(
                &format!("forge {what}"),
                &spliced(log, found.range.clone(), text.as_bytes()),
                &expected,
            );
        }
    }
    reorder(log, &whole);
    replay(log, &whole);
    chosen.into_iter().map(|found| found.class).collect()
}

/// Two printers: each pair of neighbouring events is exchanged.
fn reorder(log: &[u8], whole: &Account) {
    let mut locate = Locate::default();
    scan(log, &mut locate, |_| {}).expect("reading from memory");
    for odd in [0, 1] {
        let mut out = Vec::new();
        let mut from = 0;
        let found = locate.found.get(odd..).unwrap_or_default();
        for pair in found.chunks_exact(2) {
            let [a, b] = pair else { continue };
            let is_event = |of: &Found| matches!(of.record, Record::Event { .. } | Record::Domain { .. });
            if !is_event(a) || !is_event(b) {
                continue;
            }
            out.extend_from_slice(&log[from..a.range.start]);
            out.extend_from_slice(&log[b.range.clone()]);
            out.extend_from_slice(&log[a.range.end..b.range.start]);
            out.extend_from_slice(&log[a.range.clone()]);
            from = b.range.end;
        }
        out.extend_from_slice(&log[from..]);
        assert_ne!(out, log);
        let account = read(&out);
        assert_eq!(account.checks, whole.checks);
        assert_eq!(account.profile, whole.profile);
        assert_eq!(account.live, whole.live);
    }
}

/// `xl dmesg` tells everything again, and dom0's own messages cut some of it.
fn replay(log: &[u8], whole: &Account) {
    let mut locate = Locate::default();
    scan(log, &mut locate, |_| {}).expect("reading from memory");
    // Every seventh copy is cut; `also`: and one record is damaged in both places.
    let read_with = |also: Option<usize>| {
        let mut out = log.to_vec();
        for (at, found) in locate.found.iter().enumerate() {
            let digit = found.range.start + 13;
            if Some(at) == also {
                out[digit] ^= 1;
            }
            out.extend_from_slice(b"(XEN) ");
            let copy = out.len();
            out.extend_from_slice(&log[found.range.clone()]);
            if at % 7 == 3 || Some(at) == also {
                out[copy + 13] ^= 1;
            }
            out.push(b'\n');
        }
        read(&out)
    };
    let account = read_with(None);
    assert_eq!(failed(&account), BTreeSet::new(), "{:#?}", account.checks);
    assert!(account.refused.contains_key(&RefusalReason::DamagedReplay), "{:?}", account.refused);
    assert_eq!(account.profile, whole.profile);
    assert_eq!(account.totals, whole.totals);
    assert_eq!(account.live, whole.live);

    let lost = locate.found.iter().rposition(|found| matches!(found.record, Record::Event { .. }));
    let failed = failed(&read_with(lost));
    for id in [Intact, Sequence] {
        assert!(failed.contains(&id), "{id:?} must fail where a record is damaged in each place: {failed:?}");
    }
}
