use std::{convert::Infallible, fmt, str::FromStr};

use xenheap_model::{Frame, glob};

/// A pattern for function names: `*` stands for any characters, `?` for one.
///
/// A pattern with a `#` is compared with Xen's whole name of a static function (`memory.c#populate_physmap`), one
/// without also with the function alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
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

#[cfg(test)]
mod tests {
    use super::*;

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
