//! JSON that every terminal and every reader takes.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

/// JSON in which every character that is not printable ASCII is a `\uXXXX` escape: the same data
/// for every reader, and harmless on a terminal.
#[derive(Clone, Debug, Default)]
struct AsciiJson<F>(F);

/// Writes a value as such JSON, indented, and the end of its last line.
pub fn write_json(value: &(impl Serialize + ?Sized), out: &mut dyn io::Write) -> io::Result<()> {
    let form = AsciiJson(serde_json::ser::PrettyFormatter::default());
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, form))?;
    out.write_all(b"\n")
}

/// Writes a value as such JSON in one line, without the end of the line.
pub fn write_json_line(value: &(impl Serialize + ?Sized), out: &mut dyn io::Write) -> io::Result<()> {
    let form = AsciiJson(serde_json::ser::CompactFormatter);
    Ok(value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, form))?)
}

impl<F: Formatter> Formatter for AsciiJson<F> {
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

    use super::*;

    proptest! {
        #[test]
        fn json_is_ascii_and_says_the_same(text in any::<String>()) {
            let mut out = Vec::new();
            write_json_line(&text, &mut out).expect("serialized");
            prop_assert!(out.iter().all(|byte| (b' '..=b'~').contains(byte)));
            prop_assert_eq!(serde_json::from_slice::<String>(&out).expect("parsed"), text);
        }
    }
}
