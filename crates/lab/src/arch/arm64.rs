//! Xen for 64-bit Arm: built with a cross compiler, booted on QEMU's `virt` machine.
//!
//! What Xen shall start stands in the device tree. QEMU writes dom0 into it, if there is to be one;
//! guests that Xen starts by itself are added here, to the tree that QEMU would give to the
//! machine.

use std::path::Path;

use dtoolkit::Node;
use dtoolkit::error::ModelError;
use dtoolkit::fdt::Fdt;
use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};

use super::{Domus, Platform, quoted, words};
use crate::cache;
use crate::error::{Error, MachineError};
use crate::folder::DEVICE_TREE;
use crate::packages::{Need, need};
use crate::partition::Module;
use crate::run_tool::stdout;
use crate::workload::Domu;

pub(super) const PLATFORM: Platform = Platform {
    name: "arm64",
    debian: "arm64",
    // In Debian 12 it holds a plain image, which Xen takes as it is.
    kernel: "linux-image-arm64",
    tools: "aarch64-linux-gnu-",
    flags: "",
    config: "",
    config_sign: "CONFIG_ARM_64=y",
    log_lines: 320,
    needs: &NEEDS,
    qemu: "qemu-system-aarch64",
    console: &["console=dtuart", "dtuart=/pl011@9000000"],
    machine: &["-machine", "virt,virtualization=on,gic-version=3,dtb-randomness=off", "-cpu", "cortex-a57"],
    load,
    domus: Some(Domus { arguments: &["-dtb", DEVICE_TREE], beside_dom0, alone, load: load_alone }),
};

const NEEDS: [Need; 2] =
    [need("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"), need("qemu-system-aarch64", "qemu-system-arm")];

/// Where the kernel lies in the machine's memory, which begins at 1 GiB. QEMU puts its device tree
/// 128 MiB behind that beginning, and does not notice when something else lies there too.
const KERNEL: u64 = 0x5000_0000;

/// The same for the initramfs, with room for a large kernel before it.
const INITRD: u64 = 0x5800_0000;

/// What tells `dom0/init` that it is not in dom0.
const DOMU_ARGUMENTS: &str = "console=ttyAMA0 -- guest";

fn load(xen_arguments: &str, linux_arguments: &str) -> Vec<String> {
    let linux_arguments = quoted(linux_arguments);
    let kernel = format!("guest-loader,addr={KERNEL:#x},kernel=vmlinuz,bootargs={linux_arguments}");
    let initrd = format!("guest-loader,addr={INITRD:#x},initrd=initrd");
    words(["-kernel", "xen", "-append", xen_arguments, "-device", &kernel, "-device", &initrd])
}

fn load_alone(xen_arguments: &str, modules: &[Module]) -> Vec<String> {
    let mut all = words(["-kernel", "xen", "-append", xen_arguments]);
    for module in modules {
        let device = format!("loader,file={},addr={:#x},force-raw=on", module.name(), module.address);
        all.extend(["-device".to_owned(), device]);
    }
    all
}

/// The device tree that QEMU would give to a machine.
fn dump(qemu: &[String], folder: &Path) -> Result<Vec<u8>, Error> {
    let dump = format!("dumpdtb={DEVICE_TREE}");
    let arguments: Vec<&str> =
        qemu.iter().map(String::as_str).skip(1).chain(["-machine", dump.as_str()]).collect();
    stdout(PLATFORM.qemu, &arguments, Some(folder))?;
    let path = folder.join(DEVICE_TREE);
    std::fs::read(&path).map_err(Error::io("read", &path))
}

fn beside_dom0(qemu: &[String], folder: &Path, guests: &[Domu]) -> Result<(), Error> {
    let tree = with_domus(&dump(qemu, folder)?, guests, of_dom0);
    cache::write_whole(
        &folder.join(DEVICE_TREE),
        &tree.map_err(|why| Error::Machine(MachineError::DeviceTree(why)))?,
    )
}

fn alone(qemu: &[String], folder: &Path, guests: &[Domu], sizes: [u64; 2]) -> Result<Vec<u8>, Error> {
    with_domus(&dump(qemu, folder)?, guests, |_| own(sizes))
        .map_err(|why| Error::Machine(MachineError::DeviceTree(why)))
}

/// Kernel and initramfs where the lab puts them.
fn own([kernel, initrd]: [u64; 2]) -> Result<[DeviceTreeNode; 2], String> {
    let module = |kind: &str, address, size| module(kind, address, size).map_err(|error| error.to_string());
    Ok([module("kernel", KERNEL, kernel)?, module("ramdisk", INITRD, initrd)?])
}

/// dom0's kernel and initramfs: Xen lets guests share them.
fn of_dom0(chosen: &DeviceTreeNode) -> Result<[DeviceTreeNode; 2], String> {
    let module = |address: u64| {
        let name = format!("module@{address:#x}");
        Node::child(&chosen, &name).cloned().ok_or(format!("its /chosen has no {name}"))
    };
    Ok([module(KERNEL)?, module(INITRD)?])
}

/// A device tree with guests in it, all of them started from the same kernel and initramfs.
fn with_domus(
    tree: &[u8],
    guests: &[Domu],
    modules: impl Fn(&DeviceTreeNode) -> Result<[DeviceTreeNode; 2], String>,
) -> Result<Vec<u8>, String> {
    let fdt = Fdt::new(tree).map_err(|error| error.to_string())?;
    let mut tree = DeviceTree::from_fdt(&fdt);
    let chosen = tree.find_node_mut("/chosen").ok_or("it has no /chosen")?;
    let [kernel, initrd] = modules(chosen)?;
    for (number, guest) in (1..).zip(guests) {
        chosen.add_child(domu(number, guest, &kernel, &initrd).map_err(|error| error.to_string())?);
    }
    Ok(tree.to_dtb())
}

/// Something in memory that a guest is started from, as a node for [`domu`].
fn module(kind: &str, address: u64, size: u64) -> Result<DeviceTreeNode, ModelError> {
    let reg = [address.to_be_bytes(), size.to_be_bytes()].concat();
    let compatible = format!("multiboot,{kind}\0multiboot,module\0").into_bytes();
    Ok(DeviceTreeNode::builder(format!("module@{address:x}"))?
        .property(DeviceTreeProperty::new("compatible", compatible)?)
        .property(DeviceTreeProperty::new("reg", reg)?)
        .build())
}

fn domu(
    number: usize,
    guest: &Domu,
    kernel: &DeviceTreeNode,
    initrd: &DeviceTreeNode,
) -> Result<DeviceTreeNode, ModelError> {
    let mut kernel = kernel.clone();
    kernel.add_property(DeviceTreeProperty::new("bootargs", DOMU_ARGUMENTS)?);
    Ok(DeviceTreeNode::builder(format!("domU{number}"))?
        .property(DeviceTreeProperty::new("compatible", "xen,domain")?)
        // How the addresses of the modules below are written.
        .property(DeviceTreeProperty::new("#address-cells", 2u32)?)
        .property(DeviceTreeProperty::new("#size-cells", 2u32)?)
        .property(DeviceTreeProperty::new("cpus", u32::from(guest.cpus))?)
        .property(DeviceTreeProperty::new("memory", guest.kib())?)
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
    use crate::partition::{Content, Partition};
    use dtoolkit::Property as _;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    /// What QEMU says of dom0.
    fn qemus(modules: &[u64]) -> std::result::Result<Vec<u8>, ModelError> {
        let mut chosen = DeviceTreeNode::new("chosen")?;
        for (number, address) in (1u64..).zip(modules) {
            let mut module = DeviceTreeNode::new(format!("module@{address:#x}"))?;
            module.add_property(DeviceTreeProperty::new("reg", number)?);
            module.add_property(DeviceTreeProperty::new("bootargs", "console=hvc0")?);
            chosen.add_child(module);
        }
        let mut tree = DeviceTree::new();
        tree.root.add_child(chosen);
        Ok(tree.to_dtb())
    }

    fn guests() -> [Domu; 2] {
        [Domu::default(), Domu { memory: "64M".to_owned(), cpus: 3 }]
    }

    fn beside(tree: &[u8]) -> std::result::Result<Vec<u8>, String> {
        with_domus(tree, &guests(), of_dom0)
    }

    #[test]
    fn guests_share_what_dom0_is_made_of() -> Result {
        let after = beside(&qemus(&[KERNEL, INITRD])?)?;
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
        for (guest, kib, cpus) in [("/chosen/domU1", 256u64 << 10, 1u32), ("/chosen/domU2", 64 << 10, 3)] {
            let domu = fdt.find_node(guest).ok_or(guest)?;
            assert_eq!(domu.property("memory").ok_or("no memory")?.value(), kib.to_be_bytes());
            assert_eq!(domu.property("cpus").ok_or("no cpus")?.value(), cpus.to_be_bytes());
        }
        Ok(())
    }

    #[test]
    fn without_dom0_there_are_guests_alone() -> Result {
        let tree = with_domus(&qemus(&[])?, &guests(), |_| own([7, 7]))?;
        let partition = Partition::parse(tree)?;
        assert_eq!(partition.guests, 2);
        let expected = [(KERNEL, Content::Kernel), (INITRD, Content::Initrd)]
            .map(|(address, content)| Module { address, size: 7, content });
        assert_eq!(partition.modules, expected);
        assert_eq!(
            load_alone("a b", &partition.modules).join("|"),
            "-kernel|xen|-append|a b|-device|loader,file=vmlinuz,addr=0x50000000,force-raw=on|\
             -device|loader,file=initrd,addr=0x58000000,force-raw=on"
        );
        Ok(())
    }

    #[test]
    fn another_tree_than_qemus_is_refused() -> Result {
        assert!(beside(b"no tree").is_err());
        assert_eq!(beside(&DeviceTree::new().to_dtb()), Err("it has no /chosen".to_owned()));
        assert_eq!(beside(&qemus(&[KERNEL])?), Err("its /chosen has no module@0x58000000".to_owned()));
        Ok(())
    }
}
