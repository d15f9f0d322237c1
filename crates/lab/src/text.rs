//! Lines of logs, made safe to show.
//!
//! Whatever a guest, a compiler or apt writes can hold escape sequences; nothing of it goes to a
//! terminal as it is.

use std::collections::VecDeque;
use std::fmt::Write as _;

/// Longest line that is shown, in characters.
const SHOWN: usize = 300;

/// Longest line that is kept while it is being read, in bytes: a log without a line end must not
/// fill memory.
pub(crate) const KEPT: usize = 4096;

/// One line with everything but printable ASCII written as `\xNN`; too long a line is cut.
pub fn escape(line: &[u8]) -> String {
    let line = without_end(line);
    let mut shown = String::with_capacity(line.len().min(SHOWN));
    for &byte in line {
        match byte {
            b'\t' => shown.push(' '),
            b' '..=b'~' => shown.push(char::from(byte)),
            other => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\x{other:02x}");
            }
        }
        if shown.len() >= SHOWN {
            shown.push_str(" ...");
            break;
        }
    }
    shown
}

/// A line without its end: dom0's console makes `\r\r\n` of it.
pub(crate) fn without_end(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r' | b'\n'] = line {
        line = rest;
    }
    line
}

/// The last lines of something.
#[derive(Debug, Clone)]
pub struct Tail {
    lines: VecDeque<Vec<u8>>,
    capacity: usize,
}

impl Tail {
    /// Keeps at most `capacity` lines.
    pub fn new(capacity: usize) -> Self {
        Self { lines: VecDeque::with_capacity(capacity), capacity }
    }

    /// Adds a line; empty ones say nothing and are left out.
    pub fn push(&mut self, line: &[u8]) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        if self.lines.len() == self.capacity {
            self.lines.pop_front();
        }
        let end = line.len().min(KEPT);
        self.lines.push_back(line.get(..end).unwrap_or_default().to_vec());
    }

    /// The lines, escaped.
    pub fn escaped(&self) -> Vec<String> {
        self.lines.iter().map(|line| escape(line)).collect()
    }
}

/// The last `count` lines of a text, escaped.
pub fn tail(text: &[u8], count: usize) -> Vec<String> {
    let mut tail = Tail::new(count);
    for line in text.split(|&byte| byte == b'\n') {
        tail.push(line);
    }
    tail.escaped()
}

/// What of a build log a person wants to see: the first error with what follows it, and the end.
///
/// With several jobs the compiler's message often stands far above the end, where other jobs go on
/// and make gives up.
pub fn build_failure(log: &[u8]) -> Vec<String> {
    const SIGNS: [&[u8]; 4] = [b"error:", b"undefined reference", b"Error ", b"No such file"];
    const FROM_ERROR: usize = 12;
    const FROM_END: usize = 8;

    let lines: Vec<&[u8]> =
        log.split(|&byte| byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace)).collect();
    let is_sign =
        |line: &[u8]| SIGNS.iter().any(|sign| line.windows(sign.len()).any(|window| window == *sign));
    let end = lines.len().saturating_sub(FROM_END);
    let first = lines.iter().position(|line| is_sign(line)).unwrap_or(end);
    let first_end = (first + FROM_ERROR).min(lines.len());
    let mut shown: Vec<String> = lines.iter().take(first_end).skip(first).map(|line| escape(line)).collect();
    if end > first_end {
        shown.push("...".to_owned());
    }
    shown.extend(lines.iter().skip(end.max(first_end)).map(|line| escape(line)));
    shown
}

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub struct LineCutter {
    pending: Vec<u8>,
}

impl LineCutter {
    /// Takes more bytes and hands every line that they complete to `each`, without its end.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (body, complete) = match piece.strip_suffix(b"\n") {
                Some(body) => (body, true),
                None => (piece, false),
            };
            let room = KEPT.saturating_sub(self.pending.len());
            self.pending.extend_from_slice(body.get(..body.len().min(room)).unwrap_or_default());
            if complete {
                each(&self.pending);
                self.pending.clear();
            }
        }
    }

    /// The line that has begun and not ended.
    pub fn rest(&self) -> &[u8] {
        &self.pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_raw_gets_through() {
        assert_eq!(escape(b"\x1b[31mred\x07\xc3\xa9\0 ok\tx\r\r\n"), "\\x1b[31mred\\x07\\xc3\\xa9\\x00 ok x");
        for byte in 0..=255u8 {
            assert!(escape(&[byte]).bytes().all(|shown| (b' '..=b'~').contains(&shown)), "{byte}");
        }
    }

    #[test]
    fn long_lines_are_cut() {
        let shown = escape(&[b'x'; 5000]);
        assert_eq!(shown.len(), SHOWN + 4);
        assert!(shown.ends_with(" ..."));
    }

    #[test]
    fn a_tail_keeps_the_last_lines() {
        assert_eq!(tail(b"one\n\n two\r\nthree\n", 2), [" two", "three"]);
        assert_eq!(tail(b"", 2), Vec::<String>::new());
    }

    #[test]
    fn a_build_failure_shows_the_error_and_the_end() {
        let mut log = String::new();
        for number in 0..50 {
            log.push_str(&format!("  CC      common/{number}.o\n"));
        }
        log.push_str("common/x.c:7:3: error: unknown type name 'foo'\n");
        for number in 50..90 {
            log.push_str(&format!("  CC      common/{number}.o\n"));
        }
        log.push_str("make: *** [Makefile:9: xen] Error 2\n");
        let shown = build_failure(log.as_bytes());
        assert_eq!(shown.first().map(String::as_str), Some("common/x.c:7:3: error: unknown type name 'foo'"));
        assert_eq!(shown.last().map(String::as_str), Some("make: *** [Makefile:9: xen] Error 2"));
        assert!(shown.contains(&"...".to_owned()));
        assert!(shown.len() <= 21);
    }

    #[test]
    fn a_build_failure_without_a_known_sign_is_the_end() {
        let shown = build_failure(b"a\nb\nKilled\n");
        assert_eq!(shown, ["a", "b", "Killed"]);
    }

    #[test]
    fn lines_are_cut_wherever_the_pieces_end() {
        let text = b"one\r\ntwo\n\nfour";
        for size in 1..text.len() {
            let mut cutter = LineCutter::default();
            let mut lines = Vec::new();
            for piece in text.chunks(size) {
                cutter.feed(piece, |line| lines.push(line.to_vec()));
            }
            assert_eq!(lines, [b"one\r".to_vec(), b"two".to_vec(), Vec::new()]);
            assert_eq!(cutter.rest(), b"four");
        }
    }

    #[test]
    fn a_line_without_an_end_does_not_fill_memory() {
        let mut cutter = LineCutter::default();
        for _ in 0..1000 {
            cutter.feed(&[b'x'; 1000], |_| {});
        }
        assert_eq!(cutter.rest().len(), KEPT);
        let mut lengths = Vec::new();
        cutter.feed(b"y\nz\n", |line| lengths.push(line.len()));
        assert_eq!(lengths, [KEPT, 1]);
    }
}
