//! What dom0 is made of: Debian's kernel, and an initramfs of busybox, our first process and the
//! workload. If it has guests, the toolstack comes in, and the same kernel and a smaller initramfs
//! for them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::apt::{Apt, Package, Release};
use crate::cache::{self, Cache};
use crate::cpio::{self, ArchiveMember};
use crate::deb;
use crate::error::{Error, PackageError};
use crate::guest_program::{GuestProgram, GuestProgramFacts, is_static};
use crate::hash;
use crate::progress::{Progress, Stage};
use crate::toolstack::{self, ToolstackConfig, ToolstackFacts};
use crate::workload::Workload;
use crate::xenbuild::BuildFacts;

/// dom0's first process.
const INIT: &str = include_str!("../dom0/init");

/// What workloads with guests share.
const FUNCTIONS: &str = include_str!("../dom0/guests.sh");

/// What workloads share whose guests Xen itself starts.
const DOMU_FUNCTIONS: &str = include_str!("../dom0/domu.sh");

/// A guest's first process.
const GUEST_INIT: &str = include_str!("../guest/init");

/// A kernel and an initramfs in the cache.
#[derive(Debug, Clone)]
pub struct Image {
    /// The kernel.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initrd: PathBuf,
    /// What they are.
    pub facts: ImageFacts,
}

/// What an image was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// The kernel's package.
    pub kernel: Package,
    /// SHA-256 of the kernel itself.
    pub vmlinuz_sha256: String,
    /// busybox's package.
    pub busybox: Package,
    /// SHA-256 of the initramfs.
    pub initrd_sha256: String,
    /// Xen's toolstack, if dom0 has guests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolstack: Option<ToolstackFacts>,
    /// Programs that guests had besides busybox.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guest_programs: Vec<GuestProgramFacts>,
}

/// Gets dom0's kernel and makes its initramfs for a workload on that Xen.
pub fn image(
    cache: &Cache,
    xen: &BuildFacts,
    toolstack: &ToolstackConfig<'_>,
    workload: &Workload,
    programs: &[GuestProgram],
    progress: &dyn Progress,
) -> Result<Image, Error> {
    let tools = match workload.guests {
        true => Some(toolstack::choose(cache, &xen.xen_version, toolstack, progress)?),
        false => None,
    };
    progress.start(Stage::Image, &format!("making dom0 for the workload {}", workload.name));
    let images = cache.folder("images")?;

    let platform = xen.architecture.platform();
    let (kernel, busybox) = {
        let apt = Apt::open(cache, Release::Bookworm, xen.architecture, Stage::Image, progress)?;
        (apt.package_behind(platform.kernel, "linux-image-")?, apt.package("busybox-static")?)
    };
    let vmlinuz_path = images.join(format!("vmlinuz-{}", kernel.sha256));
    let _lock = cache.lock("images", Stage::Image, progress)?;
    if !vmlinuz_path.exists() {
        let body = deb::file(&kernel, "boot/vmlinuz-*", |path| path.starts_with("boot/vmlinuz-"))?;
        cache::write_whole(&vmlinuz_path, &body)?;
    }

    let program =
        deb::file(&busybox, "bin/busybox", |path| matches!(path, "bin/busybox" | "usr/bin/busybox"))?;
    if !is_static(&program) {
        return Err(Error::Package(PackageError::BusyboxNotStatic {
            package: format!("{} {}", busybox.name, busybox.version),
        }));
    }
    let compress = |archive: &[u8]| cpio::compress(archive).map_err(Error::io("compress", &images));
    // Linux unpacks one archive after the other; the large one, which seldom changes, comes as it
    // lies in the cache.
    let mut initrd = Vec::new();
    let mut entries = content(&program, workload);
    let toolstack = if let Some(tools) = &tools {
        let part = toolstack::part(cache, &xen.xen_version, tools, workload.device_model, &kernel, progress)?;
        initrd.extend_from_slice(&part.bytes);
        entries.push(ArchiveMember::Program("lib/guests.sh".into(), FUNCTIONS.as_bytes().to_vec()));
        let mut guest = cpio::archive(&guest_content(&program, programs));
        if !programs.is_empty() {
            guest.extend(toolstack::modules(cache, &kernel)?);
        }
        entries.push(ArchiveMember::Program("guest/initrd".into(), compress(&guest)?));
        Some(part.facts)
    } else {
        None
    };
    initrd.extend(compress(&cpio::archive(&cpio::with_folders(entries)))?);
    let initrd_sha256 = hash::bytes(&initrd);
    let initrd_path = images.join(format!("initrd-{}-{initrd_sha256}", workload.name));
    cache::write_whole(&initrd_path, &initrd)?;

    let facts = ImageFacts {
        vmlinuz_sha256: hash::file(&vmlinuz_path)?,
        initrd_sha256,
        kernel,
        busybox,
        toolstack,
        guest_programs: programs.iter().map(GuestProgram::facts).collect(),
    };
    progress.finish(Stage::Image, &format!("Linux {}", facts.kernel.version));
    Ok(Image { kernel: vmlinuz_path, initrd: initrd_path, facts })
}

fn content(busybox: &[u8], workload: &Workload) -> Vec<ArchiveMember> {
    let mut entries = system(busybox, INIT);
    entries.push(ArchiveMember::Program("workload".into(), workload.script.as_bytes().to_vec()));
    entries.push(ArchiveMember::Program("parameters".into(), workload.assignments().into_bytes()));
    // Always: which guests there are, a device tree of the user's can say too.
    entries.push(ArchiveMember::Program("lib/domu.sh".into(), DOMU_FUNCTIONS.as_bytes().to_vec()));
    entries
}

fn guest_content(busybox: &[u8], programs: &[GuestProgram]) -> Vec<ArchiveMember> {
    let mut entries = system(busybox, GUEST_INIT);
    entries.extend(programs.iter().map(GuestProgram::entry));
    cpio::with_folders(entries)
}

/// The smallest system: busybox and a first process.
fn system(busybox: &[u8], init: &str) -> Vec<ArchiveMember> {
    vec![
        ArchiveMember::Program("bin/busybox".into(), busybox.to_vec()),
        ArchiveMember::Link("bin/sh".into(), "busybox".into()),
        // The first process has its output there, before anything is mounted.
        ArchiveMember::Device("dev/console".into(), 5, 1),
        ArchiveMember::Program("init".into(), init.as_bytes().to_vec()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_holds_init_and_workload() -> Result<(), Error> {
        let workload = Workload::load("boot")?;
        let archive = cpio::archive(&content(b"BUSYBOX", &workload));
        let text = String::from_utf8_lossy(&archive);
        for part in ["BUSYBOX", INIT, "lib/domu.sh\0", DOMU_FUNCTIONS, workload.script.as_str()] {
            assert!(text.contains(part));
        }
        assert_eq!(archive, cpio::archive(&content(b"BUSYBOX", &workload)));
        Ok(())
    }

    #[test]
    fn a_guest_has_the_programs_that_are_given() -> Result<(), Error> {
        let program = GuestProgram::new("mine", crate::guest_program::elf(&[1]))?;
        let archive = cpio::archive(&guest_content(b"BUSYBOX", &[program]));
        let text = String::from_utf8_lossy(&archive);
        assert!(text.contains("bin/mine\0") && text.contains(GUEST_INIT));
        Ok(())
    }

    #[test]
    fn every_script_is_a_script() -> Result<(), Box<dyn std::error::Error>> {
        let mut scripts = [INIT, FUNCTIONS, DOMU_FUNCTIONS, GUEST_INIT].map(str::to_owned).to_vec();
        for name in Workload::built_in() {
            scripts.push(Workload::load(name)?.script);
        }
        for script in scripts {
            let output = std::process::Command::new("sh").args(["-n", "-c", &script]).output()?;
            assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}
