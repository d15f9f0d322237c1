//! The architectures that Xen is built for and booted on, by their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, MachineError};

/// Written and read as `x86_64` and `arm64`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// 64-bit x86.
    #[default]
    X86_64,
    /// 64-bit Arm.
    Arm64,
}

impl Arch {
    /// In the order in which messages name them.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Arm64];

    /// As Xen's makefiles and `--arch` have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Arch {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|arch| arch.name() == given).ok_or_else(|| {
            Error::Machine(MachineError::UnknownArch {
                given: crate::text::escape(given.as_bytes()),
                known: Self::ALL.map(|arch| arch.name().to_owned()).to_vec(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() -> Result<(), Box<dyn std::error::Error>> {
        for arch in Arch::ALL {
            assert_eq!(arch.to_string().parse::<Arch>()?, arch);
            assert_eq!(serde_json::to_value(arch)?, arch.to_string());
        }
        let error = "arm".parse::<Arch>().err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("no architecture `arm`: use x86_64 or arm64"));
        Ok(())
    }
}
