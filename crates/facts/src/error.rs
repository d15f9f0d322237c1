use std::{io, path::PathBuf};

use thiserror::Error;

use crate::ci;

/// A part of a build that cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A list of commands is damaged.
    #[error("{} is no list of compile commands: {source}", path.display())]
    Commands {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A command cannot be replayed.
    #[error("replaying the command for {file}: {what}")]
    Replay {
        /// The source file.
        file: String,
        /// Why not.
        what: String,
    },
    /// A folder has no image.
    #[error("there is no xen-syms in {} or {}: give the folder `xen` of a finished build", folder.display(), folder.join("xen").display())]
    NoImage {
        /// The folder.
        folder: PathBuf,
    },
    /// The image is not an ELF file.
    #[error(
        "{} is not an ELF image ({source}): pass the file `xen-syms` of the build, not the compressed `xen.gz` or `xen.efi`",
        path.display()
    )]
    NotElf {
        /// The file.
        path: PathBuf,
        /// Why.
        source: object::Error,
    },
    /// The image is for another machine.
    #[error("{} is an image for {machine}; call graphs are made for x86_64 and arm64", path.display())]
    Machine {
        /// The file.
        path: PathBuf,
        /// As the ELF header says.
        machine: String,
    },
    /// The image has no symbols.
    #[error(
        "{} has no symbols: it is stripped, or not Xen; pass the file `xen-syms` of the build, which lies beside `xen`",
        path.display()
    )]
    Stripped {
        /// The file.
        path: PathBuf,
    },
    /// The image has no debug information.
    #[error(
        "{} has no debug information: build with CONFIG_DEBUG_INFO=y (a build of the lab has it)",
        path.display()
    )]
    NoDebugInfo {
        /// The file.
        path: PathBuf,
    },
    /// The debug information is damaged.
    #[error("the debug information of {} cannot be read: {source}", path.display())]
    Dwarf {
        /// The file.
        path: PathBuf,
        /// Why.
        source: gimli::Error,
    },
    /// A `.ci` file is damaged.
    #[error(transparent)]
    Ci(#[from] ci::Error),
}
