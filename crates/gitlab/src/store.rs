//! The folder of a pipeline.

use std::{
    ffi::OsStr,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Content, Error, PullPlan, safe_name};

/// The shelf of jobs that nobody has read yet.
pub const NEW: &str = "new";

pub(crate) const TRACE: &str = "trace.log";
pub(crate) const ARTIFACTS: &str = "artifacts";
pub(crate) const REFUSED: &str = "artifacts.refused";
const JOBS: &str = "jobs";
const IDENTITY: &str = "pipeline.json";
const LOCK: &str = ".lock";
/// Folders of artifacts are not deeper.
const DEPTH: usize = 32;

/// The folder of one pipeline: `jobs/SHELF/JOB.NUMBER/` has `trace.log` and `artifacts/`. Whatever
/// has its name is whole; what is under way ends in `.part`. Only one process at a time may have
/// it.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// Held as long as the store is.
    _lock: File,
}

/// A file that a job left.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Artifacts {
    /// What it is.
    pub content: Content,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether the job printed it, rather than kept it.
    pub is_trace: bool,
}

/// Whose pipeline a folder holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    gitlab: String,
    project: String,
    pipeline: u64,
}

impl Store {
    /// The folder `OUT/PIPELINE`, made if need be.
    pub fn open(out: &Path, plan: &PullPlan) -> Result<Self, Error> {
        let root = out.join(plan.pipeline.to_string());
        make(&root)?;
        let lock = root.join(LOCK);
        let file = File::create(&lock).map_err(at(&lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { folder: root }),
            Err(TryLockError::Error(error)) => return Err(at(&lock)(error)),
        }
        let store = Store { root, _lock: file };
        store.belongs_to(plan)?;
        Ok(store)
    }

    fn belongs_to(&self, plan: &PullPlan) -> Result<(), Error> {
        let here = Identity {
            gitlab: plan.site.to_string(),
            project: plan.project.to_string(),
            pipeline: plan.pipeline,
        };
        let path = self.root.join(IDENTITY);
        let said = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = serde_json::to_string_pretty(&here).unwrap_or_default() + "\n";
                let part = self.root.join(format!("{IDENTITY}.part"));
                fs::write(&part, text).map_err(at(&part))?;
                return fs::rename(&part, &path).map_err(at(&path));
            }
            Err(error) => return Err(at(&path)(error)),
        };
        let there: Identity = serde_json::from_slice(&said).map_err(|error| at(&path)(error.into()))?;
        if there == here {
            return Ok(());
        }
        let name = |identity: &Identity| format!("{} at {}", identity.project, identity.gitlab);
        Err(Error::Foreign {
            folder: self.root.clone(),
            pipeline: plan.pipeline,
            there: name(&there),
            here: name(&here),
        })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a job's folder is, or would be made.
    pub fn job(&self, folder: &str) -> Result<PathBuf, Error> {
        let jobs = self.root.join(JOBS);
        let shelves = children(&jobs)?;
        let found = shelves.into_iter().map(|shelf| shelf.join(folder)).find(|path| path.is_dir());
        Ok(found.unwrap_or_else(|| jobs.join(NEW).join(folder)))
    }

    /// Puts a job's folder on a shelf: that of its architecture.
    pub fn shelve(&self, folder: &str, shelf: &str) -> Result<(), Error> {
        let from = self.job(folder)?;
        let shelf = self.root.join(JOBS).join(safe_name(shelf));
        let to = shelf.join(folder);
        if from == to || !from.is_dir() {
            return Ok(());
        }
        make(&shelf)?;
        fs::rename(&from, &to).map_err(at(&to))?;
        // Empty shelves are no use to anybody; one that is not empty stays.
        if let Some(old) = from.parent() {
            let _ = fs::remove_dir(old);
        }
        Ok(())
    }

    /// What a job left, in the order of their names: first what it kept, then what it printed.
    pub fn contents(&self, folder: &str) -> Result<Vec<Artifacts>, Error> {
        let folder = self.job(folder)?;
        let mut found = Vec::new();
        let kept = folder.join(ARTIFACTS);
        walk(&kept, DEPTH, &mut |path| {
            if let Some(content) = path.file_name().and_then(OsStr::to_str).and_then(Content::of) {
                found.push(Artifacts { content, path, is_trace: false });
            }
        })?;
        found.sort();
        let trace = folder.join(TRACE);
        if trace.is_file() {
            found.push(Artifacts { content: Content::Log, path: trace, is_trace: true });
        }
        Ok(found)
    }
}

/// What lies in a folder, by name; nothing if there is no such folder.
fn children(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at(folder)(error)),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(at(folder))?;
    paths.sort();
    Ok(paths)
}

fn walk(folder: &Path, depth: usize, take: &mut dyn FnMut(PathBuf)) -> Result<(), Error> {
    for path in children(folder)? {
        let kind = fs::symlink_metadata(&path).map_err(at(&path))?.file_type();
        if kind.is_file() {
            take(path);
        } else if kind.is_dir() && depth > 0 {
            walk(&path, depth - 1, take)?;
        }
    }
    Ok(())
}

pub(crate) fn make(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(at(folder))
}

pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::File { path: path.to_owned(), source }
}
