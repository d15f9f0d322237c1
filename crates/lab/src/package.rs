//! A package's file in the cache.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a run's record says of it, and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// By Debian's name.
    pub name: String,
    /// By Debian's counting, such as `6.1.192-2`.
    pub version: String,
    /// By Debian's name, such as `amd64`; `all` for all.
    pub architecture: String,
    /// The file's, in lower-case hex.
    pub sha256: String,
    /// Name and version of what the kept lists named, if no mirror has that any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// The file; empty in what is read from a record.
    #[serde(skip)]
    pub path: PathBuf,
}
