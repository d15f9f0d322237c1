//! The kernel for guests, and its modules, out of dom0's kernel's package.

use std::collections::BTreeMap;

use crate::cache::{self, Cache};
use crate::cpio::{self, ArchiveMember};
use crate::deb::{self, Content, Member};
use crate::error::{Error, PackageError};
use crate::hash;
use crate::package::Package;

/// Modules of the kernel, in the order in which they must be loaded.
pub(super) const MODULES: [&str; 5] = ["xen-privcmd", "xenfs", "xen-evtchn", "xen-gntdev", "xen-gntalloc"];

/// The kernel for guests in dom0's image, unpacked.
const GUEST_KERNEL: &str = "guest/vmlinux";
/// The same as it was, for HVM guests: QEMU wants it so.
const GUEST_KERNEL_PACKED: &str = "guest/vmlinuz";

/// The kernel for guests, and the modules that are not built into it, with the list in which order
/// to load them.
pub(super) fn kernel_files(kernel: &Package, packed_too: bool) -> Result<Vec<ArchiveMember>, Error> {
    let is_kernel = |path: &str| path.starts_with("boot/vmlinuz-");
    let (kernels, modules): (Vec<_>, Vec<_>) =
        deb::members(kernel, |path| is_kernel(path) || is_of_modules(path))?
            .into_iter()
            .partition(|member| is_kernel(&member.path));
    let mut entries = Vec::new();
    for Member { content, .. } in kernels {
        let Content::File(body) = content else { continue };
        let unpacked = vmlinux(&body);
        if packed_too || unpacked.is_none() {
            entries.push(ArchiveMember::Program(GUEST_KERNEL_PACKED.to_owned(), body));
        }
        entries.push(match unpacked {
            Some(kernel) => ArchiveMember::Program(GUEST_KERNEL.to_owned(), kernel),
            None => ArchiveMember::Link(GUEST_KERNEL.to_owned(), "vmlinuz".to_owned()),
        });
    }
    if entries.is_empty() {
        return Err(Error::Package(PackageError::NotInPackage {
            path: kernel.path.clone(),
            wanted: "boot/vmlinuz-*".to_owned(),
        }));
    }
    entries.extend(module_files(kernel, modules)?);
    Ok(entries)
}

/// The modules as an archive that is not compressed, for guests whose programs ask Xen for
/// something. Kept in the cache: a kernel's package is slow to unpack.
pub(crate) fn modules(cache: &Cache, kernel: &Package) -> Result<Vec<u8>, Error> {
    let key = hash::key(&[("kernel", &kernel.sha256), ("list", &format!("{MODULES:?}"))]);
    let path = cache.folder("images")?.join(format!("modules-{key}"));
    if !path.exists() {
        let entries = module_files(kernel, deb::members(kernel, is_of_modules)?)?;
        cache::write_whole(&path, &cpio::archive(&cpio::with_folders(entries)))?;
    }
    std::fs::read(&path).map_err(Error::io("read", &path))
}

/// The list of what is built into a kernel.
const BUILT_IN: &str = "/modules.builtin";

/// Whether [`module_files`] needs that file of a kernel's package.
fn is_of_modules(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_module =
        |module: &&str| name.strip_prefix(*module).is_some_and(|end| matches!(end, ".ko" | ".ko.xz"));
    path.ends_with(BUILT_IN) || MODULES.iter().any(is_module)
}

/// The modules that are not built into the kernel, with the list in which order to load them.
fn module_files(kernel: &Package, members: Vec<Member>) -> Result<Vec<ArchiveMember>, Error> {
    let mut found = BTreeMap::new();
    let mut built_in = String::new();
    for Member { path, content } in members {
        let Content::File(body) = content else { continue };
        if path.ends_with(BUILT_IN) {
            built_in = String::from_utf8_lossy(&body).into_owned();
            continue;
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let module = match name.strip_suffix(".xz") {
            Some(name) => (name.to_owned(), unpack(&body).map_err(Error::io("unpack", &kernel.path))?),
            None => (name.to_owned(), body),
        };
        found.insert(module.0, module.1);
    }
    let mut entries = Vec::new();
    let mut order = String::new();
    for name in MODULES {
        let file = format!("{name}.ko");
        match found.remove(&file) {
            Some(body) => {
                order.push_str(&format!("/lib/modules/{file}\n"));
                entries.push(ArchiveMember::Program(format!("lib/modules/{file}"), body));
            }
            None if built_in.lines().any(|line| line.ends_with(&format!("/{file}"))) => {}
            None => {
                return Err(Error::Package(PackageError::NotInPackage {
                    path: kernel.path.clone(),
                    wanted: file,
                }));
            }
        }
    }
    entries.push(ArchiveMember::Program("lib/modules/order".to_owned(), order.into_bytes()));
    Ok(entries)
}

/// The kernel inside a compressed one, if it is packed with xz.
///
/// `xl` could unpack it itself, but would need 15 s in our machine, each time. Where it lies is
/// said in the file's header, which Linux describes in `Documentation/x86/boot.rst`.
fn vmlinux(vmlinuz: &[u8]) -> Option<Vec<u8>> {
    let number = |at: usize| -> Option<usize> {
        let bytes = vmlinuz.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    if vmlinuz.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let setup_sectors = usize::from(*vmlinuz.get(0x1f1)?);
    let start = (setup_sectors + 1) * 512 + number(0x248)?;
    let payload = vmlinuz.get(start..start.checked_add(number(0x24c)?)?)?;
    // The stream is followed by its unpacked size, at which the decoder does not look.
    let kernel = unpack(payload).ok()?;
    kernel.starts_with(b"\x7fELF").then_some(kernel)
}

fn unpack(xz: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    std::io::Read::read_to_end(&mut liblzma::read::XzDecoder::new(xz), &mut body)?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_found_in_a_compressed_one() -> std::io::Result<()> {
        let kernel = b"\x7fELF the kernel".as_slice();
        let mut packed = Vec::new();
        std::io::Read::read_to_end(&mut liblzma::read::XzEncoder::new(kernel, 6), &mut packed)?;
        packed.extend_from_slice(&(kernel.len() as u32).to_le_bytes());
        let mut file = vec![0; 1024];
        file[0x1f1] = 1;
        file[0x202..0x206].copy_from_slice(b"HdrS");
        file[0x248] = 3;
        file[0x24c..0x250].copy_from_slice(&(packed.len() as u32).to_le_bytes());
        file.extend_from_slice(b"...");
        file.extend_from_slice(&packed);
        assert_eq!(vmlinux(&file).as_deref(), Some(kernel));
        assert_eq!(vmlinux(&file[..file.len() - 1]), None);
        assert_eq!(vmlinux(b"MZ"), None);
        Ok(())
    }
}
