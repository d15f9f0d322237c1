//! What is said of each architecture.

use std::path::Path;

use crate::domu::Domu;
use crate::error::Error;
use crate::need::Need;
use crate::partition::Module;

/// What is particular to an architecture.
pub(crate) struct Platform {
    /// Debian's name for it.
    pub(crate) debian: &'static str,
    /// The package that stands for Debian's current kernel.
    pub(crate) kernel: &'static str,
    /// What stands before the names of compiler and linker: `CROSS_COMPILE`.
    pub(crate) tools: &'static str,
    /// Added to the compiler's flags, with spaces between.
    pub(crate) flags: &'static str,
    /// Added to Xen's configuration: whole lines.
    pub(crate) config: &'static str,
    /// The line by which a configuration is for this architecture.
    pub(crate) config_sign: &'static str,
    /// How many lines a build writes, about: only for telling how far it is.
    pub(crate) log_lines: usize,
    /// What the machine that runs the lab must have, beyond what every architecture needs.
    pub(crate) needs: &'static [Need],
    /// The emulator's program.
    pub(crate) qemu: &'static str,
    /// Xen's arguments that make the machine's serial port its console.
    pub(crate) console: &'static [&'static str],
    /// The machine, as arguments of the emulator.
    pub(crate) machine: &'static [&'static str],
    /// Arguments of the emulator that load Xen, with its arguments, and dom0's kernel, with its
    /// own, and initramfs. Files are named as they lie in the boot's own folder.
    pub(crate) load: fn(xen_arguments: &str, linux_arguments: &str) -> Vec<String>,
    /// Makes Xen start guests of its own beside dom0; nothing where it cannot.
    pub(crate) domus: Option<Domus>,
}

type BesideDom0 = fn(qemu: &[String], folder: &Path, guests: &[Domu]) -> Result<(), Error>;
type Alone = fn(qemu: &[String], folder: &Path, guests: &[Domu], sizes: [u64; 2]) -> Result<Vec<u8>, Error>;

/// Guests that Xen starts by itself.
pub(crate) struct Domus {
    /// Further arguments of the emulator, which name a device tree in the boot's folder.
    pub(crate) arguments: &'static [&'static str],
    /// Writes that tree, with these guests beside dom0. `qemu` is the emulator's command line
    /// without those arguments.
    pub(crate) beside_dom0: BesideDom0,
    /// The device tree of that machine with these guests and no dom0. `sizes` are those of kernel
    /// and initramfs, in bytes.
    pub(crate) alone: Alone,
    /// Arguments of the emulator that load Xen without dom0, and what guests are started from.
    pub(crate) load: fn(xen_arguments: &str, modules: &[Module]) -> Vec<String>,
}

/// Words as arguments of a command.
pub(super) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// A text as a part of one of the emulator's arguments, whose parts commas separate.
pub(super) fn quoted(text: &str) -> String {
    text.replace(',', ",,")
}
