//! Our recorder's lines, formats 1 and 2. The specification is `docs/record-format.md`.

use xenheap_model::{
    Beside, Bill, Charge, Counters, Domain, DomainEvent, DomainId, DomainState, Event, How, Kind, KindTotals,
    Life, Machine, OnPurpose, Op, Owner, Pair, Pc, Pool, RowKey, StackId, Subject, Target, Untried, View,
};

use crate::{
    crc,
    number::{decimal, hex, hex_of, is_hex},
    record::{Counted, DumpBegin, DumpEnd, Header, KindLine, Record, Refusal, RowLine, StackLine, Tag},
};

/// How a record begins. The space belongs to it.
pub(crate) const MAGIC: &[u8] = b"HA1 ";
/// The newest format that is read; all from 1 on are.
const NEWEST: u32 = 2;
/// The longest record, in bytes, with room to spare.
const LONGEST: usize = 1024;
/// A space and four digits.
const CHECK: usize = 5;

/// What stands at a [`MAGIC`]: how many bytes are done with, and why they are refused.
pub(crate) type Outcome = (usize, Option<Refusal>);

/// Whether the [`MAGIC`] at `position` of `text` can be a record's: it begins a word, or a tag
/// follows it. (`SHA1 ` does not.)
pub(crate) fn is_candidate(text: &[u8], position: usize) -> bool {
    let before = position.checked_sub(1).and_then(|before| text.get(before));
    if !before.is_some_and(u8::is_ascii_alphanumeric) {
        return true;
    }
    text.get(position..).is_some_and(|text| tag_of(text).is_some())
}

/// Reads the record at the start of `text`, which begins with [`MAGIC`] and goes on for as far as
/// this record can go, and gives its tag, number, bytes and content to `take`.
///
/// The record ends where a check fits. Usually that is the end of `text`; but a line can have lost
/// its end, so that something else follows at once.
#[inline]
pub(crate) fn parse(text: &[u8], take: impl FnOnce(Tag, u64, &[u8], Record)) -> Outcome {
    let text = text.get(..LONGEST).unwrap_or(text).trim_ascii_end();
    if let Some((content, check)) = text.len().checked_sub(CHECK).and_then(|at| text.split_at_checked(at))
        && let Some(check) = check_of(check)
        && crc::crc16(content) == check
    {
        return checked(text, content, take);
    }
    match cut(text) {
        Ok((record, content)) => checked(record, content, take),
        Err(length) => (length, Some(Refusal::Damaged(tag_of(text)))),
    }
}

/// Reads a record that ends where `text` ends, if it is an event and its check fits; else does
/// nothing. What [`parse`] would do, for the lines that nearly all of a log consists of.
#[inline]
pub(crate) fn event_of(text: &[u8]) -> Option<(Tag, u64, View, Event)> {
    if text.len() > LONGEST {
        return None;
    }
    let (content, check) = text.split_at_checked(text.len().checked_sub(CHECK)?)?;
    let fields = content.strip_prefix(MAGIC)?;
    let (tag, fields) = hex_of(fields, 8)?;
    let (seq, fields) = decimal(fields.strip_prefix(b" ")?)?;
    let (view, op, fields) = match fields {
        [b' ', op, b' ', fields @ ..] => (View::Trace, op_of(*op)?, fields),
        [b' ', b'w', op, b' ', fields @ ..] => (View::Warn, op_of(*op)?, fields),
        _ => return None,
    };
    let event = event(seq, op, fields)?;
    (crc::crc16(content) == check_of(check)?).then_some((Tag(tag as u32), seq, view, event))
}

/// The slow way: another record begins in this one, or something follows it. Gives the record with
/// and without its check, or how many bytes are none.
#[cold]
fn cut(text: &[u8]) -> Result<(&[u8], &[u8]), usize> {
    let end = memchr::memmem::find_iter(text, MAGIC)
        .find(|&at| at > 0 && is_candidate(text, at))
        .unwrap_or(text.len());
    let text = text.get(..end).unwrap_or(text);
    let mut crc = crc::INIT;
    for (at, &byte) in text.iter().enumerate() {
        if byte == b' '
            && let Some(check) = text.get(at..at + CHECK).and_then(check_of)
            && check == crc
            && !text.get(at + CHECK).is_some_and(u8::is_ascii_alphanumeric)
            && let (Some(record), Some(content)) = (text.get(..at + CHECK), text.get(..at))
        {
            return Ok((record, content));
        }
        crc = crc::step(crc, byte);
    }
    Err(text.len())
}

/// ` 0f3a`
fn check_of(text: &[u8]) -> Option<u16> {
    let (check, rest) = hex_of(text.strip_prefix(b" ")?, 4)?;
    rest.is_empty().then_some(check as u16)
}

/// Whether a tag is at the start of `text`.
pub(crate) fn begins_with_tag(text: &[u8]) -> bool {
    hex_of(text, 8).is_some()
}

/// The tag of what begins with [`MAGIC`].
fn tag_of(text: &[u8]) -> Option<Tag> {
    let (tag, rest) = hex_of(text.strip_prefix(MAGIC)?, 8)?;
    matches!(rest, [] | [b' ', ..]).then_some(Tag(tag as u32))
}

#[inline]
fn checked(record: &[u8], content: &[u8], take: impl FnOnce(Tag, u64, &[u8], Record)) -> Outcome {
    let done = parse_content(content, |tag, seq, what| take(tag, seq, record, what));
    let refused = if done.is_some() { None } else { Some(Refusal::Malformed(tag_of(content))) };
    (record.len(), refused)
}

fn parse_content(content: &[u8], take: impl FnOnce(Tag, u64, Record)) -> Option<()> {
    let fields = content.strip_prefix(MAGIC)?;
    let (tag, fields) = hex_of(fields, 8)?;
    let (seq, fields) = decimal(fields.strip_prefix(b" ")?)?;
    let fields = fields.strip_prefix(b" ")?;
    let (view, letter, fields) = match fields {
        [letter, b' ', fields @ ..] => (View::Trace, *letter, fields),
        [b'w', letter, b' ', fields @ ..] => (View::Warn, *letter, fields),
        _ => return None,
    };
    let record = match op_of(letter) {
        Some(op) => Record::Event { view, event: event(seq, op, fields)? },
        None => other(seq, view, letter, fields)?,
    };
    take(Tag(tag as u32), seq, record);
    Some(())
}

/// What is no event of memory.
#[cold]
fn other(seq: u64, view: View, letter: u8, fields: &[u8]) -> Option<Record> {
    match (letter, view) {
        (b'C', _) => created(seq, fields).map(|event| Record::Domain { view, event }),
        (b'E', _) => ended(seq, fields).map(|event| Record::Domain { view, event }),
        (b'V', View::Trace) if seq == 0 => header(fields).map(Record::Header),
        (b'S', View::Trace) => stack(fields).map(Record::Stack),
        (b'P', View::Trace) => row(fields).map(Record::Row),
        (b'K', View::Trace) => kind_line(fields).map(Record::Kind),
        (b'I', View::Trace) => purpose(seq, fields).map(Record::Purpose),
        (b'D', View::Trace) => bill(fields).map(Record::Bill),
        (b'U', View::Trace) => state(fields).map(Record::State),
        (b'Y', View::Trace) => machine(fields).map(Record::Machine),
        (b'Z', View::Trace) => dump(fields),
        _ => None,
    }
}

fn op_of(letter: u8) -> Option<Op> {
    Some(match letter {
        b'A' => Op::Alloc,
        b'X' => Op::Fail,
        b'F' => Op::Free,
        b'G' => Op::Give,
        b'B' => Op::GiveBack,
        b'T' => Op::Take,
        _ => return None,
    })
}

fn kind_of(letter: u8) -> Option<Kind> {
    Some(match letter {
        b'x' => Kind::Xmalloc,
        b'h' => Kind::Xenheap,
        b'd' => Kind::Domheap,
        b'v' => Kind::Vmalloc,
        b'p' => Kind::PoolGrowth,
        _ => return None,
    })
}

/// The letter of a dump's line.
fn counted_of(letter: u8) -> Option<Counted> {
    match letter {
        b'g' => Some(Counted::DomainPool),
        b'r' => Some(Counted::NoRefcount),
        letter => kind_of(letter).map(Counted::Anonymous),
    }
}

/// Sets a field. One that was there already is an error.
fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

#[inline]
fn event(seq: u64, op: Op, fields: &[u8]) -> Option<Event> {
    let [kind, b' ', fields @ ..] = fields else { return None };
    let kind = kind_of(*kind)?;
    let (addr, fields) = hex(fields)?;
    let (size, mut fields) = match fields.strip_prefix(b" ")? {
        [b'-', rest @ ..] if op == Op::Free && kind.is_block() => (None, rest),
        fields => decimal(fields).map(|(size, rest)| (Some(size), rest))?,
    };
    if seq == 0 || (op == Op::Fail && addr != 0) {
        return None;
    }
    let mut event = Event {
        seq,
        op,
        kind,
        addr,
        size,
        used: None,
        stack: StackId::UNKNOWN,
        current: Domain::Null,
        passed: None,
        charge: Charge::Nobody,
        memflags: 0,
        layer: 0,
        cpu: 0,
        time: 0,
        unknown: false,
        epoch: 0,
        bracketed: false,
        subject: None,
        untried: None,
    };
    // One bit a letter: each field comes at most once.
    let mut seen = 0u64;
    while let [space, letter, value @ ..] = fields {
        let bit = 1u64.checked_shl(u32::from(letter.wrapping_sub(b'A'))).unwrap_or(0);
        if *space != b' ' || bit == 0 || seen & bit != 0 {
            return None;
        }
        seen |= bit;
        fields = field(&mut event, *letter, value)?;
    }
    fields.is_empty().then_some(event)
}

/// Reads the field `letter` into the event, whose operation and kind are known. Gives what follows
/// the field.
#[inline]
fn field<'t>(event: &mut Event, letter: u8, value: &'t [u8]) -> Option<&'t [u8]> {
    Some(match letter {
        b's' => {
            let (id, rest) = decimal(value)?;
            event.stack = StackId(u32::try_from(id).ok()?);
            rest
        }
        b'd' => {
            let (id, rest) = decimal(value)?;
            event.current = domain(id)?;
            rest
        }
        b'o' => {
            let (id, rest) = decimal(value)?;
            event.passed = Some(domain(id)?);
            rest
        }
        b'l' => {
            let (layers, rest) = decimal(value)?;
            event.layer = u32::try_from(layers).ok()?;
            rest
        }
        b'c' => {
            let (id, rest) = decimal(value)?;
            event.cpu = u32::try_from(id).ok()?;
            rest
        }
        b'u' if event.kind.is_block() => {
            let (bytes, rest) = decimal(value)?;
            event.used = Some(bytes);
            rest
        }
        b'm' => {
            let (flags, rest) = hex(value)?;
            event.memflags = u32::try_from(flags).ok()?;
            rest
        }
        b't' => {
            let (nanoseconds, rest) = hex(value)?;
            event.time = nanoseconds;
            rest
        }
        b'n' => {
            event.charge = Charge::NoOwner;
            value
        }
        b'q' if event.op == Op::Free => {
            event.unknown = true;
            value
        }
        b'e' => {
            let (epoch, rest) = decimal(value)?;
            event.epoch = epoch;
            rest
        }
        b'b' if event.op == Op::Free => {
            event.bracketed = true;
            value
        }
        b'w' => {
            let (subject, rest) = subject(value)?;
            event.subject = Some(subject);
            rest
        }
        b'z' if event.op == Op::Fail => {
            let (why, rest) = value.split_first()?;
            event.untried = Some(untried(*why)?);
            rest
        }
        b'q' | b'u' | b'b' | b'z' => return None,
        // A letter of a later recorder.
        _ if letter.is_ascii_alphabetic() => {
            let end = value.iter().position(|&byte| byte == b' ').unwrap_or(value.len());
            value.get(end..)?
        }
        _ => return None,
    })
}

fn untried(letter: u8) -> Option<Untried> {
    match letter {
        b'f' => Some(Untried::OnPurpose),
        b'l' => Some(Untried::Limit),
        _ => None,
    }
}

fn domain(id: u64) -> Option<Domain> {
    u16::try_from(id).ok().map(Domain::from_id)
}

/// `5.7`
fn domain_id(text: &[u8]) -> Option<(DomainId, &[u8])> {
    let (id, rest) = decimal(text)?;
    let (generation, rest) = decimal(rest.strip_prefix(b".")?)?;
    let generation = u32::try_from(generation).ok()?;
    Some((DomainId { domain: domain(id)?, generation }, rest))
}

/// A domain that was given a generation.
fn known_domain(text: &[u8]) -> Option<DomainId> {
    domain_id(text).filter(|(id, rest)| id.is_known() && rest.is_empty()).map(|(id, _)| id)
}

/// `x5.7`
fn subject(text: &[u8]) -> Option<(Subject, &[u8])> {
    let (how, text) = text.split_first()?;
    let how = match how {
        b'c' => How::Create,
        b'k' => How::Destroy,
        b'x' => How::Domctl,
        b'm' => How::Move,
        _ => return None,
    };
    let (id, rest) = domain_id(text)?;
    Some((Subject { how, id }, rest))
}

fn created(seq: u64, fields: &[u8]) -> Option<DomainEvent> {
    let mut parts = parts(fields);
    let id = known_domain(parts.next()?)?;
    let (mut flags, mut place) = (None, Whereabouts::default());
    for part in parts {
        match part {
            [b'f', value @ ..] => once(&mut flags, whole_hex(value)?)?,
            part => place.add(part)?,
        }
    }
    place.event(seq, id, Life::Created { flags: flags? })
}

fn ended(seq: u64, fields: &[u8]) -> Option<DomainEvent> {
    let mut parts = parts(fields);
    let id = known_domain(parts.next()?)?;
    let (mut failed, mut place, mut pages) = (None, Whereabouts::default(), Values::new(POOL));
    for part in parts {
        if let Some((key, value)) = pair_of(part) {
            pages.add(key, || whole_decimal(value))?;
        } else if part == b"x" {
            once(&mut failed, ())?;
        } else {
            place.add(part)?;
        }
    }
    place.event(seq, id, Life::Ended { failed: failed.is_some(), pool: pool(pages.all()?) })
}

/// Where and when a domain's event happened.
#[derive(Default)]
struct Whereabouts {
    current: Option<Domain>,
    cpu: Option<u32>,
    time: Option<u64>,
}

impl Whereabouts {
    fn add(&mut self, part: &[u8]) -> Option<()> {
        match part {
            [b'd', id @ ..] => once(&mut self.current, domain(whole_decimal(id)?)?),
            [b'c', id @ ..] => once(&mut self.cpu, u32::try_from(whole_decimal(id)?).ok()?),
            [b't', time @ ..] => once(&mut self.time, whole_hex(time)?),
            // A letter of a later recorder.
            [letter, ..] if letter.is_ascii_alphabetic() => Some(()),
            _ => None,
        }
    }

    fn event(self, seq: u64, id: DomainId, life: Life) -> Option<DomainEvent> {
        let Whereabouts { current, cpu, time } = self;
        (seq > 0).then_some(DomainEvent { seq, life, id, current: current?, cpu: cpu?, time: time? })
    }
}

fn purpose(seq: u64, fields: &[u8]) -> Option<OnPurpose> {
    let mut parts = parts(fields);
    let (hash, rest) = hex_of(parts.next()?, 16)?;
    let nth = whole_decimal(parts.next()?).filter(|nth| *nth > 0 && rest.is_empty())?;
    let [kind] = parts.next()? else { return None };
    let (kind, bytes) = (kind_of(*kind)?, whole_decimal(parts.next()?)?);
    let (mut current, mut cpu, mut about) = (None, None, None);
    for part in parts {
        match part {
            [b'd', id @ ..] => once(&mut current, domain(whole_decimal(id)?)?)?,
            [b'c', id @ ..] => once(&mut cpu, u32::try_from(whole_decimal(id)?).ok()?)?,
            [b'w', value @ ..] => {
                let (value, rest) = subject(value)?;
                once(&mut about, value).filter(|()| rest.is_empty())?;
            }
            // A letter of a later recorder.
            [letter, ..] if letter.is_ascii_alphabetic() => {}
            _ => return None,
        }
    }
    let target = Target { hash, nth };
    (seq > 0).then_some(OnPurpose { target, seq, kind, bytes, current: current?, cpu: cpu?, subject: about })
}

/// The keys of a bill, in the order of the specification.
pub(crate) const BILL: [&str; 8] =
    ["allocs", "bytes", "bytes_peak", "pages", "pages_peak", "peak", "refused", "refused_bytes"];

/// The values of [`BILL`].
pub(crate) fn bill_values(of: &Bill) -> [u64; 8] {
    [of.allocs, of.bytes, of.bytes_peak, of.pages, of.pages_peak, of.peak, of.refused, of.refused_bytes]
}

fn bill(fields: &[u8]) -> Option<Bill> {
    let mut parts = parts(fields);
    let payer = match parts.next()? {
        b"-" => None,
        id => Some(domain_id(id).filter(|(_, rest)| rest.is_empty())?.0),
    };
    let mut values = Values::new(BILL);
    for part in parts {
        let (key, value) = pair_of(part)?;
        values.add(key, || whole_decimal(value))?;
    }
    let [allocs, bytes, bytes_peak, pages, pages_peak, peak, refused, refused_bytes] = values.all()?;
    Some(Bill { payer, allocs, bytes, bytes_peak, pages, pages_peak, peak, refused, refused_bytes })
}

/// The keys of a domain's own pages, in the order of the specification.
pub(crate) const POOL: [&str; 6] = ["pool", "low", "takes", "backs", "failed", "extra"];

/// The values of [`POOL`].
pub(crate) fn pool_values(of: &Pool) -> [u64; 6] {
    [of.size, of.low, of.takes, of.backs, of.failed, of.extra]
}

fn pool([size, low, takes, backs, failed, extra]: [u64; 6]) -> Pool {
    Pool { size, low, takes, backs, failed, extra }
}

fn state(fields: &[u8]) -> Option<DomainState> {
    let mut parts = parts(fields);
    let id = known_domain(parts.next()?)?;
    let mut pages = Values::new(POOL);
    for part in parts {
        let (key, value) = pair_of(part)?;
        pages.add(key, || whole_decimal(value))?;
    }
    Some(DomainState { id, pool: pool(pages.all()?) })
}

/// Text between single spaces. An empty part is an error of whoever uses it, because no field is
/// empty.
fn parts(fields: &[u8]) -> impl Iterator<Item = &[u8]> {
    fields.split(|&byte| byte == b' ')
}

/// `key=value`
fn pair_of(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'=', part).filter(|&at| at > 0)?;
    Some((part.get(..at)?, part.get(at + 1..)?))
}

/// A word of a record: printable ASCII, so that it can go to a terminal as it is.
fn word(text: &[u8]) -> Option<String> {
    text.iter().all(u8::is_ascii_graphic).then(|| String::from_utf8_lossy(text).into_owned())
}

fn whole_decimal(text: &[u8]) -> Option<u64> {
    decimal(text).and_then(|(value, rest)| rest.is_empty().then_some(value))
}

fn whole_hex(text: &[u8]) -> Option<u64> {
    hex(text).and_then(|(value, rest)| rest.is_empty().then_some(value))
}

fn header(fields: &[u8]) -> Option<Header> {
    let mut header = Header::default();
    let mut format = None;
    for part in parts(fields) {
        let (key, value) = pair_of(part)?;
        match key {
            b"fmt" => once(&mut format, whole_decimal(value)?)?,
            b"xen" => header.xen = word(value)?,
            b"arch" => header.arch = word(value)?,
            b"build" if value == b"-" => header.build_id = None,
            b"build" if value.iter().all(|&byte| is_hex(byte)) => header.build_id = Some(word(value)?),
            b"build" => return None,
            b"text" => {
                let (start, rest) = hex(value)?;
                header.text = Some((start, whole_hex(rest.strip_prefix(b"-")?)?));
            }
            b"modes" => {
                let modes = value.split(|&byte| byte == b',');
                header.modes = modes.filter_map(mode_of).collect();
            }
            b"depth" => header.tables.depth = whole_decimal(value)?,
            b"stacks" => header.tables.stacks = whole_decimal(value)?,
            b"rows" => header.tables.rows = whole_decimal(value)?,
            b"live" => header.tables.live = whole_decimal(value)?,
            b"ring" => header.tables.ring = whole_decimal(value)?,
            b"domains" => header.tables.domains = Some(whole_decimal(value)?),
            b"fail" => header.fail = Some(parsed(value)?),
            b"accounts" => header.accounts = Some(whole_decimal(value)?),
            b"charge" => header.charge = Some(parsed(value)?),
            b"lacks" => {
                let parts = value.split(|&byte| byte == b',');
                header.lacks =
                    parts.map(|part| word(part).filter(|part| !part.is_empty())).collect::<Option<_>>()?;
            }
            _ => {}
        }
    }
    header.format = u32::try_from(format?).ok().filter(|format| (1..=NEWEST).contains(format))?;
    Some(header)
}

fn parsed<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn mode_of(name: &[u8]) -> Option<View> {
    [View::Trace, View::Warn, View::Summary].into_iter().find(|view| view.as_str().as_bytes() == name)
}

fn stack(fields: &[u8]) -> Option<StackLine> {
    let mut parts = parts(fields);
    let id = u32::try_from(whole_decimal(parts.next()?)?).ok().filter(|&id| id > 0)?;
    let (hash, rest) = hex_of(parts.next()?, 16)?;
    if !rest.is_empty() {
        return None;
    }
    let mut line = StackLine { id: StackId(id), hash, pcs: Vec::new(), truncated: false };
    for part in parts {
        if line.truncated {
            return None;
        }
        match part {
            b"+" => line.truncated = true,
            [b'!', addr @ ..] => line.pcs.push(Pc { addr: whole_hex(addr)?, exact: true }),
            addr => line.pcs.push(Pc { addr: whole_hex(addr)?, exact: false }),
        }
    }
    Some(line)
}

/// Decimal values by key: each known key exactly once, unknown ones ignored.
struct Values<const N: usize> {
    keys: [&'static str; N],
    values: [Option<u64>; N],
}

impl<const N: usize> Values<N> {
    fn new(keys: [&'static str; N]) -> Self {
        Values { keys, values: [None; N] }
    }

    fn add(&mut self, key: &[u8], value: impl FnOnce() -> Option<u64>) -> Option<()> {
        let place = self.keys.iter().position(|known| known.as_bytes() == key);
        match place.and_then(|at| self.values.get_mut(at)) {
            Some(place) => once(place, value()?),
            None => Some(()),
        }
    }

    fn all(self) -> Option<[u64; N]> {
        let mut all = [0; N];
        for (to, from) in all.iter_mut().zip(self.values) {
            *to = from?;
        }
        Some(all)
    }
}

/// The keys that the `P` and `K` lines share, in the order of the specification.
pub(crate) const COUNTERS: [&str; 12] = [
    "allocs",
    "bytes",
    "failed",
    "taken",
    "taken_bytes",
    "freed",
    "freed_bytes",
    "given",
    "given_bytes",
    "live",
    "live_bytes",
    "peak",
];

/// The values of [`COUNTERS`].
pub(crate) fn counter_values(of: &Counters) -> [u64; 12] {
    [
        of.allocs,
        of.bytes,
        of.failed,
        of.taken,
        of.taken_bytes,
        of.freed,
        of.freed_bytes,
        of.given,
        of.given_bytes,
        of.live,
        of.live_bytes,
        of.peak,
    ]
}

fn counters(values: [u64; 12]) -> Counters {
    let [
        allocs,
        bytes,
        failed,
        taken,
        taken_bytes,
        freed,
        freed_bytes,
        given,
        given_bytes,
        live,
        live_bytes,
        peak,
    ] = values;
    Counters {
        allocs,
        bytes,
        failed,
        taken,
        taken_bytes,
        freed,
        freed_bytes,
        given,
        given_bytes,
        live,
        live_bytes,
        peak,
        min: 0,
        max: 0,
        bracketed: None,
    }
}

fn row(fields: &[u8]) -> Option<RowLine> {
    let mut parts = parts(fields);
    let [b's', id @ ..] = parts.next()? else { return None };
    let stack = StackId(u32::try_from(whole_decimal(id)?).ok()?);
    let [kind] = parts.next()? else { return None };
    let of = counted_of(*kind)?;
    let (mut current, mut owner, mut no_owner, mut bracketed) = (None, None, None, None);
    let (mut common, mut extent) = (Values::new(COUNTERS), Values::new(["min", "max"]));
    for part in parts {
        if let Some((key, value)) = pair_of(part) {
            common.add(key, || whole_decimal(value))?;
            extent.add(key, || whole_decimal(value))?;
            if key == b"bracketed" {
                once(&mut bracketed, whole_decimal(value)?)?;
            }
        } else {
            match part {
                b"n" => once(&mut no_owner, ())?,
                [b'd', id @ ..] => once(&mut current, domain(whole_decimal(id)?)?)?,
                [b'o', id @ ..] => once(&mut owner, domain(whole_decimal(id)?)?)?,
                _ => return None,
            }
        }
    }
    let [min, max] = extent.all()?;
    let (kind, charge) = match of {
        Counted::Anonymous(kind) => (kind, if no_owner.is_some() { Charge::NoOwner } else { Charge::Nobody }),
        // Their rows are of all domains.
        _ if owner.is_some() || no_owner.is_some() => return None,
        Counted::DomainPool => (Kind::DomainPool, Charge::Domain),
        Counted::NoRefcount => (Kind::Domheap, Charge::NoRefcount),
    };
    let owner = owner.map_or(Owner::Unknown, |domain| Owner::Passed(DomainId::unknown(domain)));
    Some(RowLine {
        key: RowKey { stack, kind, charge, current: current?, owner },
        counters: Counters { min, max, bracketed, ..counters(common.all()?) },
    })
}

fn kind_line(fields: &[u8]) -> Option<KindLine> {
    let [kind, b' ', fields @ ..] = fields else { return None };
    let of = counted_of(*kind)?;
    let mut bracketed = None;
    let mut common = Values::new(COUNTERS);
    let mut more = Values::new(["orphans", "orphan_bytes", "pages", "pages_freed"]);
    let mut blocks = Values::new(["pool", "pool_freed"]);
    for part in parts(fields) {
        let (key, value) = pair_of(part)?;
        common.add(key, || whole_decimal(value))?;
        more.add(key, || whole_decimal(value))?;
        blocks.add(key, || whole_decimal(value))?;
        if key == b"bracketed" {
            once(&mut bracketed, whole_decimal(value)?)?;
        }
    }
    let [orphans, orphan_bytes, pages, pages_freed] = more.all()?;
    let [pool, pool_freed] = match of {
        Counted::Anonymous(Kind::Xmalloc) => blocks.all()?,
        _ => [0; 2],
    };
    let counters = Counters { bracketed, ..counters(common.all()?) };
    let totals = KindTotals { counters, orphans, orphan_bytes, pages, pages_freed, pool, pool_freed };
    Some(KindLine { of, totals })
}

fn machine(fields: &[u8]) -> Option<Machine> {
    let pairs = ["free", "dompages", "pooltotal", "poolused"];
    let (mut start, mut now) = (Values::new(pairs), Values::new(pairs));
    let mut single = Values::new([
        "poolhdr",
        "heapadd",
        "owned_alloc",
        "owned_freed",
        "given_counted",
        "taken_counted",
        "lost_records",
        "lost_stacks",
        "lost_rows",
        "lost_live",
        "busy",
    ]);
    let mut beside = Values::new([
        "adjusted_up",
        "adjusted_down",
        "offlined",
        "onlined",
        "colored_alloc",
        "colored_freed",
    ]);
    let mut has_beside = false;
    let mut lost_domains = None;
    for part in parts(fields) {
        let (key, value) = pair_of(part)?;
        if let Some((first, rest)) = decimal(value)
            && let [b'/', second @ ..] = rest
        {
            start.add(key, || Some(first))?;
            now.add(key, || whole_decimal(second))?;
        } else if key == b"lost_domains" {
            once(&mut lost_domains, whole_decimal(value)?)?;
        } else {
            has_beside |= key == b"adjusted_up";
            beside.add(key, || whole_decimal(value))?;
            single.add(key, || whole_decimal(value))?;
        }
    }
    // Without the first of them there are none.
    let beside = if has_beside {
        let [adjusted_up, adjusted_down, offlined, onlined, colored_alloc, colored_freed] = beside.all()?;
        Some(Beside { adjusted_up, adjusted_down, offlined, onlined, colored_alloc, colored_freed })
    } else {
        None
    };
    let mut pairs = [Pair::default(); 4];
    for ((pair, start), now) in pairs.iter_mut().zip(start.all()?).zip(now.all()?) {
        *pair = Pair { start, now };
    }
    let [free, dompages, pooltotal, poolused] = pairs;
    let [
        poolhdr,
        heapadd,
        owned_alloc,
        owned_freed,
        given_counted,
        taken_counted,
        lost_records,
        lost_stacks,
        lost_rows,
        lost_live,
        busy,
    ] = single.all()?;
    Some(Machine {
        free,
        dompages,
        pooltotal,
        poolused,
        poolhdr,
        heapadd,
        owned_alloc,
        owned_freed,
        given_counted,
        taken_counted,
        beside,
        lost_records,
        lost_stacks,
        lost_rows,
        lost_live,
        lost_domains,
        busy,
    })
}

fn dump(fields: &[u8]) -> Option<Record> {
    let mut parts = parts(fields);
    let begin = match parts.next()? {
        b"begin" => true,
        b"end" => false,
        _ => return None,
    };
    let number = whole_decimal(parts.next()?)?;
    let (mut why, mut bills, mut cut) = (None, None, None);
    let mut lines = Values::new(["stacks", "rows"]);
    for part in parts {
        let (key, value) = pair_of(part)?;
        if key == b"why" {
            once(&mut why, word(value)?)?;
        }
        // Without it there are none.
        if key == b"bills" {
            once(&mut bills, whole_decimal(value)?)?;
        }
        if key == b"cut" {
            once(&mut cut, whole_decimal(value)?)?;
        }
        lines.add(key, || whole_decimal(value))?;
    }
    if begin {
        return Some(Record::DumpBegin(DumpBegin { number, why: why?.into() }));
    }
    let [stacks, rows] = lines.all()?;
    let cut = cut.is_some_and(|cut| cut != 0);
    Some(Record::DumpEnd(DumpEnd { number, stacks, rows, bills: bills.unwrap_or(0), cut }))
}
