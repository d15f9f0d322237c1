//! Unpacking archives of Xen trees.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Component, Path, PathBuf};

use crate::error::Error;
use crate::xen_tree::Part;

/// Unpacks what is needed of an archive, without its top folder.
pub(crate) fn part(archive: &Path, wanted: Part, to: &Path) -> Result<(), Error> {
    let file = File::open(archive).map_err(Error::io("open", archive))?;
    let decoder = liblzma::read::XzDecoder::new(BufReader::new(file));
    unpack_tar(decoder, to, |path| wanted.needs(path)).map_err(Error::io("unpack", archive))
}

/// The same with everything that is in it, of an archive that comes as a stream.
pub(crate) fn all(stream: impl io::Read, to: &Path) -> io::Result<()> {
    unpack_tar(stream, to, |_| true)
}

fn unpack_tar(stream: impl io::Read, to: &Path, is_wanted: impl Fn(&Path) -> bool) -> io::Result<()> {
    for entry in tar::Archive::new(stream).entries()? {
        let mut entry = entry?;
        let Some(path) = below_top(&entry.path()?)? else {
            continue;
        };
        // Folders come with what is in them.
        if entry.header().entry_type().is_dir() || !is_wanted(&path) {
            continue;
        }
        let place = to.join(&path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        entry.unpack(&place)?;
    }
    Ok(())
}

/// A path of an archive without its first part; one that would leave the folder is an error.
fn below_top(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut parts = path.components().filter(|part| *part != Component::CurDir);
    parts.next();
    let rest: PathBuf = parts.collect();
    if rest.components().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(io::Error::other(format!(
            "it holds an unsafe path, {}",
            crate::text::escape(path.as_os_str().as_encoded_bytes())
        )));
    }
    Ok(Some(rest).filter(|rest| !rest.as_os_str().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{listing, set};
    use crate::xen_tree::HYPERVISOR;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn tar_of(names: &[&str]) -> io::Result<Vec<u8>> {
        let mut builder = tar::Builder::new(Vec::new());
        for name in names {
            let mut header = tar::Header::new_gnu();
            if name.ends_with('/') {
                header.set_entry_type(tar::EntryType::Directory);
            }
            header.set_mode(0o755);
            header.set_size(0);
            // Not through set_path: that refuses what an archive may contain all the same.
            let field = &mut header.as_gnu_mut().ok_or(io::ErrorKind::Other)?.name;
            for (to, from) in field.iter_mut().zip(name.bytes()) {
                *to = from;
            }
            header.set_cksum();
            builder.append(&header, io::empty())?;
        }
        builder.into_inner()
    }

    #[test]
    fn an_archive_is_unpacked_without_its_top() -> Result {
        let to = tempfile::tempdir()?;
        let tar = tar_of(&[
            "xen-4/",
            "xen-4/Config.mk",
            "xen-4/docs/",
            "xen-4/docs/a",
            "xen-4/tools/",
            "xen-4/tools/flask/b",
            "xen-4/xen/",
            "xen-4/xen/common/c",
        ])?;
        unpack_tar(tar.as_slice(), to.path(), |path| HYPERVISOR.needs(path))?;
        assert_eq!(listing(to.path())?, set(&["Config.mk", "tools/flask/b", "xen/common/c"]));
        assert!(!to.path().join("docs").exists());
        Ok(())
    }

    #[test]
    fn an_archive_cannot_write_elsewhere() -> Result {
        let to = tempfile::tempdir()?;
        let tar = tar_of(&["xen-4/xen/../../../evil"])?;
        let error = unpack_tar(tar.as_slice(), &to.path().join("in"), |path| HYPERVISOR.needs(path)).err();
        assert!(error.is_some_and(|error| error.to_string().contains("unsafe path")),);
        assert!(listing(to.path())?.is_empty());
        Ok(())
    }
}
