//! The verdict file on disk: never damaged, never written over what somebody else wrote meanwhile.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use xenheap_verdicts::VerdictFile;

use crate::{
    failure::{Exit, Failure},
    output,
};

/// A file that was read.
pub struct Store {
    path: PathBuf,
    /// What it contained; `None`: there was none.
    before: Option<Vec<u8>>,
    /// What it says, to be changed.
    pub file: VerdictFile,
}

impl Store {
    /// Reads a file that must be there.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        Self::read(path, false)
    }

    /// Reads a file, or begins one.
    pub fn open_or_new(path: &Path) -> Result<Self, Failure> {
        Self::read(path, true)
    }

    fn read(path: &Path, may_be_missing: bool) -> Result<Self, Failure> {
        let before = match fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) if may_be_missing && error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let text = format!("cannot read the verdict file {}: {error}", path.display());
                return Err(Failure::new(Exit::Input, text));
            }
        };
        let file = match &before {
            None => VerdictFile::default(),
            Some(bytes) => VerdictFile::read(&path.display().to_string(), bytes).map_err(|error| {
                Failure::from_error(Exit::Input, &error)
                    .help("nothing was changed; docs/verdicts.md describes the format")
            })?,
        };
        // A link stays a link: what it points to is replaced.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Ok(Store { path, before, file })
    }

    /// Writes the file if it changed.
    pub fn save(&self) -> Result<(), Failure> {
        let text = self.file.to_string();
        if self.before.as_deref() == Some(text.as_bytes()) {
            return Ok(());
        }
        // What is written can be read again and says the same, or nothing is written.
        let name = self.path.display().to_string();
        let again =
            VerdictFile::parse(&name, &text).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        if again.entries() != self.file.entries() {
            return Err(Failure::usage(format!("{name} would not say what it should; nothing was changed")));
        }
        if fs::read(&self.path).ok() != self.before {
            return Err(Failure::usage(format!(
                "{name} was changed by somebody else meanwhile; nothing was changed"
            ))
            .help("do it again"));
        }
        output::file(&self.path, |out| out.write_all(text.as_bytes()))
    }
}
