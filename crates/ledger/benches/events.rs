//! Ten million events through the book and through the whole intake, against the least that anybody
//! could do: counting live addresses in a hash map. Prints seconds and ratios.

#[path = "../tests/support/simulate/rng.rs"]
#[allow(dead_code, reason = "a part is enough")]
mod rng;

use std::{collections::HashMap, time::Instant};

use rng::Rng;
use xenheap_console::{Header, Place, Record, RecordSink, Tag};
use xenheap_ledger::{Book, Config, Intake};
use xenheap_model::{Charge, Domain, Event, Kind, Op, PAGE_SIZE, StackId, View};

const EVENTS: u64 = 10_000_000;
const LIVE: usize = 20_000;

/// Allocations and frees at random, with some twenty thousand live at any time, a tenth of them
/// pages.
struct Events {
    rng: Rng,
    seq: u64,
    live: Vec<(u64, u64, Kind)>,
    next: u64,
    holes: Vec<(u64, u64, Kind)>,
}

impl Events {
    fn new() -> Self {
        Events { rng: Rng::new(1), seq: 0, live: Vec::new(), next: 0xffff_8300_0000_0000, holes: Vec::new() }
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.seq == EVENTS {
            return None;
        }
        self.seq += 1;
        let frees = self.live.len() > self.rng.below(2 * LIVE);
        let (op, (addr, size, kind)) = if frees {
            let index = self.rng.below(self.live.len());
            let block = self.live.swap_remove(index);
            self.holes.push(block);
            (Op::Free, block)
        } else {
            let block = self.holes.pop().filter(|_| !self.seq.is_multiple_of(8)).unwrap_or_else(|| {
                let kind = if self.seq.is_multiple_of(10) { Kind::Xenheap } else { Kind::Xmalloc };
                let addr = if kind == Kind::Xenheap {
                    self.next.next_multiple_of(PAGE_SIZE)
                } else {
                    self.next + 16
                };
                let size = if kind == Kind::Xenheap { PAGE_SIZE } else { 16 * (1 + self.seq % 40) };
                self.next = addr + size;
                (addr, size, kind)
            });
            self.live.push(block);
            (Op::Alloc, block)
        };
        Some(Event {
            seq: self.seq,
            op,
            kind,
            addr,
            size: Some(size),
            used: (kind == Kind::Xmalloc).then_some(size + 16),
            stack: StackId(1 + (addr / 16 % 300) as u32),
            current: Domain::Id((addr / 64 % 3) as u16),
            passed: None,
            charge: Charge::Nobody,
            memflags: 0,
            layer: 0,
            cpu: 0,
            time: self.seq,
            unknown: false,
            epoch: 0,
            bracketed: false,
            subject: None,
            untried: None,
        })
    }
}

fn seconds(what: &str, base: Option<f64>, run: impl FnOnce() -> u64) -> f64 {
    let start = Instant::now();
    let live = run();
    let taken = start.elapsed().as_secs_f64();
    let ratio = base.map_or(String::new(), |base| format!(", {:.1} times", taken / base));
    println!("{what:<44} {taken:6.2} s{ratio} ({live} live)");
    taken
}

fn main() {
    let made = seconds("making the events alone", None, || Events::new().map(|event| event.addr & 1).sum());
    let count = seconds("counting in a hash map, events included", None, || {
        let mut live: HashMap<u64, u64> = HashMap::new();
        for event in Events::new() {
            if event.op == Op::Alloc {
                live.insert(event.addr, event.size.unwrap_or(0));
            } else {
                live.remove(&event.addr);
            }
        }
        live.len() as u64
    });
    seconds("the book", Some(count), || {
        let mut book = Book::new();
        for event in Events::new() {
            book.apply(&event);
        }
        book.live().len() as u64
    });
    seconds("the intake, bytes of each record included", Some(count), || {
        let mut intake = Intake::new(Config::default());
        let header = Header { modes: vec![View::Trace], ..Header::default() };
        intake.record(Place::default(), Tag(1), 0, b"V", Record::Header(header));
        let mut bytes = *b"HA1 3f9a2c41 ........ A x ffff83007c4d2010 392 s12 d0 c1 t2cb417800 u416 5d10";
        for event in Events::new() {
            let seq = event.seq;
            bytes[13..21].copy_from_slice(&seq.to_le_bytes());
            let record = Record::Event { view: View::Trace, event };
            intake.record(Place::default(), Tag(1), seq, &bytes, record);
        }
        intake.finish().map_or(0, |account| account.live.len() as u64)
    });
    println!("{EVENTS} events; making them takes {made:.2} s of each");
}
