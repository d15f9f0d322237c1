//! Xen for 64-bit Arm: built with a cross compiler, booted on QEMU's `virt` machine.
//!
//! What Xen shall start stands in the device tree. QEMU writes dom0 into it; guests that Xen starts by itself are
//! added here, to the tree that QEMU would give to the machine.

use std::path::Path;

use dtoolkit::error::ModelError;
use dtoolkit::fdt::Fdt;
use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};

use super::{Domus, Platform, quoted, words};
use crate::apt::Architecture;
use crate::cache;
use crate::error::Error;
use crate::packages::{Need, need};
use crate::run_tool::stdout;

pub(super) const PLATFORM: Platform = Platform {
    name: "arm64",
    debian: Architecture::Arm64,
    // In Debian 12 it holds a plain image, which Xen takes as it is.
    kernel: "linux-image-arm64",
    tools: "aarch64-linux-gnu-",
    flags: "",
    log_lines: 320,
    needs: &NEEDS,
    qemu: "qemu-system-aarch64",
    console: &["console=dtuart", "dtuart=/pl011@9000000"],
    machine: &["-machine", "virt,virtualization=on,gic-version=3,dtb-randomness=off", "-cpu", "cortex-a57"],
    load,
    domus: Some(Domus { arguments: &["-dtb", TREE], prepare }),
};

const NEEDS: [Need; 2] =
    [need("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"), need("qemu-system-aarch64", "qemu-system-arm")];

/// Where the kernel lies in the machine's memory, which begins at 1 GiB. QEMU puts its device tree 128 MiB behind that
/// beginning, and does not notice when something else lies there too.
const KERNEL: &str = "0x50000000";

/// The same for the initramfs, with room for a large kernel before it.
const INITRD: &str = "0x58000000";

/// The device tree's file in the boot's folder.
const TREE: &str = "machine.dtb";

/// The memory of a guest, in KiB.
const DOMU_MEMORY: u64 = 256 << 10;

/// What tells `dom0/init` that it is not in dom0.
const DOMU_ARGUMENTS: &str = "console=ttyAMA0 -- guest";

fn load(xen_arguments: &str, linux_arguments: &str) -> Vec<String> {
    let kernel = format!("guest-loader,addr={KERNEL},kernel=vmlinuz,bootargs={}", quoted(linux_arguments));
    let initrd = format!("guest-loader,addr={INITRD},initrd=initrd");
    words(["-kernel", "xen", "-append", xen_arguments, "-device", &kernel, "-device", &initrd])
}

/// Has QEMU write the device tree, and adds guests to it.
fn prepare(qemu: &[String], folder: &Path, count: u8) -> Result<(), Error> {
    let dump = format!("dumpdtb={TREE}");
    let arguments: Vec<&str> =
        qemu.iter().map(String::as_str).skip(1).chain(["-machine", dump.as_str()]).collect();
    stdout(PLATFORM.qemu, &arguments, Some(folder))?;
    let path = folder.join(TREE);
    let tree = std::fs::read(&path).map_err(Error::io("read", &path))?;
    cache::write_whole(&path, &with_domus(&tree, count).map_err(Error::DeviceTree)?)
}

/// A device tree with so many guests in it, each of them with dom0's kernel and initramfs: Xen lets them share.
fn with_domus(tree: &[u8], count: u8) -> Result<Vec<u8>, String> {
    let fdt = Fdt::new(tree).map_err(|error| error.to_string())?;
    let mut tree = DeviceTree::from_fdt(&fdt);
    let chosen = tree.find_node_mut("/chosen").ok_or("it has no /chosen")?;
    let mut module = |address: &str| {
        let mut node = chosen
            .child_mut(&format!("module@{address}"))
            .ok_or(format!("it has no module@{address}"))?
            .clone();
        node.remove_property("bootargs");
        Ok::<_, String>(node)
    };
    let (kernel, initrd) = (module(KERNEL)?, module(INITRD)?);
    for number in 1..=count {
        let node = domu(number, &kernel, &initrd).map_err(|error| error.to_string())?;
        chosen.add_child(node);
    }
    Ok(tree.to_dtb())
}

fn domu(number: u8, kernel: &DeviceTreeNode, initrd: &DeviceTreeNode) -> Result<DeviceTreeNode, ModelError> {
    let mut kernel = kernel.clone();
    kernel.add_property(DeviceTreeProperty::new("bootargs", DOMU_ARGUMENTS)?);
    Ok(DeviceTreeNode::builder(format!("domU{number}"))?
        .property(DeviceTreeProperty::new("compatible", "xen,domain")?)
        // How the addresses of the modules below are written.
        .property(DeviceTreeProperty::new("#address-cells", 2u32)?)
        .property(DeviceTreeProperty::new("#size-cells", 2u32)?)
        .property(DeviceTreeProperty::new("cpus", 1u32)?)
        .property(DeviceTreeProperty::new("memory", DOMU_MEMORY)?)
        // A console: what is written to it comes out on Xen's.
        .property(DeviceTreeProperty::new("vpl011", [0u8; 0])?)
        .child(kernel)
        .child(initrd.clone())
        .build())
}
