//! What a job printed, without what the runner adds to it.
//!
//! With `FF_TIMESTAMPS` (<https://docs.gitlab.com/runner/configuration/feature-flags/>) each line
//! begins with a time, the number and the kind of its stream, and a space. A line that came in
//! several pieces stands there in as many lines, with a `+` in place of the space in all but the
//! first: a slow serial console is cut so all the time. The documentation does not describe this;
//! it is what such logs look like.

use std::io::{self, BufRead, Read};

/// `2024-05-30T14:30:00.000000Z 01O `.
const STAMP: usize = 32;

/// How many empty lines are made up at once.
const MADE_UP: usize = 4096;

/// The digits of a stamp, and what stands between them.
const TIME: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";

/// Where a line came from, and whether it goes on.
struct Stamp {
    stream: [u8; 3],
    goes_on: bool,
}

impl Stamp {
    fn of(head: &[u8]) -> Option<Self> {
        let (time, rest) = head.split_first_chunk::<27>()?;
        let is_time = time.iter().zip(TIME).all(|(byte, model)| match model {
            b'0' => byte.is_ascii_digit(),
            model => byte == model,
        });
        let [b' ', a, b, kind @ (b'O' | b'E'), flag @ (b' ' | b'+')] = *rest else { return None };
        (is_time && a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
            .then_some(Stamp { stream: [a, b, kind], goes_on: flag == b'+' })
    }
}

/// Reads what a job printed: takes the stamps off and joins what was cut. Lines without a stamp
/// stay as they are; of two streams that were cut into each other the pieces stay pieces.
#[derive(Debug)]
pub struct Unstamped<R> {
    input: R,
    /// Behind a line that was joined there are as many empty lines as it had pieces more than one.
    keep_numbers: bool,
    head: Vec<u8>,
    /// What was made and not yet read.
    ready: Vec<u8>,
    read: usize,
    state: State,
    /// Lines that were joined to the one before, and not yet made up for.
    owed: usize,
}

/// The stream of a line; `None`: it has no stamp.
type Stream = Option<[u8; 3]>;

#[derive(Clone, Copy, Debug)]
enum State {
    /// At the beginning, or behind a line without an end.
    Start,
    /// Behind the stamp of a line.
    Inside(Stream),
    /// The line has ended, unless what follows says that it goes on.
    Ended(Stream),
    Done,
}

impl<R: BufRead> Unstamped<R> {
    /// Reads `input`.
    pub fn new(input: R) -> Self {
        let (head, ready) = (Vec::with_capacity(STAMP), Vec::new());
        Unstamped { input, keep_numbers: false, head, ready, read: 0, state: State::Start, owed: 0 }
    }

    /// Each line keeps its number: an empty line stands for a piece that was joined to the line
    /// before it.
    pub fn keep_numbers(mut self) -> Self {
        self.keep_numbers = true;
        self
    }

    /// Makes some more, or ends.
    fn step(&mut self) -> io::Result<()> {
        match self.state {
            State::Done => Ok(()),
            State::Inside(stream) => self.copy(stream),
            State::Start => self.begin(None),
            State::Ended(stream) => self.begin(Some(stream)),
        }
    }

    /// Looks for a stamp. `before`: the stream of the line before, which has ended.
    fn begin(&mut self, before: Option<Stream>) -> io::Result<()> {
        // What an error left here is part of the stamp. A short line is whole.
        if self.head.last() != Some(&b'\n') {
            let rest = STAMP.saturating_sub(self.head.len()) as u64;
            (&mut self.input).take(rest).read_until(b'\n', &mut self.head)?;
        }
        let stamp = Stamp::of(&self.head);
        let joins = stamp.as_ref().is_some_and(|stamp| stamp.goes_on && before == Some(Some(stamp.stream)));
        if before.is_some() && !joins {
            // A line can have had millions of pieces.
            let now = self.owed.min(MADE_UP);
            self.owed -= now;
            if self.owed > 0 {
                self.ready.resize(self.ready.len() + now, b'\n');
                return Ok(());
            }
            self.ready.resize(self.ready.len() + now + 1, b'\n');
        }
        self.owed += usize::from(joins && self.keep_numbers);
        self.state = match stamp {
            Some(stamp) => State::Inside(Some(stamp.stream)),
            None if self.head.is_empty() => State::Done,
            None => {
                let ended = self.head.pop_if(|last| *last == b'\n').is_some();
                self.ready.extend_from_slice(&self.head);
                if ended { State::Ended(None) } else { State::Inside(None) }
            }
        };
        self.head.clear();
        Ok(())
    }

    /// Copies from a line, up to its end, which is taken but not yet made.
    fn copy(&mut self, stream: Stream) -> io::Result<()> {
        let bytes = self.input.fill_buf()?;
        let end = memchr::memchr(b'\n', bytes);
        let count = end.unwrap_or(bytes.len());
        self.ready.extend_from_slice(bytes.get(..count).unwrap_or_default());
        if end.is_some() {
            self.state = State::Ended(stream);
        } else if bytes.is_empty() {
            self.state = State::Start;
        }
        self.input.consume(count + usize::from(end.is_some()));
        Ok(())
    }
}

impl<R: BufRead> Read for Unstamped<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.read >= self.ready.len() && !matches!(self.state, State::Done) {
            self.ready.clear();
            self.read = 0;
            self.step()?;
        }
        let count = self.ready.get(self.read..).unwrap_or_default().read(buf)?;
        self.read += count;
        Ok(count)
    }
}

/// Whether one of the first lines of a log has a stamp: those at its very beginning may be somebody
/// else's.
pub(crate) fn is_stamped(head: &[u8]) -> bool {
    head.split(|byte| *byte == b'\n').any(begins_with_stamp)
}

/// Whether a line has a stamp.
#[inline]
pub(crate) fn begins_with_stamp(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_digit) && Stamp::of(line.get(..STAMP).unwrap_or(line)).is_some()
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn plain(trace: &[u8], buffer: usize) -> Vec<u8> {
        let mut out = Vec::new();
        Unstamped::new(BufReader::with_capacity(buffer, trace)).read_to_end(&mut out).expect("read");
        out
    }

    #[test]
    fn lines_keep_their_numbers() {
        let trace = "a\n2024-05-30T14:30:00.000000Z 00O b\n2024-05-30T14:30:00.000001Z 00O+c\n\
                     2024-05-30T14:30:00.000001Z 00O+d\ne\n";
        let mut out = String::new();
        let mut reader = Unstamped::new(trace.as_bytes()).keep_numbers();
        reader.read_to_string(&mut out).expect("read");
        assert_eq!(out, "a\nbcd\n\n\ne\n");
    }

    /// The empty lines of a line of many pieces are not held in memory all at once.
    #[test]
    fn a_line_of_many_pieces() {
        let pieces = 3 * MADE_UP + 7;
        let mut trace = String::from("2024-05-30T14:30:00.000000Z 00O b\n");
        for _ in 0..pieces {
            trace.push_str("2024-05-30T14:30:00.000001Z 00O+c\n");
        }
        trace.push_str("e\nf\n");
        let mut reader = Unstamped::new(trace.as_bytes()).keep_numbers();
        let mut out = String::new();
        reader.read_to_string(&mut out).expect("read");
        let expected = format!("b{}\n{}e\nf\n", "c".repeat(pieces), "\n".repeat(pieces));
        assert_eq!(out, expected);
        assert!(reader.ready.capacity() < 2 * MADE_UP, "{}", reader.ready.capacity());
    }

    /// What a runner makes of output that comes in pieces.
    fn stamped(pieces: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut flag = ' ';
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            for line in piece.split_inclusive(|byte| *byte == b'\n') {
                out.extend_from_slice(format!("2024-05-30T14:30:00.000000Z 01O{flag}").as_bytes());
                out.extend_from_slice(line);
                flag = ' ';
            }
            if out.last() != Some(&b'\n') {
                out.push(b'\n');
                flag = '+';
            }
        }
        out
    }

    #[test]
    fn lines() {
        for (trace, expected) in [
            ("", ""),
            ("\n", "\n"),
            ("no stamp at all", "no stamp at all"),
            ("a\n\nb\n", "a\n\nb\n"),
            ("2024-05-30T14:30:00.000000Z 00E \n", "\n"),
            ("2024-05-30T14:30:00.000000Z 00O a\r\n2024-05-30T14:30:00.000000Z 00O b\n", "a\r\nb\n"),
            ("2024-05-30T14:30:00.000000Z 00O a\n2024-05-30T14:30:00.000001Z 00O+b\n", "ab\n"),
            // Another stream does not go on where this one ended.
            ("2024-05-30T14:30:00.000000Z 00O a\n2024-05-30T14:30:00.000001Z 01O+b\n", "a\nb\n"),
            ("2024-05-30T14:30:00.000000Z 00X a\n", "2024-05-30T14:30:00.000000Z 00X a\n"),
            ("2024-05-30 14:30:00.000000Z 00O a\n", "2024-05-30 14:30:00.000000Z 00O a\n"),
        ] {
            for buffer in [1, 33, 4096] {
                assert_eq!(String::from_utf8_lossy(&plain(trace.as_bytes(), buffer)), expected, "{trace:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_cut_is_whole_again(
            pieces in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..60), 0..12),
            buffer in 1usize..80,
        ) {
            let mut expected = pieces.concat();
            if expected.last().is_some_and(|last| *last != b'\n') {
                expected.push(b'\n');
            }
            prop_assert_eq!(plain(&stamped(&pieces), buffer), expected);
        }

        #[test]
        fn what_has_no_stamps_stays(text in "[ -~\n]{0,300}", buffer in 1usize..80) {
            prop_assert_eq!(plain(text.as_bytes(), buffer), text.into_bytes());
        }
    }
}
