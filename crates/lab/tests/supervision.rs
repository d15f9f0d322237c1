//! Processes are started, end, are stopped and, above all, do not outlive us. The programs are real
//! ones.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use xenheap_lab::supervise::{Job, Supervised, describe};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// Set for the process that `killed_parent_takes_its_program_along` starts and kills: where it
/// writes.
const ROLE: &str = "XENHEAP_LAB_TEST_PARENT";

fn start(folder: &Path, script: &str) -> io::Result<Supervised> {
    Job::new("sh", folder)
        .arguments(["-c", script])
        .start(File::create(folder.join("out"))?, File::create(folder.join("err"))?)
}

fn within<T>(limit: Duration, mut poll: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = poll() {
            return Some(value);
        }
        if start.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The process numbers that a script wrote to `file`, once there are `count` of them.
fn pids(file: &Path, count: usize) -> Option<Vec<Pid>> {
    within(Duration::from_secs(20), || {
        let text = fs::read_to_string(file).ok()?;
        let pids: Vec<Pid> = text.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)).collect();
        (text.ends_with('\n') && pids.len() == count).then_some(pids)
    })
}

fn alive(pid: Pid) -> bool {
    // One that ended and was not waited for yet is not alive either.
    let state = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
        .ok()
        .and_then(|stat| stat.rsplit(") ").next()?.chars().next());
    test_kill_process(pid).is_ok() && state.is_some_and(|state| state != 'Z')
}

fn all_gone(pids: &[Pid]) -> bool {
    within(Duration::from_secs(20), || (!pids.iter().any(|pid| alive(*pid))).then_some(())).is_some()
}

#[test]
fn status_and_output_come_through() -> Result {
    let folder = tempfile::tempdir()?;
    for (script, says) in [
        ("echo out; echo err >&2; exit 3", "exit status 3"),
        ("kill -TERM $$", "killed by signal 15"),
        ("exec no-such-program", "exit status 127: it could not be started"),
    ] {
        let mut job = start(folder.path(), script)?;
        let status = within(Duration::from_secs(20), || job.poll().ok().flatten());
        assert_eq!(status.map(describe).as_deref(), Some(says), "{script}");
        if says == "exit status 3" {
            assert_eq!(fs::read_to_string(folder.path().join("out"))?, "out\n");
            assert_eq!(fs::read_to_string(folder.path().join("err"))?, "err\n");
        }
    }
    Ok(())
}

#[test]
fn it_reads_what_it_is_given() -> Result {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("in,1"), "one\ntwo\n")?;
    for (input, expected) in [(Some("in,1"), "one\ntwo\n"), (None, "")] {
        let mut job = Job::new("cat", folder.path());
        if let Some(input) = input {
            job = job.input(folder.path().join(input));
        }
        let mut job =
            job.start(File::create(folder.path().join("out"))?, File::create(folder.path().join("err"))?)?;
        assert!(within(Duration::from_secs(20), || job.poll().ok().flatten()).is_some());
        assert_eq!(fs::read_to_string(folder.path().join("out"))?, expected);
    }
    Ok(())
}

#[test]
fn arguments_folder_and_environment_are_as_given() -> Result {
    let folder = tempfile::tempdir()?;
    let mut job = Job::new("/bin/sh", folder.path())
        .arguments(["-c", "printf '%s|' \"$@\"; pwd; echo \"$ONE-$HOME\"", "x", "a b", "", "$(c)"])
        .environment([("ONE", "1")])
        .start(File::create(folder.path().join("out"))?, File::create(folder.path().join("err"))?)?;
    assert!(within(Duration::from_secs(20), || job.poll().ok().flatten()).is_some());
    assert_eq!(
        fs::read_to_string(folder.path().join("out"))?,
        format!("a b||$(c)|{}\n1-\n", folder.path().canonicalize()?.display())
    );
    Ok(())
}

const FAMILY: &str =
    "echo $$ >>pids; sleep 600 & echo $! >>pids; sh -c 'echo $$ >>pids; exec sleep 600' & wait";

#[test]
fn dropping_kills_the_whole_family() -> Result {
    let folder = tempfile::tempdir()?;
    let job = start(folder.path(), FAMILY)?;
    let pids = pids(&folder.path().join("pids"), 3).ok_or("it did not start")?;
    assert!(pids.iter().all(|pid| alive(*pid)));
    drop(job);
    assert!(all_gone(&pids));
    Ok(())
}

#[test]
fn a_program_that_leaves_something_behind_does_not_keep_it() -> Result {
    let folder = tempfile::tempdir()?;
    let mut job = start(folder.path(), "sleep 600 & echo $! >>pids; exit 0")?;
    let pids = pids(&folder.path().join("pids"), 1).ok_or("it did not start")?;
    assert!(within(Duration::from_secs(20), || job.poll().ok().flatten()).is_some());
    drop(job);
    assert!(all_gone(&pids));
    Ok(())
}

/// The other half of the next test: it runs only in a process which that test starts.
#[test]
fn parent_to_be_killed() -> Result {
    let Some(folder) = std::env::var_os(ROLE) else {
        return Ok(());
    };
    let _job = start(Path::new(&folder), FAMILY)?;
    std::thread::sleep(Duration::from_secs(600));
    Ok(())
}

#[test]
fn killed_parent_takes_its_program_along() -> Result {
    let folder = tempfile::tempdir()?;
    let mut parent = Command::new(std::env::current_exe()?)
        .args(["--exact", "parent_to_be_killed"])
        .env(ROLE, folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let pids = pids(&folder.path().join("pids"), 3).ok_or("it did not start")?;
    assert!(pids.iter().all(|pid| alive(*pid)));
    kill_process(Pid::from_child(&parent), Signal::KILL)?;
    parent.wait()?;
    assert!(all_gone(&pids));
    Ok(())
}
