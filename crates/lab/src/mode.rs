//! What the recorder shall do.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, MachineError};

/// The value of Xen's boot option `heap-audit`: `off`, or words with commas between, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode(String);

impl Mode {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Mode {
    fn default() -> Self {
        Self("trace".to_owned())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        let mut seen = Vec::new();
        let good = given == "off"
            || given.split(',').all(|mode| {
                let new = ["trace", "warn", "summary"].contains(&mode) && !seen.contains(&mode);
                seen.push(mode);
                new
            });
        if good {
            Ok(Self(given.to_owned()))
        } else {
            Err(Error::Machine(MachineError::Mode { given: crate::text::escape(given.as_bytes()) }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_of_the_recorder() {
        for good in ["trace", "warn,summary", "trace,warn,summary", "off"] {
            assert_eq!(good.parse::<Mode>().ok().map(|m| m.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "trace,", "off,trace", "trace,trace", "Trace", "trace noreboot", "x\u{1b}"] {
            assert!(bad.parse::<Mode>().is_err(), "{bad:?}");
        }
    }
}
