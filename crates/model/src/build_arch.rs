use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Arch;

/// What a Xen is built for, of what this tool builds, boots and analyses. Written and read as
/// `x86_64` and `arm64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildArch {
    /// 64-bit x86.
    #[default]
    X86_64,
    /// 64-bit Arm.
    Arm64,
}

impl BuildArch {
    /// In the order in which messages name them.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Arm64];

    /// As Xen's makefiles and `--arch` have it.
    pub fn as_str(self) -> &'static str {
        Arch::from(self).as_str()
    }
}

impl From<BuildArch> for Arch {
    fn from(arch: BuildArch) -> Self {
        match arch {
            BuildArch::X86_64 => Arch::X86_64,
            BuildArch::Arm64 => Arch::Arm64,
        }
    }
}

impl fmt::Display for BuildArch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no architecture that Xen can be built for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseArchError {
    given: String,
}

impl fmt::Display for ParseArchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = BuildArch::ALL.map(BuildArch::as_str).join(" or ");
        write!(f, "no architecture `{}`: use {known}", self.given.escape_debug())
    }
}

impl std::error::Error for ParseArchError {}

impl FromStr for BuildArch {
    type Err = ParseArchError;

    fn from_str(given: &str) -> Result<Self, ParseArchError> {
        let found = Self::ALL.into_iter().find(|arch| arch.as_str() == given);
        found.ok_or_else(|| ParseArchError { given: given.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for arch in BuildArch::ALL {
            assert_eq!(arch.to_string().parse(), Ok(arch));
            assert_eq!(serde_json::to_value(arch).ok(), Some(arch.to_string().into()));
        }
        let error = "arm".parse::<BuildArch>().err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("no architecture `arm`: use x86_64 or arm64"));
    }
}
