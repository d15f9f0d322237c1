use std::path::{Path, PathBuf};

use crate::{RunError, place::Place};

/// Names of runs, of which several can be called the same: those then have as much of their path before the name as
/// tells them apart, and a number behind it if that is the same, too.
pub fn names(paths: &[PathBuf]) -> Result<Vec<String>, RunError> {
    let jobs = paths.iter().map(|path| Ok(Place::of(path)?.job)).collect::<Result<Vec<_>, RunError>>()?;
    Ok(distinct(paths, &jobs))
}

fn distinct(paths: &[PathBuf], jobs: &[String]) -> Vec<String> {
    let whole: Vec<PathBuf> =
        paths.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect();
    let name = |at: usize, depth: usize| -> String {
        let folders = whole.get(at).and_then(|path| path.parent()).into_iter().flat_map(Path::components);
        let folders: Vec<_> = folders.map(|part| part.as_os_str().to_string_lossy()).collect();
        let from = folders.len().saturating_sub(depth);
        let mut parts: Vec<&str> = folders.iter().skip(from).map(AsRef::as_ref).collect();
        parts.extend(jobs.get(at).map(String::as_str));
        parts.join("/")
    };
    let deepest = whole.iter().map(|path| path.components().count()).max().unwrap_or(0);
    let mut names: Vec<String> = Vec::with_capacity(jobs.len());
    for (at, job) in jobs.iter().enumerate() {
        let others: Vec<usize> =
            (0..jobs.len()).filter(|other| *other != at && jobs.get(*other) == Some(job)).collect();
        let alone = |depth: usize| others.iter().all(|other| name(*other, depth) != name(at, depth));
        let depth = (0..=deepest).find(|depth| alone(*depth));
        let mut own = name(at, depth.unwrap_or(0));
        if depth.is_none() {
            let before =
                others.iter().filter(|other| **other < at && whole.get(**other) == whole.get(at)).count();
            own = if before == 0 { own } else { format!("{own} ({})", before + 1) };
        }
        names.push(own);
    }
    names
}
