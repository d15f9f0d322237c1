//! Where reports go.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use serde::Serialize;
use xenheap_output::{write_json, write_whole};

use crate::failure::Failure;

/// Prints bytes.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    stdout(|out| out.write_all(bytes))
}

/// Writes into the file that the user named, or prints.
pub fn to(
    file_or_stdout: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    match file_or_stdout {
        Some(path) => file(path, write),
        None => stdout(write),
    }
}

/// Prints what `write` writes.
pub fn stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(|error| Failure::output("to standard output", &error))
}

/// Prints a value as JSON, in which nothing but printable ASCII stands.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    stdout(|out| write_json(value, out))
}

/// Makes a file of what `write` writes, with the folders it lies in. It is there as a whole or not
/// at all.
pub fn file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let folders = path.parent().map_or(Ok(()), fs::create_dir_all);
    folders.and_then(|()| write_whole(path, write)).map_err(|error| Failure::write(path, &error))
}
