//! What lies in a folder, for tests.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// The paths of all files and links below a folder, seen from it.
pub(crate) fn listing(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if let Ok(inner) = path.strip_prefix(root) {
                found.insert(inner.display().to_string());
            }
        }
    }
    Ok(found)
}

/// Such a list, to compare with.
pub(crate) fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
