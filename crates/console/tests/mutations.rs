//! Real lines, broken in every way that comes to mind, with fixed seeds: a fuzzer that runs
//! anywhere.
#![allow(missing_docs, reason = "a test")]

mod support;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use support::*;

/// On a slow machine fewer are tried.
const ROUNDS: u64 = 1_000;
const TIME: Duration = Duration::from_secs(8);

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }

    fn range(&mut self, bytes: &[u8], longest: usize) -> (usize, usize) {
        let start = self.below(bytes.len() + 1);
        let end = (start + self.below(longest)).min(bytes.len());
        (start, end)
    }
}

fn file(path: &str) -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/");
    std::fs::read(format!("{root}{path}")).expect("it is in the repository")
}

/// Lines of every kind, as a log.
fn seeds() -> Vec<Vec<u8>> {
    let mut ours = Vec::new();
    for line in file("golden/record-lines.txt").split(|&byte| byte == b'\n') {
        ours.extend_from_slice(b"(XEN) [   12.345678] ");
        ours.extend_from_slice(line);
        ours.push(b'\n');
    }
    vec![ours, file("rfc/sample-x86_64.log")]
}

const WORDS: [&[u8]; 16] = [
    b"(XEN) ",
    b"(d1) ",
    b"(XEN) DOM1: ",
    b"HA1 ",
    b"HA1 00c0ffee 1 ",
    b"DEBUG: d0: xfree - p=ffff83013a500010",
    b"Xen call trace:",
    b"[<",
    b"\n",
    b"\r\n",
    b"\0",
    b"\x1b[31m",
    b"\x1b]0;",
    b"\x1b(",
    b"\xff",
    b"[2025-03-17 18:48:59] ",
];

fn mutate(log: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    match random.below(9) {
        0 => {
            let at = random.below(log.len());
            if let Some(byte) = log.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            let at = random.below(log.len());
            if let Some(byte) = log.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        2 => {
            let (start, end) = random.range(log, 200);
            log.drain(start..end);
        }
        3 => {
            let (start, end) = random.range(log, 400);
            let copy = log[start..end].to_vec();
            let at = random.below(log.len() + 1);
            log.splice(at..at, copy);
        }
        4 => {
            let (start, end) = random.range(other, 400);
            let at = random.below(log.len() + 1);
            log.splice(at..at, other[start..end].iter().copied());
        }
        5 => {
            // The end of a line goes, and two lines are one.
            let at = random.below(log.len());
            if let Some(end) = log.iter().skip(at).position(|&byte| byte == b'\n') {
                log.remove(at + end);
            }
        }
        6 => log.truncate(log.len() - random.below(log.len() / 8 + 1)),
        7 => {
            let at = random.below(log.len() + 1);
            let filler = vec![b'.'; random.below(70_000)];
            log.splice(at..at, filler);
        }
        _ => {
            let at = random.below(log.len() + 1);
            let word = WORDS[random.below(WORDS.len())];
            log.splice(at..at, word.iter().copied());
        }
    }
}

#[test]
fn broken_logs_give_no_false_records() {
    let seeds = seeds();
    let genuine: BTreeSet<Vec<u8>> = read(&seeds[0]).ours.into_iter().map(|ours| ours.bytes).collect();
    let pointers: BTreeSet<Option<u64>> = read(&seeds[1]).rfc.iter().map(|(_, record)| record.ptr).collect();
    let start = Instant::now();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut rounds, mut records, mut refused, mut false_ones, mut false_pointers) = (0, 0, 0, 0, 0);
    while rounds < ROUNDS && start.elapsed() < TIME {
        rounds += 1;
        let which = random.below(seeds.len());
        let mut log = seeds[which].clone();
        for _ in 0..=random.below(24) {
            mutate(&mut log, &seeds[1 - which], &mut random);
        }
        let kept = read(&log);
        assert_honest(&kept);
        records += kept.ours.len() + kept.rfc.len();
        refused += kept.refused.len();
        false_ones += kept.ours.iter().filter(|ours| !genuine.contains(&ours.bytes)).count();
        false_pointers += kept.rfc.iter().filter(|(_, record)| !pointers.contains(&record.ptr)).count();
        let sizes = vec![1 + random.below(4000), 1 + random.below(100), 1 + random.below(100_000)];
        assert_eq!(kept, read_from(Pieces::new(&log, sizes)), "round {rounds}");
    }
    assert!(rounds > 20 && records > 20 * rounds as usize, "{records} records in {rounds} rounds");
    assert!(refused > rounds as usize / 4, "{refused} refused in {rounds} rounds");
    // A check of 16 bits lets one damaged record of 65536 through.
    assert!(false_ones <= 1 + refused / 8_192, "{false_ones} of {records} with {refused} refused");
    // An RFC record has no check: a changed digit of a pointer is believed. It is the reason for
    // ours to have one.
    assert!(false_pointers * 20 < records, "{false_pointers} of {records}");
}

#[test]
fn whatever_a_guest_writes() {
    let seeds = seeds();
    let start = Instant::now();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut rounds = 0;
    while rounds < ROUNDS / 4 && start.elapsed() < TIME {
        rounds += 1;
        let mut text = seeds[random.below(seeds.len())].clone();
        for _ in 0..random.below(24) {
            mutate(&mut text, &seeds[0], &mut random);
        }
        // Xen prints a guest's text line by line, and of it only what is printable.
        let mut log = Vec::new();
        for line in text.split(|&byte| byte == b'\n') {
            log.extend_from_slice(
                [&b"(d7) "[..], b"dom0 login: (d7) ", b"\x1b[(d7) ", b"(XEN) DOM7: "][random.below(4)],
            );
            log.extend(line.iter().filter(|byte| (b' '..=b'~').contains(*byte) || **byte == b'\t'));
            log.push(b'\n');
        }
        let kept = read(&log);
        assert_eq!((kept.ours.len(), kept.rfc.len(), kept.symbols.len()), (0, 0, 0), "round {rounds}");
        assert!(kept.says.is_empty());
    }
}
