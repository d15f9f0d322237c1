use std::path::PathBuf;

use super::class::Class;
use super::shown::Lines;

/// A program, a package or a file of Debian's that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Programs are missing.
    #[error(
        "missing on this machine: {}\n`apt-get install --no-install-recommends {}` (as root) gets them, and so does --install",
        names.join(", "), packages.join(" ")
    )]
    MissingPackages {
        /// The programs or files.
        names: Vec<String>,
        /// The Debian packages that have them.
        packages: Vec<String>,
    },
    /// Packages are to be installed by somebody who may not.
    #[error("only root can install packages; run this first:\n    sudo apt-get install --no-install-recommends {}", packages.join(" "))]
    NeedsRoot {
        /// The packages.
        packages: Vec<String>,
    },
    /// apt knows no mirror.
    #[error("apt has no package lists with {what}; run `apt-get update` (as root) and try again")]
    NoPackageLists {
        /// What was looked for.
        what: String,
    },
    /// Debian has no such package.
    #[error("Debian {place} has no package {package}")]
    NoPackage {
        /// What was looked for.
        package: String,
        /// Release and architecture.
        place: String,
    },
    /// No mirror of this machine has a pinned source.
    #[error(
        "{file} could not be downloaded from any mirror in this machine's apt sources{}\n\
         Get it elsewhere (Debian keeps old versions in its snapshot archive) and put it at\n    {}\n\
         where its SHA-256 will be checked, or name a source tree instead",
        Lines(tried), destination.display()
    )]
    Download {
        /// The file's name.
        file: String,
        /// Where a copy made by hand belongs.
        destination: PathBuf,
        /// What was tried, and how each failed.
        tried: Vec<String>,
    },
    /// A package could not be downloaded.
    #[error(
        "package {package} could not be downloaded through this machine's apt; does `apt-get update` (as root) work?{}",
        Lines(output)
    )]
    PackageDownload {
        /// Name and version.
        package: String,
        /// The end of what apt said, escaped.
        output: Vec<String>,
    },
    /// A file is not the one that was asked for.
    #[error("{} is not the expected file: its SHA-256 is {found}, expected {expected}; remove it and try again", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// What it should have.
        expected: String,
        /// What it has.
        found: String,
    },
    /// A package does not contain what it always did.
    #[error("{} contains no {wanted}", path.display())]
    NotInPackage {
        /// The package's file.
        path: PathBuf,
        /// What was looked for.
        wanted: String,
    },
    /// No package has a library that a program needs.
    #[error("none of the packages that {package} depends on has the library {library}")]
    NoLibrary {
        /// The library, escaped.
        library: String,
        /// The package whose file needs it.
        package: String,
    },
    /// busybox cannot run without libraries.
    #[error("the busybox of {package} is not statically linked; the lab's dom0 has no libraries for it")]
    BusyboxNotStatic {
        /// Where it came from.
        package: String,
    },
    /// The pin file cannot be understood.
    #[error("pins.toml: {0}")]
    Pins(String),
}

impl PackageError {
    /// What kind of failure this is.
    pub(super) fn class(&self) -> Class {
        match self {
            Self::MissingPackages { .. } | Self::NeedsRoot { .. } => Class::Usage,
            Self::NoPackageLists { .. }
            | Self::NoPackage { .. }
            | Self::Download { .. }
            | Self::PackageDownload { .. } => Class::Network,
            Self::Hash { .. }
            | Self::NotInPackage { .. }
            | Self::NoLibrary { .. }
            | Self::BusyboxNotStatic { .. }
            | Self::Pins(_) => Class::Input,
        }
    }
}
