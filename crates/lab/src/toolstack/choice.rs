//! Which toolstack it is: Debian's, or the tree's own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::cache::Cache;
use crate::debian::Release;
use crate::error::{Error, ToolstackError};
use crate::origin::Origin;
use crate::progress::{Progress, Stage};
use crate::toolbuild::{self, Toolstack};

/// Where a toolstack comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolstackSource {
    /// Debian's packages.
    #[default]
    Debian,
    /// Built from the same source as Xen.
    Tree,
}

impl ToolstackSource {
    /// In the order in which messages name them.
    pub const ALL: [Self; 2] = [Self::Debian, Self::Tree];
}

impl fmt::Display for ToolstackSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debian => "debian",
            Self::Tree => "tree",
        })
    }
}

impl FromStr for ToolstackSource {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|one| one.to_string() == given).ok_or_else(|| {
            Error::Toolstack(ToolstackError::UnknownToolstack {
                given: crate::text::escape(given.as_bytes()),
            })
        })
    }
}

/// What is known of the toolstack that is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToolstackConfig<'a> {
    /// The source of the Xen that it is for.
    pub(crate) origin: &'a Origin,
    /// Where it shall come from, if the user said.
    pub(crate) from: Option<ToolstackSource>,
    /// How many compilers run at once.
    pub(crate) jobs: usize,
}

/// A toolstack that was decided on.
pub(crate) enum Chosen {
    /// That of a release of Debian's, for the version.
    Debian(Release, String),
    /// The tree's own.
    Tree(Toolstack),
}

/// The release of Debian's that has a toolstack for that Xen: a toolstack works with no other
/// version.
fn release(xen: &str) -> Option<(Release, String)> {
    let numbers = xen.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
    let version = numbers.split('.').take(2).collect::<Vec<_>>().join(".");
    match version.as_str() {
        "4.17" => Some((Release::Bookworm, version)),
        "4.20" => Some((Release::Trixie, version)),
        _ => None,
    }
}

/// Decides which toolstack it is, and builds it if it is the tree's.
pub(crate) fn choose(
    cache: &Cache,
    xen: &str,
    config: &ToolstackConfig<'_>,
    progress: &dyn Progress,
) -> Result<Chosen, Error> {
    let debian = release(xen);
    match (config.from, debian) {
        (None | Some(ToolstackSource::Debian), Some((release, version))) => {
            return Ok(Chosen::Debian(release, version));
        }
        (Some(ToolstackSource::Debian), None) => {
            return Err(Error::Toolstack(ToolstackError::NoToolstack {
                version: crate::text::escape(xen.as_bytes()),
            }));
        }
        (None, None) => {
            let what = format!("Debian has no toolstack for Xen {xen}: building the toolstack of the source");
            progress.note(Stage::Toolstack, &crate::text::escape(what.as_bytes()));
        }
        (Some(ToolstackSource::Tree), _) => {}
    }
    toolbuild::build(cache, config.origin, config.jobs, progress).map(Chosen::Tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_xen_has_its_release() {
        assert_eq!(release("4.17.5"), Some((Release::Bookworm, "4.17".to_owned())));
        assert_eq!(release("4.20-rc"), Some((Release::Trixie, "4.20".to_owned())));
        assert_eq!(release("4.23-unstable"), None);
    }

    #[test]
    fn sources_are_read_and_written() {
        for source in ToolstackSource::ALL {
            assert_eq!(source.to_string().parse::<ToolstackSource>().ok(), Some(source));
            assert_eq!(serde_json::to_value(source).ok(), Some(source.to_string().into()));
        }
        let error = "Tree".parse::<ToolstackSource>().err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("no toolstack `Tree`: use `debian` or `tree`"));
    }

    #[test]
    fn debian_s_is_taken_where_there_is_one_unless_the_user_says_otherwise() {
        let folder = std::env::temp_dir();
        let origin = Origin::Tree { path: folder.join("none") };
        let choose = |xen, from| {
            let config = ToolstackConfig { origin: &origin, from, jobs: 1 };
            choose(&Cache::at(folder.join("no-cache")), xen, &config, &crate::progress::Silent)
        };
        for from in [None, Some(ToolstackSource::Debian)] {
            let chosen = choose("4.17.5", from);
            assert!(matches!(chosen, Ok(Chosen::Debian(Release::Bookworm, version)) if version == "4.17"));
        }
        let error = choose("4.22.0", Some(ToolstackSource::Debian)).err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("Debian has no toolstack for Xen 4.22.0, only for 4.17 and 4.20: use --toolstack tree")
        );
    }
}
