//! Where reports go.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use tempfile::NamedTempFile;

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

/// Makes a file of what `write` writes, with the folders it lies in. It is there as a whole or not at all.
pub fn file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let make = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut out = io::BufWriter::new(NamedTempFile::new_in(folder)?);
        write(&mut out)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        readable(file.as_file())?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    make().map_err(|error| Failure::write(path, &error))
}

/// A temporary file is its owner's alone; the finished one is an ordinary file.
#[cfg(unix)]
fn readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &fs::File) -> io::Result<()> {
    Ok(())
}
