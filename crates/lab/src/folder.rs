//! The folder that a run leaves: a RUN.
//!
//! `console.log` has the machine's bytes as they came, `xen-syms` and `config` are those of the Xen
//! that ran, `machine.dtb` is the device tree where Xen started guests by itself, and `lab.json`
//! says what all of it is. The folder has its name only when it is complete.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cache;
use crate::error::{Error, MachineError};
use crate::image::ImageFacts;
use crate::xenbuild::BuildFacts;

/// The version of `lab.json`'s form.
pub const SCHEMA: u32 = 1;

/// The log's name in the folder.
pub const CONSOLE: &str = "console.log";
/// The symbols' name in the folder.
pub const XEN_SYMS: &str = "xen-syms";
/// The configuration's name in the folder.
pub const CONFIG: &str = "config";
/// The device tree's name in the folder, where Xen starts guests by itself.
pub const DEVICE_TREE: &str = "machine.dtb";
/// The record's name in the folder.
pub const RECORD: &str = "lab.json";

/// A finished run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    /// Where it is.
    pub path: PathBuf,
    /// What was run.
    pub record: Record,
}

/// `lab.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this form.
    pub schema: u32,
    /// What wrote it, with its version.
    pub tool: String,
    /// The hypervisor.
    pub xen: BuildFacts,
    /// dom0.
    pub dom0: ImageFacts,
    /// The machine.
    pub machine: Machine,
    /// What dom0 did.
    pub workload: WorkloadFacts,
    /// The recorder's mode; none for a Xen without the recorder.
    pub mode: Option<String>,
    /// Whether time was virtual, so that the run can be repeated to the byte.
    pub deterministic: bool,
    /// When the machine was switched on, in UTC.
    pub started: String,
    /// How many seconds it ran, by the clock of the host.
    pub boot_seconds: f64,
    /// How it ended.
    pub exit: Exit,
}

/// The machine that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// QEMU's version.
    pub qemu: String,
    /// Its command line; file names in it are those of the boot, not of the host.
    pub command: Vec<String>,
    /// Xen's arguments.
    pub xen_arguments: String,
    /// Linux' arguments.
    pub linux_arguments: String,
    /// How long it was allowed to run, in seconds.
    pub timeout_seconds: u64,
}

/// Which workload ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadFacts {
    /// Its name.
    pub name: String,
    /// SHA-256 of the script.
    pub sha256: String,
    /// The values of its parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// `powered-off`; `ended-by-key` where there is no dom0 to do that; or what went wrong.
    pub reason: String,
    /// The workload's status, if it ended.
    pub workload_status: Option<u8>,
    /// The status of the workload's part in each guest that Xen started by itself, if it ended
    /// there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub guests: BTreeMap<u8, u8>,
    /// For people, when something went wrong.
    pub message: Option<String>,
    /// How many instructions the machine executed, where time was virtual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
}

/// Whether that is the reason of a machine that came to its end as it should.
pub fn is_good_end(reason: &str) -> bool {
    matches!(reason, POWERED_OFF | ENDED_BY_KEY)
}

/// How a machine with a dom0 should end.
pub(crate) const POWERED_OFF: &str = "powered-off";
/// How one without should end: after the recorder's totals, by the lab.
pub(crate) const ENDED_BY_KEY: &str = "ended-by-key";

impl RunFolder {
    /// Reads the record of a folder that a run has left.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = path.join(RECORD);
        let text = fs::read(&file).map_err(Error::io("read", &file))?;
        let record: Record =
            serde_json::from_slice(&text).map_err(|error| Error::io("read", &file)(error.into()))?;
        if record.schema != SCHEMA {
            let problem = format!("schema {} is not known, only {SCHEMA}", record.schema);
            return Err(Error::io("read", &file)(std::io::Error::other(problem)));
        }
        Ok(Self { path: path.to_path_buf(), record })
    }
}

/// A folder in the making, beside the place where it is to be.
#[derive(Debug)]
pub(crate) struct Partial {
    goal: PathBuf,
    path: PathBuf,
}

impl Partial {
    /// Begins; what an aborted run for the same goal left is removed.
    pub(crate) fn begin(goal: &Path) -> Result<Self, Error> {
        let goal = std::path::absolute(goal).map_err(Error::io("find", goal))?;
        check_free(&goal)?;
        if let Some(parent) = goal.parent() {
            fs::create_dir_all(parent).map_err(Error::io("make the folder", parent))?;
        }
        let path = beside(&goal, ".partial");
        cache::remove_tree(&path)?;
        fs::create_dir(&path).map_err(Error::io("make the folder", &path))?;
        Ok(Self { goal, path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name.
    pub(crate) fn finish(self) -> Result<PathBuf, Error> {
        // An empty folder of that name may be there, and is replaced.
        fs::rename(&self.path, &self.goal).map_err(Error::io("write", &self.goal))?;
        Ok(self.goal)
    }

    /// Gives it a name that tells what it is, in the place of an earlier failure.
    pub(crate) fn fail(self) -> Result<PathBuf, Error> {
        let path = beside(&self.goal, ".failed");
        if path.join(RECORD).exists() {
            cache::remove_tree(&path)?;
        }
        fs::rename(&self.path, &path).map_err(Error::io("write", &path))?;
        Ok(path)
    }
}

/// The results must not be mixed with something else.
pub(crate) fn check_free(goal: &Path) -> Result<(), Error> {
    let taken = match fs::read_dir(goal) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    };
    if taken {
        return Err(Error::Machine(MachineError::OutputExists(goal.to_path_buf())));
    }
    Ok(())
}

fn beside(goal: &Path, end: &str) -> PathBuf {
    let mut name = goal.file_name().map_or_else(|| OsString::from("run"), OsString::from);
    name.push(end);
    goal.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn a_folder_appears_when_it_is_complete() -> Result {
        let place = tempfile::tempdir()?;
        let goal = place.path().join("deep/run");
        let partial = Partial::begin(&goal)?;
        fs::write(partial.path().join(CONSOLE), "x")?;
        assert!(!goal.exists());
        assert_eq!(partial.finish()?, goal);
        assert!(goal.join(CONSOLE).exists());
        assert!(matches!(Partial::begin(&goal), Err(Error::Machine(MachineError::OutputExists(_)))));
        Ok(())
    }

    #[test]
    fn an_empty_folder_is_free_and_a_file_is_not() -> Result {
        let place = tempfile::tempdir()?;
        assert!(Partial::begin(place.path())?.finish().is_ok());
        let file = place.path().join("f");
        fs::write(&file, "")?;
        assert!(check_free(&file).is_err());
        Ok(())
    }

    #[test]
    fn failures_and_leftovers_give_way() -> Result {
        let place = tempfile::tempdir()?;
        let goal = place.path().join("run");
        for round in ["one", "two"] {
            drop(Partial::begin(&goal)?);
            let partial = Partial::begin(&goal)?;
            fs::write(partial.path().join(RECORD), round)?;
            let failed = partial.fail()?;
            assert_eq!(failed, place.path().join("run.failed"));
            assert_eq!(fs::read_to_string(failed.join(RECORD))?, round);
        }
        assert!(!goal.exists());
        assert!(!place.path().join("run.partial").exists());
        Ok(())
    }

    #[test]
    fn a_failed_folder_that_is_not_ours_is_not_removed() -> Result {
        let place = tempfile::tempdir()?;
        let precious = place.path().join("run.failed/precious");
        fs::create_dir_all(&precious)?;
        assert!(Partial::begin(&place.path().join("run"))?.fail().is_err());
        assert!(precious.exists());
        Ok(())
    }
}
