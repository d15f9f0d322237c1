//! Reads a log block by block, finds the lines that matter, and hands them on.
//!
//! Most of a log is not for us. While nothing is being assembled, each block is searched for a
//! handful of words, and only lines that have one of them are looked at. Lines of records usually
//! stand together, so behind such a line the next is looked at without a search.

use std::{
    io::{self, BufReader, Read},
    sync::{Arc, atomic::Ordering},
};

use encoding_rs_io::DecodeReaderBytesBuilder;
use memchr::memmem::Finder;

use crate::{
    encoding::{self, Written},
    error::{Damage, Error},
    facts,
    input::Counted,
    line::{Lines, PieceStart},
    peek::peek,
    record::{Place, RecordSink, Refusal},
    runner::{self, Unstamped},
    trace,
};

/// How much is read at a time.
const BLOCK: usize = 256 << 10;
/// In this many bytes a runner's first stamp is looked for.
const HEAD: usize = 4 << 10;
/// A line is looked at in pieces of this many bytes, so that memory stays flat however long it is.
pub(crate) const PIECE: usize = 64 << 10;
/// Pieces overlap by this much: no record or message that matters is longer.
pub(crate) const OVERLAP: usize = 4 << 10;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanStats {
    /// Lines, the last one counted even if nothing ends it.
    pub lines: u64,
    /// Bytes, after decompression.
    pub bytes: u64,
    /// The last line has no end: the log was probably cut off.
    pub unfinished: bool,
    /// The compressed data was truncated or damaged: there was more in this log.
    pub damage: Option<Damage>,
}

/// Reads a log from front to end and hands what it contains to `sink`.
///
/// `progress` is called now and then with the number of bytes read. Memory does not depend on the
/// length of the log or of its lines. Anything can be in a log, so the only errors are those of
/// reading; what came before the error has been handed over. Stamps of GitLab's runner are taken
/// off, from the first line on that matters and has one; UTF-16 is read as text. Compressed data
/// that is truncated or damaged is no error, but noted in [`ScanStats::damage`].
///
/// ```
/// use xenheap_console::{Place, Record, RecordSink, Refusal, RfcRecord, Tag, scan};
///
/// #[derive(Default)]
/// struct Count { records: u64, refused: u64 }
///
/// impl RecordSink for Count {
///     fn record(&mut self, _: Place, _: Tag, _: u64, _: &[u8], _: Record) { self.records += 1; }
///     fn rfc(&mut self, _: Place, _: RfcRecord) { self.records += 1; }
///     fn refused(&mut self, _: Place, _: Refusal) { self.refused += 1; }
/// }
///
/// let log = b"(XEN) [   12.022661] DEBUG: d0: xfree - p=ffff83013a5001a0\n\
///             (d1) (XEN) [   12.022661] DEBUG: d0: xfree - p=ffff83013a5001a0\n";
/// let mut count = Count::default();
/// scan(&log[..], &mut count, |_| {})?;
/// assert_eq!((count.records, count.refused), (1, 1));
/// # Ok::<(), xenheap_console::Error>(())
/// ```
pub fn scan<R: Read, S: RecordSink + ?Sized>(
    reader: R,
    sink: &mut S,
    progress: impl FnMut(u64),
) -> Result<ScanStats, Error> {
    let (head, whole) = peek(reader, HEAD);
    match encoding::of(&head) {
        Written::Plain => scan_text(whole, sink, progress),
        Written::Base64 => {
            sink.refused(Place { line: 1, offset: 0 }, Refusal::Base64);
            scan_text(whole, sink, progress)
        }
        Written::Utf16(encoding) => {
            let bytes = Arc::default();
            let counted = Counted { reader: whole, read: Arc::clone(&bytes) };
            let text = DecodeReaderBytesBuilder::new().encoding(Some(encoding)).build(counted);
            let stats = scan_text(text, sink, progress)?;
            Ok(ScanStats { bytes: bytes.load(Ordering::Relaxed), ..stats })
        }
    }
}

/// Reads text, with a runner's stamps or without.
fn scan_text<R: Read, S: RecordSink + ?Sized>(
    reader: R,
    sink: &mut S,
    mut progress: impl FnMut(u64),
) -> Result<ScanStats, Error> {
    let (head, mut whole) = peek(reader, HEAD);
    let mut scanner = Scanner::new();
    let mut stats = ScanStats::default();
    if runner::is_stamped(&head) {
        scan_unstamped(whole, &mut scanner, &mut stats, sink, progress)?;
        return Ok(stats);
    }
    if let Some(rest) = scan_plain(&mut whole, &mut scanner, &mut stats, sink, &mut progress, true)? {
        // Stamps begin here: a part of another log, or the runner was told late.
        scan_unstamped(io::Cursor::new(rest).chain(whole), &mut scanner, &mut stats, sink, progress)?;
    }
    Ok(stats)
}

/// Reads what has a runner's stamps, from here on.
fn scan_unstamped<R: Read, S: RecordSink + ?Sized>(
    reader: R,
    scanner: &mut Scanner,
    stats: &mut ScanStats,
    sink: &mut S,
    mut progress: impl FnMut(u64),
) -> Result<(), Error> {
    let (bytes, before) = (Arc::default(), stats.bytes);
    let counted = Counted { reader, read: Arc::clone(&bytes) };
    let mut plain = Unstamped::new(BufReader::with_capacity(BLOCK, counted)).keep_numbers();
    scan_plain(&mut plain, scanner, stats, sink, &mut progress, false)?;
    stats.bytes = before + bytes.load(Ordering::Relaxed);
    Ok(())
}

/// Reads to the end, or, if stamps are looked for, to the first line that has one: then gives what
/// was read and not yet looked at.
fn scan_plain<R: Read, S: RecordSink + ?Sized>(
    reader: &mut R,
    scanner: &mut Scanner,
    stats: &mut ScanStats,
    sink: &mut S,
    progress: &mut impl FnMut(u64),
    look_for_stamps: bool,
) -> Result<Option<Vec<u8>>, Error> {
    let mut buffer = vec![0; BLOCK];
    // `buffer[..filled]` holds the beginning of a line (or of a piece of one) that is not complete.
    let mut filled = 0;
    let failed = loop {
        let Some(space) = buffer.get_mut(filled..) else { break None };
        let count = match reader.read(space) {
            Ok(0) => break None,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<Damage>()) {
                Some(damage) => {
                    stats.damage = Some(damage.clone());
                    break None;
                }
                None => break Some(error),
            },
        };
        stats.bytes += count as u64;
        let fresh = filled;
        filled = (filled + count).min(buffer.len());
        let Some(data) = buffer.get(..filled) else { break None };
        let complete = match data.get(fresh..).and_then(|fresh| memchr::memrchr(b'\n', fresh)) {
            Some(last) => fresh + last + 1,
            None => 0,
        };
        let (lines, rest) = data.split_at_checked(complete).unwrap_or((data, &[]));
        if let Some(left) = scanner.lines(lines, look_for_stamps, sink) {
            let rest = data.get(complete - left..).unwrap_or_default().to_vec();
            stats.bytes -= rest.len() as u64;
            return Ok(Some(rest));
        }
        let used = complete + scanner.pieces(rest, sink);
        buffer.copy_within(used..filled, 0);
        filled -= used;
        progress(stats.bytes);
    };
    let rest = buffer.get(..filled).unwrap_or_default();
    if look_for_stamps && failed.is_none() && !scanner.look && runner::begins_with_stamp(rest) {
        stats.bytes -= rest.len() as u64;
        return Ok(Some(rest.to_vec()));
    }
    stats.unfinished = scanner.end(rest, sink);
    stats.lines = scanner.line;
    match failed {
        Some(source) => Err(Error::Read { offset: stats.bytes, source }),
        None => Ok(None),
    }
}

/// Words, one of which is in every line that can matter while nothing is being assembled. Those of
/// records are without the space that belongs to them: what stands in its place is looked at, too.
const WORDS: [&[u8]; 5] = [b"HA1", b"DEBUG:", trace::TITLE, facts::VERSION, facts::BUILD_ID];

struct Scanner {
    words: [Finder<'static>; WORDS.len()],
    content: Lines,
    /// Lines that are complete.
    line: u64,
    /// Where in the log the next byte to be looked at stands.
    offset: u64,
    /// The next byte does not begin a line, but the next piece of one; or the line before it
    /// mattered.
    look: bool,
}

impl Scanner {
    fn new() -> Self {
        Scanner { words: WORDS.map(Finder::new), content: Lines::default(), line: 0, offset: 0, look: false }
    }

    /// Looks at `data`, which ends with the end of a line. At a line that has a runner's stamp it
    /// stops, if that is asked for, and says how many bytes are left.
    fn lines<S: RecordSink + ?Sized>(
        &mut self,
        data: &[u8],
        look_for_stamps: bool,
        sink: &mut S,
    ) -> Option<usize> {
        let mut rest = data;
        // Where the words are found next, as distance from the end of `data`: it stays the same as
        // `rest` gets shorter.
        let mut found = [Some(usize::MAX); WORDS.len()];
        while !rest.is_empty() {
            if !self.look && !self.content.is_active() {
                match self.next_word(rest, &mut found) {
                    Some(at) => {
                        let start = rest.get(..at).and_then(|before| memchr::memrchr(b'\n', before));
                        let (before, after) =
                            rest.split_at_checked(start.map_or(0, |at| at + 1)).unwrap_or((rest, &[]));
                        self.skip(before);
                        rest = after;
                    }
                    None => {
                        self.skip(rest);
                        return None;
                    }
                }
            }
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            if look_for_stamps && runner::begins_with_stamp(line) {
                let before = data.get(..data.len() - rest.len()).unwrap_or_default();
                return Some(rest.len() + self.back(before));
            }
            self.line(line, sink);
            rest = after.get(1..).unwrap_or_default();
        }
        None
    }

    /// Where in `rest` the first of the words is.
    fn next_word(&self, rest: &[u8], found: &mut [Option<usize>; WORDS.len()]) -> Option<usize> {
        let mut first = None;
        for (word, found) in self.words.iter().zip(found) {
            // `None`: not in the rest. Else known if it is not behind us.
            if found.is_some_and(|from_end| from_end > rest.len()) {
                *found = word.find(rest).map(|at| rest.len() - at);
            }
            if let Some(from_end) = *found {
                let at = rest.len() - from_end;
                first = Some(first.map_or(at, |first: usize| first.min(at)));
            }
        }
        first
    }

    /// Goes back over the last lines that have stamps: the first of them can be the beginning of a
    /// line that was cut in pieces. Says how many bytes these are. Pieces of an earlier block are
    /// passed: a record that was cut there is lost.
    fn back(&mut self, passed: &[u8]) -> usize {
        let mut start = passed.len();
        while let Some(end) = start.checked_sub(1) {
            let before = passed.get(..end).unwrap_or_default();
            let line = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
            if !runner::begins_with_stamp(before.get(line..).unwrap_or_default()) {
                break;
            }
            start = line;
            self.line = self.line.saturating_sub(1);
        }
        self.offset = self.offset.saturating_sub((passed.len() - start) as u64);
        passed.len() - start
    }

    /// Passes over whole lines.
    fn skip(&mut self, lines: &[u8]) {
        self.line += memchr::memchr_iter(b'\n', lines).count() as u64;
        self.offset += lines.len() as u64;
    }

    /// Looks at a line, or at the rest of one whose beginning was looked at.
    fn line<S: RecordSink + ?Sized>(&mut self, line: &[u8], sink: &mut S) {
        let mut rest = line;
        if line.len() >= PIECE {
            rest = line.get(self.pieces(line, sink)..).unwrap_or_default();
        }
        let at = PieceStart { line: self.line + 1, offset: self.offset };
        let mattered = self.content.piece(rest, usize::MAX, at, sink);
        self.content.end_line(sink);
        self.line += 1;
        self.offset += rest.len() as u64 + 1;
        self.look = mattered;
    }

    /// Looks at as many whole pieces as the beginning of a line has. Says how many bytes are done
    /// with.
    fn pieces<S: RecordSink + ?Sized>(&mut self, line: &[u8], sink: &mut S) -> usize {
        let mut rest = line;
        while let Some(piece) = rest.get(..PIECE) {
            let at = PieceStart { line: self.line + 1, offset: self.offset };
            self.content.piece(piece, PIECE - OVERLAP, at, sink);
            self.look = true;
            self.offset += (PIECE - OVERLAP) as u64;
            rest = rest.get(PIECE - OVERLAP..).unwrap_or_default();
        }
        line.len() - rest.len()
    }

    /// The log ends with `rest`, a line without an end. Says whether there was one.
    fn end<S: RecordSink + ?Sized>(&mut self, rest: &[u8], sink: &mut S) -> bool {
        let unfinished = !rest.is_empty();
        if unfinished {
            self.content.unfinished();
            self.line(rest, sink);
        }
        self.content.finish(sink);
        unfinished
    }
}
