use std::{io, path::PathBuf};

use thiserror::Error;
use xenheap_model::Arch;

/// An image that cannot be used.
#[derive(Debug, Error)]
pub enum ImageError {
    /// The file cannot be read.
    #[error("cannot read the image {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not an ELF file.
    #[error(
        "{path} is not an ELF image ({source}): pass the file `xen-syms` of the build, not the compressed `xen.gz` or `xen.efi`"
    )]
    NotElf {
        /// The file.
        path: PathBuf,
        /// Why.
        source: object::Error,
    },
    /// It is for a machine that Xen does not run on.
    #[error("{path} is an image for {machine}, which is none of x86_64, arm64 and arm32")]
    Machine {
        /// The file.
        path: PathBuf,
        /// As the ELF header says.
        machine: String,
    },
    /// It has no symbols.
    #[error(
        "{path} has no symbols of Xen's text: it is stripped, or not Xen; pass the file `xen-syms` of the build, which lies beside `xen`"
    )]
    NoSymbols {
        /// The file.
        path: PathBuf,
    },
    /// Its debug information cannot be read.
    #[error("the debug information of {path} cannot be read: {source}")]
    Dwarf {
        /// The file.
        path: PathBuf,
        /// Why.
        source: gimli::Error,
    },
}

/// An image that is not the one which ran: its names would be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// The build ids differ.
    #[error("the log was made by the build {log}, the image is the build {image}")]
    BuildId {
        /// What the log's header says.
        log: String,
        /// What the image says.
        image: String,
    },
    /// The architectures differ.
    #[error("the log is of {}, the image is for {}", log.as_str(), image.as_str())]
    Arch {
        /// What the log says.
        log: Arch,
        /// What the image says.
        image: Arch,
    },
    /// There is no build id to compare, but the text is not the same.
    #[error(
        "the text of the Xen that ran is {log} bytes long, that of the image {image} (there is no build id to compare)"
    )]
    Text {
        /// Length according to the log's header.
        log: u64,
        /// Length in the image.
        image: u64,
    },
}
