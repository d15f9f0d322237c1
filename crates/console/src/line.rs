//! One line of a log: whose it is, and what it says.
//!
//! A line can have several parts. Xen's console writes a CPU's message behind whatever stands
//! unfinished on the line: dom0's prompt, another CPU's half message. Every part that Xen writes
//! begins with its mark, `(XEN) `; every message of a guest with `(dN) `, and takes the rest of the
//! line, because Xen ends it. So:
//!
//! * What stands behind a `(dN) `, anywhere in the line, or behind `(XEN) ` and `DOMn:`, is that
//!   guest's, whatever it looks like. Nothing in it counts. This is a matter of bytes alone, and a
//!   guest cannot write an end of line that Xen does not mark again.
//! * A record of ours need not have `(XEN) ` before it. The mark proves nothing: who can write an
//!   unmarked line (dom0, or a guest that has the console's focus) can write `(XEN) ` as well, and
//!   Xen itself leaves it out when its line was broken up by another CPU's. What counts is the
//!   check, and the tag, which is not guessed in 2^32.
//! * An RFC record and a trace have neither, so `(XEN) ` is asked for.

use memchr::{
    memchr_iter, memchr2,
    memmem::{self, Finder},
};
use xenheap_model::{Arch, Mark, TraceFrame, View};

use crate::{
    assemble::{Assembler, Line},
    clean::{self, Cleaned},
    facts::{self, BOOT_LINES},
    ha1, prefix,
    record::{Place, Record, RecordSink, Refusal, XenSays},
    rfc,
    seen::Seen,
    trace::{self, ParsedFrame},
};

/// Where a piece of a line begins.
#[derive(Clone, Copy)]
pub(crate) struct PieceStart {
    /// Line, from 1.
    pub(crate) line: u64,
    /// Offset of the piece's first byte.
    pub(crate) offset: u64,
}

/// A piece of a line without control characters, and where it came from.
#[derive(Clone, Copy)]
struct Text<'a> {
    bytes: &'a [u8],
    cleaned: Option<&'a Cleaned>,
    at: PieceStart,
    /// What begins at or behind this position of the original is looked at with the next piece.
    limit: usize,
}

impl<'a> Text<'a> {
    fn origin(&self, position: usize) -> usize {
        self.cleaned.map_or(position, |cleaned| cleaned.origin(position))
    }

    fn is_ours(&self, position: usize) -> bool {
        self.origin(position) < self.limit
    }

    fn place(&self, position: usize) -> Place {
        Place { line: self.at.line, offset: self.at.offset + self.origin(position) as u64 }
    }

    fn part(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }
}

/// Who wrote a part of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    Xen,
    /// Nothing says; dom0, a boot loader, the rest of a broken line.
    Unknown,
}

/// What is known from one line to the next.
pub(crate) struct Lines {
    ours: Finder<'static>,
    rfcs: Finder<'static>,
    traces: Assembler,
    cleaned: Cleaned,
    frame: TraceFrame,
    seen: Seen,
    /// The line is a guest's from here on.
    guest: bool,
    /// `(XEN) ` stood in an earlier piece of this line.
    xen: bool,
    /// The architecture that was last told of.
    arch: Option<Arch>,
    /// Addresses of 64 bits were seen.
    wide: bool,
    /// How many more lines of a boot are looked at.
    boot: u32,
    /// The line is the last one and has no end: more of it may have followed.
    is_unfinished: bool,
    /// A record of ours was found that could be read.
    has_ours: bool,
    /// Behind the last line of a trace stood spaces.
    padded: bool,
    /// How long time stamps are, with the space behind them.
    stamp: usize,
}

impl Default for Lines {
    fn default() -> Self {
        let frame = TraceFrame { addr: None, name: String::new(), offset: None, mark: Mark::None };
        Lines {
            ours: Finder::new(ha1::MAGIC),
            rfcs: Finder::new(rfc::MAGIC),
            traces: Assembler::default(),
            cleaned: Cleaned::default(),
            frame,
            seen: Seen::default(),
            guest: false,
            xen: false,
            arch: None,
            wide: false,
            boot: 0,
            is_unfinished: false,
            has_ours: false,
            padded: false,
            stamp: 0,
        }
    }
}

/// How a record begins where a terminal or a page has written its spaces in another way.
const ALTERED: [&[u8]; 4] = [b"HA1\t", b"HA1\xc2\xa0", b"DEBUG:\t", b"DEBUG:\xc2\xa0"];

/// What stands before Xen's messages.
const XEN: &[u8] = b"(XEN) ";

/// Whether a line is the beginning of Xen's mark and no more.
fn is_begun(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.len() > 1 && XEN.starts_with(line)
}

fn ends_in_spaces(text: &[u8]) -> bool {
    text.last().is_some_and(u8::is_ascii_whitespace)
}

/// Where the message of a line begins that has nothing unusual: `(XEN) `, a time in the boot or
/// date style of `stamp` bytes (or of any length), and no other mark or control character.
#[inline]
fn ordinary(line: &[u8], stamp: &mut usize) -> Option<usize> {
    let text = line.strip_prefix(XEN)?;
    if text.first() == Some(&b'[') {
        if text.get(..*stamp).is_none_or(|stamp| !stamp.ends_with(b"] ")) {
            *stamp = text.iter().take(32).position(|&byte| byte == b']')? + 2;
        }
        // Nothing above `:`, so this is the first closing bracket, and no guest's `DOM1:` stands
        // before it.
        let (time, _) = text.get(1..)?.split_at_checked(stamp.checked_sub(3)?)?;
        if time.len() < 8 || !time.iter().fold(true, |all, &byte| all & (byte <= b':')) {
            return None;
        }
    } else {
        *stamp = 0;
    }
    let is_unusual = clean::any(text, |byte| (byte < b' ') | (byte == b'('));
    (!is_unusual).then_some(XEN.len() + *stamp)
}

impl Lines {
    /// Whether the next line has to be looked at whatever it contains.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.boot > 0 || self.traces.is_active()
    }

    /// The next line has no end.
    pub(crate) fn unfinished(&mut self) {
        self.is_unfinished = true;
    }

    /// Looks at a line or, if it is very long, at a piece of one. What begins in the first `limit`
    /// bytes is looked at; `usize::MAX` for the last piece. Says whether there was anything that
    /// looks like a record.
    pub(crate) fn piece<S: RecordSink + ?Sized>(
        &mut self,
        piece: &[u8],
        limit: usize,
        at: PieceStart,
        sink: &mut S,
    ) -> bool {
        let trimmed = match piece {
            [line @ .., b'\r'] => line,
            line => line,
        };
        if limit == usize::MAX && !self.guest && !self.xen {
            // What is an ordinary line to a slower eye as well, so nothing is decided differently
            // here.
            if let Some(start) = ordinary(trimmed, &mut self.stamp)
                && let Some((before, message)) = trimmed.split_at_checked(start)
                && self.ordinary(
                    // Without its brackets and the space behind it.
                    before.get(XEN.len() + 1..before.len().saturating_sub(2)).unwrap_or_default(),
                    message,
                    Place { line: at.line, offset: at.offset + start as u64 },
                    sink,
                )
            {
                return true;
            }
        }
        // With records of ours, their numbers tell that some are missing.
        if !self.has_ours && memchr2(b'\t', 0xa0, trimmed).is_some() {
            self.altered(trimmed, limit, at, sink);
        }
        if Cleaned::is_clean(trimmed) {
            return self.text(Text { bytes: trimmed, cleaned: None, at, limit }, None, sink);
        }
        // What an escape sequence seems to contain may be a guest's mark behind an unfinished
        // sequence of dom0's, so the mark is looked for in both forms.
        let guest =
            memchr_iter(b'(', piece).find(|&position| piece.get(position..).is_some_and(prefix::guest_mark));
        let mut cleaned = std::mem::take(&mut self.cleaned);
        cleaned.set(piece);
        let guest = guest.map(|origin| cleaned.position(origin));
        let text = Text { bytes: cleaned.text(), cleaned: Some(&cleaned), at, limit };
        let mattered = self.text(text, guest, sink);
        self.cleaned = cleaned;
        mattered
    }

    /// Counts the records of a line whose spaces were altered.
    #[cold]
    fn altered<S: RecordSink + ?Sized>(&mut self, piece: &[u8], limit: usize, at: PieceStart, sink: &mut S) {
        let message = piece.strip_prefix(XEN).map_or(piece, |text| prefix::split_stamp(text).1);
        if self.guest || prefix::dom_mark(message) {
            return;
        }
        let is_guests = |at: &usize| piece.get(*at..).is_some_and(prefix::guest_mark);
        let end = memchr_iter(b'(', piece).find(is_guests).unwrap_or(piece.len());
        let text = piece.get(..end).unwrap_or_default();
        for word in ALTERED {
            let is_ours = word.starts_with(b"HA1");
            for here in memmem::find_iter(text, word).filter(|here| *here < limit) {
                let after = text.get(here + word.len()..).unwrap_or_default();
                let is_record =
                    if is_ours { ha1::begins_with_tag(after) } else { rfc::begins_with_domain(after) };
                if is_record {
                    let place = Place { line: at.line, offset: at.offset + here as u64 };
                    sink.refused(place, if is_ours { Refusal::Damaged(None) } else { Refusal::RfcDamaged });
                }
            }
        }
    }

    /// Looks at the message of an ordinary line: takes it, or does nothing.
    #[inline]
    fn ordinary<S: RecordSink + ?Sized>(
        &mut self,
        stamp: &[u8],
        message: &[u8],
        at: Place,
        sink: &mut S,
    ) -> bool {
        match message {
            [b'H', ..] => {
                let Some((tag, seq, view, event)) = ha1::event_of(message) else { return false };
                if view == View::Warn {
                    self.traces.ours();
                }
                self.has_ours = true;
                sink.record(at, tag, seq, message, Record::Event { view, event });
                true
            }
            [b' ', b' ', b' ', body @ ..] if body.starts_with(trace::FRAME) && self.traces.is_active() => {
                // Where no record waits for it, a frame is only a name, and one that was told is no
                // news.
                if self.seen.contains(body) && self.traces.nobodys_frame() {
                    return true;
                }
                if trace::parse(body, &mut self.frame) != (ParsedFrame::Frame { whole: true }) {
                    return false;
                }
                self.seen.insert(body);
                self.padded = ends_in_spaces(body);
                self.take_frame(true, Line { number: at.line, stamp }, sink);
                true
            }
            [] if !self.is_unfinished => {
                self.traces.blank(at.line, sink);
                true
            }
            _ if message == trace::TITLE => {
                self.traces.title();
                true
            }
            _ => false,
        }
    }

    /// The line ends.
    #[inline]
    pub(crate) fn end_line<S: RecordSink + ?Sized>(&mut self, sink: &mut S) {
        self.guest = false;
        self.xen = false;
        self.boot = self.boot.saturating_sub(1);
        self.traces.end_line(sink);
    }

    /// The log ends.
    pub(crate) fn finish<S: RecordSink + ?Sized>(&mut self, sink: &mut S) {
        self.traces.finish(sink);
    }

    /// Divides the text into parts. `guest`: from this position on it is a guest's.
    fn text<S: RecordSink + ?Sized>(&mut self, text: Text<'_>, guest: Option<usize>, sink: &mut S) -> bool {
        if self.guest {
            return self.guests(text, 0, sink);
        }
        let mut mattered = false;
        let mut start = 0;
        let mut writer = if self.xen { Writer::Xen } else { Writer::Unknown };
        // The part was not begun by a mark of this piece: it goes on from the piece before.
        let mut begins = !self.xen;
        let mut guest = guest;
        for position in memchr_iter(b'(', text.bytes) {
            let Some(here) = text.bytes.get(position..) else { break };
            if guest.is_some_and(|guest| guest <= position) {
                break;
            }
            if prefix::guest_mark(here) {
                guest = Some(position);
                break;
            }
            if let Some(message) = prefix::xen_mark(here) {
                match self.part(text, start, position, writer, begins, true, sink) {
                    Some(part) => mattered |= part,
                    None => return true,
                }
                start = text.bytes.len() - message.len();
                writer = Writer::Xen;
                begins = true;
                self.xen |= text.is_ours(position);
            }
        }
        let end = guest.unwrap_or(text.bytes.len());
        match self.part(text, start, end, writer, begins, guest.is_some(), sink) {
            Some(part) => mattered |= part,
            None => return true,
        }
        if let Some(guest) = guest {
            self.guest |= text.is_ours(guest);
            mattered |= self.guests(text, guest, sink);
        }
        mattered
    }

    /// What a guest wrote, from `start` on: counts what looks like a record.
    #[cold]
    fn guests<S: RecordSink + ?Sized>(&mut self, text: Text<'_>, start: usize, sink: &mut S) -> bool {
        let bytes = text.part(start, text.bytes.len());
        let ours = self.ours.find_iter(bytes).filter(|&at| ha1::is_candidate(bytes, at));
        let rfcs = self.rfcs.find_iter(bytes).filter(|&at| bytes.get(at..).is_some_and(rfc::is_candidate));
        let mut found = false;
        for at in ours.chain(rfcs) {
            if text.is_ours(start + at) {
                sink.refused(text.place(start + at), Refusal::Guest);
            }
            found = true;
        }
        found
    }

    /// Looks at one part of a line. `begins`: its beginning is here; `cut`: another follows it at
    /// once. Gives `None` if it and the rest of the line turned out to be a guest's.
    #[expect(clippy::too_many_arguments, reason = "the part's two ends, who wrote it, and where it goes")]
    #[inline]
    fn part<S: RecordSink + ?Sized>(
        &mut self,
        text: Text<'_>,
        start: usize,
        end: usize,
        writer: Writer,
        begins: bool,
        cut: bool,
        sink: &mut S,
    ) -> Option<bool> {
        if start == end && writer == Writer::Unknown {
            return Some(false);
        }
        let part = text.part(start, end);
        if writer == Writer::Unknown {
            self.unmarked(text, start, end, sink);
            return Some(self.records(text, start, end, sink));
        }
        let (stamp, message) = if begins { prefix::split_stamp(part) } else { (&[][..], part) };
        if begins && prefix::dom_mark(message) {
            self.guest |= text.is_ours(start);
            self.guests(text, start, sink);
            return None;
        }
        let at = end - message.len();
        if message.starts_with(ha1::MAGIC) {
            return Some(self.records(text, at, end, sink));
        }
        Some(self.message(text, at, end, stamp, begins, cut, sink))
    }

    /// Looks at a part that nothing marks: it can be what is left of a line of Xen's.
    fn unmarked<S: RecordSink + ?Sized>(&mut self, text: Text<'_>, start: usize, end: usize, sink: &mut S) {
        let part = text.part(start, end);
        let is_ours = text.is_ours(start);
        if is_ours && self.traces.is_active() && (trace::remains(part) || is_begun(part)) {
            self.traces.broken_frame(text.at.line);
        }
        for at in self.rfcs.find_iter(part) {
            let record = part.get(at..).unwrap_or_default();
            if text.is_ours(start + at) && rfc::parse(record, !self.wide).is_some() {
                sink.refused(text.place(start + at), Refusal::RfcUnmarked);
            }
        }
    }

    /// Looks at a message of Xen's that does not begin with a record of ours.
    #[expect(clippy::too_many_arguments, reason = "as for `part`")]
    fn message<S: RecordSink + ?Sized>(
        &mut self,
        text: Text<'_>,
        start: usize,
        end: usize,
        stamp: &[u8],
        begins: bool,
        cut: bool,
        sink: &mut S,
    ) -> bool {
        let message = text.part(start, end);
        let body = message.trim_ascii();
        if begins && text.is_ours(start) {
            if body.is_empty() {
                // The spaces before a frame are all that is left of it, unless this log has spaces
                // behind everything.
                if !message.is_empty() && !self.padded {
                    self.traces.broken_frame(text.at.line);
                // Not the empty part before another mark: that is a message that was cut off before
                // it began.
                } else if !cut && !self.is_unfinished {
                    self.traces.blank(text.at.line, sink);
                }
                return false;
            }
            if self.traces.is_active() {
                self.padded = ends_in_spaces(message);
                if body == b"[" {
                    self.traces.broken_frame(text.at.line);
                    return false;
                }
            }
            // Frames without a title or a record before them are somebody's text.
            if body.starts_with(trace::FRAME)
                && self.traces.is_active()
                && self.frame(body, cut, Line { number: text.at.line, stamp }, sink)
            {
                return false;
            }
            if body.starts_with(trace::TITLE) {
                self.traces.title();
                return false;
            }
            // What begins like a frame was looked at above.
            if self.traces.is_active() && !body.starts_with(trace::FRAME) {
                if trace::remains(body) {
                    self.traces.broken_frame(text.at.line);
                } else {
                    self.traces.message(sink);
                }
            }
        }
        let mut found = self.records(text, start, end, sink);
        let mut from = 0;
        while let Some(at) = message.get(from..).and_then(|rest| self.rfcs.find(rest)) {
            let at = from + at;
            from = at + rfc::MAGIC.len();
            let Some(record) = message.get(at..) else { break };
            if !text.is_ours(start + at) || !rfc::is_candidate(record) {
                continue;
            }
            found = true;
            // Behind an unfinished record there can be another.
            let until = self.rfcs.find(record.get(rfc::MAGIC.len()..).unwrap_or_default());
            let record = until.and_then(|until| record.get(..rfc::MAGIC.len() + until)).unwrap_or(record);
            self.rfc(text.place(start + at), record, stamp, sink);
        }
        if !found && begins && text.is_ours(start) {
            self.facts(body, sink);
        }
        found
    }

    fn rfc<S: RecordSink + ?Sized>(&mut self, at: Place, text: &[u8], stamp: &[u8], sink: &mut S) {
        match rfc::parse(text, !self.wide) {
            Some(mut record) => {
                self.wide |= record.ptr.is_some_and(|ptr| ptr > u64::from(u32::MAX));
                record.time = prefix::stamp_time(stamp);
                self.traces.start(at, record, sink);
            }
            None => sink.refused(at, Refusal::RfcDamaged),
        }
    }

    /// Looks at what begins like a frame. Says whether it was one.
    fn frame<S: RecordSink + ?Sized>(
        &mut self,
        body: &[u8],
        cut: bool,
        line: Line<'_>,
        sink: &mut S,
    ) -> bool {
        match trace::parse(body, &mut self.frame) {
            ParsedFrame::Frame { whole } => {
                self.take_frame(whole && !cut, line, sink);
                whole
            }
            ParsedFrame::Broken => {
                self.traces.broken_frame(line.number);
                false
            }
        }
    }

    /// Hands on the frame that was read last.
    fn take_frame<S: RecordSink + ?Sized>(&mut self, whole: bool, line: Line<'_>, sink: &mut S) {
        self.wide |= self.frame.addr.is_some_and(|addr| addr > u64::from(u32::MAX));
        let arch = match self.frame.mark {
            Mark::R | Mark::F | Mark::S | Mark::Other(_) => Some(Arch::X86_64),
            Mark::Pc | Mark::Lr if self.wide => Some(Arch::Arm64),
            Mark::Pc | Mark::Lr => Some(Arch::Arm32),
            Mark::None => None,
        };
        self.arch(arch, sink);
        if !self.frame.name.is_empty() && self.frame.addr.is_some() {
            sink.symbol(&self.frame);
        }
        self.traces.frame(&self.frame, whole, line, sink);
    }

    fn facts<S: RecordSink + ?Sized>(&mut self, body: &[u8], sink: &mut S) {
        if body.starts_with(facts::VERSION) {
            self.boot = BOOT_LINES;
            // Another boot may be on another machine.
            self.arch = None;
            self.wide = false;
            self.seen.clear();
        }
        if self.boot == 0 && !body.starts_with(facts::BUILD_ID) {
            return;
        }
        for fact in facts::of_message(body) {
            match fact {
                XenSays::Arch(arch) => self.arch(Some(arch), sink),
                fact => sink.xen_says(fact),
            }
        }
    }

    /// Tells of the architecture when it is news.
    fn arch<S: RecordSink + ?Sized>(&mut self, arch: Option<Arch>, sink: &mut S) {
        if let Some(arch) = arch
            && self.arch != Some(arch)
        {
            self.arch = Some(arch);
            self.boot = 0;
            sink.xen_says(XenSays::Arch(arch));
        }
    }

    /// Finds the records of ours in a part of a line. Says whether there is anything like one.
    #[inline]
    fn records<S: RecordSink + ?Sized>(
        &mut self,
        text: Text<'_>,
        start: usize,
        end: usize,
        sink: &mut S,
    ) -> bool {
        let mut found = false;
        let mut from = start;
        loop {
            let rest = text.part(from, end);
            if rest.len() < ha1::MAGIC.len() {
                return found;
            }
            if !rest.starts_with(ha1::MAGIC) {
                match self.ours.find(rest) {
                    Some(at) => from += at,
                    None => return found,
                }
            }
            let here = from;
            from += ha1::MAGIC.len();
            if !text.is_ours(here) {
                return found;
            }
            if !ha1::is_candidate(text.bytes, here) {
                continue;
            }
            found = true;
            let bytes = text.part(here, end);
            let (traces, has_ours) = (&mut self.traces, &mut self.has_ours);
            let (length, refused) = ha1::parse(bytes, |tag, seq, bytes, record| {
                *has_ours = true;
                if matches!(record, Record::Event { view: View::Warn, .. }) {
                    traces.ours();
                }
                sink.record(text.place(here), tag, seq, bytes, record);
            });
            if let Some(why) = refused {
                sink.refused(text.place(here), why);
            }
            from = from.max(here + length);
        }
    }
}
