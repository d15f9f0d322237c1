//! Child processes that never outlive this one, even if this one is killed.
//!
//! A small shell stands between: it leads a process group of its own, starts the program in it, and
//! beside it a guard that reads from a pipe whose other end only this process holds. When this
//! process goes, for whatever reason, the kernel closes that end, the guard's read returns, and the
//! guard kills the group. When the program has ended by itself the guard stays until the pipe is
//! closed, and so kills what the program may have left. A process group's number is not used again
//! while the guard is in it, so it cannot be another's.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

/// What the shell runs: `sh -c SCRIPT sh INPUT PROGRAM ARGUMENT...`, with the pipe as its standard
/// input.
const SCRIPT: &str = r#"
exec 3<&0 4<"$1" </dev/null
shift
"$@" <&4 3<&- 4<&- &
program=$!
exec 4<&-
{ read -r line <&3; kill -KILL 0; } >/dev/null 2>&1 &
exec 3<&-
wait "$program"
"#;

/// A program to run.
#[derive(Debug, Clone)]
pub struct Job {
    program: OsString,
    arguments: Vec<OsString>,
    folder: PathBuf,
    input: PathBuf,
    environment: Option<Vec<(OsString, OsString)>>,
}

impl Job {
    /// A program, started in that folder.
    pub fn new(program: impl AsRef<OsStr>, folder: impl Into<PathBuf>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            folder: folder.into(),
            input: PathBuf::from("/dev/null"),
            environment: None,
        }
    }

    /// Adds arguments.
    pub fn arguments(mut self, more: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(more.into_iter().map(|one| one.as_ref().to_owned()));
        self
    }

    /// What it reads, if anything. A named pipe that nobody has open for writing is waited for.
    pub fn input(mut self, path: impl Into<PathBuf>) -> Self {
        self.input = path.into();
        self
    }

    /// Gives it this environment and nothing else.
    pub fn environment(
        mut self,
        all: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Self {
        self.environment = Some(
            all.into_iter()
                .map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned()))
                .collect(),
        );
        self
    }

    /// Starts it, with its output going to these files.
    pub fn start(&self, stdout: File, stderr: File) -> io::Result<Supervised> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "sh"])
            .arg(&self.input)
            .arg(&self.program)
            .args(&self.arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        if let Some(environment) = &self.environment {
            command.env_clear().envs(environment.iter().cloned());
        }
        let mut child = command.spawn()?;
        let pipe = child.stdin.take();
        Ok(Supervised { child, pipe })
    }
}

/// A running program. Dropped, it is killed with all that it started.
#[derive(Debug)]
pub struct Supervised {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Supervised {
    /// Whether it has ended, and how. A program that was killed by signal N ends with 128 + N.
    pub fn poll(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Kills it and whatever it started, and waits for its end.
    pub fn kill(&mut self) {
        // Asked first, so that the number of a process that was waited for already is not used.
        if let Ok(None) = self.child.try_wait() {
            // It may end by itself just now; there is nothing to be done about a failure.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
        // Also if the shell has ended and left something: the guard sees this.
        self.pipe = None;
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How a program ended, for people.
pub fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) if code > 128 => format!("killed by signal {}", code - 128),
        (Some(127), _) => "exit status 127: it could not be started".to_owned(),
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("its guard was killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// A program of that name in the machine's search path.
pub fn find_program(name: &str) -> Option<PathBuf> {
    find_in(name, &search_path())
}

/// The search path for programs that are started from here.
///
/// The system's own folders are always in it: for an ordinary user `sbin` often is not.
pub fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    if !path.is_empty() {
        path.push(":");
    }
    path.push("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    path
}

fn find_in(name: &str, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|candidate| is_program(candidate))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_where_they_are() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("plain"), "")?;
        assert_eq!(find_in("plain", folder.path().as_os_str()), None);
        assert_eq!(find_in("absent", folder.path().as_os_str()), None);
        assert!(find_program("sh").is_some());
        Ok(())
    }
}
