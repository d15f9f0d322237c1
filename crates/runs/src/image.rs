use std::{error::Error, io::Read, path::Path};

use tracing::info;
use xenheap_symbols::Image;

use crate::RunError;

/// How the names of compressed files end.
pub(crate) const PACKED: [&str; 3] = [".gz", ".xz", ".zst"];

/// Reads an image, compressed or not.
pub fn image(path: &Path) -> Result<Image, RunError> {
    info!("reading the image {:?}", path);
    let is_packed = |end: &&str| path.as_os_str().as_encoded_bytes().ends_with(end.as_bytes());
    if !PACKED.iter().any(is_packed) {
        return Ok(Image::open(path)?);
    }
    let unpack = || -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let mut bytes = Vec::new();
        xenheap_console::open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = unpack().map_err(|source| RunError::Unpack { path: path.to_owned(), source })?;
    Ok(Image::parse(path, &bytes)?)
}
