//! Puts the records of the RFC's recorder and the traces that follow them together.
//!
//! A trace is several lines, and other lines can stand between them: a guest's, dom0's, and those
//! of another CPU, which may have a record and a trace of its own. No line says to which record it
//! belongs. What decides, in this order:
//!
//! * A trace begins with a frame marked `R` or `(PC)` (those of our `warn` mode with any). It
//!   belongs to the newest record without a trace whose operation begins in the function which that
//!   frame names; if there is none, to the newest record without a trace.
//! * Of several traces that are not complete, another frame belongs to the one whose last frame it
//!   followed in a trace that stood alone, or whose record is the only one of the last second. If
//!   neither tells, it belongs to the one that began last.
//! * An empty line of Xen's completes a trace: of several the one whose last frame ended a trace
//!   that stood alone, else the one that began last. In a log that has shown no such line (someone
//!   took them out, or it begins with mixed traces) the beginning of the next record or trace does.
//!   Unless an earlier trace ended with the same frame, it is not certain that the trace was over:
//!   then both are uncertain.
//! * Frames that follow an empty line without a title tell that it was no end: the trace is
//!   uncertain.
//! * A line that has something of a frame, and is none, makes the traces that are being read
//!   uncertain.
//! * Where several traces ran and nothing told whose a frame was, and where several records waited
//!   for a trace, that is said: such a trace is uncertain.
//!
//! A few records are held back for this, at most [`MOST_OPEN`], and each for at most [`MOST_LINES`]
//! lines without a frame.

use std::collections::{HashSet, VecDeque};

use xenheap_model::{Clock, Doubt, Mark, RfcOp, TraceFrame, Uncertain};

use crate::{
    prefix,
    record::{Place, RecordSink, RfcRecord},
    rfc, trace,
};

const MOST_OPEN: usize = 4;
const MOST_LINES: u32 = 500;
/// So many lines behind a trace's end a frame can still be of it: then the end was none.
const LATE_LINES: u32 = 16;
/// A trace of more frames is not one: Xen's stack has 32 KiB.
const MOST_FRAMES: usize = 256;
/// A trace is printed right behind its record; a slow serial line takes less than this, in
/// nanoseconds, for both.
const SOON: u64 = 1_000_000_000;
/// More calls than this are not remembered.
const MOST_CALLS: usize = 1 << 16;
/// Spreads bits: 2^64 divided by the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The line of a frame.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) number: u64,
    /// Its time stamp, as written.
    pub(crate) stamp: &'a [u8],
}

struct Open {
    at: Place,
    record: RfcRecord,
    state: State,
    /// How many traces were completed since this record came.
    passed: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Complete,
}

impl Open {
    /// What is known to be damaged stays so; Xen's guesses are the least of it.
    fn doubt(&mut self, why: Doubt, line: u64) {
        let uncertain = &mut self.record.uncertain;
        if uncertain.is_none_or(|before| !before.why.is_damage() && why.is_damage()) {
            *uncertain = Some(Uncertain { why, line });
        }
    }

    /// The trace's end is lost.
    fn broke_off(&mut self) {
        self.doubt(Doubt::Incomplete, self.at.line);
    }

    /// Whether the record came shortly before `now`; yes if it has no time.
    fn is_recent(&self, (clock, now): (Clock, u64)) -> bool {
        self.record.time.is_none_or(|(of, time)| of != clock || now.saturating_sub(time) <= SOON)
    }
}

fn fits(open: &Open, frame: &TraceFrame) -> bool {
    open.state == State::Waiting && rfc::begins_in(open.record.op, &frame.name)
}

/// A trace that is being read.
struct Stream {
    /// The record it belongs to, by number; `None` for a trace that is no RFC record's.
    record: Option<u64>,
    /// The record whose trace was completed while this one was not.
    passed_by: Option<Option<u64>>,
    /// Another trace was under way at some time of this one.
    beside: bool,
    /// The address of its last frame.
    last: Option<u64>,
}

/// What traces that stood alone showed, by addresses.
#[derive(Default)]
struct Calls {
    /// A frame and the next one towards the root.
    pairs: HashSet<(u64, u64)>,
    /// Last frames.
    roots: HashSet<u64>,
    /// Traces of which all this is known, by a hash of their addresses: most came before.
    traces: HashSet<u64>,
}

impl Calls {
    fn learn(&mut self, trace: &[TraceFrame]) {
        if self.pairs.len() >= MOST_CALLS || self.traces.len() >= MOST_CALLS {
            return;
        }
        let addresses = trace.iter().map(|frame| frame.addr.unwrap_or(0));
        let hash = addresses.fold(0u64, |hash, addr| (hash.rotate_left(5) ^ addr).wrapping_mul(MIX));
        if !self.traces.insert(hash) {
            return;
        }
        if let Some(root) = trace.last().and_then(|frame| frame.addr) {
            self.roots.insert(root);
        }
        for pair in trace.windows(2) {
            if let [TraceFrame { addr: Some(callee), .. }, TraceFrame { addr: Some(caller), .. }] = pair {
                self.pairs.insert((*callee, *caller));
            }
        }
    }
}

/// See the module's text.
#[derive(Default)]
pub(crate) struct Assembler {
    open: VecDeque<Open>,
    /// Number of the first of `open`.
    first: u64,
    streams: Vec<Stream>,
    /// `Xen call trace:` lines whose first frame has not come.
    titles: u32,
    /// The next trace is that of a record of ours, not of the RFC's.
    ours_next: bool,
    /// This log has empty lines behind its traces.
    has_ends: bool,
    /// Last frames of traces that no empty line ended.
    ends: HashSet<u64>,
    /// The trace before the next one may not have been over: frames of both may be mixed.
    unsure: bool,
    /// Operations whose records are known to have traces.
    traced: [bool; RfcOp::ALL.len()],
    calls: Calls,
    /// The record whose trace the last empty line completed, held back until the next line of
    /// Xen's: a frame there tells that the trace was not over.
    fresh: Option<u64>,
    idle: u32,
}

impl Assembler {
    /// Whether something is being read, so that every line has to be looked at.
    pub(crate) fn is_active(&self) -> bool {
        !(self.open.is_empty() && self.streams.is_empty() && self.titles == 0)
    }

    /// An RFC record came.
    pub(crate) fn start<S: RecordSink + ?Sized>(&mut self, at: Place, record: RfcRecord, sink: &mut S) {
        self.idle = 0;
        self.ours_next = false;
        self.settle(sink);
        if self.open.is_empty() && self.streams.is_empty() {
            self.titles = 0;
        }
        if self.has_ends {
            // A trace that was passed and not taken up since has lost its end.
            while let Some(index) = self.streams.iter().position(|stream| stream.passed_by.is_some()) {
                self.close(index, true);
            }
        } else {
            self.close_without_end(at.line);
        }
        self.open.push_back(Open { at, record, state: State::Waiting, passed: 0 });
        self.emit(sink);
        if self.open.len() > MOST_OPEN {
            self.give_up_first(sink);
        }
    }

    /// A `w` record of ours came: the trace behind it is its own.
    pub(crate) fn ours(&mut self) {
        self.ours_next = true;
        self.fresh = None;
    }

    /// A message of Xen's that is none of all these.
    pub(crate) fn message<S: RecordSink + ?Sized>(&mut self, sink: &mut S) {
        self.settle(sink);
    }

    /// What was completed last stays so.
    fn settle<S: RecordSink + ?Sized>(&mut self, sink: &mut S) {
        if self.fresh.take().is_some() {
            self.emit(sink);
        }
    }

    /// The line before the frames.
    pub(crate) fn title(&mut self) {
        self.idle = 0;
        self.fresh = None;
        self.titles = self.titles.saturating_add(1);
    }

    /// A frame. `whole`: nothing stood behind it on its line.
    pub(crate) fn frame<S: RecordSink + ?Sized>(
        &mut self,
        frame: &TraceFrame,
        whole: bool,
        line: Line<'_>,
        sink: &mut S,
    ) {
        self.idle = 0;
        let first = trace::is_first(frame);
        // Behind a title, a letter that is not known stands for `R`.
        let first = first || self.streams.is_empty() && matches!(frame.mark, Mark::Other(_));
        let begins = if self.ours_next {
            // Our traces begin with any mark.
            self.titles > 0
        } else {
            first && (self.titles > 0 || self.streams.is_empty() || self.fitting(frame).is_some())
        };
        if begins {
            let record = self.owner(frame, line);
            if !self.has_ends {
                self.close_without_end(line.number);
            }
            self.begin(record);
            if std::mem::take(&mut self.unsure) {
                self.doubt(record, Doubt::Mixed, line.number);
            }
        } else if self.streams.is_empty() {
            // The first frame was lost. Without a title it is not even known whether this is a
            // trace.
            if self.titles == 0 {
                // Of the trace that ended last, if nothing else came since: that was no end.
                self.doubt(self.fresh, Doubt::Incomplete, line.number);
                return;
            }
            let record = self.newest_waiting();
            self.begin(record);
            self.doubt(record, Doubt::Incomplete, line.number);
        }
        let known = if begins || self.streams.len() < 2 { None } else { self.continued(frame, line) };
        let index = known.unwrap_or(self.streams.len().saturating_sub(1));
        let Some(stream) = self.streams.get_mut(index) else { return };
        let record = stream.record;
        // Only the first frame of a trace has such a mark: the end of this one, and the record and
        // the title of another, were lost.
        let is_anothers = !begins && trace::is_first(frame) && stream.last.is_some();
        stream.last = frame.addr;
        if let Some(other) = stream.passed_by.take()
            && known.is_none()
        {
            self.doubt(other, Doubt::Mixed, line.number);
            self.doubt(record, Doubt::Mixed, line.number);
        }
        if is_anothers {
            self.doubt(record, Doubt::Mixed, line.number);
        }
        if !whole {
            self.doubt(record, Doubt::DamagedFrame, line.number);
        }
        if frame.mark.is_guess() {
            self.doubt(record, Doubt::Guessed, line.number);
        }
        if let Some(open) = self.open_mut(record) {
            if open.record.trace.len() < MOST_FRAMES {
                open.record.trace.push(frame.clone());
            } else {
                self.doubt(record, Doubt::Incomplete, line.number);
            }
        }
        self.emit(sink);
    }

    /// Which of several traces goes on with this frame, if that is known.
    fn continued(&self, frame: &TraceFrame, line: Line<'_>) -> Option<usize> {
        if frame.mark == Mark::Lr
            && let Some(index) = self.after_pc()
        {
            return Some(index);
        }
        let follows = |stream: &Stream| {
            let pair = stream.last.zip(frame.addr);
            pair.is_some_and(|pair| self.calls.pairs.contains(&pair))
        };
        let mut following = (0..).zip(&self.streams).filter(|(_, stream)| follows(stream));
        if let Some((index, stream)) = following.next() {
            // Of two that are at the same place it does not matter which goes on.
            let only = following.all(|(_, other)| other.last == stream.last);
            return only.then_some(index);
        }
        let now = prefix::stamp_time(line.stamp)?;
        let soon = |stream: &Stream| self.open_of(stream.record).is_none_or(|open| open.is_recent(now));
        let mut recent = (0..).zip(&self.streams).filter(|(_, stream)| soon(stream));
        let (index, _) = recent.next()?;
        recent.next().is_none().then_some(index)
    }

    /// A frame whose text does not matter if it is no RFC record's. Says whether that is so; if
    /// not, nothing was done.
    #[inline]
    pub(crate) fn nobodys_frame(&mut self) -> bool {
        if !self.open.is_empty() || self.streams.is_empty() == (self.titles == 0) {
            return false;
        }
        if self.streams.is_empty() {
            self.begin(None);
        }
        if let Some(stream) = self.streams.last_mut() {
            stream.passed_by = None;
        }
        self.idle = 0;
        true
    }

    /// A line that has something of a frame. Whose it was nobody knows: it can be of each trace
    /// that is being read.
    pub(crate) fn broken_frame(&mut self, line: u64) {
        self.idle = 0;
        for index in 0..self.streams.len() {
            let record = self.streams.get(index).and_then(|stream| stream.record);
            self.doubt(record, Doubt::DamagedFrame, line);
        }
        if self.streams.is_empty() {
            self.doubt(self.fresh.or_else(|| self.newest_waiting()), Doubt::DamagedFrame, line);
        }
    }

    /// An empty line of Xen's.
    pub(crate) fn blank<S: RecordSink + ?Sized>(&mut self, line: u64, sink: &mut S) {
        if let Some(last) = self.streams.len().checked_sub(1) {
            self.has_ends = true;
            let at_root = |stream: &Stream| stream.last.is_some_and(|last| self.calls.roots.contains(&last));
            let mut ended = (0..).zip(&self.streams).filter(|(_, stream)| at_root(stream));
            let only = ended.next().filter(|_| ended.next().is_none()).map(|(index, _)| index);
            let index = only.unwrap_or(last);
            if let Some(stream) = self.streams.get_mut(index)
                && let Some(other) = stream.passed_by.take()
                && only.is_none()
            {
                // It was left, and ends without a further frame: the other has them, or there were
                // none.
                let record = stream.record;
                self.doubt(other, Doubt::Mixed, line);
                self.doubt(record, Doubt::Mixed, line);
            }
            self.fresh = self.streams.get(index).and_then(|stream| stream.record);
            self.close(index, false);
        } else if self.titles > 0 {
            // A trace without frames.
            self.titles -= 1;
            let record = if std::mem::take(&mut self.ours_next) { None } else { self.newest_waiting() };
            if let Some(open) = self.open_mut(record) {
                open.state = State::Complete;
                self.has_ends = true;
            }
        }
        self.emit(sink);
    }

    /// A line ends, whatever it was.
    #[inline]
    pub(crate) fn end_line<S: RecordSink + ?Sized>(&mut self, sink: &mut S) {
        if self.is_active() {
            self.idle += 1;
            if self.idle > MOST_LINES {
                self.finish(sink);
            } else if self.idle > LATE_LINES {
                self.settle(sink);
            }
        }
    }

    /// Nothing more comes.
    pub(crate) fn finish<S: RecordSink + ?Sized>(&mut self, sink: &mut S) {
        self.fresh = None;
        if !self.has_ends {
            self.doubt_ends();
        }
        self.close_all(self.has_ends);
        while !self.open.is_empty() {
            self.give_up_first(sink);
        }
        self.titles = 0;
        self.ours_next = false;
        self.idle = 0;
    }

    fn open_mut(&mut self, record: Option<u64>) -> Option<&mut Open> {
        let index = record?.checked_sub(self.first)?;
        self.open.get_mut(usize::try_from(index).ok()?)
    }

    fn open_of(&self, record: Option<u64>) -> Option<&Open> {
        let index = record?.checked_sub(self.first)?;
        self.open.get(usize::try_from(index).ok()?)
    }

    fn doubt(&mut self, record: Option<u64>, why: Doubt, line: u64) {
        if let Some(open) = self.open_mut(record) {
            open.doubt(why, line);
        }
    }

    fn newest_waiting(&self) -> Option<u64> {
        let index = self.open.iter().rposition(|open| open.state == State::Waiting)?;
        Some(self.first + index as u64)
    }

    /// The newest record that waits for a trace and can have one that begins with `frame`.
    ///
    /// The newest, not the oldest: if a trace was lost, all later ones would be shifted by one
    /// record.
    fn fitting(&self, frame: &TraceFrame) -> Option<usize> {
        self.open.iter().rposition(|open| fits(open, frame))
    }

    /// Whose trace begins with `frame`.
    fn owner(&mut self, frame: &TraceFrame, line: Line<'_>) -> Option<u64> {
        let Some(index) = self.fitting(frame) else {
            return if self.ours_next { None } else { self.newest_waiting() };
        };
        // With two to choose from it is a guess, unless the older one's trace should have come long
        // ago.
        if self.open.iter().take(index).any(|open| fits(open, frame)) {
            let now = prefix::stamp_time(line.stamp);
            let recent = |open: &Open| now.is_none_or(|now| open.is_recent(now));
            if self.open.iter().take(index).any(|open| fits(open, frame) && recent(open)) {
                let both = self.open.iter_mut().filter(|open| fits(open, frame));
                both.for_each(|open| open.doubt(Doubt::Unassigned, line.number));
            }
        }
        Some(self.first + index as u64)
    }

    fn begin(&mut self, record: Option<u64>) {
        self.titles = self.titles.saturating_sub(1);
        if record.is_none() {
            self.ours_next = false;
        }
        if let Some(open) = self.open_mut(record) {
            open.state = State::Running;
            let op = open.record.op;
            if let Some(traced) = self.traced.get_mut(op as usize) {
                *traced = true;
            }
        }
        let beside = !self.streams.is_empty();
        self.streams.iter_mut().for_each(|stream| stream.beside = true);
        self.streams.push(Stream { record, passed_by: None, beside, last: None });
        if self.streams.len() > MOST_OPEN {
            self.close(0, true);
        }
    }

    /// The newest trace that has its `(PC)` frame and nothing more.
    fn after_pc(&self) -> Option<usize> {
        self.streams.iter().rposition(|stream| {
            let open = self.open_of(stream.record);
            open.is_some_and(|open| matches!(open.record.trace.as_slice(), [only] if only.mark == Mark::Pc))
        })
    }

    fn close(&mut self, index: usize, damaged: bool) {
        if index >= self.streams.len() {
            return;
        }
        let Stream { record, beside, .. } = self.streams.remove(index);
        for stream in &mut self.streams {
            stream.passed_by = Some(record);
        }
        let Some(number) = record else { return };
        for (index, open) in (self.first..).zip(&mut self.open) {
            if index == number {
                open.state = State::Complete;
                if damaged {
                    open.broke_off();
                }
                if !beside && open.record.uncertain.is_none_or(|uncertain| !uncertain.why.is_damage()) {
                    self.calls.learn(&open.record.trace);
                }
            } else if index < number {
                open.passed = open.passed.saturating_add(1);
            }
        }
    }

    /// Something else begins, and no empty line has ended a trace so far.
    fn close_without_end(&mut self, line: u64) {
        for index in 0..self.streams.len() {
            let Some(&Stream { record, last, .. }) = self.streams.get(index) else { break };
            let frames = self.open_of(record).map_or(0, |open| open.record.trace.len());
            let end = last.filter(|_| frames > 1 && self.ends.len() < MOST_CALLS);
            if end.is_none_or(|end| self.ends.insert(end)) {
                self.unsure |= record.is_some();
                self.doubt(record, Doubt::Mixed, line);
            }
        }
        self.close_all(false);
    }

    /// Nothing more comes, and no empty line has ended a trace so far.
    fn doubt_ends(&mut self) {
        for index in 0..self.streams.len() {
            let Some(&Stream { record, last, .. }) = self.streams.get(index) else { break };
            if !last.is_some_and(|last| self.ends.contains(&last)) {
                let line = self.open_of(record).map_or(0, |open| open.at.line);
                self.doubt(record, Doubt::Incomplete, line);
            }
        }
    }

    fn close_all(&mut self, damaged: bool) {
        while let Some(last) = self.streams.len().checked_sub(1) {
            self.close(last, damaged);
        }
    }

    /// Hands over what is complete, in the order of the log.
    fn emit<S: RecordSink + ?Sized>(&mut self, sink: &mut S) {
        while let Some(open) = self.open.front() {
            let traced = self.traced.get(open.record.op as usize).copied().unwrap_or(false);
            // Another record's trace came where this one's should have been.
            let missed = open.passed >= if traced { 2 } else { 1 };
            match open.state {
                State::Complete if self.fresh == Some(self.first) => break,
                State::Complete => self.hand_over(false, sink),
                State::Waiting if missed => self.hand_over(traced, sink),
                _ => break,
            }
        }
    }

    fn hand_over<S: RecordSink + ?Sized>(&mut self, damaged: bool, sink: &mut S) {
        if let Some(mut open) = self.open.pop_front() {
            self.first += 1;
            if damaged {
                open.broke_off();
            }
            sink.rfc(open.at, open.record);
        }
    }

    fn give_up_first<S: RecordSink + ?Sized>(&mut self, sink: &mut S) {
        let first = self.first;
        self.streams.retain(|stream| stream.record != Some(first));
        let damaged = self.open.front().is_some_and(|open| match open.state {
            State::Waiting => self.traced.get(open.record.op as usize).copied().unwrap_or(false),
            State::Running => true,
            State::Complete => false,
        });
        self.hand_over(damaged, sink);
        self.emit(sink);
    }
}
