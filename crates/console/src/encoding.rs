//! What a log was written in, if that is not text with one byte a character.
//!
//! A shell of Windows writes what it redirects as UTF-16; a mail or an API carries files as base64.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Written {
    /// To be read as it is.
    Plain,
    /// Two bytes a character.
    Utf16(&'static Encoding),
    /// Not text: to be decoded by its user, who knows whether it is all of the file.
    Base64,
}

/// Shorter beginnings say nothing.
const ENOUGH: usize = 32;
/// A line of base64 has at least so many characters, or 64, or 76.
const BASE64_LINE: usize = 60;

/// Tells from the first bytes of a log.
pub(crate) fn of(head: &[u8]) -> Written {
    if head.len() < ENOUGH {
        return Written::Plain;
    }
    // Nearly every character of a log is below 256. A byte order mark alone says nothing: a serial
    // line begins with any bytes.
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let most = head.len() / 2 - head.len() / 16;
    match (zeros(0), zeros(1)) {
        (few, many) if many >= most && few * 8 < many => return Written::Utf16(UTF_16LE),
        (many, few) if many >= most && few * 8 < many => return Written::Utf16(UTF_16BE),
        _ => {}
    }
    if is_base64(head) { Written::Base64 } else { Written::Plain }
}

/// Whether these are lines of one length that have no character but base64's, each sort of them.
fn is_base64(head: &[u8]) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end());
    let Some(first) = lines.next() else { return false };
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let has = |sort: fn(&u8) -> bool| first.iter().any(sort);
    first.len() >= BASE64_LINE
        && first.iter().all(is_digit)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && lines.all(|line| line.len() <= first.len() && line.iter().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "(XEN) Xen version 4.17.5 (Debian 4.17.5-1) and more of that line\n(XEN) next\n";

    fn utf16(bytes: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
        let mark = mark.then_some('\u{feff}');
        mark.into_iter().chain(LOG.chars()).flat_map(|c| bytes(c as u16)).collect()
    }

    #[test]
    fn each_is_told() {
        assert_eq!(of(LOG.as_bytes()), Written::Plain);
        assert_eq!(of(b""), Written::Plain);
        assert_eq!(
            of("\u{feff}(XEN) UTF-8 with a mark, as some editors write it".as_bytes()),
            Written::Plain
        );
        for mark in [true, false] {
            assert_eq!(of(&utf16(u16::to_le_bytes, mark)), Written::Utf16(UTF_16LE));
            assert_eq!(of(&utf16(u16::to_be_bytes, mark)), Written::Utf16(UTF_16BE));
        }
        assert_eq!(of(&[0; 100]), Written::Plain);
        assert_eq!(of(&[b"\xff\xfe\0\0", LOG.as_bytes()].concat()), Written::Plain);
        // `base64 testdata/rfc/sample-x86_64.log | head -2`
        let base64 = b"KFhFTikgWGVuIHZlcnNpb24gNC4xNy41IChEZWJpYW4gNC4xNy41LTErZGViMTJ1MSkgKHBrZy14\n\
                       ZW4tZGV2ZWxAbGlzdHMuYWxpb3RoLmRlYmlhbi5vcmcp";
        assert_eq!(of(base64), Written::Base64);
        assert_eq!(of("=".repeat(80).as_bytes()), Written::Plain);
        assert_eq!(of("a".repeat(80).as_bytes()), Written::Plain);
    }
}
