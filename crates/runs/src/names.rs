use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{RunError, place::Place};

/// Names of runs, of which several can be called the same: those then have as much of their path
/// before the name as tells them apart, and a number behind it if that is the same, too. No two
/// names are equal.
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
        names.push(name(at, depth.unwrap_or(0)));
    }
    numbered(names)
}

/// The same names, of which all but the first of those that are equal have a number that makes
/// another name of them.
fn numbered(names: Vec<String>) -> Vec<String> {
    let whole: BTreeSet<String> = names.iter().cloned().collect();
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut own = |name: String| {
        let mut own = name.clone();
        let mut number = 1u64;
        while used.contains(&own) || (number > 1 && whole.contains(&own)) {
            number += 1;
            own = format!("{name} ({number})");
        }
        used.insert(own.clone());
        own
    };
    names.into_iter().map(&mut own).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Paths of few words, so that many runs are called the same or nearly the same.
    fn path() -> impl Strategy<Value = PathBuf> {
        let folder =
            prop::sample::select(vec!["", "/", "./", "a/", "b/a/", "/b/a/", "a (2)/", "../a/", "//a//"]);
        let name = prop::sample::select(vec![
            "a",
            "a (2)",
            "a (3)",
            "a#2",
            "a.log",
            "a.log.gz",
            "a.log.zst",
            "a.xhr",
            "a.log.xhr",
            "-",
            "stdin",
            "b",
        ]);
        (folder, name).prop_map(|(folder, name)| PathBuf::from(format!("{folder}{name}")))
    }

    proptest! {
        #[test]
        fn no_two_runs_have_one_name(paths in prop::collection::vec(path(), 1..9)) {
            let names = names(&paths).expect("none is a folder");
            prop_assert_eq!(names.len(), paths.len());
            let distinct: BTreeSet<_> = names.iter().collect();
            prop_assert_eq!(distinct.len(), names.len(), "{:?}: {:?}", paths, names);
            for (name, path) in names.iter().zip(&paths) {
                let job = Place::of(path).expect("no folder").job;
                prop_assert!(name.contains(&job), "{} is the name of {}", name, path.display());
                // What nobody else is called is the name.
                let same = paths.iter().filter(|other| Place::of(other).expect("no folder").job == job);
                prop_assert!(same.count() > 1 || *name == job, "{} for {}", name, path.display());
            }
        }
    }

    #[test]
    fn a_number_makes_no_other_name() {
        let of =
            |paths: &[&str]| names(&paths.iter().map(PathBuf::from).collect::<Vec<_>>()).expect("no folder");
        assert_eq!(of(&["x/a", "x/a", "x/a (2)"]), ["a", "a (3)", "a (2)"]);
        // One log, packed and not.
        assert_eq!(of(&["x/a.log", "x/a.log.gz"]), ["a.log", "a.log (2)"]);
    }
}
