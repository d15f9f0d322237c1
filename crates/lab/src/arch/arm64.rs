//! Xen for 64-bit Arm: built with a cross compiler, booted on QEMU's `virt` machine.
//!
//! What Xen shall start stands in the device tree. QEMU writes dom0 into it; guests that Xen starts by itself are
//! added here, to the tree that QEMU would give to the machine.

use std::path::Path;

use dtoolkit::Node;
use dtoolkit::error::ModelError;
use dtoolkit::fdt::Fdt;
use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};

use super::{Domus, Platform, quoted, words};
use crate::cache;
use crate::error::Error;
use crate::packages::{Need, need};
use crate::run_tool::stdout;

pub(super) const PLATFORM: Platform = Platform {
    name: "arm64",
    debian: "arm64",
    // In Debian 12 it holds a plain image, which Xen takes as it is.
    kernel: "linux-image-arm64",
    tools: "aarch64-linux-gnu-",
    flags: "",
    config: "",
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
    let module = |address: &str| {
        let name = format!("module@{address}");
        Node::child(&&*chosen, &name).cloned().ok_or(format!("its /chosen has no {name}"))
    };
    let (kernel, initrd) = (module(KERNEL)?, module(INITRD)?);
    for number in 1..=count {
        chosen.add_child(domu(number, &kernel, &initrd).map_err(|error| error.to_string())?);
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
        // It is told that it runs on Xen. There is nobody to be its xenstore.
        .property(DeviceTreeProperty::new("xen,enhanced", "no-xenstore")?)
        .child(kernel)
        .child(initrd.clone())
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dtoolkit::Property as _;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    /// What QEMU says of dom0.
    fn qemus(modules: &[&str]) -> std::result::Result<Vec<u8>, ModelError> {
        let mut chosen = DeviceTreeNode::new("chosen")?;
        for (number, address) in (1u64..).zip(modules) {
            let mut module = DeviceTreeNode::new(format!("module@{address}"))?;
            module.add_property(DeviceTreeProperty::new("reg", number)?);
            module.add_property(DeviceTreeProperty::new("bootargs", "console=hvc0")?);
            chosen.add_child(module);
        }
        let mut tree = DeviceTree::new();
        tree.root.add_child(chosen);
        Ok(tree.to_dtb())
    }

    #[test]
    fn guests_share_what_dom0_is_made_of() -> Result {
        let before = qemus(&[KERNEL, INITRD])?;
        let after = with_domus(&before, 2)?;
        let fdt = Fdt::new(&after).map_err(|error| error.to_string())?;
        let chosen = fdt.find_node("/chosen").ok_or("no /chosen")?;
        let names: Vec<_> = chosen.children().map(|child| child.name().to_owned()).collect();
        assert_eq!(names, ["module@0x50000000", "module@0x58000000", "domU1", "domU2"]);
        for (module, place, arguments) in [
            ("/chosen/module@0x50000000", 1, "console=hvc0"),
            ("/chosen/domU2/module@0x50000000", 1, "console=ttyAMA0 -- guest"),
            ("/chosen/domU1/module@0x58000000", 2, "console=hvc0"),
        ] {
            let node = fdt.find_node(module).ok_or(module)?;
            assert_eq!(node.property("reg").ok_or("no reg")?.value(), u64::to_be_bytes(place), "{module}");
            assert_eq!(
                node.property("bootargs").ok_or("no bootargs")?.value(),
                format!("{arguments}\0").as_bytes(),
                "{module}"
            );
        }
        let domu = fdt.find_node("/chosen/domU2").ok_or("no domU2")?;
        // In cells of 32 bits: KiB.
        assert_eq!(domu.property("memory").ok_or("no memory")?.value(), [0, 0, 0, 0, 0, 4, 0, 0]);
        Ok(())
    }

    #[test]
    fn another_tree_than_qemus_is_refused() -> Result {
        assert!(with_domus(b"no tree", 1).is_err());
        assert_eq!(with_domus(&DeviceTree::new().to_dtb(), 1), Err("it has no /chosen".to_owned()));
        let error = with_domus(&qemus(&[KERNEL])?, 1);
        assert_eq!(error, Err("its /chosen has no module@0x58000000".to_owned()));
        Ok(())
    }
}
