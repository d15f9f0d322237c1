//! The files of a revision, read from a git repository without checking it out.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::error::Error;

/// A revision of a repository.
#[derive(Clone, Debug)]
pub(crate) struct Revision {
    repository: PathBuf,
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
    pub(crate) fn open(repository: &Path, revision: &str) -> Result<Self, Error> {
        let error = |message: String| Error::Git {
            repository: repository.to_owned(),
            revision: revision.to_owned(),
            message,
        };
        let name = format!("{revision}^{{commit}}");
        let output = git(repository)
            .args(["rev-parse", "--verify", "--quiet", "--end-of-options", &name])
            .output()
            .map_err(|failed| error(failed.to_string()))?;
        let commit = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() || commit.is_empty() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(error(if said.is_empty() { "there is no such commit".to_owned() } else { said }));
        }
        let child = git(repository)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.map_err(|failed| error(failed.to_string()))?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(error("git cat-file cannot be talked to".to_owned()));
        };
        let batch = Batch { child, requests, answers: BufReader::new(answers) };
        Ok(Self { repository: repository.to_owned(), commit, batch: Arc::new(Mutex::new(batch)) })
    }

    /// A file by its path below the root, if there is one.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let error = |message: String| Error::Git {
            repository: self.repository.clone(),
            revision: self.commit.clone(),
            message: format!("{path}: {message}"),
        };
        let mut batch = self.batch.lock().map_err(|_| error("git cat-file broke down".to_owned()))?;
        batch.object(&format!("{}:{path}", self.commit)).map_err(|failed| error(failed.to_string()))
    }

    /// May the file be executed?
    pub(crate) fn is_executable(&self, path: &str) -> bool {
        let output = git(&self.repository).args(["ls-tree", &self.commit, "--", path]).output();
        output.is_ok_and(|output| output.stdout.starts_with(b"100755 "))
    }
}

impl Batch {
    fn object(&mut self, name: &str) -> std::io::Result<Option<Vec<u8>>> {
        writeln!(self.requests, "{name}")?;
        self.requests.flush()?;
        let mut head = String::new();
        self.answers.read_line(&mut head)?;
        // `NAME TYPE SIZE`, or something that is no file.
        let mut words = head.split_whitespace().rev();
        let size = words.next().and_then(|size| size.parse::<usize>().ok());
        let Some(size) = size else {
            let ended = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "git cat-file ended");
            return if head.ends_with("missing\n") { Ok(None) } else { Err(ended) };
        };
        let is_file = words.next() == Some("blob");
        let mut content = vec![0; size + 1];
        self.answers.read_exact(&mut content)?;
        content.pop();
        Ok(is_file.then_some(content))
    }
}

/// Git in a repository, bare or not.
fn git(repository: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(repository);
    command
}
