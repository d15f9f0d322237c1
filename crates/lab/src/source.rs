//! Xen's source: fetched or found, and copied to where it may be changed.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Component, Path, PathBuf};

use crate::apt;
use crate::cache::Cache;
use crate::config::XenSource;
use crate::error::{Error, SourceError};
use crate::git::{self, GitFacts};
use crate::pins::{self, Pin};
use crate::progress::{Progress, Stage};

/// Where a source was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A pinned archive in the cache, whose hash is right.
    Archive {
        /// What it is.
        pin: Pin,
        /// Where it is.
        path: PathBuf,
        /// The pinned version, if no mirror has it any more and this is another.
        instead_of: Option<String>,
    },
    /// A tree of the user's.
    Tree {
        /// Its root: the folder that contains `xen/`.
        path: PathBuf,
    },
    /// A commit of a repository of the user's.
    Git {
        /// Which one.
        facts: GitFacts,
        /// Its whole tree, in the cache.
        path: PathBuf,
    },
}

impl Origin {
    /// As users name it.
    pub fn name(&self) -> String {
        match self {
            Self::Archive { pin, .. } => pin.name.clone(),
            Self::Tree { path } => path.display().to_string(),
            Self::Git { facts, .. } => format!("{}@{}", facts.repository, facts.revision),
        }
    }
}

/// Sees to it that the source is on this machine.
pub fn fetch(cache: &Cache, source: &XenSource, progress: &dyn Progress) -> Result<Origin, Error> {
    progress.start(Stage::Source, &format!("getting Xen: {source}"));
    let origin = match source {
        XenSource::Debian417 | XenSource::Debian420 => {
            let pin = pins::pin(&source.to_string())?;
            let apt::Source { pin, path, instead_of } = apt::source(cache, &pin, progress)?;
            progress.finish(Stage::Source, &format!("Debian's {}", pin.version));
            Origin::Archive { pin, path, instead_of }
        }
        XenSource::Path(given) => {
            let path = given.canonicalize().map_err(Error::io("find the source tree", given))?;
            if git::is_bare(&path) {
                return Err(Error::Source(SourceError::NoRevision(given.clone())));
            }
            is_xen(&path)?;
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
        Origin::Archive { pin, path, .. } => (pin, path),
    };
    let name = format!("xen-{}", pin.version);
    let _lock = cache.lock(&format!("tree-{name}"), Stage::Source, progress)?;
    // The hash is in the path: another pin of the same version must not find this one's tree.
    let folder = cache.folder("trees")?.join(&pin.sha256);
    let tree = folder.join(&name);
    if !tree.is_dir() {
        progress.start(Stage::Source, "unpacking the source");
        let work = cache.work_folder(&format!("tree-{name}"))?;
        unpack(archive, HYPERVISOR, &work)?;
        fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
        fs::rename(&work, &tree).map_err(Error::io("write", &tree))?;
        progress.finish(Stage::Source, "unpacked");
    }
    Ok(tree)
}

/// What every tree of Xen's has.
pub(crate) const SIGNS: [&str; 3] = ["xen/common/page_alloc.c", "xen/Makefile", "Config.mk"];

fn is_xen(root: &Path) -> Result<(), Error> {
    for missing in SIGNS {
        if !root.join(missing).is_file() {
            return Err(Error::Source(SourceError::NotXen { path: root.to_path_buf(), missing }));
        }
    }
    Ok(())
}

/// What of a source is needed for something: files and folders, relative to its root, and always
/// the files beside `Config.mk`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part(&'static [&'static str]);

/// What the hypervisor's build needs.
///
/// The rest (tools, firmware, documentation, other repositories in a developer's tree) is most of
/// the bytes and none of the hypervisor.
pub(crate) const HYPERVISOR: Part = Part(&["config", "tools/flask", "xen"]);

/// What the build of a toolstack needs, of every version. Of the hypervisor that is what tools
/// share with it: a change of the rest makes no other toolstack.
pub(crate) const TOOLSTACK: Part = Part(&[
    "config",
    "m4",
    "scripts",
    "tools",
    "xen/Makefile",
    "xen/arch/x86/include",
    "xen/arch/x86/lib",
    "xen/common/bunzip2.c",
    "xen/common/decompress.c",
    "xen/common/decompress.h",
    // By this one `configure` knows the tree.
    "xen/common/kernel.c",
    "xen/common/libelf",
    "xen/common/lz4",
    "xen/common/lzo.c",
    "xen/common/unlz4.c",
    "xen/common/unlzma.c",
    "xen/common/unlzo.c",
    "xen/common/unxz.c",
    "xen/common/unzstd.c",
    "xen/common/xz",
    "xen/common/zstd",
    "xen/include",
    "xen/lib",
    "xen/tools",
    "xen/xsm/flask/policy",
]);

impl Part {
    fn needs(self, path: &Path) -> bool {
        // The settings of a configured tree are its user's.
        (path.components().count() == 1 && path != Path::new(".config"))
            || self.0.iter().any(|needed| path.starts_with(needed))
    }

    /// Whether something in that folder may be needed.
    fn enters(self, folder: &Path) -> bool {
        !folder.file_name().is_some_and(|name| name == ".git" || name == ".hg")
            && self.0.iter().any(|needed| folder.starts_with(needed) || Path::new(needed).starts_with(folder))
    }
}

/// Unpacks what is needed of an archive, without its top folder.
pub(crate) fn unpack(archive: &Path, part: Part, to: &Path) -> Result<(), Error> {
    let file = File::open(archive).map_err(Error::io("open", archive))?;
    let decoder = liblzma::read::XzDecoder::new(BufReader::new(file));
    unpack_tar(decoder, to, |path| part.needs(path)).map_err(Error::io("unpack", archive))
}

/// The same with everything that is in it, of an archive that comes as a stream.
pub(crate) fn unpack_all(stream: impl io::Read, to: &Path) -> io::Result<()> {
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

/// Copies what is needed of a tree. Returns whether the tree had been built in, so that the copy
/// must be cleaned.
pub(crate) fn copy(from: &Path, part: Part, to: &Path) -> Result<bool, Error> {
    let mut built = false;
    copy_folder(from, part, Path::new(""), to, &mut built)?;
    Ok(built)
}

fn copy_folder(root: &Path, part: Part, folder: &Path, to: &Path, built: &mut bool) -> Result<(), Error> {
    let source = root.join(folder);
    let target = to.join(folder);
    fs::create_dir_all(&target).map_err(Error::io("make the folder", &target))?;
    for entry in fs::read_dir(&source).map_err(Error::io("read the folder", &source))? {
        let entry = entry.map_err(Error::io("read the folder", &source))?;
        let path = folder.join(entry.file_name());
        let from = entry.path();
        let to_path = to.join(&path);
        let kind = entry.file_type().map_err(Error::io("read", &from))?;
        if kind.is_dir() {
            if part.enters(&path) {
                copy_folder(root, part, &path, to, built)?;
            }
        } else if !part.needs(&path) {
        } else if is_product(&path) {
            *built = true;
        } else if kind.is_symlink() {
            let link = fs::read_link(&from).map_err(Error::io("read", &from))?;
            // A build leaves links that name the tree itself; through such a one the copy's build
            // would write there.
            if link.is_absolute() {
                *built = true;
            } else {
                std::os::unix::fs::symlink(&link, &to_path).map_err(Error::io("write", &to_path))?;
            }
        } else if kind.is_file() {
            fs::copy(&from, &to_path).map_err(Error::io("copy", &from))?;
        }
    }
    Ok(())
}

/// What a build leaves: not worth copying, and a sign that the copy needs a cleaning.
fn is_product(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path == Path::new("xen/.config")
        || path == Path::new("config/Tools.mk")
        || name.ends_with(".o")
        || (name.starts_with('.') && name.ends_with(".cmd"))
        || (path.parent() == Some(Path::new("xen"))
            && (name.starts_with("xen-syms") || name.starts_with("xen.efi")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn listing(root: &Path) -> io::Result<BTreeSet<String>> {
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

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_copy_has_the_sources_and_nothing_else() -> Result {
        let from = tempfile::tempdir()?;
        let to = tempfile::tempdir()?;
        let at = |name: &str| from.path().join(name);
        for name in [
            "Config.mk",
            ".config",
            ".gitarchive-info",
            ".git/config",
            "config/x86_64.mk",
            "docs/a",
            "tools/libs/a.c",
            "tools/flask/policy/a",
            "xen/Makefile",
            "xen/.git/HEAD",
            "xen/.config",
            "xen/xen-syms",
            "xen/common/a.c",
            "xen/common/a.o",
            "xen/common/.a.o.cmd",
        ] {
            let path = at(name);
            fs::create_dir_all(path.parent().ok_or("no parent")?)?;
            fs::write(path, name)?;
        }
        std::os::unix::fs::symlink("a.c", at("xen/common/b.c"))?;
        std::os::unix::fs::symlink(at("xen"), at("xen/source"))?;

        assert!(copy(from.path(), HYPERVISOR, to.path())?);
        assert_eq!(
            listing(to.path())?,
            set(&[
                "Config.mk",
                ".gitarchive-info",
                "config/x86_64.mk",
                "tools/flask/policy/a",
                "xen/Makefile",
                "xen/common/a.c",
                "xen/common/b.c",
            ])
        );
        assert_eq!(fs::read_to_string(to.path().join("xen/common/b.c"))?, "xen/common/a.c");

        let again = tempfile::tempdir()?;
        assert!(!copy(to.path(), HYPERVISOR, again.path())?, "a clean tree was called built");
        Ok(())
    }

    #[test]
    fn a_toolstack_is_made_of_tools_and_what_they_share_with_the_hypervisor() -> Result {
        let from = tempfile::tempdir()?;
        let to = tempfile::tempdir()?;
        let shared = ["Config.mk", "configure", "m4/a", "tools/libs/a.c", "tools/xl/b.c", "xen/Makefile"];
        let shared = [&shared[..], &["xen/common/libelf/c.c", "xen/include/public/d.h"]].concat();
        let others = [".config", ".git/config", "docs/a", "stubdom/a", "xen/common/page_alloc.c"];
        for name in shared.iter().chain(&others) {
            let path = from.path().join(name);
            fs::create_dir_all(path.parent().ok_or("no parent")?)?;
            fs::write(path, name)?;
        }
        assert!(!copy(from.path(), TOOLSTACK, to.path())?);
        assert_eq!(listing(to.path())?, set(&shared));

        let again = tempfile::tempdir()?;
        fs::create_dir(from.path().join("config"))?;
        fs::write(from.path().join("config/Tools.mk"), "")?;
        assert!(copy(from.path(), TOOLSTACK, again.path())?, "a configured tree was called clean");
        assert_eq!(listing(again.path())?, set(&shared));
        Ok(())
    }

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

    #[test]
    fn what_is_no_xen_is_refused() -> Result {
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
