//! Xen for 64-bit x86: built with the machine's own compiler, booted on a PC.

use super::{Platform, quoted, words};
use crate::packages::{Need, need};

pub(super) const PLATFORM: Platform = Platform {
    name: "x86_64",
    debian: "amd64",
    kernel: "linux-image-amd64",
    tools: "",
    // To 4.14 a newer compiler would use MMX registers in the hypervisor, which is a trap at run
    // time.
    flags: "-mno-mmx",
    // Guests can ask for it, and a newer Xen leaves it out unless told.
    config: "CONFIG_SHADOW_PAGING=y\n",
    config_sign: "CONFIG_X86_64=y",
    log_lines: 670,
    needs: &NEEDS,
    qemu: "qemu-system-x86_64",
    console: &["console=com1"],
    // npt: else there is no hardware-assisted paging, and every HVM and PVH guest is shadowed, if
    // it wants it or not.
    machine: &["-cpu", "qemu64,+svm,+npt"],
    load,
    domus: None,
};

const NEEDS: [Need; 1] = [need("qemu-system-x86_64", "qemu-system-x86")];

fn load(xen_arguments: &str, linux_arguments: &str) -> Vec<String> {
    let dom0 = format!("vmlinuz {},initrd", quoted(linux_arguments));
    words(["-kernel", "xen", "-append", xen_arguments, "-initrd", &dom0])
}
