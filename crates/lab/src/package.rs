//! A package's file in the cache.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a run's record says of it, and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Package {
    /// By Debian's name.
    pub(crate) name: String,
    /// By Debian's counting, such as `6.1.192-2`.
    pub(crate) version: String,
    /// By Debian's name, such as `amd64`; `all` for all.
    pub(crate) architecture: String,
    /// The file's, in lower-case hex.
    pub(crate) sha256: String,
    /// Name and version of what the kept lists named, if no mirror has that any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instead_of: Option<String>,
    /// The file; empty in what is read from a record.
    #[serde(skip)]
    pub(crate) path: PathBuf,
}
