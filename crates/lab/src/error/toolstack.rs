use super::class::Class;

/// There is no such toolstack.
#[derive(Debug, thiserror::Error)]
pub enum ToolstackError {
    /// Debian has no toolstack for that Xen.
    #[error("Debian has no toolstack for Xen {version}, only for 4.17 and 4.20: use --toolstack tree")]
    NoToolstack {
        /// Xen's version.
        version: String,
    },
    /// `--toolstack` names none.
    #[error("no toolstack `{given}`: use `debian` or `tree`")]
    UnknownToolstack {
        /// What was given, escaped.
        given: String,
    },
}

impl ToolstackError {
    /// What kind of failure this is.
    pub(super) fn class(&self) -> Class {
        Class::Usage
    }
}
