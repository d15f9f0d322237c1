//! Where reports go.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use xenheap_output::write_whole;
use xenheap_report::Render;

use crate::{busy, failure::Failure};

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
    busy::over();
    let mut out = io::BufWriter::new(io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).map_err(|error| Failure::output("to standard output", &error))
}

/// What a writer says in messages, without the end of its last line; `None`: it says nothing.
pub fn message<T: ?Sized>(renderer: &dyn Render<T>, value: &T) -> Option<String> {
    let mut text = Vec::new();
    renderer.render(value, &mut text).ok()?;
    let text = String::from_utf8(text).ok()?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    (!text.is_empty()).then(|| text.to_owned())
}

/// Makes a file of what `write` writes, with the folders it lies in. It is there as a whole or not
/// at all.
pub fn file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let folders = path.parent().map_or(Ok(()), fs::create_dir_all);
    folders.and_then(|()| write_whole(path, write)).map_err(|error| Failure::write(path, &error))
}
