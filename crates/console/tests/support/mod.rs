//! What the tests share: a sink that keeps everything, and strategies for records and for what
//! surrounds them.
#![allow(dead_code, missing_docs, reason = "each test uses a part")]

use std::io::{self, Read};

use proptest::{collection::vec, option, prelude::*, sample::select};
use xenheap_console::{
    Counted, DumpBegin, DumpEnd, Header, KindLine, Place, Record, RecordSink, Refusal, RfcRecord, RowLine,
    ScanStats, StackLine, Tag, XenSays, format::Stamp, scan,
};
use xenheap_model::{
    Beside, Bill, Charge, Charging, Counters, Domain, DomainEvent, DomainId, DomainState, Event, How, Kind,
    KindTotals, Life, Machine, Mark, OnPurpose, Op, Owner, Pair, Payer, Pc, Pool, RfcOp, RowKey, StackId,
    Subject, Tables, Target, TraceFrame, Untried, View,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    pub at: Place,
    pub tag: Tag,
    pub seq: u64,
    pub bytes: Vec<u8>,
    pub record: Record,
}

/// Keeps everything, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub ours: Vec<Ours>,
    pub rfc: Vec<(Place, RfcRecord)>,
    pub refused: Vec<(Place, Refusal)>,
    pub symbols: Vec<TraceFrame>,
    pub says: Vec<String>,
    pub stats: ScanStats,
}

impl RecordSink for Kept {
    fn record(&mut self, at: Place, tag: Tag, seq: u64, bytes: &[u8], record: Record) {
        self.ours.push(Ours { at, tag, seq, bytes: bytes.to_vec(), record });
    }

    fn rfc(&mut self, at: Place, record: RfcRecord) {
        self.rfc.push((at, record));
    }

    fn refused(&mut self, at: Place, why: Refusal) {
        self.refused.push((at, why));
    }

    fn symbol(&mut self, frame: &TraceFrame) {
        self.symbols.push(frame.clone());
    }

    fn xen_says(&mut self, fact: XenSays<'_>) {
        self.says.push(format!("{fact:?}"));
    }
}

impl Kept {
    /// The records of ours without their places.
    pub fn records(&self) -> Vec<(Tag, u64, Record)> {
        self.ours.iter().map(|ours| (ours.tag, ours.seq, ours.record.clone())).collect()
    }

    /// The RFC records without their places and times.
    pub fn rfcs(&self) -> Vec<RfcRecord> {
        self.rfc.iter().map(|(_, record)| RfcRecord { time: None, ..record.clone() }).collect()
    }

    pub fn reasons(&self) -> Vec<Refusal> {
        self.refused.iter().map(|(_, why)| *why).collect()
    }
}

pub fn read(log: &[u8]) -> Kept {
    read_from(log)
}

pub fn read_from(reader: impl Read) -> Kept {
    let mut kept = Kept::default();
    kept.stats = scan(reader, &mut kept, |_| {}).expect("memory can be read");
    kept
}

/// Gives its bytes in pieces of given sizes, over and over.
pub struct Pieces<'a> {
    pub bytes: &'a [u8],
    pub sizes: Vec<usize>,
    pub next: usize,
}

impl<'a> Pieces<'a> {
    pub fn new(bytes: &'a [u8], sizes: Vec<usize>) -> Self {
        Pieces { bytes, sizes, next: 0 }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.next % self.sizes.len()].max(1);
        self.next += 1;
        let count = size.min(buf.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        buf[..count].copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}

/// The check, as slowly and plainly as the specification says it.
pub fn slow_check(content: &[u8]) -> u16 {
    let mut crc = 0xffffu16;
    for byte in content {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
    }
    crc
}

/// What must hold of whatever was read, from any input.
pub fn assert_honest(kept: &Kept) {
    for ours in &kept.ours {
        let (content, check) = ours.bytes.split_at(ours.bytes.len() - 5);
        assert!(content.starts_with(format!("HA1 {} {} ", ours.tag, ours.seq).as_bytes()));
        assert_eq!(check, format!(" {:04x}", slow_check(content)).as_bytes());
        if let Record::Header(header) = &ours.record {
            assert!(header.xen.bytes().chain(header.arch.bytes()).all(|byte| byte.is_ascii_graphic()));
        }
    }
    for (_, record) in &kept.rfc {
        assert!(record.ptr.is_some());
        assert!(record.trace.iter().all(|frame| frame.name.bytes().all(|byte| byte.is_ascii_graphic())));
    }
    assert!(kept.symbols.iter().all(|frame| frame.name.bytes().all(|byte| byte.is_ascii_graphic())));
}

pub fn domain() -> impl Strategy<Value = Domain> {
    prop_oneof![0..20u16, Just(0x7fff), any::<u16>()].prop_map(Domain::from_id)
}

pub fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..100u64, any::<u32>().prop_map(u64::from), any::<u64>()]
}

fn kind() -> impl Strategy<Value = Kind> {
    select(Kind::ANONYMOUS.to_vec())
}

fn counted() -> impl Strategy<Value = Counted> {
    prop_oneof![4 => kind().prop_map(Counted::Anonymous), 1 => Just(Counted::DomainPool), 1 => Just(Counted::NoRefcount)]
}

pub fn event() -> impl Strategy<Value = Event> {
    let op = select(vec![Op::Alloc, Op::Fail, Op::Free, Op::Give, Op::GiveBack, Op::Take]);
    let first = (1..=u64::MAX, op, kind(), number(), option::of(number()), option::of(number()));
    let second = (any::<u32>(), option::weighted(0.9, domain()), option::of(domain()), any::<bool>());
    let third = (any::<u32>(), 0..3u32, any::<u32>(), number(), any::<bool>());
    let fourth = (number(), any::<bool>(), option::of(subject()));
    (first, second, third, fourth).prop_map(
        |(
            (seq, op, kind, addr, size, used),
            (stack, current, passed, no_owner),
            (memflags, layer, cpu, time, unknown),
            (epoch, bracketed, subject),
        )| {
            let can_lack_size = op == Op::Free && kind.is_block();
            Event {
                seq,
                op,
                kind,
                addr: if op == Op::Fail { 0 } else { addr },
                size: if can_lack_size { size } else { Some(size.unwrap_or(4096)) },
                used: used.filter(|_| kind.is_block()),
                stack: StackId(stack),
                current: current.unwrap_or(Domain::Null),
                passed,
                charge: if no_owner { Charge::NoOwner } else { Charge::Nobody },
                memflags,
                layer,
                cpu,
                time,
                unknown: unknown && op == Op::Free,
                epoch,
                bracketed: bracketed && op == Op::Free,
                subject,
                untried: [None, Some(Untried::OnPurpose), Some(Untried::Limit)]
                    .get(cpu as usize % 3)
                    .copied()
                    .flatten()
                    .filter(|_| op == Op::Fail),
            }
        },
    )
}

fn domain_id() -> impl Strategy<Value = DomainId> {
    (domain(), 1..=u32::MAX).prop_map(|(domain, generation)| DomainId { domain, generation })
}

fn purpose() -> impl Strategy<Value = OnPurpose> {
    let target = (any::<u64>(), 1..=u64::MAX).prop_map(|(hash, nth)| Target { hash, nth });
    (target, 1..=u64::MAX, kind(), number(), domain(), any::<u32>(), option::of(subject())).prop_map(
        |(target, seq, kind, bytes, current, cpu, subject)| OnPurpose {
            target,
            seq,
            kind,
            bytes,
            current,
            cpu,
            subject,
        },
    )
}

fn bill() -> impl Strategy<Value = Bill> {
    (option::of(domain_id()), vec(number(), 8)).prop_map(|(payer, n)| Bill {
        payer,
        allocs: n[0],
        bytes: n[1],
        bytes_peak: n[2],
        pages: n[3],
        pages_peak: n[4],
        peak: n[5],
        refused: n[6],
        refused_bytes: n[7],
    })
}

fn subject() -> impl Strategy<Value = Subject> {
    let how = select(vec![How::Create, How::Destroy, How::Domctl, How::Move]);
    (how, domain(), 0..3u32)
        .prop_map(|(how, domain, generation)| Subject { how, id: DomainId { domain, generation } })
}

fn pool() -> impl Strategy<Value = Pool> {
    vec(number(), 6).prop_map(|n| Pool {
        size: n[0],
        low: n[1],
        takes: n[2],
        backs: n[3],
        failed: n[4],
        extra: n[5],
    })
}

pub fn domain_event() -> impl Strategy<Value = DomainEvent> {
    let life = prop_oneof![
        any::<u64>().prop_map(|flags| Life::Created { flags }),
        (any::<bool>(), pool()).prop_map(|(failed, pool)| Life::Ended { failed, pool }),
    ];
    (1..=u64::MAX, life, domain_id(), domain(), any::<u32>(), any::<u64>())
        .prop_map(|(seq, life, id, current, cpu, time)| DomainEvent { seq, life, id, current, cpu, time })
}

pub fn counters() -> impl Strategy<Value = Counters> {
    (vec(number(), 14), option::of(number())).prop_map(|(n, bracketed)| Counters {
        allocs: n[0],
        bytes: n[1],
        failed: n[2],
        taken: n[3],
        taken_bytes: n[4],
        freed: n[5],
        freed_bytes: n[6],
        given: n[7],
        given_bytes: n[8],
        live: n[9],
        live_bytes: n[10],
        peak: n[11],
        min: n[12],
        max: n[13],
        bracketed,
    })
}

fn header() -> impl Strategy<Value = Header> {
    let modes = proptest::sample::subsequence(vec![View::Trace, View::Warn, View::Summary], 0..=3);
    let text = option::of((any::<u64>(), any::<u64>()));
    let build = option::of("[0-9a-f]{8,40}");
    let lacks = vec("[a-z0-9-]{1,8}", 0..3);
    ("[!-~]{1,30}", "[a-z0-9_]{1,12}", build, text, modes, vec(number(), 5), option::of(number()), lacks)
        .prop_map(|(xen, arch, build_id, text, modes, n, domains, lacks)| Header {
            format: 1 + u32::from(domains.is_some()),
            xen,
            arch,
            build_id,
            text,
            modes,
            tables: Tables { depth: n[0], stacks: n[1], rows: n[2], live: n[3], ring: n[4], domains },
            fail: domains.map(|hash| Target { hash, nth: n[0] | 1 }),
            accounts: domains,
            charge: text.map(|(limit, _)| Charging {
                payer: Payer::Owner,
                limit: Some(limit | 1),
                no_hwdom: limit & 1 == 0,
            }),
            lacks,
        })
}

fn stack() -> impl Strategy<Value = StackLine> {
    let pc = (any::<u64>(), any::<bool>()).prop_map(|(addr, exact)| Pc { addr, exact });
    (1..=u32::MAX, any::<u64>(), vec(pc, 0..32), any::<bool>())
        .prop_map(|(id, hash, pcs, truncated)| StackLine { id: StackId(id), hash, pcs, truncated })
}

fn row() -> impl Strategy<Value = RowLine> {
    (any::<u32>(), counted(), any::<bool>(), domain(), option::of(domain()), counters()).prop_map(
        |(stack, of, no_owner, current, owner, counters)| {
            let passed = owner.map_or(Owner::Unknown, |domain| Owner::Passed(DomainId::unknown(domain)));
            let (kind, charge, owner) = match of {
                Counted::Anonymous(kind) if no_owner => (kind, Charge::NoOwner, passed),
                Counted::Anonymous(kind) => (kind, Charge::Nobody, passed),
                Counted::DomainPool => (Kind::DomainPool, Charge::Domain, Owner::Unknown),
                Counted::NoRefcount => (Kind::Domheap, Charge::NoRefcount, Owner::Unknown),
            };
            RowLine { key: RowKey { stack: StackId(stack), kind, charge, current, owner }, counters }
        },
    )
}

fn kind_line() -> impl Strategy<Value = KindLine> {
    (counted(), counters(), vec(number(), 6)).prop_map(|(of, counters, n)| {
        let is_pool = of == Counted::Anonymous(Kind::Xmalloc);
        KindLine {
            of,
            totals: KindTotals {
                counters: Counters { min: 0, max: 0, ..counters },
                orphans: n[0],
                orphan_bytes: n[1],
                pages: n[2],
                pages_freed: n[3],
                pool: if is_pool { n[4] } else { 0 },
                pool_freed: if is_pool { n[5] } else { 0 },
            },
        }
    })
}

fn machine() -> impl Strategy<Value = Machine> {
    let beside = option::of(vec(number(), 6)).prop_map(|n| {
        n.map(|n| Beside {
            adjusted_up: n[0],
            adjusted_down: n[1],
            offlined: n[2],
            onlined: n[3],
            colored_alloc: n[4],
            colored_freed: n[5],
        })
    });
    (vec(number(), 19), option::of(number()), beside).prop_map(|(n, lost_domains, beside)| {
        let pair = |at: usize| Pair { start: n[at], now: n[at + 1] };
        Machine {
            free: pair(0),
            dompages: pair(2),
            pooltotal: pair(4),
            poolused: pair(6),
            poolhdr: n[8],
            heapadd: n[9],
            owned_alloc: n[10],
            owned_freed: n[11],
            given_counted: n[12],
            taken_counted: n[13],
            lost_records: n[14],
            lost_stacks: n[15],
            lost_rows: n[16],
            lost_live: n[17],
            lost_domains,
            beside,
            busy: n[18],
        }
    })
}

/// A record of any type with its tag and number.
pub fn record() -> BoxedStrategy<(Tag, u64, Record)> {
    let view = select(vec![View::Trace, View::Warn]);
    let record = prop_oneof![
        1 => header().prop_map(Record::Header).boxed(),
        2 => stack().prop_map(Record::Stack).boxed(),
        2 => (view.clone(), domain_event()).prop_map(|(view, event)| Record::Domain { view, event }).boxed(),
        1 => (domain_id(), pool()).prop_map(|(id, pool)| Record::State(DomainState { id, pool })).boxed(),
        1 => purpose().prop_map(Record::Purpose).boxed(),
        1 => bill().prop_map(Record::Bill).boxed(),
        6 => (view, event()).prop_map(|(view, event)| Record::Event { view, event }).boxed(),
        1 => (number(), "[a-z]{1,9}").prop_map(|(number, why)| Record::DumpBegin(DumpBegin { number, why: why.into() })).boxed(),
        1 => row().prop_map(Record::Row).boxed(),
        1 => kind_line().prop_map(Record::Kind).boxed(),
        1 => machine().prop_map(Record::Machine).boxed(),
        1 => (number(), number(), number(), number(), any::<bool>())
            .prop_map(|(number, stacks, rows, bills, cut)| Record::DumpEnd(DumpEnd { number, stacks, rows, bills, cut }))
            .boxed(),
    ];
    (any::<u32>(), any::<u64>(), record)
        .prop_map(|(tag, seq, record)| {
            let seq = match &record {
                Record::Header(_) => 0,
                Record::Event { event, .. } => event.seq,
                Record::Domain { event, .. } => event.seq,
                Record::Purpose(purpose) => purpose.seq,
                _ => seq,
            };
            (Tag(tag), seq, record)
        })
        .boxed()
}

pub fn stamp() -> impl Strategy<Value = Stamp> {
    const YEAR_2100: u64 = 4_102_444_800_000_000_000;
    prop_oneof![
        Just(Stamp::None),
        (0..100_000_000_000_000u64).prop_map(Stamp::Boot),
        (0..YEAR_2100).prop_map(Stamp::Date),
        (0..YEAR_2100).prop_map(Stamp::DateMs),
        any::<u64>().prop_map(Stamp::Raw),
    ]
}

/// What can stand before Xen's mark on its line.
pub fn before() -> impl Strategy<Value = Vec<u8>> {
    select(vec![
        &b""[..],
        b"",
        b"",
        b"2025-03-17T18:48:59.1234567Z ",
        b"[  12.3s] ",
        b"\x1b[0;32m",
        b"2025-03-17T18:48:59.1234567Z \x1b[31;1m",
        b"[   12.345678] systemd[1]: Started \x1b[0;1;39msomething\x1b[0m",
        b"dom0 login: ",
        b"# ",
        b"\0\0\0",
        b"\xff\xfe\x80 caf\xe9 ",
        b"section_start:1742237339:x\r\x1b[0K",
        b"50%\r",
        b"(XEN) [   12.000001] unfinished (message) ",
        b"(XEN) ",
        b"(XEN) HA1 0123",
        b"(XEN) [   12.000001] HA1 01234567 12 A x ffff83007c4d2010 39",
        b"SHA1 of (XEN) ",
        b"(d1v0) not a guest's mark ",
        b"\x1b]0;title\x07",
        b"\x1b(B\x1b[m",
    ])
    .prop_map(<[u8]>::to_vec)
}

/// What can stand behind a message.
pub fn behind() -> impl Strategy<Value = Vec<u8>> {
    select(vec![&b""[..], b"", b"\r", b"\x1b[0m", b" ", b"\0", b"\x1b[0m\r", b"\r\r", b"\t"])
        .prop_map(<[u8]>::to_vec)
}

/// Lines that must not change anything: other people's.
pub fn foreign_line() -> impl Strategy<Value = Vec<u8>> {
    let fixed = select(vec![
        &b""[..],
        b"[    0.000000] Linux version 6.1.0 (dom0 speaks without a prefix)",
        b"(d1) [    1.234567] (XEN) [   12.000000] DEBUG: d0: xfree - p=ffff83013a500010",
        b"(d1) (XEN) Xen call trace:",
        b"(d1) (XEN)    [<ffff82d040230090>] R forged+0x1/0x2",
        b"(d1) (XEN) ",
        b"(d2) HA1 3f9a2c41 18 A x ffff83007c4d2010 392 s12 d0 c1 t2cb417800 u416 5d10",
        b"(XEN) DOM1: (XEN) DEBUG: d0: xfree - p=ffff83013a500010",
        b"(XEN) [   12.000000] DOM1: Xen call trace:",
        b"dom0 login: (d1) (XEN) [   12.000000] DEBUG: d0: xfree - p=ffff83013a500010",
        b"\x1b[(d1) (XEN) [   12.000000] DEBUG: d0: xfree - p=ffff83013a500010",
        b"DEBUG: d0: xfree - p=ffff83013a500010",
        b"SHA1 (stdin)= da39a3ee5e6b4b0d3255bfef95601890afd80709",
        b"\xff\xfe\0\0\x1b[31mcolour\x1b[0m",
        b"   [<ffff82d040230090>] R not_xens+0x1/0x2",
    ])
    .prop_map(<[u8]>::to_vec);
    let text = vec(select((0x20..0x7f).chain([0x1b, 0, 0xc3, b'\r']).collect::<Vec<u8>>()), 0..80)
        .prop_filter("words of a record", |line| {
            [&b"HA1"[..], b"DEBUG", b"XEN"].iter().all(|word| !line.windows(word.len()).any(|at| at == *word))
        });
    let long = (65_000..140_000usize).prop_map(|length| vec![b'x'; length]);
    prop_oneof![20 => fixed, 10 => text, 1 => long]
}

/// A trace of x86, or of Arm.
pub fn trace_frames() -> impl Strategy<Value = Vec<TraceFrame>> {
    let name =
        prop_oneof!["[a-z_][a-z0-9_]{0,20}", "[a-z]{1,8}\\.c#[a-z_]{1,20}", "[a-z_]{1,12}\\.constprop\\.0",]
            .prop_filter("an address", |name| !name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let frame = (0x8000_0000_0000u64.., option::weighted(0.95, (name, number(), number())));
    (vec(frame, 1..12), any::<bool>()).prop_map(|(frames, is_arm)| {
        let mark = |index| match (is_arm, index) {
            (true, 0) => Mark::Pc,
            (true, 1) => Mark::Lr,
            (true, _) => Mark::None,
            (false, 0) => Mark::R,
            (false, _) => Mark::F,
        };
        let frames = frames.into_iter().enumerate().map(|(index, (addr, name))| {
            let (name, offset) = match name {
                Some((name, offset, size)) => (name, Some((offset, size))),
                None => (String::new(), None),
            };
            TraceFrame { addr: Some(addr), name, offset, mark: mark(index) }
        });
        frames.collect()
    })
}

pub fn rfc_record() -> impl Strategy<Value = RfcRecord> {
    let domain = prop_oneof![4 => domain(), 1 => Just(Domain::Null)];
    (select(RfcOp::ALL.to_vec()), domain, option::of(number()), 0x1_0000_0000u64.., trace_frames()).prop_map(
        |(op, domain, size, ptr, trace)| RfcRecord {
            op,
            domain,
            size,
            ptr: Some(ptr),
            trace,
            time: None,
            uncertain: None,
        },
    )
}
