use std::path::PathBuf;

use super::class::Class;
use super::shown::Lines;

/// Xen is not configured as it should be, or does not build.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Xen's configuration does not have what stacks and symbols need.
    #[error(
        "Xen's final configuration lacks {}; without {} the log cannot be read. \
         The whole configuration: {}", missing.join(", "), if missing.len() == 1 { "it" } else { "them" }, config.display()
    )]
    Config {
        /// The options that are not `=y`.
        missing: Vec<String>,
        /// A copy of the final `.config`.
        config: PathBuf,
    },
    /// Xen's final configuration is not as the user wants it.
    #[error(
        "Xen's final configuration does not have {}: an option that it depends on is not set, or another option \
         selects it. The whole configuration: {}", refused.join(", "), config.display()
    )]
    RefusedOptions {
        /// The lines that were asked for.
        refused: Vec<String>,
        /// A copy of the final `.config`.
        config: PathBuf,
    },
    /// This Xen has no such options.
    #[error("this Xen has no such option: {}", .0.join(", "))]
    UnknownOptions(Vec<String>),
    /// A tree's options cannot be read.
    #[error("cannot read which options there are: {0}")]
    Kconfig(Box<xenheap_facts::Error>),
    /// An option that is none.
    #[error("`{given}` is no line of a configuration: write it as CONFIG_DEBUG=y")]
    NoOption {
        /// As the user gave it.
        given: String,
    },
    /// What the compiler knew of calls cannot be kept.
    #[error("cannot keep what the compiler wrote about calls: {0}")]
    Analysis(Box<xenheap_facts::Error>),
    /// Xen does not build.
    #[error("building Xen failed in `{step}` ({status}){}\nThe whole log: {}", Lines(lines), log.display())]
    Make {
        /// The make target.
        step: String,
        /// How make ended.
        status: String,
        /// The log's relevant lines, escaped.
        lines: Vec<String>,
        /// The whole log.
        log: PathBuf,
    },
}

impl BuildError {
    /// What kind of failure this is.
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Config { .. } | Self::RefusedOptions { .. } | Self::Make { .. } => Class::Run,
            Self::UnknownOptions(_) | Self::NoOption { .. } => Class::Usage,
            Self::Kconfig(_) | Self::Analysis(_) => Class::Input,
        }
    }
}
