//! What becomes of a log on its way from a console to a file: seven operations, each with many
//! forms.
//!
//! The mutator of `console/tests/mutations.rs` breaks single bytes of a few lines;
//! `support::mutate` deletes, doubles and forges single records. What happens to a log is another
//! thing: lines get lost, come twice or elsewhere, two writers share a line, and tools write the
//! whole of it in another way.

use std::{fmt::Write, ops::Range};

use crate::rng::Rng;

/// What is done to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Cut,
    Drop,
    Double,
    Swap,
    Flip,
    Interleave,
    Recode,
}

impl Operation {
    pub const ALL: [Operation; 7] = [
        Operation::Cut,
        Operation::Drop,
        Operation::Double,
        Operation::Swap,
        Operation::Flip,
        Operation::Interleave,
        Operation::Recode,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Cut => "cut",
            Operation::Drop => "drop",
            Operation::Double => "double",
            Operation::Swap => "swap",
            Operation::Flip => "flip",
            Operation::Interleave => "interleave",
            Operation::Recode => "recode",
        }
    }
}

/// A log and where its lines are.
pub struct Log {
    pub bytes: Vec<u8>,
    /// Each with its end.
    lines: Vec<Range<usize>>,
    /// Lines by what they are, so that what there is once is met as often as what there is a
    /// thousand times.
    classes: Vec<Vec<usize>>,
}

impl Log {
    pub fn new(bytes: Vec<u8>) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            lines.push(start..start + line.len());
            start += line.len();
        }
        let mut classes: Vec<(Vec<u8>, Vec<usize>)> = Vec::new();
        for (at, range) in lines.iter().enumerate() {
            let class = class_of(&bytes[range.clone()]);
            match classes.iter_mut().find(|(known, _)| *known == class) {
                Some((_, members)) => members.push(at),
                None => classes.push((class, vec![at])),
            }
        }
        let classes = classes.into_iter().map(|(_, members)| members).collect();
        Log { bytes, lines, classes }
    }

    fn line(&self, at: usize) -> &[u8] {
        &self.bytes[self.lines[at].clone()]
    }

    /// Some line: one of all, or one of some class.
    fn some_line(&self, rng: &mut Rng) -> usize {
        if rng.chance(40) {
            return rng.below(self.lines.len());
        }
        let class = &self.classes[rng.below(self.classes.len())];
        class[rng.below(class.len())]
    }

    /// Some lines, of which half of the times there is one, and seldom many.
    fn some_lines(&self, rng: &mut Rng) -> Vec<usize> {
        let count = if rng.chance(50) { 1 } else { some_length(rng, self.lines.len() / 4) };
        let mut lines: Vec<usize> = (0..count).map(|_| self.some_line(rng)).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }

    /// Some lines that follow each other.
    fn some_stretch(&self, rng: &mut Rng) -> Range<usize> {
        let start = self.some_line(rng);
        let end = start + some_length(rng, self.lines.len() - start);
        start..end
    }

    /// The bytes of lines that follow each other.
    fn bytes_of(&self, lines: Range<usize>) -> &[u8] {
        let start = self.lines.get(lines.start).map_or(self.bytes.len(), |line| line.start);
        let end = self.lines.get(lines.end).map_or(self.bytes.len(), |line| line.start);
        &self.bytes[start..end]
    }

    /// These lines in the place of those.
    fn with(&self, lines: Range<usize>, text: &[u8]) -> Vec<u8> {
        [self.bytes_of(0..lines.start), text, self.bytes_of(lines.end..self.lines.len())].concat()
    }

    /// Some byte, in some line.
    fn some_byte(&self, rng: &mut Rng) -> usize {
        let line = &self.lines[self.some_line(rng)];
        line.start + rng.below(line.len())
    }
}

/// The letter of a record of ours, the operation of one of the RFC's, else the beginning of a line.
fn class_of(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    if let Some((_, record)) = text.split_once("HA1 ") {
        let letter = record.split(' ').nth(2).unwrap_or_default();
        let kind = record.split(' ').nth(3).filter(|_| ["P", "K", "Z"].contains(&letter)).unwrap_or_default();
        return format!("{letter} {kind}").into_bytes();
    }
    if let Some((_, record)) = text.split_once("DEBUG: ") {
        return record.split(' ').nth(1).unwrap_or_default().as_bytes().to_vec();
    }
    line.iter().take(5).copied().collect()
}

/// From 1 to `most`, small ones as often as large ones.
fn some_length(rng: &mut Rng, most: usize) -> usize {
    let bits = usize::BITS - most.leading_zeros();
    let most = most.min(1 << rng.below(bits as usize + 1));
    1 + rng.below(most)
}

/// A damaged log.
pub struct Variant {
    pub bytes: Vec<u8>,
    /// What was done, in words.
    pub what: String,
    /// Every number must be the same: nothing that can matter was touched.
    pub harmless: bool,
    /// Each line is there, in its place, or something that no console writes: no trace of the RFC's
    /// may look whole that is not.
    pub visible: bool,
}

fn variant(what: impl Into<String>, bytes: Vec<u8>) -> Variant {
    Variant { bytes, what: what.into(), harmless: false, visible: false }
}

fn visible(what: impl Into<String>, bytes: Vec<u8>) -> Variant {
    Variant { visible: true, ..variant(what, bytes) }
}

fn harmless(what: impl Into<String>, bytes: Vec<u8>) -> Variant {
    Variant { harmless: true, ..visible(what, bytes) }
}

/// Damages a log. `other`: another log, of which something can get into this one.
pub fn damage(log: &Log, other: &Log, operation: Operation, rng: &mut Rng) -> Variant {
    match operation {
        Operation::Cut => cut(log, rng),
        Operation::Drop => drop(log, rng),
        Operation::Double => double(log, rng),
        Operation::Swap => swap(log, rng),
        Operation::Flip => flip(log, rng),
        Operation::Interleave => interleave(log, other, rng),
        Operation::Recode => recode(log, rng),
    }
}

fn cut(log: &Log, rng: &mut Rng) -> Variant {
    let bytes = &log.bytes;
    let whole_lines = rng.chance(40);
    let place = |rng: &mut Rng| match whole_lines {
        true => log.lines[log.some_line(rng)].start,
        false => log.some_byte(rng),
    };
    match rng.below(3) {
        0 => {
            let at = place(rng);
            variant(format!("what is before byte {at} is not there"), bytes[at..].to_vec())
        }
        1 => {
            let at = place(rng);
            visible(format!("what is behind byte {at} is not there"), bytes[..at].to_vec())
        }
        _ => {
            let (a, b) = (place(rng), place(rng));
            let near = a + some_length(rng, bytes.len() - a);
            let (start, end) = if whole_lines || rng.chance(30) { (a.min(b), a.max(b)) } else { (a, near) };
            variant(
                format!("bytes {start} to {end} are not there"),
                [&bytes[..start], &bytes[end..]].concat(),
            )
        }
    }
}

fn drop(log: &Log, rng: &mut Rng) -> Variant {
    let without = |lost: &dyn Fn(usize) -> bool| -> Vec<u8> {
        let kept = (0..log.lines.len()).filter(|at| !lost(*at));
        kept.flat_map(|at| log.line(at)).copied().collect()
    };
    match rng.below(10) {
        0 => {
            let class = &log.classes[rng.below(log.classes.len())];
            variant(
                format!("all {} lines like line {}", class.len(), class[0] + 1),
                without(&|at| class.binary_search(&at).is_ok()),
            )
        }
        1 => {
            let (every, first) = (2 + rng.below(60), rng.below(60));
            variant(
                format!("each {every}th line from {first} on"),
                without(&|at| at >= first && (at - first).is_multiple_of(every)),
            )
        }
        2 => {
            let lost = log.some_stretch(rng);
            variant(format!("lines {lost:?}"), without(&|at| lost.contains(&at)))
        }
        _ => {
            let lost = log.some_lines(rng);
            variant(format!("lines {lost:?}"), without(&|at| lost.binary_search(&at).is_ok()))
        }
    }
}

fn double(log: &Log, rng: &mut Rng) -> Variant {
    let put = |at: usize, text: &[u8]| log.with(at..at, text);
    match rng.below(10) {
        0 => {
            let bytes = [&log.bytes[..], &log.bytes].concat();
            let at = rng.below(bytes.len() - log.bytes.len());
            let end = bytes.len() - at;
            variant(format!("all of it again, up to byte {end}"), bytes[..end].to_vec())
        }
        1 => {
            let every = 1 + rng.below(30);
            let lines = (0..log.lines.len()).flat_map(|at| {
                let times = if at.is_multiple_of(every) { 2 } else { 1 };
                std::iter::repeat_n(log.line(at), times).flatten()
            });
            variant(format!("each {every}th line"), lines.copied().collect())
        }
        2..=4 => {
            let twice = log.some_stretch(rng);
            // `xl dmesg` tells what was told.
            let at = twice.end + rng.below(log.lines.len() + 1 - twice.end);
            variant(format!("lines {twice:?} before line {at}"), put(at, log.bytes_of(twice)))
        }
        5 => {
            // A line that is not whole yet, and then the line.
            let line = log.some_line(rng);
            let text = log.line(line);
            let part = &text[..rng.below(text.len())];
            let end: &[u8] = if rng.chance(50) { b"\n" } else { b"" };
            variant(
                format!("the first {} bytes of line {line}", part.len()),
                put(line, &[part, end].concat()),
            )
        }
        6 | 7 => {
            let (line, at) = (log.some_line(rng), rng.below(log.lines.len() + 1));
            variant(format!("line {line} before line {at}"), put(at, log.line(line)))
        }
        _ => {
            let line = log.some_line(rng);
            let times = if rng.chance(80) { 1 } else { some_length(rng, 50) };
            variant(format!("line {line}, {times} times"), put(line, &log.line(line).repeat(times)))
        }
    }
}

fn swap(log: &Log, rng: &mut Rng) -> Variant {
    let mut order: Vec<usize> = (0..log.lines.len()).collect();
    let what = match rng.below(6) {
        0 => {
            // What was recoded can have one line only.
            let line = log.some_line(rng).min(order.len().saturating_sub(2));
            order.swap(line, (line + 1).min(log.lines.len() - 1));
            format!("line {line} and the next")
        }
        1 | 2 => {
            let (a, b) = (log.some_line(rng), log.some_line(rng));
            order.swap(a, b);
            format!("lines {a} and {b}")
        }
        3 => {
            let stretch = log.some_stretch(rng);
            let moved: Vec<usize> = order.drain(stretch.clone()).collect();
            let at = rng.below(order.len() + 1);
            order.splice(at..at, moved);
            format!("lines {stretch:?} to line {at} of the others")
        }
        4 => {
            let stretch = log.some_stretch(rng);
            order[stretch.clone()].reverse();
            format!("lines {stretch:?} in reverse order")
        }
        _ => {
            // Several printers.
            let by = 1 + some_length(rng, 200);
            let mut keyed: Vec<(usize, usize)> = order.iter().map(|at| (at + rng.below(by), *at)).collect();
            keyed.sort_unstable();
            order = keyed.into_iter().map(|(_, at)| at).collect();
            format!("each line by less than {by} lines")
        }
    };
    variant(what, order.into_iter().flat_map(|at| log.line(at)).copied().collect())
}

/// Another character of the same sort, so that what was a number stays one.
fn another(byte: u8, rng: &mut Rng) -> u8 {
    let from: &[u8] = match byte {
        b'0'..=b'9' => b"0123456789",
        b'a'..=b'f' => b"0123456789abcdef",
        b'g'..=b'z' => b"abcdefghijklmnopqrstuvwxyz",
        b'A'..=b'Z' => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        _ => b" \t\n\r-+=.,:;()[]<>!?_/",
    };
    *rng.pick(from).unwrap_or(&b'?')
}

fn flip(log: &Log, rng: &mut Rng) -> Variant {
    let mut bytes = log.bytes.clone();
    let places: Vec<usize> = match rng.below(8) {
        0 => (0..some_length(rng, 200)).map(|_| rng.below(bytes.len())).collect(),
        1 => {
            let at = log.some_byte(rng);
            (at..(at + some_length(rng, 16)).min(bytes.len())).collect()
        }
        _ => vec![log.some_byte(rng)],
    };
    let what = match rng.below(4) {
        0 => {
            places.iter().for_each(|at| bytes[*at] ^= 1 << rng.below(8));
            "a bit of bytes"
        }
        1 => {
            places.iter().for_each(|at| bytes[*at] = rng.bits() as u8);
            "bytes"
        }
        2 => {
            places.iter().filter(|at| **at + 1 < log.bytes.len()).for_each(|at| bytes.swap(*at, *at + 1));
            "with the byte behind, bytes"
        }
        _ => {
            places.iter().for_each(|at| bytes[*at] = another(bytes[*at], rng));
            "characters"
        }
    };
    variant(format!("{what} {places:?}"), bytes)
}

/// Two texts, in turns of some bytes.
fn in_turns(a: &[u8], b: &[u8], rng: &mut Rng) -> Vec<u8> {
    let (mut a, mut b) = (a, b);
    let mut out = Vec::with_capacity(a.len() + b.len());
    let turn = 1 + some_length(rng, 40);
    while !a.is_empty() || !b.is_empty() {
        for text in [&mut a, &mut b] {
            let (now, later) = text.split_at(turn.min(text.len()));
            out.extend_from_slice(now);
            *text = later;
        }
    }
    out
}

fn interleave(log: &Log, other: &Log, rng: &mut Rng) -> Variant {
    let line = log.some_line(rng);
    let text = log.line(line);
    let at = rng.below(text.len());
    let (before, behind) = text.split_at(at);
    match rng.below(8) {
        0 => {
            // What another CPU printed meanwhile.
            let next = (line + 1).min(log.lines.len() - 1);
            let end = if rng.chance(50) { next + 1 } else { next };
            let inner = log.line(next);
            let inner = if rng.chance(50) { inner.trim_ascii_end() } else { inner };
            variant(
                format!("the next line behind byte {at} of line {line}"),
                log.with(line..end.max(line + 1), &[before, inner, behind].concat()),
            )
        }
        1 | 2 => {
            let from = if rng.chance(60) { log } else { other };
            let source = from.line(from.some_line(rng)).trim_ascii_end();
            let start = rng.below(source.len() + 1);
            let end = start + rng.below(source.len() + 1 - start);
            let end = if rng.chance(50) { source.len() } else { end };
            let end_of_line: &[u8] = if rng.chance(50) { b"\n" } else { b"" };
            let inner = [&source[start..end], end_of_line].concat();
            variant(
                format!("{:?} behind byte {at} of line {line}", String::from_utf8_lossy(&inner)),
                log.with(line..line + 1, &[before, &inner, behind].concat()),
            )
        }
        3 => {
            let next = log.line((line + 1).min(log.lines.len() - 1));
            let mixed = in_turns(text.trim_ascii_end(), next.trim_ascii_end(), rng);
            let end = (line + 2).min(log.lines.len());
            visible(
                format!("lines {line} and the next in turns"),
                log.with(line..end, &[&mixed[..], b"\n"].concat()),
            )
        }
        4 => {
            // The end of each of some lines was lost: two are one.
            let joined = log.some_lines(rng);
            let mut bytes = Vec::with_capacity(log.bytes.len());
            for at in 0..log.lines.len() {
                let text = log.line(at);
                let is_joined = joined.binary_search(&at).is_ok();
                bytes.extend_from_slice(if is_joined { text.trim_ascii_end() } else { text });
            }
            visible(format!("without the ends of lines {joined:?}"), bytes)
        }
        5 => {
            let stretch = other.some_stretch(rng);
            let inner = other.bytes_of(stretch.clone());
            variant(
                format!("lines {stretch:?} of another log before line {line}"),
                log.with(line..line, inner),
            )
        }
        6 => {
            // Two logs in one file, line by line.
            let mut bytes = Vec::with_capacity(log.bytes.len() + other.bytes.len());
            let (mut mine, mut theirs) = (0, 0);
            let percent = log.lines.len() * 100 / (log.lines.len() + other.lines.len());
            while mine < log.lines.len() || theirs < other.lines.len() {
                if theirs == other.lines.len() || (mine < log.lines.len() && rng.chance(percent)) {
                    bytes.extend_from_slice(log.line(mine));
                    mine += 1;
                } else {
                    bytes.extend_from_slice(other.line(theirs));
                    theirs += 1;
                }
            }
            variant("two logs, line by line", bytes)
        }
        _ => {
            // The same, in pieces that do not end where lines do.
            variant("two logs, in turns", {
                let start = rng.below(other.bytes.len());
                let their = &other.bytes[start..start + some_length(rng, other.bytes.len() - start)];
                let at = log.lines[line].start;
                let end = (at + their.len()).min(log.bytes.len());
                let mixed = in_turns(&log.bytes[at..end], their, rng);
                [&log.bytes[..at], &mixed, &log.bytes[end..]].concat()
            })
        }
    }
}

/// `=20=\n`, as mail has it.
fn quoted_printable(text: &[u8], out: &mut Vec<u8>) {
    let mut width = 0;
    for &byte in text {
        let plain = matches!(byte, b' '..=b'<' | b'>'..=b'~');
        let length = if plain { 1 } else { 3 };
        if width + length > 75 && byte != b'\n' {
            out.extend_from_slice(b"=\n");
            width = 0;
        }
        match byte {
            b'\n' => out.push(b'\n'),
            byte if plain => out.push(byte),
            byte => out.extend_from_slice(format!("={byte:02X}").as_bytes()),
        }
        width = if byte == b'\n' { 0 } else { width + length };
    }
}

fn base64(text: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (at, chunk) in text.chunks(3).enumerate() {
        if at > 0 && at.is_multiple_of(19) {
            out.push(b'\n');
        }
        let bits =
            chunk.iter().fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            out.push(if digit <= chunk.len() { DIGITS[value as usize] } else { b'=' });
        }
    }
    out.push(b'\n');
}

/// Writes a part of the log, or all of it, in another way.
fn recode(log: &Log, rng: &mut Rng) -> Variant {
    let whole = rng.chance(40);
    let part = if whole { 0..log.lines.len() } else { log.some_stretch(rng) };
    let text = log.bytes_of(part.clone()).to_vec();
    let place = if whole { "all of it".to_owned() } else { format!("lines {part:?}") };
    let mut out = Vec::with_capacity(text.len() * 2);
    let by_line = |out: &mut Vec<u8>, write: &mut dyn FnMut(&[u8], &mut Vec<u8>)| {
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            write(line, out);
        }
    };
    let way = rng.below(21);
    // A stretch of base64 is text of anybody's, and a guest's mark makes a line the guest's.
    let is_visible = !matches!(way, 3 | 8);
    let (what, harmless_here) = match way {
        0 => {
            by_line(&mut out, &mut |line, out| {
                out.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
                out.extend_from_slice(b"\r\n");
            });
            ("with CR LF".to_owned(), true)
        }
        1 => {
            let (little, mark) = (rng.chance(50), rng.chance(50));
            let units = mark.then_some(0xfeff).into_iter().chain(text.iter().map(|byte| u16::from(*byte)));
            for unit in units {
                out.extend_from_slice(&if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
            }
            (format!("UTF-16, little-endian {little}, with a mark {mark}"), false)
        }
        2 => {
            quoted_printable(&text, &mut out);
            ("quoted-printable".to_owned(), false)
        }
        3 => {
            base64(&text, &mut out);
            ("base64".to_owned(), false)
        }
        4 => {
            let columns = 1 + rng.below(8);
            out.extend(text.iter().flat_map(|byte| match byte {
                b' ' => b"\t".to_vec(),
                byte => vec![*byte],
            }));
            if rng.chance(50) {
                out = String::from_utf8_lossy(&out).replace('\t', &" ".repeat(columns)).into_bytes();
            }
            (format!("tabs for spaces, or {columns} spaces for these"), false)
        }
        5 => {
            let width = if rng.chance(50) { 80 } else { 20 + rng.below(200) };
            by_line(&mut out, &mut |line, out| {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                out.extend_from_slice(&line[..line.len().min(width)]);
                out.push(b'\n');
            });
            (format!("lines trimmed at {width}"), false)
        }
        6 => {
            let width = if rng.chance(50) { 80 } else { 20 + rng.below(200) };
            by_line(&mut out, &mut |line, out| {
                for piece in line.strip_suffix(b"\n").unwrap_or(line).chunks(width) {
                    out.extend_from_slice(piece);
                    out.push(b'\n');
                }
            });
            (format!("lines wrapped at {width}"), false)
        }
        7 => {
            let width = 40 + rng.below(60);
            by_line(&mut out, &mut |line, out| {
                let line = String::from_utf8_lossy(line);
                let mut column = 0;
                for word in line.trim_end().split(' ') {
                    if column > 0 {
                        out.push(if column + word.len() > width { b'\n' } else { b' ' });
                        column = if column + word.len() > width { 0 } else { column };
                    }
                    out.extend_from_slice(word.as_bytes());
                    column += word.len() + 1;
                }
                out.push(b'\n');
            });
            (format!("lines wrapped between words at {width}"), false)
        }
        8 => {
            const BEFORE: [&str; 12] = [
                "> ",
                "| ",
                "+ ",
                "    ",
                "dom0 login: ",
                "(XEN) ",
                "(d1) ",
                "[  123.456789] ",
                "ttyS0: ",
                "serial# ",
                "- DEBUG: ",
                "Mar 17 18:48:59 host xen: ",
            ];
            let before = BEFORE[rng.below(BEFORE.len())];
            by_line(&mut out, &mut |line, out| {
                out.extend_from_slice(before.as_bytes());
                out.extend_from_slice(line);
            });
            (format!("with {before:?} before each line"), false)
        }
        9 => {
            let mut number = rng.below(1000);
            by_line(&mut out, &mut |line, out| {
                number += 1;
                out.extend_from_slice(format!("{number:6}\t").as_bytes());
                out.extend_from_slice(line);
            });
            ("with numbers of lines".to_owned(), false)
        }
        10 => {
            by_line(&mut out, &mut |line, out| {
                out.extend_from_slice(b"2024-05-30T14:30:00.000000Z 01O ");
                out.extend_from_slice(line);
            });
            // A whole log only: the stamps are looked for at its beginning.
            ("with a runner's stamps".to_owned(), whole)
        }
        11 => {
            // A runner gets a line in pieces.
            let mut rest = &text[..];
            let mut goes_on = ' ';
            while !rest.is_empty() {
                let longest = some_length(rng, 400).min(rest.len());
                let end = rest[..longest].iter().position(|byte| *byte == b'\n').map_or(longest, |at| at + 1);
                let (piece, later) = rest.split_at(end);
                write_to(&mut out, format_args!("2024-05-30T14:30:00.000000Z 01O{goes_on}"));
                out.extend_from_slice(piece);
                goes_on = if piece.ends_with(b"\n") { ' ' } else { '+' };
                if goes_on == '+' {
                    out.push(b'\n');
                }
                rest = later;
            }
            ("in pieces, with a runner's stamps".to_owned(), whole)
        }
        12 => {
            let percent = 1 + rng.below(30);
            for byte in &text {
                out.push(*byte);
                if rng.chance(percent) {
                    out.push(0);
                }
            }
            // One in the middle of the word that begins a record hides it.
            ("with NULs between".to_owned(), false)
        }
        13 => {
            out = text.to_ascii_uppercase();
            ("in upper case".to_owned(), false)
        }
        14 => {
            out = text.to_ascii_lowercase();
            ("in lower case".to_owned(), false)
        }
        15 => {
            by_line(&mut out, &mut |line, out| {
                out.extend_from_slice(b"\x1b[0;36m");
                out.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
                out.extend_from_slice(b"\x1b[0m\n");
            });
            ("in colour".to_owned(), true)
        }
        16 => {
            let spaces = 1 + rng.below(100);
            by_line(&mut out, &mut |line, out| {
                out.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
                out.extend_from_slice(&b" ".repeat(spaces));
                out.push(b'\n');
            });
            // Of some lines it hides that what is left of a frame is no empty line.
            (format!("with {spaces} spaces at the end of each line"), whole)
        }
        17 => {
            out = String::from_utf8_lossy(&text)
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .into();
            ("as HTML".to_owned(), false)
        }
        18 => {
            by_line(&mut out, &mut |line, out| {
                let words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
                for (at, word) in words.enumerate() {
                    if at > 0 {
                        out.push(b' ');
                    }
                    out.extend_from_slice(word);
                }
            });
            ("with one space for several".to_owned(), false)
        }
        19 => {
            by_line(&mut out, &mut |line, out| out.extend_from_slice(line.trim_ascii()));
            ("without ends of lines".to_owned(), false)
        }
        _ => {
            by_line(&mut out, &mut |line, out| {
                let line = String::from_utf8_lossy(line);
                write_to(out, format_args!("{:?}\n", line.trim_end()));
            });
            ("as strings of a program".to_owned(), false)
        }
    };
    let bytes = log.with(part, &out);
    if harmless_here {
        harmless(format!("{what}: {place}"), bytes)
    } else if is_visible {
        visible(format!("{what}: {place}"), bytes)
    } else {
        variant(format!("{what}: {place}"), bytes)
    }
}

fn write_to(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    let mut text = String::new();
    let _ = text.write_fmt(what);
    out.extend_from_slice(text.as_bytes());
}
