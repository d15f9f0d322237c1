//! What is kept between runs.
//!
//! Nothing appears under its final name before it is complete, and whoever makes something holds a
//! lock named after it. The lock is the kernel's, on an open file: it goes when its holder goes,
//! however that happens.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::error::Error;
use crate::progress::{Progress, Stage};

/// A cache folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Cache {
    /// A cache at that place.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The cache that the environment names: `XENHEAP_CACHE`, else `xenheap` in the user's cache
    /// folder.
    pub fn from_environment() -> Self {
        Self::at(place(|name| std::env::var_os(name).map(PathBuf::from)))
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A folder in it, made if need be.
    pub fn folder(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.root.join(name);
        fs::create_dir_all(&path).map_err(Error::io("make the folder", &path))?;
        // As an absolute path: programs are started in other folders and are given names of files
        // in here.
        path.canonicalize().map_err(Error::io("find", &path))
    }

    /// An empty folder for work on something whose lock is held; what an aborted run left there is
    /// removed.
    pub fn work_folder(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.folder("work")?.join(name);
        remove_tree(&path)?;
        fs::create_dir_all(&path).map_err(Error::io("make the folder", &path))?;
        Ok(path)
    }

    /// Waits until nobody else works on `name`, and sees to it that nobody will.
    pub fn lock(&self, name: &str, stage: Stage, progress: &dyn Progress) -> Result<Lock, Error> {
        let path = self.folder("locks")?.join(name);
        let file = File::create(&path).map_err(Error::io("open", &path))?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        progress.line(stage, "waiting for another run that works on the same");
                        told = true;
                    }
                    if progress.cancelled() {
                        return Err(Error::Cancelled);
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
            }
        }
    }

    /// How many bytes it takes.
    pub fn size(&self) -> u64 {
        size_of_tree(&self.root)
    }
}

/// Where the cache is, by the environment.
fn place(variable: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    let set = |name| variable(name).filter(|path| !path.as_os_str().is_empty());
    if let Some(path) = set("XENHEAP_CACHE") {
        return path;
    }
    // A relative XDG_CACHE_HOME is to be ignored, says its specification.
    if let Some(path) = set("XDG_CACHE_HOME").filter(|path| path.is_absolute()) {
        return path.join("xenheap");
    }
    match set("HOME") {
        Some(home) => home.join(".cache/xenheap"),
        None => std::env::temp_dir().join("xenheap-cache"),
    }
}

fn size_of_tree(path: &Path) -> u64 {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !meta.is_dir() {
        return meta.len();
    }
    fs::read_dir(path).map_or(0, |entries| entries.flatten().map(|entry| size_of_tree(&entry.path())).sum())
}

/// Removes a folder and all in it; it is no error if it is not there.
pub(crate) fn remove_tree(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Writes a file so that it is either complete or not there.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    xenheap_output::write_whole(path, |out| out.write_all(bytes)).map_err(Error::io("write", path))
}

/// Writes JSON as people like to read it.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|error| Error::io("write", path)(error.into()))?;
    text.push(b'\n');
    write_whole(path, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use std::cell::Cell;

    fn with(pairs: &[(&str, &str)]) -> PathBuf {
        place(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value)))
    }

    #[test]
    fn the_environment_says_where() {
        let all = [("XENHEAP_CACHE", "c"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(with(&all), Path::new("c"));
        assert_eq!(with(&all[1..]), Path::new("/x/xenheap"));
        assert_eq!(with(&all[2..]), Path::new("/h/.cache/xenheap"));
        assert_eq!(
            with(&[("XENHEAP_CACHE", ""), ("XDG_CACHE_HOME", "x"), ("HOME", "/h")]),
            Path::new("/h/.cache/xenheap")
        );
        assert!(with(&[]).ends_with("xenheap-cache"));
    }

    /// Gives up when asked the second time.
    struct Impatient(Cell<bool>, Cell<bool>);
    impl Progress for Impatient {
        fn line(&self, _: Stage, _: &str) {
            self.1.set(true);
        }
        fn cancelled(&self) -> bool {
            self.0.replace(true)
        }
    }

    #[test]
    fn a_lock_keeps_others_out_and_goes_with_its_holder() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path());
        let held = cache.lock("a", Stage::Build, &Silent)?;
        cache.lock("b", Stage::Build, &Silent)?;
        let impatient = Impatient(Cell::new(false), Cell::new(false));
        let second = cache.lock("a", Stage::Build, &impatient);
        assert!(matches!(second, Err(Error::Cancelled)));
        assert!(impatient.1.get(), "the wait was not told");
        drop(held);
        cache.lock("a", Stage::Build, &Silent)?;
        Ok(())
    }

    #[test]
    fn what_is_written_is_whole_and_readable() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("f");
        for text in ["long", "no"] {
            write_whole(&path, text.as_bytes())?;
            assert_eq!(fs::read_to_string(&path)?, text);
        }
        let plain = folder.path().join("plain");
        fs::write(&plain, "")?;
        assert_eq!(fs::metadata(&path)?.permissions(), fs::metadata(&plain)?.permissions());
        assert_eq!(fs::read_dir(folder.path())?.count(), 2, "something was left over");
        Ok(())
    }

    #[test]
    fn a_work_folder_is_empty_whatever_was_left() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path());
        let work = cache.work_folder("x")?;
        fs::write(work.join("left"), "over")?;
        assert_eq!(cache.size(), 4);
        assert_eq!(cache.work_folder("x")?, work);
        assert_eq!(fs::read_dir(&work)?.count(), 0);
        Ok(())
    }
}
