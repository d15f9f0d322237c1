//! What comes from a log, an image or the name of a file, made harmless.

use std::{
    fmt::{self, Write as _},
    io,
};

use serde::Serialize;
use serde_json::ser::Formatter;

/// Text that is shown as printable ASCII and nothing else.
///
/// Xen's names are ASCII. What is not may move the cursor, switch the terminal's state, turn the direction of writing
/// or be invisible, so it is written as an escape: `\n`, `\x1b`, `\u{202e}`. A backslash is doubled, so that an escape
/// in the output always stands for the character.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<T>(pub T);

impl<T: AsRef<str>> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.as_ref().chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                ' '..='~' => f.write_char(c)?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if (c as u32) < 0x100 => write!(f, "\\x{:02x}", c as u32)?,
                c => write!(f, "\\u{{{:x}}}", c as u32)?,
            }
        }
        Ok(())
    }
}

/// Pretty-printed JSON in which every character that is not printable ASCII is a `\uXXXX` escape: the same data for
/// every reader, and harmless on a terminal.
#[derive(Clone, Debug, Default)]
struct AsciiJson<'a>(serde_json::ser::PrettyFormatter<'a>);

/// Writes a value as such JSON, and the end of its last line.
pub fn write_json(value: &(impl Serialize + ?Sized), out: &mut dyn io::Write) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, AsciiJson::default()))?;
    out.write_all(b"\n")
}

impl Formatter for AsciiJson<'_> {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c: char| !(' '..='~').contains(&c)) {
            let (plain, special) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let mut chars = special.chars();
            for c in chars.by_ref().take(1) {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        out.write_all(rest.as_bytes())
    }

    fn begin_array<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: io::Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;

    fn unescape(text: &str) -> Option<String> {
        let mut out = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            let code = match chars.next()? {
                '\\' => '\\' as u32,
                'n' => '\n' as u32,
                'r' => '\r' as u32,
                't' => '\t' as u32,
                'x' => u32::from_str_radix(&chars.by_ref().take(2).collect::<String>(), 16).ok()?,
                'u' => {
                    let digits: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                    u32::from_str_radix(&digits, 16).ok()?
                }
                _ => return None,
            };
            out.push(char::from_u32(code)?);
        }
        Some(out)
    }

    proptest! {
        #[test]
        fn only_printable_ascii_comes_out_and_nothing_is_lost(text in any::<String>()) {
            let escaped = Escaped(&text).to_string();
            prop_assert!(escaped.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{escaped}");
            prop_assert_eq!(unescape(&escaped), Some(text));
        }

        #[test]
        fn json_is_ascii_and_says_the_same(text in any::<String>()) {
            let mut out = Vec::new();
            let mut json = serde_json::Serializer::with_formatter(&mut out, AsciiJson::default());
            text.serialize(&mut json).expect("serialized");
            prop_assert!(out.iter().all(|byte| (b' '..=b'~').contains(byte)));
            prop_assert_eq!(serde_json::from_slice::<String>(&out).expect("parsed"), text);
        }
    }

    #[test]
    fn what_could_deceive_a_reader_is_visible() {
        for (text, expected) in [
            ("softirq.c#__do_softirq", "softirq.c#__do_softirq"),
            ("\x1b[2J\x07", "\\x1b[2J\\x07"),
            ("a\u{202e}b\u{200b}\u{2066}", "a\\u{202e}b\\u{200b}\\u{2066}"),
            ("\u{9b}31m\u{7f}\0", "\\x9b31m\\x7f\\x00"),
            ("a\nb\tc\\n", "a\\nb\\tc\\\\n"),
            ("\u{fc}", "\\xfc"),
        ] {
            assert_eq!(Escaped(text).to_string(), expected);
        }
    }
}
