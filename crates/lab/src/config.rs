//! What a run is asked to do, checked.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::arch::Arch;
use crate::cache::Cache;
use crate::error::Error;
use crate::toolstack::ToolstackSource;

/// Where Xen's source comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XenSource {
    /// Debian 12's: Xen 4.17, pinned.
    Debian417,
    /// Debian 13's: Xen 4.20, pinned.
    Debian420,
    /// A tree of the user's, which is copied and never changed.
    Path(PathBuf),
}

impl XenSource {
    /// The pinned ones, by the names that [`FromStr`] takes.
    pub const PINNED: [&str; 2] = ["debian:4.17", "debian:4.20"];
}

impl fmt::Display for XenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debian417 => f.write_str("debian:4.17"),
            Self::Debian420 => f.write_str("debian:4.20"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

impl FromStr for XenSource {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        match given {
            "debian:4.17" => Ok(Self::Debian417),
            "debian:4.20" => Ok(Self::Debian420),
            // A misspelt name should not be looked for as a folder.
            other if other.is_empty() || other.starts_with("debian:") => Err(Error::UnknownSource {
                given: other.to_owned(),
                known: Self::PINNED.map(str::to_owned).to_vec(),
            }),
            path => Ok(Self::Path(PathBuf::from(path))),
        }
    }
}

/// What the recorder shall do: the value of Xen's boot option `heap-audit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode(String);

impl Mode {
    /// The option's value.
    pub fn as_str(&self) -> &str {
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
            Err(Error::Mode { given: crate::text::escape(given.as_bytes()) })
        }
    }
}

/// A whole run.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// Xen's source.
    pub xen: XenSource,
    /// What it is built for.
    pub arch: Arch,
    /// What dom0 does: the name of a built-in workload or, if it has a `/` in it, the path of a script.
    pub workload: String,
    /// Names and values of the workload's parameters that are not to be as its header says.
    pub parameters: Vec<(String, String)>,
    /// Statically linked programs that guests find in their `/bin`.
    pub guest_programs: Vec<PathBuf>,
    /// What the recorder does; without a mode, a Xen without the recorder is built.
    pub mode: Option<Mode>,
    /// Where the toolstack of a dom0 with guests comes from; without it, from Debian if that has
    /// one for this Xen, else from the source.
    pub toolstack: Option<ToolstackSource>,
    /// Further arguments for Xen, such as the sizes of the recorder's tables.
    pub xen_args: Vec<String>,
    /// The folder to make; it must not exist, or be empty.
    pub out_dir: PathBuf,
    /// Install what is missing on this machine (needs root).
    pub install: bool,
    /// How long the machine may run; without it, as long as the workload says.
    pub timeout: Option<Duration>,
    /// One CPU, virtual time: two such runs write the same bytes. Takes some times longer.
    pub deterministic: bool,
    /// How many compilers run at once.
    pub jobs: usize,
    /// Where sources, builds and images are kept.
    pub cache: Cache,
}

/// As many jobs as there are processors.
pub fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_from_paths() {
        let parse = |text: &str| text.parse::<XenSource>();
        assert_eq!(parse("debian:4.17").ok(), Some(XenSource::Debian417));
        assert_eq!(parse("debian:4.20").ok(), Some(XenSource::Debian420));
        assert_eq!(parse("../xen").ok(), Some(XenSource::Path("../xen".into())));
        let error = parse("debian:4.19").err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("no Xen source `debian:4.19`: use debian:4.17, debian:4.20 or the path of a source tree")
        );
        assert!(parse("").is_err());
        for name in XenSource::PINNED {
            assert_eq!(parse(name).ok().map(|s| s.to_string()).as_deref(), Some(name));
        }
    }

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
