//! Xen's source in a git repository, read with the git program and never changed.
//!
//! The one place where a repository is opened and a revision resolved, for reading single files
//! here and for whole trees in the lab.

use std::cmp::Reverse;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use crate::error::GitError;

/// How many near names are shown.
const NEAR: usize = 5;

/// How many lines of what git says are shown, and how much of each.
const SHOWN: (usize, usize) = (10, 300);

/// With these the environment, such as that of a git hook, says which repository is meant, or what
/// is in it: `git rev-parse --local-env-vars`, and two more. Settings that come by the environment
/// stay (`GIT_CONFIG_COUNT`, `GIT_CONFIG_PARAMETERS`): they can be what lets a repository of
/// somebody else's be read.
const OF_ANOTHER: [&str; 15] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Git in a folder, with messages in plain English and nothing to read. What the environment says
/// of a repository is another's.
pub(crate) fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    for name in OF_ANOTHER {
        command.env_remove(name);
    }
    command
}

/// A repository, bare or not, which is only read.
#[derive(Clone, Debug)]
pub struct Repository {
    path: PathBuf,
    given: PathBuf,
}

impl Repository {
    /// Opens the repository in a folder: not one around it, and not one that the environment names.
    ///
    /// # Errors
    /// [`GitError`] when there is none, or git cannot be asked.
    pub fn open(given: &Path) -> Result<Self, GitError> {
        let path =
            given.canonicalize().map_err(|source| GitError::Find { path: given.to_owned(), source })?;
        let repository = Self { path, given: given.to_owned() };
        let asked = repository.run(&["rev-parse", "--git-dir"])?;
        if asked.status.success() { Ok(repository) } else { Err(repository.not_git(&asked)) }
    }

    fn not_git(&self, asked: &Output) -> GitError {
        let said = said(asked);
        // That it is none is said in our words; anything else, such as whose it is, is git's to
        // say.
        let plain = said.iter().any(|line| line.contains("not a git repository"));
        GitError::NotGit { path: self.given.clone(), said: if plain { Vec::new() } else { said } }
    }

    /// Git in this repository.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = git(&self.path);
        command.args(arguments);
        command.env("GIT_CEILING_DIRECTORIES", self.path.parent().unwrap_or(&self.path));
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, GitError> {
        self.command(arguments).output().map_err(GitError::start)
    }

    /// The full name of the commit that a revision means.
    ///
    /// # Errors
    /// [`GitError::UnknownRevision`] when it means none.
    pub fn commit(&self, revision: &str) -> Result<String, GitError> {
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
        let said = asked.map(|asked| said(&asked)).unwrap_or_default();
        let ambiguous = said.iter().any(|line| line.contains("ambiguous"));
        Err(GitError::UnknownRevision {
            path: self.given.clone(),
            revision: printable(revision),
            near: self.near(revision)?,
            said: if ambiguous { said } else { Vec::new() },
        })
    }

    /// Branches and tags with names like this one, the most alike first.
    fn near(&self, revision: &str) -> Result<Vec<String>, GitError> {
        let listed = self.run(&["for-each-ref", "--format=%(refname:short)"])?;
        Ok(near(revision, String::from_utf8_lossy(&listed.stdout).lines()))
    }

    /// Whether a commit has something at that path below its root.
    ///
    /// # Errors
    /// [`GitError`] when git cannot be asked.
    pub fn has(&self, commit: &str, path: &str) -> Result<bool, GitError> {
        Ok(self.run(&["cat-file", "-e", &format!("{commit}:{path}")])?.status.success())
    }
}

/// Those of the names that look like the given one, or end with it as a remote's branch does.
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
    scored.into_iter().take(NEAR).map(|(_, name)| printable(name)).collect()
}

/// The end of what git has said.
fn said(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(SHOWN.0)).map(|line| printable(line)).collect()
}

/// A name or a line without anything that a terminal would obey.
fn printable(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c {
            ' '..='~' => shown.push(c),
            _ => shown.extend(c.escape_default()),
        }
        if shown.len() >= SHOWN.1 {
            shown.push_str(" ...");
            break;
        }
    }
    shown
}

/// The files of a revision, read one by one without checking it out.
#[derive(Clone, Debug)]
pub(crate) struct Revision {
    repository: Repository,
    /// The commit's full name.
    commit: String,
    batch: Arc<Mutex<Batch>>,
}

/// `git cat-file --batch`, which answers one request after the other.
#[derive(Debug)]
struct Batch {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Batch {
    fn drop(&mut self) {
        // It ends with its input; it may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Revision {
    pub(crate) fn open(repository: &Path, revision: &str) -> Result<Self, GitError> {
        let repository = Repository::open(repository)?;
        let commit = repository.commit(revision)?;
        let mut child = repository
            .command(&["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(GitError::start)?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(GitError::start(io::Error::other("it cannot be talked to")));
        };
        let batch = Batch { child, requests, answers: BufReader::new(answers) };
        Ok(Self { repository, commit, batch: Arc::new(Mutex::new(batch)) })
    }

    /// A file by its path below the root, if there is one.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let error = |source: io::Error| GitError::Read {
            path: self.repository.given.clone(),
            file: path.to_owned(),
            commit: self.commit.clone(),
            source,
        };
        let broken = || error(io::Error::other("git cat-file broke down"));
        let mut batch = self.batch.lock().map_err(|_| broken())?;
        batch.object(&format!("{}:{path}", self.commit)).map_err(error)
    }

    /// May the file be executed?
    pub(crate) fn is_executable(&self, path: &str) -> Result<bool, GitError> {
        let output = self.repository.run(&["ls-tree", &self.commit, "--", path])?;
        Ok(output.stdout.starts_with(b"100755 "))
    }
}

impl Batch {
    fn object(&mut self, name: &str) -> io::Result<Option<Vec<u8>>> {
        writeln!(self.requests, "{name}")?;
        self.requests.flush()?;
        let mut head = String::new();
        self.answers.read_line(&mut head)?;
        // `NAME TYPE SIZE`, or something that is no file.
        let mut words = head.split_whitespace().rev();
        let size = words.next().and_then(|size| size.parse::<usize>().ok());
        let Some(size) = size else {
            let ended = io::Error::new(io::ErrorKind::UnexpectedEof, "git cat-file ended");
            return if head.ends_with("missing\n") { Ok(None) } else { Err(ended) };
        };
        let is_file = words.next() == Some("blob");
        let mut content = vec![0; size + 1];
        self.answers.read_exact(&mut content)?;
        content.pop();
        Ok(is_file.then_some(content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_the_likeliest_first() {
        let names = ["master", "origin/staging", "staging-4.20", "stable-4.20", "RELEASE-4.20.0"];
        assert_eq!(near("staging", names.into_iter()), ["origin/staging", "staging-4.20"]);
        assert_eq!(near("zzz", names.into_iter()), Vec::<String>::new());
    }

    #[test]
    fn nothing_of_gits_reaches_a_terminal_raw() {
        assert_eq!(printable("fatal: 'a\x1b[31m\u{e9}'"), "fatal: 'a\\u{1b}[31m\\u{e9}'");
        assert!(printable(&"x".repeat(1000)).ends_with("x ..."));
    }
}
