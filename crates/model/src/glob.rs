use std::{convert::Infallible, fmt, str::FromStr};

use crate::Frame;

/// A pattern for function names: `*` stands for any characters, `?` for one.
///
/// A pattern with a `#` is compared with Xen's whole name of a static function
/// (`memory.c#populate_physmap`), one without also with the function alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Whether a text as a whole is meant.
    pub fn is(&self, text: &str) -> bool {
        glob(&self.0, text)
    }

    /// Whether the frame's function is meant.
    pub fn is_frame(&self, frame: &Frame) -> bool {
        glob(&self.0, &frame.function) || frame.file.is_some() && glob(&self.0, &frame.name())
    }
}

impl FromStr for Glob {
    type Err = Infallible;

    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        Ok(Glob(pattern.to_owned()))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text is one that the pattern means: `*` stands for any characters, `?` for one.
///
/// Compares in a time that grows with the product of the lengths: only the last `*` is ever tried
/// again.
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry = None;
    loop {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                retry = Some((p + 1, t));
                p += 1;
            }
            (Some(b'?'), Some(_)) => (p, t) = (p + 1, t + 1),
            (Some(a), Some(b)) if a == b => (p, t) = (p + 1, t + 1),
            (None, None) => return true,
            _ => match retry {
                Some((after, from)) if from < text.len() => {
                    retry = Some((after, from + 1));
                    (p, t) = (after, from + 1);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("xfree", "xfree", true),
            ("xfree", "xfree2", false),
            ("do_*", "do_memory_op", true),
            ("do_*", "undo_x", false),
            ("*_op", "do_memory_op", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("?free", "xfree", true),
            ("?", "", false),
            ("*", "", true),
            ("**", "anything", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
        let long = "a".repeat(5000);
        assert!(!glob("*a*a*a*a*a*a*a*b", &long));
    }

    #[test]
    fn a_static_function_has_two_names() {
        let frame = Frame {
            function: "refill".to_owned(),
            file: Some("lib/x.c".to_owned()),
            inlined: false,
            source: None,
            addr: None,
        };
        for (pattern, expected) in [
            ("refill", true),
            ("lib/x.c#refill", true),
            ("*#refill", true),
            ("lib/*", true),
            ("y.c#refill", false),
        ] {
            assert_eq!(Glob(pattern.to_owned()).is_frame(&frame), expected, "{pattern}");
        }
    }
}
