//! What differs between the architectures that Xen is built for and booted on: one table each.

mod arm64;
mod x86_64;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, MachineError};
use crate::packages::Need;
use crate::partition::Module;
use crate::workload::Domu;

/// An architecture of Xen's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// 64-bit x86.
    #[default]
    X86_64,
    /// 64-bit Arm.
    Arm64,
}

/// What is particular to an architecture.
pub(crate) struct Platform {
    /// Its name, with Xen's makefiles and with `--arch`.
    pub name: &'static str,
    /// The same with Debian.
    pub debian: &'static str,
    /// The package that stands for Debian's current kernel.
    pub kernel: &'static str,
    /// What stands before the names of compiler and linker.
    pub tools: &'static str,
    /// Added to the compiler's flags.
    pub flags: &'static str,
    /// Added to Xen's configuration.
    pub config: &'static str,
    /// The line by which a configuration is for this architecture.
    pub config_sign: &'static str,
    /// How many lines a build writes, about: only for telling how far it is.
    pub log_lines: usize,
    /// What the machine that runs the lab must have, beyond what every architecture needs.
    pub needs: &'static [Need],
    /// The emulator.
    pub qemu: &'static str,
    /// Xen's arguments that make the machine's serial port its console.
    pub console: &'static [&'static str],
    /// The machine, as arguments of the emulator.
    pub machine: &'static [&'static str],
    /// Arguments of the emulator that load Xen, with its arguments, and dom0's kernel, with its
    /// own, and initramfs. Files are named as they lie in the boot's own folder.
    pub load: fn(xen_arguments: &str, linux_arguments: &str) -> Vec<String>,
    /// Makes Xen start guests of its own beside dom0; nothing where it cannot.
    pub domus: Option<Domus>,
}

type BesideDom0 = fn(qemu: &[String], folder: &Path, guests: &[Domu]) -> Result<(), Error>;
type Alone = fn(qemu: &[String], folder: &Path, guests: &[Domu], sizes: [u64; 2]) -> Result<Vec<u8>, Error>;

/// Guests that Xen starts by itself.
pub(crate) struct Domus {
    /// Further arguments of the emulator, which name a device tree in the boot's folder.
    pub arguments: &'static [&'static str],
    /// Writes that tree, with these guests beside dom0. `qemu` is the emulator's command line
    /// without those arguments.
    pub beside_dom0: BesideDom0,
    /// The device tree of that machine with these guests and no dom0. `sizes` are those of kernel
    /// and initramfs.
    pub alone: Alone,
    /// Arguments of the emulator that load Xen without dom0, and what guests are started from.
    pub load: fn(xen_arguments: &str, modules: &[Module]) -> Vec<String>,
}

impl Arch {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Arm64];

    pub(crate) fn platform(self) -> &'static Platform {
        match self {
            Self::X86_64 => &x86_64::PLATFORM,
            Self::Arm64 => &arm64::PLATFORM,
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.platform().name)
    }
}

impl FromStr for Arch {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|arch| arch.platform().name == given).ok_or_else(|| {
            Error::Machine(MachineError::UnknownArch {
                given: crate::text::escape(given.as_bytes()),
                known: Self::ALL.map(|arch| arch.to_string()).to_vec(),
            })
        })
    }
}

/// Words as arguments of a command.
fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// A text as a part of one of the emulator's arguments, whose parts commas separate.
fn quoted(text: &str) -> String {
    text.replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() -> Result<(), Box<dyn std::error::Error>> {
        for arch in Arch::ALL {
            assert_eq!(arch.to_string().parse::<Arch>()?, arch);
            assert_eq!(serde_json::to_value(arch)?, arch.to_string());
        }
        let error = "arm".parse::<Arch>().err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("no architecture `arm`: use x86_64 or arm64"));
        Ok(())
    }
}
