//! Files that are there as a whole or not at all.

use std::{
    fs::Permissions,
    io::{self, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Makes a file of what `write` writes: under its name there is the whole file, or what was there
/// before.
///
/// Until it is whole it lies under a temporary name in the same folder; on an error nothing is left
/// of it.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // The user's umask applies to these, as to every file that a program makes.
    let ordinary = Permissions::from_mode(0o666);
    let file = tempfile::Builder::new().permissions(ordinary).tempfile_in(folder(path))?;
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The folder that a file is in.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
