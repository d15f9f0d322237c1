//! Files that people wrote, whatever they are packed in.

use std::{io::Read, path::Path};

use xenheap_verdicts::lines;

use crate::failure::{Exit, Failure};

/// A text, whatever it is packed in.
pub fn read(path: &Path) -> Result<String, Failure> {
    let bytes = read_bytes(path)?;
    let text = lines::decode(&path.display().to_string(), &bytes);
    text.map(str::to_owned).map_err(|error| Failure::from_error(Exit::Input, &error))
}

/// What a file holds, whatever it is packed in.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let failure = |error: &dyn std::error::Error| Failure::from_error(Exit::Input, error);
    let mut input = xenheap_console::open(path).map_err(|error| failure(&error))?;
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(|error| failure(&error))?;
    Ok(bytes)
}
