//! What a run is asked to do, checked.

use std::path::PathBuf;
use std::time::Duration;

use crate::cache::Cache;
use crate::mode::Mode;
use crate::toolstack::ToolstackSource;
use crate::xen_source::XenSource;
use xenheap_model::BuildArch;

/// A whole run.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// Xen's source.
    pub xen: XenSource,
    /// What it is built for.
    pub arch: BuildArch,
    /// Lines for its configuration, such as `CONFIG_DEBUG=y`.
    pub options: Vec<String>,
    /// What dom0 does: the name of a built-in workload or, if it has a `/` in it, the path of a
    /// script.
    pub workload: String,
    /// Names and values of the workload's parameters that are not to be as its header says.
    pub parameters: Vec<(String, String)>,
    /// Statically linked programs that guests find in their `/bin`.
    pub guest_programs: Vec<PathBuf>,
    /// A device tree with guests that Xen starts, for a workload without dom0.
    pub dtb: Option<PathBuf>,
    /// What lies where in the machine's memory, if that tree names more than the lab's own kernel
    /// and initramfs.
    pub loads: Vec<(u64, PathBuf)>,
    /// What the recorder does; without a mode, a Xen without the recorder is built.
    pub mode: Option<Mode>,
    /// Where the toolstack of a dom0 with guests comes from; without it, from Debian if that has
    /// one for this Xen, else from the source.
    pub toolstack: Option<ToolstackSource>,
    /// Further arguments for Xen, such as the sizes of the recorder's tables.
    pub xen_args: Vec<String>,
    /// The folder to make; it must not exist, or be empty.
    pub out_dir: PathBuf,
    /// Install what is missing on this machine (needs root).
    pub install: bool,
    /// How long the machine may run; without it, as long as the workload says.
    pub timeout: Option<Duration>,
    /// One CPU, virtual time: two such runs write the same bytes. Takes some times longer.
    pub deterministic: bool,
    /// How many compilers run at once.
    pub jobs: usize,
    /// Where sources, builds and images are kept.
    pub cache: Cache,
}

/// As many jobs as there are processors.
pub fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
