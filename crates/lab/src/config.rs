//! What a run is asked to do, checked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::arch::Arch;
use crate::cache::Cache;
use crate::error::{Error, MachineError, SourceError};
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
    /// A revision in a git repository of the user's.
    Git {
        /// The repository, bare or not.
        repository: PathBuf,
        /// What git is asked for: a branch, a tag, a commit.
        revision: String,
    },
}

impl XenSource {
    /// The pinned ones, by the names that [`FromStr`] takes.
    pub const PINNED: [&str; 2] = ["debian:4.17", "debian:4.20"];

    /// What names neither a pinned source nor nothing. Paths may have an `@`, and so may revisions
    /// (`HEAD@{1}`): what is there as a whole is a tree; else the first `@` with something before
    /// it that is there ends the repository's name.
    fn of_this_machine(given: &str, is_there: impl Fn(&Path) -> bool) -> Option<Self> {
        if is_there(Path::new(given)) || !given.contains('@') {
            return Some(Self::Path(PathBuf::from(given)));
        }
        let ways = || given.match_indices('@').map(|(at, _)| given.split_at(at));
        let (repository, revision) =
            ways().find(|(repository, _)| is_there(Path::new(repository))).or_else(|| ways().next())?;
        let revision = revision.strip_prefix('@').unwrap_or(revision);
        let complete = !repository.is_empty() && !revision.is_empty();
        complete.then(|| Self::Git { repository: repository.into(), revision: revision.to_owned() })
    }
}

impl fmt::Display for XenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debian417 => f.write_str("debian:4.17"),
            Self::Debian420 => f.write_str("debian:4.20"),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Git { repository, revision } => write!(f, "{}@{revision}", repository.display()),
        }
    }
}

impl FromStr for XenSource {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        let found = match given {
            "debian:4.17" => Some(Self::Debian417),
            "debian:4.20" => Some(Self::Debian420),
            // A misspelt name should not be looked for as a folder.
            other if other.is_empty() || other.starts_with("debian:") => None,
            other => Self::of_this_machine(other, Path::exists),
        };
        found.ok_or_else(|| {
            Error::Source(SourceError::UnknownSource {
                given: crate::text::escape(given.as_bytes()),
                known: Self::PINNED.map(str::to_owned).to_vec(),
            })
        })
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
            Err(Error::Machine(MachineError::Mode { given: crate::text::escape(given.as_bytes()) }))
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
    /// Lines for its configuration, such as `CONFIG_DEBUG=y`.
    pub options: Vec<String>,
    /// What dom0 does: the name of a built-in workload or, if it has a `/` in it, the path of a
    /// script.
    pub workload: String,
    /// Names and values of the workload's parameters that are not to be as its header says.
    pub parameters: Vec<(String, String)>,
    /// Statically linked programs that guests find in their `/bin`.
    pub guest_programs: Vec<PathBuf>,
    /// A device tree with guests that Xen starts, for a workload without dom0.
    pub dtb: Option<PathBuf>,
    /// What lies where in the machine's memory, if that tree names more than the lab's own kernel
    /// and initramfs.
    pub loads: Vec<(u64, PathBuf)>,
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
            Some(
                "no Xen source `debian:4.19`: use debian:4.17, debian:4.20, the path of a source tree, or GIT@REVISION"
            )
        );
        assert!(parse("").is_err());
        for name in XenSource::PINNED {
            assert_eq!(parse(name).ok().map(|s| s.to_string()).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_revision_is_told_from_a_path_by_what_is_there() {
        let known = |path: &Path| ["xen.git", "a@b", "x", "x@y"].iter().any(|known| path == Path::new(known));
        let read = |text: &str| XenSource::of_this_machine(text, known);
        let git = |repository: &str, revision: &str| {
            Some(XenSource::Git { repository: repository.into(), revision: revision.to_owned() })
        };
        assert_eq!(read("xen.git@staging"), git("xen.git", "staging"));
        assert_eq!(read("a@b"), Some(XenSource::Path("a@b".into())));
        assert_eq!(read("a@b@HEAD@{1}"), git("a@b", "HEAD@{1}"));
        // What is there as a whole comes first, then the shortest name that is there.
        assert_eq!(read("x@y"), Some(XenSource::Path("x@y".into())));
        assert_eq!(read("x@y@z"), git("x", "y@z"));
        // Nothing is there: it will be said of the repository.
        assert_eq!(read("none@staging"), git("none", "staging"));
        assert_eq!(read("none"), Some(XenSource::Path("none".into())));
        assert_eq!(read("xen.git@"), None);
        assert_eq!(read("@staging"), None);
        let shown = git("xen.git", "staging").map(|source| source.to_string());
        assert_eq!(shown.as_deref(), Some("xen.git@staging"));
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
