//! What to boot, and how.

use std::path::Path;
use std::time::Duration;

use super::command::{linux_arguments, machine_command, xen_arguments};
use crate::accel;
use crate::ending;
use crate::error::{Error, MachineError, WorkloadError};
use crate::folder::Machine;
use crate::image::Image;
use crate::mode::Mode;
use crate::partition::{Content, Partition};
use crate::platform::{self, Domus};
use crate::run_tool::stdout;
use crate::text;
use crate::workload::Workload;
use crate::xenbuild::Build;
use xenheap_model::BuildArch;

/// Virtual time runs several times slower than the host's.
const DETERMINISTIC_FACTOR: u32 = 4;

/// All that a boot depends on; what is said of each part has been checked.
#[derive(Debug)]
pub(crate) struct BootPlan<'a> {
    /// Xen.
    pub(crate) build: &'a Build,
    /// dom0.
    pub(crate) image: &'a Image,
    /// What dom0 does.
    pub(crate) workload: &'a Workload,
    /// Which guests Xen starts, if not those of the workload.
    pub(crate) partition: Option<&'a Partition>,
    /// What the recorder does, if there is one.
    pub(crate) mode: Option<&'a Mode>,
    /// Further arguments for Xen.
    pub(crate) xen_args: &'a [String],
    /// One CPU and virtual time.
    pub(crate) deterministic: bool,
    /// How long it may take, if not as long as the workload says.
    pub(crate) timeout: Option<Duration>,
    /// The results' folder.
    pub(crate) out_dir: &'a Path,
}

impl BootPlan<'_> {
    /// How long the machine may run.
    pub(super) fn limit(&self) -> Duration {
        self.timeout.unwrap_or_else(|| {
            let factor = if self.deterministic { DETERMINISTIC_FACTOR } else { 1 };
            self.workload.limit().saturating_mul(factor)
        })
    }

    pub(super) fn arch(&self) -> BuildArch {
        self.build.facts.architecture
    }

    /// How guests of Xen's own are made, if there are to be some.
    pub(super) fn domus(&self) -> Option<&'static Domus> {
        let wanted = !self.workload.dom0 || !self.workload.domus.is_empty();
        platform::of(self.arch()).domus.as_ref().filter(|_| wanted)
    }

    /// How many there are.
    pub(super) fn guests(&self) -> u8 {
        let own = u8::try_from(self.workload.domus.len()).unwrap_or(u8::MAX);
        self.partition.map_or(own, |partition| partition.guests)
    }

    /// How the machine is ended, if it does not end by itself.
    pub(super) fn ending(&self) -> Option<ending::EndingConfig> {
        let totals = self.mode.is_some_and(|mode| mode.as_str() != "off");
        let plan = ending::EndingConfig { guests: self.guests(), until: self.workload.until, totals };
        (!self.workload.dom0).then_some(plan)
    }

    /// What guests are started from where there is no dom0; the tree is made in `place`, an empty
    /// folder.
    pub(super) fn partition(&self, place: &Path) -> Result<Option<Partition>, Error> {
        let Some(domus) = self.domus().filter(|_| !self.workload.dom0) else { return Ok(None) };
        if let Some(given) = self.partition {
            given.check(&Content::Kernel, &self.image.kernel)?;
            given.check(&Content::Initrd, &self.image.initrd)?;
            return Ok(Some(given.clone()));
        }
        let size = |path: &Path| path.metadata().map(|meta| meta.len()).map_err(Error::io("read", path));
        let sizes = [size(&self.image.kernel)?, size(&self.image.initrd)?];
        let machine = machine_command(self.arch(), self.workload, self.deterministic, accel::THREADS);
        let tree = (domus.alone)(&machine, place, &self.workload.domus, sizes)?;
        Partition::parse(tree).map(Some).map_err(|why| Error::Machine(MachineError::DeviceTree(why)))
    }

    /// What QEMU is told, and what Xen and Linux are.
    pub(super) fn machine(&self, partition: Option<&Partition>) -> Result<Machine, Error> {
        let platform = platform::of(self.arch());
        let kept = partition.is_some().then(|| ending::KEEP_INPUT.to_owned());
        let more: Vec<&str> =
            self.workload.xen.iter().chain(&kept).chain(self.xen_args).map(String::as_str).collect();
        // Of an argument that comes twice Xen takes the last: what the lab needs comes after what
        // the tree has.
        let of_tree = partition.map(|partition| partition.xen_arguments.clone()).unwrap_or_default();
        let xen_arguments = [of_tree, vec![xen_arguments(self.arch(), self.mode, &more)]].concat().join(" ");
        let linux: Vec<&str> = self.workload.linux.iter().map(String::as_str).collect();
        // Instructions can be counted in one thread only, and without being told.
        let accelerator =
            if self.deterministic { accel::THREADS } else { accel::for_now(self.workload.cpus) };
        let mut command = machine_command(self.arch(), self.workload, self.deterministic, accelerator);
        let linux_arguments = match (self.domus(), partition) {
            (Some(domus), Some(partition)) => {
                command.extend((domus.load)(&xen_arguments, &partition.modules));
                // Those of each guest stand in the tree.
                String::new()
            }
            _ => {
                let linux_arguments = linux_arguments(self.deterministic, &linux);
                command.extend((platform.load)(&xen_arguments, &linux_arguments));
                linux_arguments
            }
        };
        command.extend(self.domus().iter().flat_map(|domus| domus.arguments).map(|part| (*part).to_owned()));
        let version = stdout(platform.qemu, &["--version"], None)?;
        Ok(Machine {
            qemu: text::escape(version.lines().next().unwrap_or_default().as_bytes()),
            command,
            xen_arguments,
            linux_arguments,
            timeout_seconds: self.limit().as_secs(),
        })
    }
}

/// Whether a workload and a machine without dom0 fit together.
pub(crate) fn check_alone(
    workload: &Workload,
    partition: Option<&Partition>,
    deterministic: bool,
) -> Result<(), Error> {
    let reason = match (workload.dom0, partition) {
        (true, Some(_)) => {
            "has a dom0; --dtb is for workloads without a dom0 (`dom0 = false`), such as static"
        }
        (false, None) if workload.domus.is_empty() => {
            "has neither dom0 nor guests: describe some (`domus`), or give a device tree (--dtb)"
        }
        (false, _) if deterministic => {
            "has no dom0: --deterministic is not possible, because the lab ends such a machine at a different time in each run"
        }
        (false, None) if !workload.linux.is_empty() => "has no dom0: `linux` is for dom0's kernel",
        (false, Some(partition)) if partition.cpus != usize::from(workload.cpus) => {
            &format!("has a machine of {} CPUs, and the device tree one of {}", workload.cpus, partition.cpus)
        }
        _ => return Ok(()),
    };
    Err(Error::Workload(WorkloadError::NotAlone {
        workload: text::escape(workload.name.as_bytes()),
        reason: reason.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn what_does_not_fit_a_machine_without_dom0_is_said() -> Result {
        let header = "#: summary = \"s\"\n#: timeout = 9\n#: memory = \"1G\"\n#: cpus = 1\n";
        let says = |more: &str, deterministic| {
            let workload = Workload::parse("w", &format!("{header}{more}")).ok()?;
            check_alone(&workload, None, deterministic).err().map(|error| error.to_string())
        };
        assert_eq!(says("", true), None);
        assert_eq!(says("#: dom0 = false\n#: domus = 1\n", false), None);
        for (more, deterministic, part) in [
            ("#: dom0 = false\n", false, "neither dom0 nor guests"),
            ("#: dom0 = false\n#: domus = 1\n", true, "--deterministic is not possible"),
            ("#: dom0 = false\n#: domus = 1\n#: linux = [\"a\"]\n", false, "is for dom0's kernel"),
        ] {
            assert!(says(more, deterministic).is_some_and(|text| text.contains(part)), "{part}");
        }
        Ok(())
    }
}
