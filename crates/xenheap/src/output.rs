//! Where reports go.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use serde::Serialize;
use xenheap_report::{AsciiJson, write_whole};

use crate::failure::Failure;

/// Prints bytes.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    stdout(|out| out.write_all(bytes))
}

/// Prints what `write` writes.
pub fn stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(|error| Failure::output("to standard output", &error))
}

/// Prints a value as JSON, in which nothing but printable ASCII stands.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    stdout(|out| {
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, AsciiJson::default()))?;
        writeln!(out)
    })
}

/// Makes a file of what `write` writes, with the folders it lies in. It is there as a whole or not at all.
pub fn file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let folders = path.parent().map_or(Ok(()), fs::create_dir_all);
    folders.and_then(|()| write_whole(path, write)).map_err(|error| Failure::write(path, &error))
}
