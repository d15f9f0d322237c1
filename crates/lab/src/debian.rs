//! Debian's releases, and what its package indexes hold.

use std::fmt;

use serde::Deserialize;

/// A release that packages and sources are taken from, in small letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Release {
    /// Debian 12, with Xen 4.17.
    Bookworm,
    /// Debian 13, with Xen 4.20.
    Trixie,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        })
    }
}

/// The value of a field in a paragraph of an index.
pub(crate) fn field<'a>(paragraph: &'a str, name: &str) -> Option<&'a str> {
    paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim)
}

/// Whether it can be a part of a file's name and of a command line.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['-', '.'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.~:_".contains(&byte))
}
