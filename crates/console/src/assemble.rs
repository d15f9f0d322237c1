//! Puts the records of the RFC's recorder and the traces that follow them together.
//!
//! A trace is several lines, and other lines can stand between them: a guest's, dom0's, and those of another CPU, which
//! may have a record and a trace of its own. No line says to which record it belongs. What decides, in this order:
//!
//! * A trace begins with a frame marked `R` or `(PC)` (those of our `warn` mode with any). It belongs to the newest record without a trace whose operation
//!   begins in the function which that frame names; if there is none, to the newest record without a trace.
//! * Other frames belong to the trace that began last and is not complete. An empty line of Xen's completes a trace; in
//!   a log that has shown no such line (someone took them out) the beginning of the next trace does.
//! * A trace that was left and taken up again may be mixed with another. Both are marked as damaged.
//!
//! A few records are held back for this, at most [`MOST_OPEN`], and each for at most [`MOST_LINES`] lines without a frame.

use std::collections::VecDeque;

use xenheap_model::{Mark, TraceFrame};

use crate::{
    record::{Place, RecordSink, RfcOp, RfcRecord},
    trace,
};

const MOST_OPEN: usize = 4;
const MOST_LINES: u32 = 500;
/// A trace of more frames is not one: Xen's stack has 32 KiB.
const MOST_FRAMES: usize = 256;

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

fn fits(open: &Open, frame: &TraceFrame) -> bool {
    open.state == State::Waiting && open.record.op.begins_in(&frame.name)
}

/// A trace that is being read.
struct Stream {
    /// The record it belongs to, by number; `None` for a trace that is no RFC record's.
    record: Option<u64>,
    /// The record whose trace was completed while this one was not.
    passed_by: Option<Option<u64>>,
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
    /// Operations whose records are known to have traces.
    traced: [bool; RfcOp::ALL.len()],
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
        if self.open.is_empty() && self.streams.is_empty() {
            self.titles = 0;
        }
        if self.has_ends {
            // A trace that was passed and not taken up since has lost its end.
            while let Some(index) = self.streams.iter().position(|stream| stream.passed_by.is_some()) {
                self.close(index, true);
            }
        } else {
            self.close_all(false);
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
    }

    /// The line before the frames.
    pub(crate) fn title(&mut self) {
        self.idle = 0;
        self.titles = self.titles.saturating_add(1);
    }

    /// A frame. `whole`: nothing stood behind it on its line.
    pub(crate) fn frame<S: RecordSink + ?Sized>(&mut self, frame: &TraceFrame, whole: bool, sink: &mut S) {
        self.idle = 0;
        let first = trace::is_first(frame);
        let begins = if self.ours_next {
            // Our traces begin with any mark.
            self.titles > 0
        } else {
            first && (self.titles > 0 || self.streams.is_empty() || self.fitting(frame).is_some())
        };
        if begins {
            let record = self.owner(frame);
            if !self.has_ends {
                self.close_all(false);
            }
            self.begin(record);
        } else if self.streams.is_empty() {
            // The first frame was lost. Without a title it is not even known whether this is a trace.
            if self.titles == 0 {
                return;
            }
            let record = self.newest_waiting();
            self.begin(record);
            self.damage(record);
        }
        let stream = if frame.mark == Mark::Lr { self.after_pc() } else { None };
        let index = stream.unwrap_or(self.streams.len().saturating_sub(1));
        let Some(stream) = self.streams.get_mut(index) else { return };
        let record = stream.record;
        if let Some(other) = stream.passed_by.take() {
            self.damage(other);
            self.damage(record);
        }
        if !whole {
            self.damage(record);
        }
        if let Some(open) = self.open_mut(record) {
            if open.record.trace.len() < MOST_FRAMES {
                open.record.trace.push(frame.clone());
            } else {
                open.record.trace_damaged = true;
            }
        }
        self.emit(sink);
    }

    /// A frame whose text does not matter if it is no RFC record's. Says whether that is so; if not, nothing was done.
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

    /// A line that began like a frame.
    pub(crate) fn broken_frame(&mut self) {
        self.idle = 0;
        let record = match self.streams.last() {
            Some(stream) => stream.record,
            None => self.newest_waiting(),
        };
        self.damage(record);
    }

    /// An empty line of Xen's.
    pub(crate) fn blank<S: RecordSink + ?Sized>(&mut self, sink: &mut S) {
        if let Some(last) = self.streams.len().checked_sub(1) {
            self.has_ends = true;
            self.close(last, false);
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
            }
        }
    }

    /// Nothing more comes.
    pub(crate) fn finish<S: RecordSink + ?Sized>(&mut self, sink: &mut S) {
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

    fn damage(&mut self, record: Option<u64>) {
        if let Some(open) = self.open_mut(record) {
            open.record.trace_damaged = true;
        }
    }

    fn newest_waiting(&self) -> Option<u64> {
        let index = self.open.iter().rposition(|open| open.state == State::Waiting)?;
        Some(self.first + index as u64)
    }

    /// The newest record that waits for a trace and can have one that begins with `frame`.
    ///
    /// The newest, not the oldest: if a trace was lost, all later ones would be shifted by one record.
    fn fitting(&self, frame: &TraceFrame) -> Option<usize> {
        self.open.iter().rposition(|open| fits(open, frame))
    }

    /// Whose trace begins with `frame`.
    fn owner(&mut self, frame: &TraceFrame) -> Option<u64> {
        let Some(index) = self.fitting(frame) else {
            return if self.ours_next { None } else { self.newest_waiting() };
        };
        // With two to choose from it is a guess.
        if self.open.iter().take(index).any(|open| fits(open, frame)) {
            let both = self.open.iter_mut().filter(|open| fits(open, frame));
            both.for_each(|open| open.record.trace_damaged = true);
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
        self.streams.push(Stream { record, passed_by: None });
        if self.streams.len() > MOST_OPEN {
            self.close(0, true);
        }
    }

    /// The newest trace that has its `(PC)` frame and nothing more.
    fn after_pc(&self) -> Option<usize> {
        self.streams.iter().rposition(|stream| {
            let index = stream.record.and_then(|record| record.checked_sub(self.first));
            let open = index.and_then(|index| self.open.get(usize::try_from(index).ok()?));
            open.is_some_and(|open| matches!(open.record.trace.as_slice(), [only] if only.mark == Mark::Pc))
        })
    }

    fn close(&mut self, index: usize, damaged: bool) {
        if index >= self.streams.len() {
            return;
        }
        let record = self.streams.remove(index).record;
        for stream in &mut self.streams {
            stream.passed_by = Some(record);
        }
        let Some(number) = record else { return };
        for (index, open) in (self.first..).zip(&mut self.open) {
            if index == number {
                open.state = State::Complete;
                open.record.trace_damaged |= damaged;
            } else if index < number {
                open.passed = open.passed.saturating_add(1);
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
                State::Complete => self.hand_over(false, sink),
                State::Waiting if missed => self.hand_over(traced, sink),
                _ => break,
            }
        }
    }

    fn hand_over<S: RecordSink + ?Sized>(&mut self, damaged: bool, sink: &mut S) {
        if let Some(mut open) = self.open.pop_front() {
            self.first += 1;
            open.record.trace_damaged |= damaged;
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
