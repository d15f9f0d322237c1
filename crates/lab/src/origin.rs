//! Where a source was found.

use std::path::PathBuf;

use crate::git::GitFacts;
use crate::source_archive::Archive;

/// A source that is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A pinned archive in the cache.
    Archive(Archive),
    /// A tree of the user's.
    Tree {
        /// Its root: the folder that contains `xen/`.
        path: PathBuf,
    },
    /// A commit of a repository of the user's.
    Git {
        /// Which one.
        facts: GitFacts,
        /// Its whole tree, in the cache.
        path: PathBuf,
    },
}

impl Origin {
    /// As users name it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Archive(archive) => archive.pin.name.clone(),
            Self::Tree { path } => path.display().to_string(),
            Self::Git { facts, .. } => format!("{}@{}", facts.repository, facts.revision),
        }
    }
}
