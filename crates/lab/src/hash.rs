//! SHA-256 of files, trees and of what a build is made from.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of bytes in memory.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A file's SHA-256.
pub fn file(path: &Path) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    add_file(&mut hasher, path)?;
    Ok(hex(&hasher.finalize()))
}

fn add_file(hasher: &mut Sha256, path: &Path) -> Result<u64, Error> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    loop {
        let count = file.read(&mut buffer).map_err(Error::io("read", path))?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(total);
        };
        hasher.update(bytes);
        total += count as u64;
    }
}

/// A folder's SHA-256, over the names, kinds and contents of all that is in it, in order of name.
pub fn tree(root: &Path) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    add_folder(&mut hasher, root)?;
    Ok(hex(&hasher.finalize()))
}

fn add_folder(hasher: &mut Sha256, folder: &Path) -> Result<(), Error> {
    let mut entries = fs::read_dir(folder)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .map_err(Error::io("read the folder", folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let meta = fs::symlink_metadata(&path).map_err(Error::io("read", &path))?;
        let name = entry.file_name();
        // Each part is followed by its length or by a byte that it cannot hold, so that no two
        // trees read the same.
        hasher.update(name.as_bytes());
        if meta.is_dir() {
            hasher.update(b"\0d(");
            add_folder(hasher, &path)?;
            hasher.update(b"\0)");
        } else if meta.is_symlink() {
            let target = fs::read_link(&path).map_err(Error::io("read", &path))?;
            hasher.update(b"\0l");
            hasher.update(target.as_os_str().as_bytes());
            hasher.update(b"\0");
        } else {
            let runs = meta.permissions().mode() & 0o111 != 0;
            hasher.update(if runs { b"\0x" } else { b"\0f" });
            let mut body = Sha256::new();
            add_file(&mut body, &path)?;
            hasher.update(body.finalize());
        }
    }
    Ok(())
}

/// A key over named parts. Any difference in any part makes another key.
pub(crate) fn key(parts: &[(&str, &str)]) -> String {
    let mut hasher = Sha256::new();
    for (name, value) in parts {
        for text in [name, value] {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
    hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn a_file_has_the_well_known_hash() -> Result {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("abc");
        fs::write(&path, "abc")?;
        assert_eq!(file(&path)?, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(file(&folder.path().join("none")).is_err());
        Ok(())
    }

    #[test]
    fn whatever_differs_in_a_tree_shows() -> Result {
        let mut seen = BTreeSet::new();
        for variant in 0..9 {
            let folder = tempfile::tempdir()?;
            let at = |name: &str| folder.path().join(name);
            fs::create_dir(at("d"))?;
            fs::write(at("d/f"), if variant == 1 { "two" } else { "one" })?;
            std::os::unix::fs::symlink(if variant == 2 { "d" } else { "d/f" }, at("l"))?;
            match variant {
                3 => fs::rename(at("d/f"), at("d/g"))?,
                4 => fs::rename(at("d/f"), at("f"))?,
                5 => fs::create_dir(at("e"))?,
                6 => fs::set_permissions(at("d/f"), fs::Permissions::from_mode(0o755))?,
                7 => fs::write(at("e"), "")?,
                8 => {
                    fs::remove_file(at("l"))?;
                    fs::write(at("l"), "d/f")?;
                }
                _ => {}
            }
            assert!(seen.insert(tree(folder.path())?), "variant {variant}");
            assert_eq!(seen.len(), variant + 1);
            assert!(seen.contains(&tree(folder.path())?));
        }
        Ok(())
    }

    #[test]
    fn a_tree_s_hash_does_not_depend_on_place_or_order() -> Result {
        let mut hashes = BTreeSet::new();
        for names in [["a", "b", "c"], ["c", "a", "b"]] {
            let folder = tempfile::tempdir()?;
            for name in names {
                fs::write(folder.path().join(name), name)?;
            }
            hashes.insert(tree(folder.path())?);
        }
        assert_eq!(hashes.len(), 1);
        Ok(())
    }

    #[test]
    fn every_part_of_a_key_counts() {
        let keys: BTreeSet<_> = [
            key(&[("a", "1"), ("b", "2")]),
            key(&[("a", "1"), ("b", "3")]),
            key(&[("a", "1"), ("c", "2")]),
            key(&[("b", "2"), ("a", "1")]),
            key(&[("a", "1b"), ("", "2")]),
            key(&[("a", "1")]),
            key(&[]),
        ]
        .into();
        assert_eq!(keys.len(), 7);
        assert_eq!(key(&[("a", "1"), ("b", "2")]), key(&[("a", "1"), ("b", "2")]));
    }
}
