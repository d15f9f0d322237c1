//! Xen's source out of a git repository, with the git program.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::{Deserialize, Serialize};

use crate::cache::Cache;
use crate::error::Error;
use crate::progress::{Progress, Stage};
use crate::run_tool::{last_words, tool_error};
use crate::source::{SIGNS, unpack_all};
use crate::supervise::{find_program, search_path};
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

/// How many near names are shown.
const NEAR: usize = 5;

/// A repository, which is only read.
struct Repository {
    path: PathBuf,
    given: PathBuf,
}

/// Whether that folder is a repository without a work tree.
pub(crate) fn is_bare(path: &Path) -> bool {
    ["HEAD", "objects", "refs"].iter().all(|part| path.join(part).exists())
}

/// The commit that a revision of Xen means.
pub fn commit(repository: &Path, revision: &str) -> Result<String, Error> {
    find(repository, revision).map(|(_, commit)| commit)
}

fn find(given: &Path, revision: &str) -> Result<(Repository, String), Error> {
    let repository = Repository::open(given)?;
    let commit = repository.commit(revision)?;
    for missing in SIGNS {
        if !repository.has(&commit, missing)? {
            let (path, revision) = (given.to_path_buf(), escape(revision.as_bytes()));
            return Err(Error::NotXenRevision { path, revision, missing });
        }
    }
    Ok((repository, commit))
}

/// The commit that a revision means, and its whole tree in the cache, where it is not to be changed.
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
        repository.unpack(&commit, &work)?;
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

impl Repository {
    fn open(given: &Path) -> Result<Self, Error> {
        if find_program("git").is_none() {
            return Err(Error::NoGit);
        }
        let path = given.canonicalize().map_err(Error::io("find the git repository", given))?;
        let repository = Self { path, given: given.to_path_buf() };
        let asked = repository.run(&["rev-parse", "--git-dir"])?;
        if asked.status.success() { Ok(repository) } else { Err(repository.not_git(&asked)) }
    }

    fn not_git(&self, asked: &Output) -> Error {
        let said = last_words(asked);
        // That it is none is said in our words; anything else, such as whose it is, is git's to say.
        let plain = said.iter().any(|line| line.contains("not a git repository"));
        Error::NotGit { path: self.given.clone(), said: if plain { Vec::new() } else { said } }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.path).args(arguments);
        command.env("LC_ALL", "C.UTF-8").env("PATH", search_path()).stdin(Stdio::null());
        // The repository is this folder, and none around it and none that the environment names.
        command.env("GIT_CEILING_DIRECTORIES", self.path.parent().unwrap_or(&self.path));
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, Error> {
        self.command(arguments).output().map_err(|source| Error::Spawn { program: "git".to_owned(), source })
    }

    fn commit(&self, revision: &str) -> Result<String, Error> {
        let commit = format!("{revision}^{{commit}}");
        // What begins like an option is none, and no revision either.
        let asked = match revision.starts_with('-') {
            true => None,
            false => Some(self.run(&["rev-parse", "--verify", &commit])?),
        };
        if let Some(asked) = asked.as_ref().filter(|asked| asked.status.success()) {
            return Ok(String::from_utf8_lossy(&asked.stdout).trim().to_owned());
        }
        // Of several commits whose names begin so git names the candidates.
        let said = asked.map(|asked| last_words(&asked)).unwrap_or_default();
        let ambiguous = said.iter().any(|line| line.contains("ambiguous"));
        Err(Error::UnknownRevision {
            path: self.given.clone(),
            revision: escape(revision.as_bytes()),
            near: self.near(revision)?,
            said: if ambiguous { said } else { Vec::new() },
        })
    }

    /// Branches and tags with names like this one, the most alike first.
    fn near(&self, revision: &str) -> Result<Vec<String>, Error> {
        let listed = self.run(&["for-each-ref", "--format=%(refname:short)"])?;
        Ok(near(revision, String::from_utf8_lossy(&listed.stdout).lines()))
    }

    fn has(&self, commit: &str, path: &str) -> Result<bool, Error> {
        Ok(self.run(&["cat-file", "-e", &format!("{commit}:{path}")])?.status.success())
    }

    fn unpack(&self, commit: &str, to: &Path) -> Result<(), Error> {
        let arguments = ["archive", "--format=tar", "--prefix=xen/", commit];
        let mut archiver = self
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| Error::Spawn { program: "git".to_owned(), source })?;
        let unpacked = archiver.stdout.take().map_or(Ok(()), |stream| unpack_all(stream, to));
        let ended = archiver.wait_with_output().map_err(Error::io("read", &self.path))?;
        if !ended.status.success() {
            return Err(tool_error(format!("git {}", arguments.join(" ")), &ended));
        }
        unpacked.map_err(Error::io("unpack a tree of", &self.path))
    }
}

/// Those of the names that look like the given one, or end with it as a remote's branch does; escaped.
fn near<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let likeness = |name: &str| {
        let last = name.rsplit('/').next().unwrap_or(name);
        let same = if last == given { 1.0 } else { 0.0 };
        same + strsim::jaro_winkler(given, name).max(strsim::jaro_winkler(given, last))
    };
    let mut scored: Vec<(u64, &str)> = names
        .map(|name| ((likeness(name) * 1e6) as u64, name))
        .filter(|(score, _)| *score > 800_000)
        .collect();
    scored.sort_by_key(|(score, name)| (Reverse(*score), *name));
    scored.into_iter().take(NEAR).map(|(_, name)| escape(name.as_bytes())).collect()
}

#[cfg(test)]
mod tests {
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
        // By another name, and from the bare repository, it is the same tree; and it is not made twice.
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

    #[test]
    fn near_names_are_the_likeliest_first() {
        let names = ["master", "origin/staging", "staging-4.20", "stable-4.20", "RELEASE-4.20.0"];
        assert_eq!(near("staging", names.into_iter()), ["origin/staging", "staging-4.20"]);
        assert_eq!(near("zzz", names.into_iter()), Vec::<String>::new());
    }
}
