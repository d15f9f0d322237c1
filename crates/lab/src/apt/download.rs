//! What arrives through apt, and is taken if it is what was asked for.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::error::{Error, PackageError};
use crate::hash;
use crate::run_tool::{last_words, output};
use crate::supervise::describe;

/// apt's program for downloads by address. It is in the `apt` package, outside the search path.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// Run as root, apt would download as another user, who cannot write to the cache, and complain of
/// it.
pub(super) const AS_WE_ARE: &str = "APT::Sandbox::User=root";

/// Downloads what lies at an address into a file; `Err` with a reason if it did not come.
pub(crate) fn by_address(address: &str, sha256: &str, to: &Path) -> Result<Result<(), String>, Error> {
    let arguments = ["-o", AS_WE_ARE, "download-file", address]
        .map(OsString::from)
        .into_iter()
        .chain([to.to_path_buf().into_os_string(), format!("SHA256:{sha256}").into()]);
    let done = output(HELPER, arguments, None)?;
    if done.status.success() && to.exists() {
        return Ok(Ok(()));
    }
    let said = last_words(&done).into_iter().find(|line| line.starts_with("E: "));
    Ok(Err(said.unwrap_or_else(|| describe(done.status))))
}

/// Moves a download to its place, if it is what was asked for.
pub(crate) fn accept(arrived: &Path, path: &Path, expected: &str) -> Result<(), Error> {
    let found = hash::file(arrived)?;
    if found != expected {
        return Err(Error::Package(PackageError::Hash {
            path: arrived.to_path_buf(),
            expected: expected.to_owned(),
            found,
        }));
    }
    fs::rename(arrived, path).map_err(Error::io("write", path))
}
