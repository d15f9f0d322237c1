//! Writes records as they stand in a log: what [`scan`](crate::scan) reads, this writes. For tests
//! and generators.

use std::fmt::Write;

use xenheap_model::{
    Bill, Charge, Counters, Domain, DomainEvent, DomainId, Event, How, Kind, Life, Mark, OnPurpose, Op,
    Owner, Pool, Subject, TraceFrame, Untried, View,
};

use crate::{
    crc::crc16,
    ha1::{BILL, COUNTERS, POOL, bill_values, counter_values, pool_values},
    record::{Counted, Header, KindLine, Record, RfcRecord, RowLine, StackLine, Tag},
};

/// A time stamp of Xen's console, in the styles of its `console_timestamps` option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// No stamp.
    None,
    /// `[   12.345678] `: nanoseconds since boot, printed to the microsecond.
    Boot(u64),
    /// `[2025-03-17 18:48:59] `: nanoseconds since 1970, printed to the second.
    Date(u64),
    /// `[2025-03-17 18:48:59.123] `: nanoseconds since 1970, printed to the millisecond.
    DateMs(u64),
    /// `[0000001d2c5a6f00] `: cycles.
    Raw(u64),
}

impl Stamp {
    /// The text, with the space behind it.
    pub fn text(self) -> String {
        const SECOND: u64 = 1_000_000_000;
        match self {
            Stamp::None => String::new(),
            Stamp::Boot(time) => format!("[{:5}.{:06}] ", time / SECOND, time % SECOND / 1000),
            Stamp::Date(time) => format!("[{}] ", date(time / SECOND)),
            Stamp::DateMs(time) => format!("[{}.{:03}] ", date(time / SECOND), time % SECOND / 1_000_000),
            Stamp::Raw(cycles) => format!("[{cycles:016x}] "),
        }
    }
}

fn date(seconds: u64) -> String {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut days = seconds / 86_400;
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}", days + 1)
}

/// A message as Xen's console prints it, without the end of the line.
pub fn console(stamp: Stamp, message: &str) -> String {
    format!("(XEN) {}{message}", stamp.text())
}

/// A record of our recorder, from `HA1` to the check.
pub fn record(tag: Tag, seq: u64, record: &Record) -> String {
    checked(format!("HA1 {tag} {seq} {}", content(record)))
}

/// Puts the check behind a text that begins with `HA1`.
pub fn checked(mut content: String) -> String {
    let check = crc16(content.as_bytes());
    push(&mut content, format_args!(" {check:04x}"));
    content
}

/// The lines of an RFC record: itself and, if it has one, its trace with the title before and the
/// empty line behind.
pub fn rfc(record: &RfcRecord) -> Vec<String> {
    let mut first = format!("DEBUG: {}: {} -", record.domain, record.op.as_str());
    if let Some(size) = record.size {
        push(&mut first, format_args!(" size {size}"));
    }
    if let Some(ptr) = record.ptr {
        push(&mut first, format_args!(" p={ptr:016x}"));
    }
    let mut lines = vec![first];
    if !record.trace.is_empty() {
        lines.extend(trace(&record.trace));
    }
    lines
}

/// A call trace of Xen's: title, frames, empty line.
pub fn trace(frames: &[TraceFrame]) -> Vec<String> {
    let mut lines = vec!["Xen call trace:".to_owned()];
    lines.extend(frames.iter().map(frame));
    lines.push(String::new());
    lines
}

/// A line of a call trace.
pub fn frame(frame: &TraceFrame) -> String {
    let addr = frame.addr.unwrap_or(0);
    let mut line = format!("   [<{addr:016x}>] ");
    if let Some(letter) = frame.mark.letter() {
        push(&mut line, format_args!("{letter} "));
    }
    if frame.name.is_empty() {
        push(&mut line, format_args!("{addr:016x}"));
    } else {
        let (offset, size) = frame.offset.unwrap_or((0, 0));
        push(&mut line, format_args!("{}+{offset:#x}/{size:#x}", frame.name));
    }
    line.push_str(match frame.mark {
        Mark::Pc => " (PC)",
        Mark::Lr => " (LR)",
        _ => "",
    });
    line
}

/// Writing to a `String` does not fail.
fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

fn content(record: &Record) -> String {
    match record {
        Record::Header(header) => header_content(header),
        Record::Stack(line) => stack_content(line),
        Record::Event { view, event } => event_content(*view, event),
        Record::Domain { view, event } => domain_content(*view, event),
        Record::State(state) => {
            let mut line = format!("U {}", numbers_of(state.id));
            push_pool(&mut line, &state.pool);
            line
        }
        Record::Purpose(purpose) => purpose_content(purpose),
        Record::Bill(bill) => bill_content(bill),
        Record::DumpBegin(dump) => format!("Z begin {} why={}", dump.number, dump.why),
        Record::Row(row) => row_content(row),
        Record::Kind(line) => kind_content(line),
        Record::Machine(m) => {
            let pair = |pair: xenheap_model::Pair| format!("{}/{}", pair.start, pair.now);
            let lost_domains = m.lost_domains.map_or(String::new(), |lost| format!(" lost_domains={lost}"));
            let beside = m.beside.map_or(String::new(), |b| {
                format!(
                    " adjusted_up={} adjusted_down={} offlined={} onlined={} colored_alloc={} colored_freed={}",
                    b.adjusted_up,
                    b.adjusted_down,
                    b.offlined,
                    b.onlined,
                    b.colored_alloc,
                    b.colored_freed
                )
            });
            format!(
                "Y free={} dompages={} pooltotal={} poolused={} poolhdr={} heapadd={} owned_alloc={} owned_freed={} \
                 given_counted={} taken_counted={}{beside} lost_records={} lost_stacks={} lost_rows={} lost_live={}{lost_domains} busy={}",
                pair(m.free),
                pair(m.dompages),
                pair(m.pooltotal),
                pair(m.poolused),
                m.poolhdr,
                m.heapadd,
                m.owned_alloc,
                m.owned_freed,
                m.given_counted,
                m.taken_counted,
                m.lost_records,
                m.lost_stacks,
                m.lost_rows,
                m.lost_live,
                m.busy
            )
        }
        Record::DumpEnd(dump) => {
            let bills = if dump.bills > 0 { format!(" bills={}", dump.bills) } else { String::new() };
            let cut = if dump.cut { " cut=1" } else { "" };
            format!("Z end {} stacks={} rows={}{bills}{cut}", dump.number, dump.stacks, dump.rows)
        }
    }
}

fn header_content(header: &Header) -> String {
    let modes: Vec<&str> = header.modes.iter().map(|view| view.as_str()).collect();
    let build = header.build_id.as_deref().unwrap_or("-");
    let mut line = format!("V fmt={} xen={} arch={} build={build}", header.format, header.xen, header.arch);
    if let Some((start, end)) = header.text {
        push(&mut line, format_args!(" text={start:x}-{end:x}"));
    }
    let t = &header.tables;
    push(
        &mut line,
        format_args!(
            " modes={} depth={} stacks={} rows={} live={} ring={}",
            modes.join(","),
            t.depth,
            t.stacks,
            t.rows,
            t.live,
            t.ring
        ),
    );
    if let Some(domains) = t.domains {
        push(&mut line, format_args!(" domains={domains}"));
    }
    if let Some(fail) = header.fail {
        push(&mut line, format_args!(" fail={fail}"));
    }
    if let Some(accounts) = header.accounts {
        push(&mut line, format_args!(" accounts={accounts}"));
    }
    if let Some(charge) = header.charge {
        push(&mut line, format_args!(" charge={charge}"));
    }
    if !header.lacks.is_empty() {
        push(&mut line, format_args!(" lacks={}", header.lacks.join(",")));
    }
    line
}

fn stack_content(line: &StackLine) -> String {
    let mut text = format!("S {} {:016x}", line.id.0, line.hash);
    for pc in &line.pcs {
        push(&mut text, format_args!(" {}{:x}", if pc.exact { "!" } else { "" }, pc.addr));
    }
    if line.truncated {
        text.push_str(" +");
    }
    text
}

fn kind_letter(kind: Kind) -> char {
    match kind {
        Kind::Xmalloc => 'x',
        Kind::Xenheap => 'h',
        Kind::Domheap => 'd',
        Kind::Vmalloc => 'v',
        Kind::PoolGrowth => 'p',
        Kind::DomainPool => 'g',
    }
}

/// The numeric id; `None` for no domain.
fn id_of(domain: Domain) -> Option<u16> {
    match domain {
        Domain::Id(id) => Some(id),
        Domain::Idle => Some(0x7fff),
        Domain::Io => Some(0x7ff1),
        Domain::Xen => Some(0x7ff2),
        Domain::Cow => Some(0x7ff3),
        Domain::Null => None,
    }
}

fn push_domain(text: &mut String, letter: char, domain: Option<Domain>) {
    if let Some(id) = domain.and_then(id_of) {
        push(text, format_args!(" {letter}{id}"));
    }
}

/// `5.7`
fn numbers_of(id: DomainId) -> String {
    format!("{}.{}", id_of(id.domain).unwrap_or(0), id.generation)
}

fn push_pool(line: &mut String, pool: &Pool) {
    for (key, value) in POOL.into_iter().zip(pool_values(pool)) {
        push(line, format_args!(" {key}={value}"));
    }
}

fn domain_content(view: View, event: &DomainEvent) -> String {
    let warn = if view == View::Warn { "w" } else { "" };
    let id = numbers_of(event.id);
    let mut line = match event.life {
        Life::Created { flags } => format!("{warn}C {id} f{flags:x}"),
        Life::Ended { failed, .. } => format!("{warn}E {id}{}", if failed { " x" } else { "" }),
    };
    push_domain(&mut line, 'd', Some(event.current));
    push(&mut line, format_args!(" c{} t{:x}", event.cpu, event.time));
    if let Life::Ended { pool, .. } = &event.life {
        push_pool(&mut line, pool);
    }
    line
}

fn event_content(view: View, event: &Event) -> String {
    let op = match event.op {
        Op::Alloc => 'A',
        Op::Fail => 'X',
        Op::Free => 'F',
        Op::Give => 'G',
        Op::GiveBack => 'B',
        Op::Take => 'T',
    };
    let warn = if view == View::Warn { "w" } else { "" };
    let mut line = format!("{warn}{op} {} {:x} ", kind_letter(event.kind), event.addr);
    match event.size {
        Some(size) => push(&mut line, format_args!("{size}")),
        None => line.push('-'),
    }
    push(&mut line, format_args!(" s{}", event.stack.0));
    push_domain(&mut line, 'd', Some(event.current));
    push_domain(&mut line, 'o', event.passed);
    if event.charge == Charge::NoOwner {
        line.push_str(" n");
    }
    if event.memflags != 0 {
        push(&mut line, format_args!(" m{:x}", event.memflags));
    }
    if event.layer != 0 {
        push(&mut line, format_args!(" l{}", event.layer));
    }
    push(&mut line, format_args!(" c{} t{:x}", event.cpu, event.time));
    if let Some(used) = event.used {
        push(&mut line, format_args!(" u{used}"));
    }
    if event.unknown {
        line.push_str(" q");
    }
    if event.epoch != 0 {
        push(&mut line, format_args!(" e{}", event.epoch));
    }
    if event.bracketed {
        line.push_str(" b");
    }
    push_subject(&mut line, event.subject);
    match event.untried {
        Some(Untried::OnPurpose) => line.push_str(" zf"),
        Some(Untried::Limit) => line.push_str(" zl"),
        None => {}
    }
    line
}

fn push_subject(line: &mut String, subject: Option<Subject>) {
    if let Some(subject) = subject {
        let how = match subject.how {
            How::Create => 'c',
            How::Destroy => 'k',
            How::Domctl => 'x',
            How::Move => 'm',
        };
        push(line, format_args!(" w{how}{}", numbers_of(subject.id)));
    }
}

fn purpose_content(purpose: &OnPurpose) -> String {
    let OnPurpose { target, kind, bytes, current, cpu, subject, .. } = purpose;
    let mut line = format!("I {:016x} {} {} {bytes}", target.hash, target.nth, kind_letter(*kind));
    push_domain(&mut line, 'd', Some(*current));
    push(&mut line, format_args!(" c{cpu}"));
    push_subject(&mut line, *subject);
    line
}

fn bill_content(bill: &Bill) -> String {
    let mut line = format!("D {}", bill.payer.map_or("-".to_owned(), numbers_of));
    for (key, value) in BILL.into_iter().zip(bill_values(bill)) {
        push(&mut line, format_args!(" {key}={value}"));
    }
    line
}

fn row_content(row: &RowLine) -> String {
    let letter = if row.key.charge == Charge::NoRefcount { 'r' } else { kind_letter(row.key.kind) };
    let mut line = format!("P s{} {letter}", row.key.stack.0);
    push_domain(&mut line, 'd', Some(row.key.current));
    if let Owner::Passed(owner) = row.key.owner {
        push_domain(&mut line, 'o', Some(owner.domain));
    }
    if row.key.charge == Charge::NoOwner {
        line.push_str(" n");
    }
    push_counters(&mut line, &row.counters);
    push(&mut line, format_args!(" min={} max={}", row.counters.min, row.counters.max));
    push_bracketed(&mut line, &row.counters);
    line
}

fn kind_content(of: &KindLine) -> String {
    let letter = match of.of {
        Counted::Anonymous(kind) => kind_letter(kind),
        Counted::DomainPool => 'g',
        Counted::NoRefcount => 'r',
    };
    let mut line = format!("K {letter}");
    push_counters(&mut line, &of.totals.counters);
    push_bracketed(&mut line, &of.totals.counters);
    let t = &of.totals;
    push(
        &mut line,
        format_args!(
            " orphans={} orphan_bytes={} pages={} pages_freed={}",
            t.orphans, t.orphan_bytes, t.pages, t.pages_freed
        ),
    );
    if of.of == Counted::Anonymous(Kind::Xmalloc) {
        push(&mut line, format_args!(" pool={} pool_freed={}", t.pool, t.pool_freed));
    }
    line
}

fn push_bracketed(line: &mut String, counters: &Counters) {
    if let Some(bracketed) = counters.bracketed {
        push(line, format_args!(" bracketed={bracketed}"));
    }
}

fn push_counters(line: &mut String, counters: &Counters) {
    for (key, value) in COUNTERS.into_iter().zip(counter_values(counters)) {
        push(line, format_args!(" {key}={value}"));
    }
}
