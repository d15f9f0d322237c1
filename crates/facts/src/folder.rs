//! Finding the files of a build.

use std::{fs, path::Path};

use crate::Error;

/// Files below a folder whose names are wanted: their paths below it, with `/`, sorted. Links to folders are not followed.
pub fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let mut waiting = vec![String::new()];
    while let Some(below) = waiting.pop() {
        let place = folder.join(&below);
        let io = |source| Error::Io { path: place.clone(), source };
        for entry in fs::read_dir(&place).map_err(io)? {
            let entry = entry.map_err(io)?;
            // A name that is no text is none of the compiler's.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
            let kind = entry.file_type().map_err(io)?;
            if kind.is_dir() {
                waiting.push(path);
            } else if kind.is_file() && wanted(&name) {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}
