//! What a job printed, without what the runner adds to it.
//!
//! With `FF_TIMESTAMPS` (<https://docs.gitlab.com/runner/configuration/feature-flags/>) each line begins with a time, the number and
//! the kind of its stream, and a space. A line that came in several pieces stands there in as many lines, with a `+` in
//! place of the space in all but the first: a slow serial console is cut so all the time. The documentation does not
//! describe this; it is what such logs look like.

use std::io::{self, BufRead, Read, Write};

/// `2024-05-30T14:30:00.000000Z 01O `.
const STAMP: usize = 32;

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

/// Takes the stamps off and joins what was cut. Lines without a stamp stay as they are; of two streams that were cut into
/// each other the pieces stay pieces.
pub(crate) fn unstamp(mut input: impl BufRead, out: &mut dyn Write) -> io::Result<()> {
    let mut head = Vec::with_capacity(STAMP);
    // The line before has ended, unless what follows says that it goes on.
    let mut before: Option<Option<[u8; 3]>> = None;
    loop {
        head.clear();
        (&mut input).take(STAMP as u64).read_until(b'\n', &mut head)?;
        let stamp = Stamp::of(&head);
        let joins = stamp.as_ref().is_some_and(|stamp| stamp.goes_on && before == Some(Some(stamp.stream)));
        if before.is_some() && !joins {
            out.write_all(b"\n")?;
        }
        if head.is_empty() {
            return Ok(());
        }
        let mut ended = false;
        if stamp.is_none() {
            ended = head.pop_if(|last| *last == b'\n').is_some();
            out.write_all(&head)?;
        }
        ended = ended || copy_line(&mut input, out)?;
        before = ended.then_some(stamp.map(|stamp| stamp.stream));
    }
}

/// Copies up to the end of the line, which it takes but does not write; whether there was one.
fn copy_line(input: &mut impl BufRead, out: &mut dyn Write) -> io::Result<bool> {
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let count = end.unwrap_or(bytes.len());
        out.write_all(bytes.get(..count).unwrap_or_default())?;
        input.consume(count + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn plain(trace: &[u8], buffer: usize) -> Vec<u8> {
        let mut out = Vec::new();
        unstamp(BufReader::with_capacity(buffer, trace), &mut out).expect("read");
        out
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
