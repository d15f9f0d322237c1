use std::path::PathBuf;

use super::class::Class;
use super::fault::BootFault;
use super::shown::Lines;

/// A machine that cannot be made, or that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The mode is not one that the recorder has.
    #[error(
        "no recorder mode `{given}`: use `off`, or one or more of `trace`, `warn`, `summary` with commas between"
    )]
    Mode {
        /// What was given.
        given: String,
    },
    /// Something cannot be an argument of Xen's.
    #[error("`{given}` cannot be an argument of Xen's: it must be one word of printable ASCII")]
    Argument {
        /// What was given, escaped.
        given: String,
    },
    /// The results' folder is not empty.
    #[error("{} exists and is not empty; name another folder with --out-dir, or remove it", .0.display())]
    OutputExists(PathBuf),
    /// A device tree of the user's is not one of a machine without dom0.
    #[error("{} is no device tree of a machine whose guests Xen starts: {reason}", path.display())]
    Partition {
        /// The tree.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// QEMU's device tree is not what it always was.
    #[error("the machine's device tree cannot be made: {0}")]
    DeviceTree(String),
    /// The machine did not come to its end.
    #[error("{fault}{}\nThe whole log: {}", Lines(lines), log.display())]
    Boot {
        /// What happened.
        fault: BootFault,
        /// The console's last lines, escaped.
        lines: Vec<String>,
        /// The whole log.
        log: PathBuf,
    },
}

impl MachineError {
    /// What kind of failure this is.
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Mode { .. } | Self::Argument { .. } | Self::OutputExists(_) => Class::Usage,
            Self::Partition { .. } => Class::Input,
            Self::DeviceTree(_) | Self::Boot { .. } => Class::Run,
        }
    }
}
