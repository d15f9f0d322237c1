//! Changing several files as one step.
//!
//! Everything is first written beside its target (and a copy of what it replaces, too), so that
//! what can fail for want of space or permission fails before the first file changes; after that
//! there are only renames. If one of those fails, the ones before it are taken back.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::{Builder, TempPath};

use crate::error::Error;

/// What is to become of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileChange<'a> {
    pub path: &'a Path,
    /// What it must contain now; `None`: it must not exist.
    pub before: Option<&'a [u8]>,
    /// What it will contain; `None`: it will be removed.
    pub after: Option<&'a [u8]>,
}

/// The operations that change a tree; a test replaces them by ones that fail.
pub(crate) trait Disk {
    /// Moves a finished file over its target.
    fn replace(&mut self, finished: TempPath, target: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&mut self, target: &Path) -> io::Result<()>;
}

pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn replace(&mut self, finished: TempPath, target: &Path) -> io::Result<()> {
        finished.persist(target).map_err(|error| error.error)
    }

    fn remove(&mut self, target: &Path) -> io::Result<()> {
        fs::remove_file(target)
    }
}

/// Makes all changes, or none.
pub(crate) fn commit(changes: &[FileChange<'_>], disk: &mut dyn Disk) -> Result<(), Error> {
    let mut staged = Vec::with_capacity(changes.len());
    for change in changes {
        if read_if_any(change.path)?.as_deref() != change.before {
            return Err(Error::ChangedMeanwhile { path: change.path.to_owned() });
        }
        staged.push(
            Staged::new(change).map_err(|source| Error::Write { path: change.path.to_owned(), source })?,
        );
    }

    let mut done: Vec<(PathBuf, Option<TempPath>)> = Vec::with_capacity(staged.len());
    for Staged { target, new, old } in staged {
        let result = match new {
            Some(new) => disk.replace(new, &target),
            None => disk.remove(&target),
        };
        match result {
            Ok(()) => done.push((target, old)),
            Err(source) => return Err(roll_back(done, disk, target, source)),
        }
    }
    Ok(())
}

fn roll_back(
    done: Vec<(PathBuf, Option<TempPath>)>,
    disk: &mut dyn Disk,
    path: PathBuf,
    source: io::Error,
) -> Error {
    let mut left = Vec::new();
    for (target, old) in done.into_iter().rev() {
        let result = match old {
            Some(old) => disk.replace(old, &target),
            None => disk.remove(&target),
        };
        if let Err(error) = result {
            left.push(format!("{}: {error}", target.display()));
        }
    }
    if left.is_empty() {
        Error::Write { path, source }
    } else {
        Error::WriteAndRollback { path, source, left }
    }
}

/// The content of a file, `None` if there is none.
pub(crate) fn read_if_any(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path: path.to_owned(), source }),
    }
}

struct Staged {
    /// Where the file really is, symbolic links resolved.
    target: PathBuf,
    new: Option<TempPath>,
    old: Option<TempPath>,
}

impl Staged {
    fn new(change: &FileChange<'_>) -> io::Result<Self> {
        let Some(before) = change.before else {
            // A link that leads nowhere would be replaced by the file: somebody put it there, so
            // ask.
            if fs::symlink_metadata(change.path).is_ok() {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is a link that leads nowhere"));
            }
            let new = change.after.map(|after| stage(change.path, after, None)).transpose()?;
            return Ok(Self { target: change.path.to_owned(), new, old: None });
        };
        // Through a link, the file it leads to is changed, and the link stays a link.
        let target = fs::canonicalize(change.path)?;
        let like = fs::metadata(&target)?;
        let old = Some(stage(&target, before, Some(&like))?);
        // A removed file is gone under the name it was given, link or not.
        let (target, new) = match change.after {
            Some(after) => {
                let new = stage(&target, after, Some(&like))?;
                (target, Some(new))
            }
            None => (change.path.to_owned(), None),
        };
        Ok(Self { target, new, old })
    }
}

/// Writes a finished file beside its target, with the mode and owner of the file `like`.
fn stage(target: &Path, content: &[u8], like: Option<&fs::Metadata>) -> io::Result<TempPath> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = Builder::new()
        .prefix(".xenheap-")
        // As for any new file: what the umask leaves of it.
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    file.write_all(content)?;
    if let Some(like) = like {
        file.as_file().set_permissions(fs::Permissions::from_mode(like.mode() & 0o7777))?;
        let ours = file.as_file().metadata()?;
        if (ours.uid(), ours.gid()) != (like.uid(), like.gid()) {
            // Only root can give a file away. For others the tree's owner changes, as with any
            // editor that saves by renaming.
            let _ = std::os::unix::fs::fchown(file.as_file(), Some(like.uid()), Some(like.gid()));
        }
    }
    file.as_file().sync_all()?;
    Ok(file.into_temp_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails at the given operations, counted from 0.
    struct BadDisk {
        fails: Vec<usize>,
        count: usize,
    }

    impl BadDisk {
        fn step(&mut self) -> io::Result<()> {
            let now = self.count;
            self.count += 1;
            if self.fails.contains(&now) { Err(io::Error::other("no more")) } else { Ok(()) }
        }
    }

    impl Disk for BadDisk {
        fn replace(&mut self, finished: TempPath, target: &Path) -> io::Result<()> {
            self.step()?;
            RealDisk.replace(finished, target)
        }

        fn remove(&mut self, target: &Path) -> io::Result<()> {
            self.step()?;
            RealDisk.remove(target)
        }
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("edited"), "old").unwrap();
            fs::set_permissions(folder.path().join("edited"), fs::Permissions::from_mode(0o640)).unwrap();
            fs::write(folder.path().join("removed"), "gone").unwrap();
            Self(folder)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// Name, mode and content of everything in it.
        fn state(&self) -> Vec<(String, u32, String)> {
            let mut all: Vec<_> = fs::read_dir(self.0.path())
                .unwrap()
                .map(|entry| {
                    let entry = entry.unwrap();
                    (
                        entry.file_name().into_string().unwrap(),
                        entry.metadata().unwrap().mode() & 0o7777,
                        fs::read_to_string(entry.path()).unwrap_or_default(),
                    )
                })
                .collect();
            all.sort();
            all
        }

        fn commit(&self, disk: &mut dyn Disk) -> Result<(), Error> {
            let paths = [self.path("created"), self.path("edited"), self.path("removed")];
            let changes = [
                FileChange { path: &paths[0], before: None, after: Some(b"made") },
                FileChange { path: &paths[1], before: Some(b"old"), after: Some(b"new") },
                FileChange { path: &paths[2], before: Some(b"gone"), after: None },
            ];
            commit(&changes, disk)
        }
    }

    #[test]
    fn all_changes_are_made() {
        let folder = Folder::new();
        folder.commit(&mut RealDisk).unwrap();
        let state = folder.state();
        assert_eq!(state.len(), 2, "no temporary file stays: {state:?}");
        assert_eq!((state[0].0.as_str(), state[0].2.as_str()), ("created", "made"));
        assert_eq!(state[1], ("edited".to_owned(), 0o640, "new".to_owned()));
    }

    #[test]
    fn a_failure_at_any_step_leaves_everything_as_it_was() {
        for step in 0..3 {
            let folder = Folder::new();
            let before = folder.state();
            let error = folder.commit(&mut BadDisk { fails: vec![step], count: 0 }).unwrap_err();
            assert!(matches!(error, Error::Write { .. }), "{error}");
            assert_eq!(folder.state(), before, "step {step}");
        }
    }

    #[test]
    fn a_failing_rollback_says_what_is_left() {
        let folder = Folder::new();
        // The third operation fails, and so does putting back what the second did.
        let error = folder.commit(&mut BadDisk { fails: vec![2, 3], count: 0 }).unwrap_err();
        let Error::WriteAndRollback { left, .. } = error else { panic!("{error}") };
        assert_eq!(left.len(), 1);
        assert!(left[0].contains("edited: no more"), "{left:?}");
        let names: Vec<String> = folder.state().into_iter().map(|entry| entry.0).collect();
        assert_eq!(names, ["edited", "removed"]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_changes_nothing() {
        let folder = Folder::new();
        let before = folder.state();
        let (edited, below) = (folder.path("edited"), folder.path("removed/below"));
        // `removed` is a file: nothing can be created below it, also not by root.
        let changes = [
            FileChange { path: &edited, before: Some(b"old"), after: Some(b"new") },
            FileChange { path: &below, before: None, after: Some(b"x") },
        ];
        let error = commit(&changes, &mut RealDisk).unwrap_err();
        assert!(error.to_string().contains("removed/below"), "{error}");
        assert_eq!(folder.state(), before);
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_noticed() {
        let folder = Folder::new();
        fs::write(folder.path("edited"), "newer").unwrap();
        let before = folder.state();
        assert!(matches!(folder.commit(&mut RealDisk), Err(Error::ChangedMeanwhile { .. })));
        assert_eq!(folder.state(), before);
        fs::write(folder.path("edited"), "old").unwrap();
        fs::write(folder.path("created"), "by another").unwrap();
        assert!(matches!(folder.commit(&mut RealDisk), Err(Error::ChangedMeanwhile { .. })));
    }

    #[test]
    fn links_stay_links() {
        let folder = Folder::new();
        let link = folder.path("link");
        std::os::unix::fs::symlink("edited", &link).unwrap();
        let change = FileChange { path: &link, before: Some(b"old"), after: Some(b"new") };
        commit(&[change], &mut RealDisk).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(folder.path("edited")).unwrap(), b"new");

        let dangling = folder.path("dangling");
        std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
        let change = FileChange { path: &dangling, before: None, after: Some(b"x") };
        let error = commit(&[change], &mut RealDisk).unwrap_err();
        assert!(error.to_string().contains("leads nowhere"), "{error}");
        assert!(fs::symlink_metadata(&dangling).unwrap().is_symlink());
    }

    #[test]
    fn a_read_only_file_stays_read_only() {
        let folder = Folder::new();
        let path = folder.path("edited");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        folder.commit(&mut RealDisk).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o444);
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
