//! The device tree of a machine without dom0: which guests Xen shall start, and from where in
//! memory.

use std::path::{Path, PathBuf};

use dtoolkit::fdt::{Fdt, FdtNode};
use dtoolkit::model::{DeviceTree, DeviceTreeProperty};
use dtoolkit::{Node as _, Property as _};

use crate::error::{Error, MachineError};

/// The most guests that a tree may have: their numbers are looked for in the log.
const MOST_GUESTS: usize = 64;

/// A checked device tree in which Xen finds guests and no dom0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partition {
    tree: Vec<u8>,
    /// How many guests there are. Xen numbers them in the tree's order, from 1.
    pub(crate) guests: u8,
    /// How many CPUs the machine has.
    pub(crate) cpus: usize,
    /// What the tree itself wants to tell Xen.
    pub(crate) xen_arguments: Vec<String>,
    /// What must lie in memory, each piece once.
    pub(crate) modules: Vec<Module>,
}

/// A piece of memory that guests are started from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) address: u64,
    pub(crate) size: u64,
    pub(crate) content: Content,
}

/// What lies there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// The kernel that dom0 would have.
    Kernel,
    /// Its initramfs, with the workload.
    Initrd,
    /// A file of the user's.
    File(PathBuf),
}

impl Module {
    /// Its name in the boot's folder: a path of the user's could hold the commas that separate
    /// parts of an argument.
    pub(crate) fn name(&self) -> String {
        match self.content {
            Content::Kernel => "vmlinuz".to_owned(),
            Content::Initrd => "initrd".to_owned(),
            Content::File(_) => format!("module-{:x}", self.address),
        }
    }
}

impl Partition {
    /// Reads a tree of the user's. `files` says what lies where, if not the lab's own kernel and
    /// initramfs.
    pub(crate) fn load(path: &Path, files: &[(u64, PathBuf)]) -> Result<Self, Error> {
        let tree = std::fs::read(path).map_err(Error::io("read", path))?;
        let fail = |reason| Error::Machine(MachineError::Partition { path: path.to_path_buf(), reason });
        let mut partition = Self::parse(tree).map_err(fail)?;
        for (address, file) in files {
            let Some(module) = partition.modules.iter_mut().find(|module| module.address == *address) else {
                return Err(fail(format!("none of its guests has a module at {address:#x}")));
            };
            let size = file.metadata().map_err(Error::io("read", file))?.len();
            if size > module.size {
                return Err(fail(too_large(module, size)));
            }
            module.content = Content::File(std::path::absolute(file).map_err(Error::io("find", file))?);
        }
        let unknown = |module: &&Module| module.content == Content::File(PathBuf::new());
        if let Some(module) = partition.modules.iter().find(unknown) {
            let address = module.address;
            let reason = format!(
                "the content of the module at {address:#x} is not known: give it with --load {address:#x}=FILE"
            );
            return Err(fail(reason));
        }
        Ok(partition)
    }

    /// Reads a tree.
    pub(crate) fn parse(tree: Vec<u8>) -> Result<Self, String> {
        let fdt = Fdt::new(&tree).map_err(|error| error.to_string())?;
        let chosen = fdt.find_node("/chosen").ok_or("it has no /chosen")?;
        let cpus = fdt
            .find_node("/cpus")
            .map_or(0, |cpus| cpus.children().filter(|cpu| cpu.name_without_address() == "cpu").count());
        let xen_arguments = text(&chosen, "xen,xen-bootargs")?.unwrap_or_default();
        let mut guests = 0;
        let mut modules: Vec<Module> = Vec::new();
        for node in chosen.children() {
            if is(&node, &["multiboot,kernel", "xen,linux-zimage"]) {
                return Err(format!(
                    "its /chosen/{} is a kernel for dom0, but this machine has no dom0",
                    node.name()
                ));
            }
            if !is(&node, &["xen,domain"]) {
                continue;
            }
            guests += 1;
            for part in node.children() {
                let Some(module) = module(&node, &part)? else { continue };
                match modules.iter().find(|known| known.address == module.address) {
                    None => modules.push(module),
                    Some(known) if *known == module => {}
                    Some(_) => {
                        return Err(format!("two of its modules at {:#x} are not the same", module.address));
                    }
                }
            }
        }
        if guests == 0 {
            return Err("its /chosen has no guest: a node whose `compatible` is `xen,domain`".to_owned());
        }
        let guests = u8::try_from(guests)
            .ok()
            .filter(|guests| usize::from(*guests) <= MOST_GUESTS)
            .ok_or_else(|| format!("it has {guests} guests, more than {MOST_GUESTS}"))?;
        let xen_arguments = xen_arguments.split_whitespace().map(str::to_owned).collect();
        Ok(Self { guests, cpus, xen_arguments, modules, tree })
    }

    /// The tree as it was given.
    pub(crate) fn tree(&self) -> &[u8] {
        &self.tree
    }

    /// The tree with these arguments for Xen: without dom0 it takes none from anywhere else.
    pub(crate) fn with_arguments(&self, xen_arguments: &str) -> Result<Vec<u8>, Error> {
        with_arguments(&self.tree, xen_arguments).map_err(|why| Error::Machine(MachineError::DeviceTree(why)))
    }

    /// Whether all of a file of the lab's lies where the tree says.
    pub(crate) fn check(&self, content: &Content, file: &Path) -> Result<(), Error> {
        let size = file.metadata().map_err(Error::io("read", file))?.len();
        match self.modules.iter().find(|module| module.content == *content && module.size < size) {
            Some(module) => Err(Error::Machine(MachineError::DeviceTree(too_large(module, size)))),
            None => Ok(()),
        }
    }
}

fn too_large(module: &Module, size: u64) -> String {
    format!("its module at {:#x} has {:#x} bytes, and the file {size:#x}", module.address, module.size)
}

/// A tree with arguments for a Xen that has no dom0.
fn with_arguments(tree: &[u8], xen_arguments: &str) -> Result<Vec<u8>, String> {
    let fdt = Fdt::new(tree).map_err(|error| error.to_string())?;
    let mut tree = DeviceTree::from_fdt(&fdt);
    let property = DeviceTreeProperty::new("xen,xen-bootargs", xen_arguments);
    let chosen = tree.find_node_mut("/chosen").ok_or("it has no /chosen")?;
    chosen.add_property(property.map_err(|error| error.to_string())?);
    Ok(tree.to_dtb())
}

/// What of a guest's node must lie in memory, if it is such a thing.
fn module(guest: &FdtNode<'_>, node: &FdtNode<'_>) -> Result<Option<Module>, String> {
    let content = if is(node, &["multiboot,kernel", "xen,linux-zimage"]) {
        Content::Kernel
    } else if is(node, &["multiboot,ramdisk", "xen,linux-initrd"]) {
        Content::Initrd
    } else if is(node, &["multiboot,module", "multiboot,device-tree"]) {
        // Only the user knows what it is.
        Content::File(PathBuf::new())
    } else {
        return Ok(None);
    };
    let place = || format!("/chosen/{}/{}", guest.name(), node.name());
    let cells = |name| match guest.property(name) {
        Some(property) => property.value_as::<u32>().map(|cells| cells as usize).map_err(|e| e.to_string()),
        None => Err(format!("its /chosen/{} has no {name}", guest.name())),
    };
    let (address, size) = (cells("#address-cells")?, cells("#size-cells")?);
    let reg = node.property("reg").ok_or_else(|| format!("its {} has no reg", place()))?;
    let number = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) if (1..=8).contains(&bytes.len()) => {
            Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        }
        _ => Err(format!("the reg of its {} is not one of {address} and {size} cells", place())),
    };
    let (begin, end) = (address.saturating_mul(4), address.saturating_add(size).saturating_mul(4));
    let module = Module {
        address: number(reg.value().get(..begin))?,
        size: number(reg.value().get(begin..end))?,
        content,
    };
    Ok(Some(module))
}

fn is(node: &FdtNode<'_>, names: &[&str]) -> bool {
    let Some(property) = node.property("compatible") else { return false };
    property.value().split(|byte| *byte == 0).any(|one| names.iter().any(|name| name.as_bytes() == one))
}

fn text(node: &FdtNode<'_>, name: &str) -> Result<Option<String>, String> {
    let Some(property) = node.property(name) else { return Ok(None) };
    let value = property.value().strip_suffix(b"\0").unwrap_or(property.value());
    match std::str::from_utf8(value) {
        Ok(text) if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) => Ok(Some(text.to_owned())),
        _ => Err(format!("its {name} is not printable ASCII")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dtoolkit::model::DeviceTreeNode;

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    fn node(
        name: &str,
        properties: &[(&str, &[u8])],
        children: Vec<DeviceTreeNode>,
    ) -> Result<DeviceTreeNode> {
        let mut node = DeviceTreeNode::new(name)?;
        for (name, value) in properties {
            node.add_property(DeviceTreeProperty::new(*name, *value)?);
        }
        children.into_iter().for_each(|child| node.add_child(child));
        Ok(node)
    }

    /// A guest with a kernel of 1 MiB at 1 GiB, and something of the user's.
    fn guest(name: &str) -> Result<DeviceTreeNode> {
        let one = 1u32.to_be_bytes();
        let reg = [0x4000_0000u32.to_be_bytes(), 0x10_0000u32.to_be_bytes()].concat();
        let other = [0x5000_0000u32.to_be_bytes(), 16u32.to_be_bytes()].concat();
        let kernel = b"multiboot,kernel\0multiboot,module\0";
        let modules = vec![
            node("module@40000000", &[("compatible", kernel), ("reg", &reg)], Vec::new())?,
            node(
                "module@50000000",
                &[("compatible", b"multiboot,device-tree\0"), ("reg", &other)],
                Vec::new(),
            )?,
        ];
        let cells: [(&str, &[u8]); 3] =
            [("compatible", b"xen,domain\0"), ("#address-cells", &one), ("#size-cells", &one)];
        node(name, &cells, modules)
    }

    fn tree(chosen: Vec<DeviceTreeNode>) -> Result<Vec<u8>> {
        let mut tree = DeviceTree::new();
        tree.root.add_child(node("chosen", &[("xen,xen-bootargs", b"sched=null  vwfi=native\0")], chosen)?);
        let cpus = vec![node("cpu@0", &[], Vec::new())?, node("cpu@1", &[], Vec::new())?];
        tree.root.add_child(node("cpus", &[], cpus)?);
        Ok(tree.to_dtb())
    }

    #[test]
    fn a_tree_says_what_there_shall_be() -> Result {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("p.dtb"), tree(vec![guest("domU1")?, guest("domU2")?])?)?;
        std::fs::write(at("f,1"), "sixteen bytes...")?;
        let partition = Partition::load(&at("p.dtb"), &[(0x5000_0000, at("f,1"))])?;
        assert_eq!((partition.guests, partition.cpus), (2, 2));
        assert_eq!(partition.xen_arguments, ["sched=null", "vwfi=native"]);
        let module = |address, size, content| Module { address, size, content };
        let of_user = module(0x5000_0000, 16, Content::File(at("f,1")));
        assert_eq!(partition.modules, [module(0x4000_0000, 1 << 20, Content::Kernel), of_user.clone()]);
        assert_eq!(of_user.name(), "module-50000000");

        let given = partition.with_arguments("console=dtuart sched=null")?;
        let again = Partition::parse(given)?;
        assert_eq!(again.xen_arguments, ["console=dtuart", "sched=null"]);

        std::fs::write(at("kernel"), vec![0; 1 << 20])?;
        partition.check(&Content::Kernel, &at("kernel"))?;
        std::fs::write(at("kernel"), vec![0; (1 << 20) + 1])?;
        assert!(partition.check(&Content::Kernel, &at("kernel")).is_err());
        std::fs::write(at("f,1"), "seventeen bytes..")?;
        let error = Partition::load(&at("p.dtb"), &[(0x5000_0000, at("f,1"))]).err().map(|e| e.to_string());
        assert!(error.is_some_and(|text| text.ends_with("at 0x50000000 has 0x10 bytes, and the file 0x11")));
        let error = Partition::load(&at("p.dtb"), &[]).err().map(|e| e.to_string());
        assert!(
            error.is_some_and(|text| text.ends_with("is not known: give it with --load 0x50000000=FILE"))
        );
        let error = Partition::load(&at("p.dtb"), &[(7, at("f,1"))]).err().map(|e| e.to_string());
        assert!(error.is_some_and(|text| text.ends_with("none of its guests has a module at 0x7")));
        Ok(())
    }

    #[test]
    fn another_tree_is_refused() -> Result {
        let says = |bytes: Vec<u8>| Partition::parse(bytes).err().unwrap_or_default();
        assert!(!says(b"no tree".to_vec()).is_empty());
        assert_eq!(says(DeviceTree::new().to_dtb()), "it has no /chosen");
        assert!(says(tree(Vec::new())?).starts_with("its /chosen has no guest"));
        let dom0 = node("module@1", &[("compatible", b"multiboot,kernel\0")], Vec::new())?;
        assert!(says(tree(vec![guest("domU1")?, dom0])?).contains("module@1 is a kernel for dom0"));
        let mut other = guest("domU2")?;
        let reg = [0x4000_0000u32.to_be_bytes(), 7u32.to_be_bytes()].concat();
        let kernel = other.child_mut("module@40000000").ok_or("no module")?;
        kernel.add_property(DeviceTreeProperty::new("reg", reg)?);
        assert_eq!(
            says(tree(vec![guest("domU1")?, other])?),
            "two of its modules at 0x40000000 are not the same"
        );
        let mut short = guest("domU1")?;
        let kernel = short.child_mut("module@40000000").ok_or("no module")?;
        kernel.add_property(DeviceTreeProperty::new("reg", 7u32)?);
        assert_eq!(
            says(tree(vec![short])?),
            "the reg of its /chosen/domU1/module@40000000 is not one of 1 and 1 cells"
        );
        Ok(())
    }
}
