//! How fast logs are read, beside counting their lines with `memchr` and beside a plain reader that
//! looks at every line.
//!
//! `cargo bench -p xenheap-console`. With files behind `--`, those are measured; with `--keep=DIR`,
//! the logs are left there for trying other tools on them.

use std::{
    hint::black_box,
    io::{BufRead, Read},
    path::PathBuf,
    time::Instant,
};

use xenheap_console::{
    Place, Record, RecordSink, Refusal, RfcRecord, StackLine, Tag,
    format::{self, Stamp},
    open, scan,
};
use xenheap_model::{Charge, Domain, Event, Kind, Mark, Op, Pc, RfcOp, StackId, TraceFrame, View};

const TAG: Tag = Tag(0x3f9a_2c41);
const SIZE: usize = 64 << 20;

#[derive(Default)]
struct Count {
    records: u64,
    refused: u64,
    symbols: u64,
    sum: u64,
}

impl RecordSink for Count {
    fn record(&mut self, at: Place, _: Tag, seq: u64, bytes: &[u8], record: Record) {
        self.records += 1;
        self.sum ^= at.line ^ seq ^ bytes.len() as u64;
        if let Record::Event { event, .. } = record {
            self.sum ^= event.addr ^ event.time;
        }
    }

    fn rfc(&mut self, _: Place, record: RfcRecord) {
        self.records += 1;
        self.sum ^= record.trace.len() as u64;
    }

    fn refused(&mut self, _: Place, _: Refusal) {
        self.refused += 1;
    }

    fn symbol(&mut self, frame: &TraceFrame) {
        self.symbols += 1;
        self.sum ^= frame.addr.unwrap_or(0);
    }
}

fn event(seq: u64) -> Event {
    let is_free = seq.is_multiple_of(2);
    Event {
        seq,
        op: if is_free { Op::Free } else { Op::Alloc },
        kind: Kind::Xmalloc,
        addr: 0xffff_8300_7c4d_2010 + (seq / 2) * 64,
        size: Some(392),
        used: Some(416),
        stack: StackId((seq % 113) as u32 + 1),
        current: Domain::Id((seq % 3) as u16),
        passed: None,
        charge: Charge::Nobody,
        memflags: 0,
        layer: 0,
        cpu: (seq % 4) as u32,
        time: 12_000_000_000 + seq * 3_700,
        unknown: false,
        epoch: 0,
        bracketed: false,
        subject: None,
        untried: None,
    }
}

fn frames(seq: u64) -> Vec<TraceFrame> {
    let names = [
        "_xmalloc",
        "_xzalloc",
        "evtchn_fifo_init_control",
        "do_event_channel_op",
        "pv_hypercall",
        "lstar_enter",
    ];
    (0..)
        .zip(names)
        .map(|(index, name)| TraceFrame {
            addr: Some(0xffff_82d0_4023_0000 + index * 0x111 + seq % 7),
            name: name.to_owned(),
            offset: Some((0x4a, 0x200)),
            mark: if index == 0 { Mark::R } else { Mark::F },
        })
        .collect()
}

/// Lines until there are enough bytes. `messages` gives those of a step: Xen's, and others as they
/// are.
fn log(mut messages: impl FnMut(u64) -> Vec<Result<String, String>>) -> Vec<u8> {
    let mut log = Vec::with_capacity(SIZE + 4096);
    let mut step = 0;
    while log.len() < SIZE {
        step += 1;
        for message in messages(step) {
            let line = match message {
                Ok(xen) => format::console(Stamp::Boot(12_000_000_000 + step * 3_700), &xen),
                Err(other) => other,
            };
            log.extend_from_slice(line.as_bytes());
            log.push(b'\n');
        }
    }
    log
}

fn ours(view: View, seq: u64) -> String {
    format::record(TAG, seq, &Record::Event { view, event: event(seq) })
}

fn logs() -> Vec<(&'static str, Vec<u8>)> {
    let stack = |seq: u64| {
        let pcs = (0..9).map(|n| Pc { addr: 0xffff_82d0_4023_0000 + n * 0x1111, exact: false }).collect();
        let line = StackLine { id: StackId(seq as u32), hash: seq, pcs, truncated: false };
        format::record(TAG, seq, &Record::Stack(line))
    };
    vec![
        (
            "trace",
            log(|seq| if seq <= 113 { vec![Ok(stack(seq))] } else { vec![Ok(ours(View::Trace, seq))] }),
        ),
        (
            "warn",
            log(|seq| {
                let trace = format::trace(&frames(seq)).into_iter().map(Ok);
                [Ok(ours(View::Warn, seq))].into_iter().chain(trace).collect()
            }),
        ),
        (
            "rfc",
            log(|seq| {
                let record = RfcRecord {
                    op: RfcOp::XmemPoolAlloc,
                    domain: Domain::Id(1),
                    size: Some(712),
                    ptr: Some(0xffff_8300_7c4d_2010 + seq * 64),
                    trace: frames(seq),
                    time: None,
                    uncertain: None,
                };
                format::rfc(&record).into_iter().map(Ok).collect()
            }),
        ),
        // Text without a record, in which nothing may be looked for twice.
        (
            "none",
            log(|seq| {
                vec![
                    Ok(format!("Scrubbing Free RAM: {seq} pages, DEBUG: none of HA1")),
                    Err(format!("[{:5}.{:06}] e1000 0000:00:03.0 eth0: Link is Up", seq / 999, seq % 999)),
                ]
            }),
        ),
        (
            "dom0",
            log(|seq| {
                let other = format!(
                    "[{:5}.{:06}] systemd[1]: Started unit number {seq} of (many).",
                    seq / 999,
                    seq % 999
                );
                if seq.is_multiple_of(50) {
                    vec![Ok(ours(View::Trace, seq / 50)), Err(other)]
                } else {
                    vec![Err(other)]
                }
            }),
        ),
    ]
}

/// What a first version of a reader does: every line, every word, the check bit by bit.
fn naive(log: &[u8]) -> u64 {
    let mut found = 0;
    for line in log.lines() {
        let Ok(line) = line else { continue };
        let Some(at) = line.find("HA1 ") else {
            found += u64::from(line.contains("DEBUG: ") || line.contains("[<"));
            continue;
        };
        let Some((content, check)) = line[at..].rsplit_once(' ') else { continue };
        let mut crc = 0xffffu16;
        for byte in content.bytes() {
            crc ^= u16::from(byte) << 8;
            for _ in 0..8 {
                crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            }
        }
        let fields: Vec<&str> = content.split(' ').collect();
        found += u64::from(format!("{crc:04x}") == check) * fields.len() as u64;
    }
    found
}

fn time<T>(mut what: impl FnMut() -> T) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let start = Instant::now();
        black_box(what());
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    if files.is_empty() {
        generated(std::env::args().find_map(|arg| arg.strip_prefix("--keep=").map(PathBuf::from)));
    }
    files.iter().for_each(|path| file(path));
}

fn generated(keep: Option<PathBuf>) {
    println!("{:6} {:>9} {:>9} {:>9} {:>9}   scan is", "log", "scan MB/s", "lines", "naive", "records");
    for (name, log) in logs() {
        let mut count = Count::default();
        let scanned = time(|| {
            count = Count::default();
            scan(&log[..], &mut count, |_| {}).map(|stats| stats.lines).ok()
        });
        let lines = time(|| memchr::memchr_iter(b'\n', &log).map(|at| at as u64).fold(0, |sum, at| sum ^ at));
        let naive = time(|| naive(&log));
        let rate = |seconds: f64| log.len() as f64 / 1e6 / seconds;
        println!(
            "{name:6} {:9.0} {:9.0} {:9.0} {:9}   {:.1} times as long as finding lines, {:.1} times as fast as naive",
            rate(scanned),
            rate(lines),
            rate(naive),
            count.records,
            scanned / lines,
            naive / scanned,
        );
        if let Some(keep) = &keep
            && let Err(error) = std::fs::write(keep.join(name), &log)
        {
            println!("cannot keep {name}: {error}");
        }
        assert!((count.records > 0) != (name == "none"), "the log is not what it should be");
        assert_eq!(count.refused, 0, "the log is not what it should be");
    }
}

fn file(path: &str) {
    let mut bytes = 0;
    let mut count = Count::default();
    let seconds = time(|| {
        count = Count::default();
        let stats = open(path.as_ref()).and_then(|log| scan(log, &mut count, |_| {}));
        bytes = stats.map_or(0, |stats| stats.bytes);
    });
    let reading = time(|| {
        open(path.as_ref()).map(|mut log| {
            let mut buffer = vec![0; 256 << 10];
            while log.read(&mut buffer).is_ok_and(|count| count > 0) {}
        })
    });
    let rate = |seconds: f64| bytes as f64 / 1e6 / seconds;
    println!(
        "{path}: {:.0} MB/s ({:.0} MB/s of only reading), {} records, {} refused, {} symbols, sum {:x}",
        rate(seconds),
        rate(reading),
        count.records,
        count.refused,
        count.symbols,
        count.sum,
    );
}
