//! Xen's source: fetched or found, and unpacked to be read.

use std::fs;
use std::path::PathBuf;

use crate::cache::Cache;
use crate::error::{Error, SourceError};
use crate::git;
use crate::origin::Origin;
use crate::pins;
use crate::progress::{Progress, Stage};
use crate::source_archive;
use crate::unpack;
use crate::xen_source::XenSource;
use crate::xen_tree;

/// Sees to it that the source is on this machine.
pub fn fetch(cache: &Cache, source: &XenSource, progress: &dyn Progress) -> Result<Origin, Error> {
    progress.start(Stage::Source, &format!("getting Xen: {source}"));
    let origin = match source {
        XenSource::Debian417 | XenSource::Debian420 => {
            let pin = pins::pin(&source.to_string())?;
            let archive = source_archive::get(cache, &pin, progress)?;
            progress.finish(Stage::Source, &format!("Debian's {}", archive.pin.version));
            Origin::Archive(archive)
        }
        XenSource::Path(given) => {
            let path = given.canonicalize().map_err(Error::io("find the source tree", given))?;
            if git::is_bare(&path) {
                return Err(Error::Source(SourceError::NoRevision(given.clone())));
            }
            xen_tree::check(&path)?;
            progress.finish(Stage::Source, "a tree of this machine");
            Origin::Tree { path }
        }
        XenSource::Git { repository, revision } => {
            let (facts, path) = git::export(cache, repository, revision, progress)?;
            progress.finish(Stage::Source, &format!("commit {}", facts.commit));
            Origin::Git { facts, path }
        }
    };
    Ok(origin)
}

/// The source as a folder, not instrumented: a pinned one unpacked in the cache, which is not to be
/// changed, or the tree that the user named. An unpacked one has what the hypervisor's build needs,
/// and no more; a revision has all of its files.
pub fn source_tree(cache: &Cache, origin: &Origin, progress: &dyn Progress) -> Result<PathBuf, Error> {
    let (pin, archive) = match origin {
        Origin::Tree { path } | Origin::Git { path, .. } => return Ok(path.clone()),
        Origin::Archive(archive) => (&archive.pin, &archive.path),
    };
    let name = format!("xen-{}", pin.version);
    let _lock = cache.lock(&format!("tree-{name}"), Stage::Source, progress)?;
    // The hash is in the path: another pin of the same version must not find this one's tree.
    let folder = cache.folder("trees")?.join(&pin.sha256);
    let tree = folder.join(&name);
    if !tree.is_dir() {
        progress.start(Stage::Source, "unpacking the source");
        let work = cache.work_folder(&format!("tree-{name}"))?;
        unpack::part(archive, xen_tree::HYPERVISOR, &work)?;
        fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
        fs::rename(&work, &tree).map_err(Error::io("write", &tree))?;
        progress.finish(Stage::Source, "unpacked");
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_xen_is_refused() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let source = XenSource::Path(folder.path().to_path_buf());
        let cache = Cache::at(folder.path().join("cache"));
        let error = fetch(&cache, &source, &crate::progress::Silent).err();
        assert!(matches!(error, Some(Error::Source(SourceError::NotXen { .. }))), "{error:?}");
        let source = XenSource::Path(folder.path().join("none"));
        let error = fetch(&cache, &source, &crate::progress::Silent).err();
        assert!(matches!(error, Some(Error::Io { .. })), "{error:?}");
        Ok(())
    }
}
