//! What can go wrong, in words that say what to do next.

mod build;
mod class;
mod fault;
mod machine;
mod package;
mod shown;
mod source;
mod toolstack;
mod workload;

use std::path::{Path, PathBuf};

pub use build::BuildError;
pub use class::Class;
pub use fault::{BootFault, Phase};
pub use machine::MachineError;
pub use package::PackageError;
use shown::Lines;
pub use source::SourceError;
pub use toolstack::ToolstackError;
pub use workload::WorkloadError;

/// Anything that stops a lab run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read, written, or moved.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: a verb that the path completes.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A program of the machine could not be started.
    #[error("cannot run `{program}`")]
    Spawn {
        /// As it was called.
        program: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A program ran and failed; not the build and not the boot, which have their own errors.
    #[error("`{command}` failed ({status}){}", Lines(output))]
    Tool {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it printed, escaped.
        output: Vec<String>,
    },
    /// This machine is no x86-64 Linux.
    #[error("the lab builds and boots Xen for x86_64 and needs a machine of that kind; this one is {0}")]
    Host(&'static str),
    /// The user stopped the run.
    #[error("stopped before it was done")]
    Cancelled,
    /// A program, a package or a file of Debian's that cannot be had.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// What was named is no Xen that could be taken, or not one for the recorder.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Xen is not configured as it should be, or does not build.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A workload that is not known, or that cannot run so.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// There is no such toolstack.
    #[error(transparent)]
    Toolstack(#[from] ToolstackError),
    /// A machine that cannot be made, or that did not come to its end.
    #[error(transparent)]
    Machine(#[from] MachineError),
}

impl Error {
    /// What kind of failure this is.
    pub fn class(&self) -> Class {
        match self {
            Self::Io { .. } => Class::Input,
            Self::Spawn { .. } | Self::Tool { .. } | Self::Cancelled => Class::Run,
            Self::Host(_) => Class::Usage,
            Self::Package(error) => error.class(),
            Self::Source(error) => error.class(),
            Self::Build(error) => error.class(),
            Self::Workload(error) => error.class(),
            Self::Toolstack(error) => error.class(),
            Self::Machine(error) => error.class(),
        }
    }

    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}

impl From<xenheap_recorder::GitError> for Error {
    fn from(error: xenheap_recorder::GitError) -> Self {
        SourceError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_boot_error_shows_lines_and_log() {
        let error = Error::Machine(MachineError::Boot {
            fault: BootFault::Timeout { limit: Duration::from_secs(300), phase: Phase::Linux },
            lines: vec!["[    1.0] one".into(), "two".into()],
            log: "/runs/a.failed/console.log".into(),
        });
        assert_eq!(
            error.to_string(),
            "the machine had not powered off after 5m; dom0's kernel was starting. \
             A slow or busy host needs a longer --timeout\n  | [    1.0] one\n  | two\n\
             The whole log: /runs/a.failed/console.log"
        );
        assert_eq!(error.class(), Class::Run);
    }

    #[test]
    fn missing_packages_say_how_to_get_them() {
        let error = Error::Package(PackageError::MissingPackages {
            names: vec!["flex".into(), "qemu-system-x86_64".into()],
            packages: vec!["flex".into(), "qemu-system-x86".into()],
        });
        assert_eq!(
            error.to_string(),
            "missing on this machine: flex, qemu-system-x86_64\n\
             `apt-get install --no-install-recommends flex qemu-system-x86` (as root) gets them, and so does --install"
        );
    }

    #[test]
    fn a_refused_configuration_names_options_and_file() {
        let error = Error::Build(BuildError::Config {
            missing: vec!["CONFIG_FRAME_POINTER".into()],
            config: "/c/failed/config".into(),
        });
        assert_eq!(
            error.to_string(),
            "Xen's final configuration lacks CONFIG_FRAME_POINTER; without it the log cannot be read. \
             The whole configuration: /c/failed/config"
        );
    }

    #[test]
    fn a_failed_download_says_where_a_copy_belongs() {
        let error = Error::Package(PackageError::Download {
            file: "xen_1.orig.tar.xz".into(),
            destination: "/c/sources/xen_1.orig.tar.xz".into(),
            tried: vec!["mirror one: 404".into()],
        });
        let text = error.to_string();
        assert!(text.contains("\n  | mirror one: 404\n"), "{text}");
        assert!(text.contains("\n    /c/sources/xen_1.orig.tar.xz\n"), "{text}");
        assert_eq!(error.class(), Class::Network);
    }
}
