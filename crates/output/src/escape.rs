//! What comes from a log, an image or the name of a file, made harmless.

use std::fmt::{self, Write as _};

/// Text that is shown as printable ASCII and nothing else.
///
/// Xen's names are ASCII. What is not may move the cursor, switch the terminal's state, turn the
/// direction of writing or be invisible, so it is written as an escape: `\n`, `\x1b`, `\u{202e}`. A
/// backslash is doubled, so that an escape in the output always stands for the character.
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

/// A message in several lines, in which a quoted name or a piece of a log can stand: all but
/// printable ASCII and the ends of lines is escaped, and backslashes stay as they are.
pub fn printable(text: &str) -> String {
    let line = |line: &str| -> String {
        line.split('\\').map(|part| Escaped(part).to_string()).collect::<Vec<_>>().join("\\")
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// What people wrote for people, in any language: no more than control characters but the ends of
/// lines is replaced.
pub fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c == '\n' || !c.is_control() { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    #[test]
    fn messages_are_harmless_and_keep_their_lines() {
        assert_eq!(printable("a\n  b\u{1b}[2J \\x1b\u{202e}"), "a\n  b\\x1b[2J \\x1b\\u{202e}");
    }

    #[test]
    fn what_people_wrote_stays_without_controls() {
        assert_eq!(
            without_controls("\u{fc}ber\n\u{1b}[2J\t\u{9b}"),
            "\u{fc}ber\n\u{fffd}[2J\u{fffd}\u{fffd}"
        );
    }
}
