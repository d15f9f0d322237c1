//! Takes out of a line what terminals and loggers put between its characters: colour, carriage
//! returns, NULs.

/// Whether any byte is as `wanted`. Sixteen at a time and without an early exit, which the compiler
/// turns into a few instructions for all of them.
#[inline]
pub(crate) fn any(text: &[u8], wanted: impl Fn(u8) -> bool) -> bool {
    let (chunks, rest) = text.as_chunks::<16>();
    // The last sixteen once more, rather than what is left one by one.
    let Some(last) = text.last_chunk::<16>() else { return rest.iter().any(|&byte| wanted(byte)) };
    let mut found = [0u8; 16];
    for chunk in chunks {
        for (found, &byte) in found.iter_mut().zip(chunk) {
            *found |= u8::from(wanted(byte));
        }
    }
    for (found, &byte) in found.iter_mut().zip(last) {
        *found |= u8::from(wanted(byte));
    }
    found != [0; 16]
}

/// A line without control characters, and where its bytes came from.
#[derive(Default)]
pub(crate) struct Cleaned {
    text: Vec<u8>,
    /// (position here, position in the line), wherever the distance between them changes.
    shifts: Vec<(usize, usize)>,
}

impl Cleaned {
    /// Whether `line` would come out of [`Cleaned::set`] unchanged, as nearly all do.
    #[inline]
    pub(crate) fn is_clean(line: &[u8]) -> bool {
        !any(line, |byte| byte < b' ')
    }

    /// Cleans `line`.
    pub(crate) fn set(&mut self, line: &[u8]) {
        self.text.clear();
        self.shifts.clear();
        let mut rest = line;
        let mut kept = true;
        while let [byte, after @ ..] = rest {
            let skip = match byte {
                0x1b => escape(after) + 1,
                b'\t' => 0,
                0..b' ' => 1,
                _ => 0,
            };
            if skip == 0 {
                if !kept {
                    self.shifts.push((self.text.len(), line.len() - rest.len()));
                }
                self.text.push(*byte);
                rest = after;
            } else {
                rest = rest.get(skip..).unwrap_or_default();
            }
            kept = skip == 0;
        }
    }

    /// The text.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where in the line the byte at `position` of the text stood.
    pub(crate) fn origin(&self, position: usize) -> usize {
        match self.shifts.iter().rfind(|(here, _)| *here <= position) {
            Some((here, there)) => there + (position - here),
            None => position,
        }
    }
}

impl Cleaned {
    /// Where in the text the first byte stands that came from `origin` or from behind it.
    pub(crate) fn position(&self, origin: usize) -> usize {
        let (mut low, mut high) = (0, self.text.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.origin(middle) < origin { low = middle + 1 } else { high = middle }
        }
        low
    }
}

/// How many bytes behind an ESC belong to its sequence.
///
/// A sequence that is not complete takes only what can belong to no other text: what follows may be
/// a guest's mark.
fn escape(after: &[u8]) -> usize {
    let run = |from: usize, low: u8, high: u8| {
        after.iter().skip(from).take_while(|byte| (low..=high).contains(*byte)).count()
    };
    match after.first() {
        // CSI: parameters, intermediate bytes, one final byte.
        Some(b'[') => {
            let parameters = run(1, 0x30, 0x3f);
            let intermediate = run(1 + parameters, 0x20, 0x2f);
            let end = 1 + parameters + intermediate;
            if after.get(end).is_some_and(|byte| (0x40..=0x7e).contains(byte)) { end + 1 } else { 1 }
        }
        // OSC: up to BEL or ESC \.
        Some(b']') => match after.iter().position(|&byte| byte == 0x07 || byte == 0x1b) {
            Some(end) if after.get(end) == Some(&0x07) => end + 1,
            Some(end) if after.get(end + 1) == Some(&b'\\') => end + 2,
            _ => 1,
        },
        // Character sets and the like: intermediate bytes, one final byte.
        Some(0x20..=0x2f) => {
            let end = run(0, 0x20, 0x2f);
            if after.get(end).is_some_and(|byte| (0x30..=0x7e).contains(byte)) { end + 1 } else { 0 }
        }
        Some(0x30..=0x7e) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(line: &[u8]) -> String {
        let mut cleaned = Cleaned::default();
        cleaned.set(line);
        for (position, byte) in cleaned.text().iter().enumerate() {
            assert_eq!(line.get(cleaned.origin(position)), Some(byte));
            assert_eq!(cleaned.position(cleaned.origin(position)), position);
        }
        String::from_utf8_lossy(cleaned.text()).into_owned()
    }

    #[test]
    fn any_looks_at_every_byte() {
        for length in 0..70 {
            let mut text = vec![b'a'; length];
            assert!(!any(&text, |byte| byte == b'b'));
            for at in 0..length {
                text[at] = b'b';
                assert!(any(&text, |byte| byte == b'b'), "{at} of {length}");
                text[at] = b'a';
            }
        }
    }

    #[test]
    fn only_text_is_left() {
        assert_eq!(clean(b"\x1b[0;32mgreen\x1b[0m plain\0\0!\r"), "green plain!");
        assert_eq!(clean(b"\x1b]0;title\x07text\x1b]0;t\x1b\\more"), "textmore");
        assert_eq!(clean(b"\x1b(B\x1b=a\tb"), "a\tb");
        assert_eq!(clean(b"section_start:1:x\r\x1b[0K(XEN) y"), "section_start:1:x(XEN) y");
        assert_eq!(clean(b"a\x1b"), "a");
        assert_eq!(clean(b"a\x1b["), "a");
        assert_eq!(clean(b"a\x1b]b"), "ab");
    }
}
