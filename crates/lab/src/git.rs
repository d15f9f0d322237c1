//! A revision of Xen, exported from a git repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use xenheap_recorder::Repository;

use crate::cache::Cache;
use crate::error::{Error, SourceError};
use crate::progress::{Progress, Stage};
use crate::run_tool::tool_error;
use crate::source::{SIGNS, unpack_all};
use crate::text::escape;

/// Which commit of which repository a tree is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitFacts {
    /// The repository as it was named.
    pub repository: String,
    /// The revision as it was named.
    pub revision: String,
    /// What that was, in full.
    pub commit: String,
}

/// Whether that folder is a repository without a work tree.
pub(crate) fn is_bare(path: &Path) -> bool {
    ["HEAD", "objects", "refs"].iter().all(|part| path.join(part).exists())
}

/// The commit that a revision of Xen means.
fn find(given: &Path, revision: &str) -> Result<(Repository, String), Error> {
    let repository = Repository::open(given)?;
    let commit = repository.commit(revision)?;
    for missing in SIGNS {
        if !repository.has(&commit, missing)? {
            let (path, revision) = (given.to_path_buf(), escape(revision.as_bytes()));
            return Err(Error::Source(SourceError::NotXenRevision { path, revision, missing }));
        }
    }
    Ok((repository, commit))
}

/// The commit that a revision means, and its whole tree in the cache, where it is not to be
/// changed.
pub(crate) fn export(
    cache: &Cache,
    given: &Path,
    revision: &str,
    progress: &dyn Progress,
) -> Result<(GitFacts, PathBuf), Error> {
    let (repository, commit) = find(given, revision)?;
    let short = commit.get(..12).unwrap_or(&commit);
    let name = format!("git-{commit}");
    let _lock = cache.lock(&format!("tree-{name}"), Stage::Source, progress)?;
    let folder = cache.folder("trees")?.join(&name);
    let tree = folder.join(format!("xen-{short}"));
    if !tree.is_dir() {
        progress.line(Stage::Source, &format!("exporting {commit}"));
        let work = cache.work_folder(&format!("tree-{name}"))?;
        unpack(&repository, &commit, given, &work)?;
        fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
        fs::rename(&work, &tree).map_err(Error::io("write", &tree))?;
    }
    let facts = GitFacts {
        repository: given.display().to_string(),
        revision: revision.to_owned(),
        commit: commit.clone(),
    };
    Ok((facts, tree))
}

/// Unpacks the whole tree of a commit into a folder.
fn unpack(repository: &Repository, commit: &str, from: &Path, to: &Path) -> Result<(), Error> {
    let arguments = ["archive", "--format=tar", "--prefix=xen/", commit];
    let mut archiver = repository
        .command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| Error::Spawn { program: "git".to_owned(), source })?;
    let unpacked = archiver.stdout.take().map_or(Ok(()), |stream| unpack_all(stream, to));
    let ended = archiver.wait_with_output().map_err(Error::io("read", from))?;
    if !ended.status.success() {
        return Err(tool_error(format!("git {}", arguments.join(" ")), &ended));
    }
    unpacked.map_err(Error::io("unpack a tree of", from))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::progress::Silent;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn git(folder: &Path, arguments: &[&str]) -> Result {
        let who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=master"];
        let done = Command::new("git").arg("-C").arg(folder).args(who).args(arguments).output()?;
        match done.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&done.stderr).into_owned().into()),
        }
    }

    /// A repository with two commits: a Xen, tagged, and something else on top.
    fn repository(place: &Path) -> Result {
        git(place, &["init", "-q"])?;
        for file in SIGNS.into_iter().chain(["tools/xl/xl.c"]) {
            let path = place.join(file);
            fs::create_dir_all(path.parent().ok_or("no parent")?)?;
            fs::write(path, file)?;
        }
        git(place, &["add", "."])?;
        git(place, &["commit", "-q", "-m", "one"])?;
        git(place, &["tag", "RELEASE-4.20.0"])?;
        git(place, &["branch", "staging-4.20"])?;
        git(place, &["rm", "-q", "-r", "xen"])?;
        git(place, &["commit", "-q", "-m", "two"])
    }

    #[test]
    fn a_revision_becomes_a_tree_of_its_commit() -> Result {
        let folder = tempfile::tempdir()?;
        let place = folder.path().join("xen.git");
        fs::create_dir(&place)?;
        repository(&place)?;
        let bare = folder.path().join("bare");
        git(folder.path(), &["clone", "-q", "--bare", "xen.git", "bare"])?;
        assert!(is_bare(&bare) && !is_bare(&place));
        let cache = Cache::at(folder.path().join("cache"));
        let take = |repository: &Path, revision| export(&cache, repository, revision, &Silent);
        let (facts, tree) = take(&place, "RELEASE-4.20.0")?;
        assert_eq!((facts.commit.len(), facts.revision.as_str()), (40, "RELEASE-4.20.0"));
        assert_eq!(facts.repository, place.display().to_string());
        // All of it, the toolstack too.
        assert_eq!(fs::read_to_string(tree.join("tools/xl/xl.c"))?, "tools/xl/xl.c");
        assert_eq!(fs::read_to_string(tree.join("xen/Makefile"))?, "xen/Makefile");
        // By another name, and from the bare repository, it is the same tree; and it is not made
        // twice.
        fs::write(tree.join("kept"), "")?;
        for (repository, revision) in [(&bare, "staging-4.20"), (&place, "HEAD~1"), (&place, &facts.commit)] {
            let (again, same) = take(repository, revision)?;
            assert_eq!((&again.commit, &same), (&facts.commit, &tree));
            assert!(same.join("kept").exists());
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_taken_says_why() -> Result {
        let folder = tempfile::tempdir()?;
        let place = folder.path().join("xen.git");
        fs::create_dir(&place)?;
        repository(&place)?;
        let cache = Cache::at(folder.path().join("cache"));
        let says = |repository: &Path, revision: &str| {
            export(&cache, repository, revision, &Silent).err().map(|e| e.to_string()).unwrap_or_default()
        };
        let text = says(&place, "HEAD");
        assert!(text.ends_with("is not a Xen source tree: it has no xen/common/page_alloc.c"), "{text}");
        let text = says(&place, "RELEASE-4.20");
        assert!(text.contains("no revision `RELEASE-4.20`; near names are RELEASE-4.20.0"), "{text}");
        assert!(text.contains("for-each-ref"), "{text}");
        assert!(says(&place, "--all").contains("no revision `--all`"));
        // A folder inside of a repository is none.
        let inner = place.join("tools");
        assert_eq!(says(&inner, "HEAD"), format!("{} is no git repository", inner.display()));
        assert!(says(&folder.path().join("none"), "HEAD").starts_with("cannot find the git repository"));
        Ok(())
    }
}
