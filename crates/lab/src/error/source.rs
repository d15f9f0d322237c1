use std::path::PathBuf;

use xenheap_recorder::GitError;

use super::class::Class;

/// What was named is no Xen that could be taken, or not one for the recorder.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// What was named is not a Xen tree.
    #[error("{} is not a Xen source tree: it has no {missing}", path.display())]
    NotXen {
        /// What was given.
        path: PathBuf,
        /// What every Xen tree has.
        missing: &'static str,
    },
    /// A git repository was named where a tree, or a revision in it, is needed.
    #[error("{} is a git repository without a work tree: name what to take from it, such as {}@HEAD", .0.display(), .0.display())]
    NoRevision(PathBuf),
    /// A git repository cannot be read, or does not have such a revision.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A revision is not of Xen.
    #[error("{revision} in {} is not a Xen source tree: it has no {missing}", path.display())]
    NotXenRevision {
        /// The repository.
        path: PathBuf,
        /// The revision, escaped.
        revision: String,
        /// What every Xen tree has.
        missing: &'static str,
    },
    /// Nothing is called so.
    #[error("no Xen source `{given}`: use {}, the path of a source tree, or GIT@REVISION", known.join(", "))]
    UnknownSource {
        /// What was given.
        given: String,
        /// What is known.
        known: Vec<String>,
    },
    /// The recorder cannot be put into the tree.
    #[error("the recorder cannot be put into {source_name}")]
    Recorder {
        /// Which tree, as the user named it.
        source_name: String,
        /// What the recorder says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SourceError {
    /// What kind of failure this is.
    pub(super) fn class(&self) -> Class {
        match self {
            Self::NotXen { .. } | Self::NotXenRevision { .. } | Self::Recorder { .. } => Class::Input,
            Self::NoRevision(_) | Self::UnknownSource { .. } => Class::Usage,
            Self::Git(GitError::NoGit) => Class::Usage,
            Self::Git(GitError::Start(_)) => Class::Run,
            Self::Git(_) => Class::Input,
        }
    }
}
