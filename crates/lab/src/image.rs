//! What dom0 is made of: Debian's kernel, and an initramfs of busybox, our first process and the workload. If it has
//! guests, the toolstack comes in, and the same kernel and a smaller initramfs for them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::apt::{Apt, Package, Release};
use crate::cache::{self, Cache};
use crate::cpio::{self, Entry};
use crate::deb;
use crate::error::Error;
use crate::hash;
use crate::progress::{Progress, Stage};
use crate::toolstack::{self, ToolstackFacts};
use crate::workload::Workload;
use crate::xenbuild::BuildFacts;

/// dom0's first process.
const INIT: &str = include_str!("../dom0/init");

/// What workloads with guests share.
const FUNCTIONS: &str = include_str!("../dom0/guests.sh");

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

/// A program that guests find in their `/bin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestProgram {
    name: String,
    body: Vec<u8>,
}

/// Which program guests had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestProgramFacts {
    /// Its name.
    pub name: String,
    /// Its SHA-256.
    pub sha256: String,
}

impl GuestProgram {
    /// A program in a file, which gives it its name.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let body = fs::read(path).map_err(Error::io("read", path))?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Self::new(name, body)
    }

    /// A program. It must be linked statically: guests have no libraries.
    pub fn new(name: &str, body: Vec<u8>) -> Result<Self, Error> {
        let plain = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if plain && is_static(&body) {
            Ok(Self { name: name.to_owned(), body })
        } else {
            Err(Error::GuestProgram { name: crate::text::escape(name.as_bytes()) })
        }
    }
}

/// Gets dom0's kernel and makes its initramfs for a workload on that Xen.
pub fn image(
    cache: &Cache,
    xen: &BuildFacts,
    workload: &Workload,
    programs: &[GuestProgram],
    progress: &dyn Progress,
) -> Result<Image, Error> {
    progress.start(Stage::Image, &format!("making dom0 for the workload {}", workload.name));
    let images = cache.folder("images")?;

    let platform = xen.architecture.platform();
    let (kernel, busybox) = {
        let apt = Apt::open(cache, Release::Bookworm, platform.debian, Stage::Image, progress)?;
        (apt.package(&apt.real_package(platform.kernel, "linux-image-")?)?, apt.package("busybox-static")?)
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
        return Err(Error::BusyboxNotStatic { package: format!("{} {}", busybox.name, busybox.version) });
    }
    let compress = |entries: Vec<Entry>| {
        cpio::compress(&cpio::archive(&entries)).map_err(Error::io("compress", &images))
    };
    // Linux unpacks one archive after the other; the large one, which seldom changes, comes as it lies in the cache.
    let mut initrd = Vec::new();
    let mut entries = content(&program, workload);
    let toolstack = if workload.guests {
        let part = toolstack::part(cache, &xen.xen_version, workload.device_model, &kernel, progress)?;
        initrd.extend_from_slice(&part.bytes);
        entries.push(Entry::Program("lib/guests.sh".into(), FUNCTIONS.as_bytes().to_vec()));
        entries.push(Entry::Program("guest/initrd".into(), compress(guest_content(&program, programs))?));
        Some(part.facts)
    } else {
        None
    };
    initrd.extend(compress(cpio::with_folders(entries))?);
    let initrd_sha256 = hash::bytes(&initrd);
    let initrd_path = images.join(format!("initrd-{}-{initrd_sha256}", workload.name));
    cache::write_whole(&initrd_path, &initrd)?;

    let facts = ImageFacts {
        vmlinuz_sha256: hash::file(&vmlinuz_path)?,
        initrd_sha256,
        kernel,
        busybox,
        toolstack,
        guest_programs: programs
            .iter()
            .map(|one| GuestProgramFacts { name: one.name.clone(), sha256: hash::bytes(&one.body) })
            .collect(),
    };
    progress.finish(Stage::Image, &format!("Linux {}", facts.kernel.version));
    Ok(Image { kernel: vmlinuz_path, initrd: initrd_path, facts })
}

fn content(busybox: &[u8], workload: &Workload) -> Vec<Entry> {
    let mut entries = system(busybox, INIT);
    entries.push(Entry::Program("workload".into(), workload.script.as_bytes().to_vec()));
    entries.push(Entry::Program("parameters".into(), workload.assignments().into_bytes()));
    entries
}

fn guest_content(busybox: &[u8], programs: &[GuestProgram]) -> Vec<Entry> {
    let mut entries = system(busybox, GUEST_INIT);
    let program = |one: &GuestProgram| Entry::Program(format!("bin/{}", one.name), one.body.clone());
    entries.extend(programs.iter().map(program));
    cpio::with_folders(entries)
}

/// The smallest system: busybox and a first process.
fn system(busybox: &[u8], init: &str) -> Vec<Entry> {
    vec![
        Entry::Program("bin/busybox".into(), busybox.to_vec()),
        Entry::Link("bin/sh".into(), "busybox".into()),
        // The first process has its output there, before anything is mounted.
        Entry::Device("dev/console".into(), 5, 1),
        Entry::Program("init".into(), init.as_bytes().to_vec()),
    ]
}

/// Whether a 64-bit ELF program names no interpreter, that is, no dynamic linker.
fn is_static(program: &[u8]) -> bool {
    fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
        let mut wide = [0; 8];
        wide.get_mut(..N)?.copy_from_slice(bytes.get(at..at.checked_add(N)?)?);
        Some(u64::from_le_bytes(wide))
    }
    const INTERPRETER: u64 = 3;
    let check = || {
        let headers = usize::try_from(number::<8>(program, 0x20)?).ok()?;
        let size = usize::try_from(number::<2>(program, 0x36)?).ok()?;
        let count = usize::try_from(number::<2>(program, 0x38)?).ok()?;
        for index in 0..count {
            let at = headers.checked_add(index.checked_mul(size)?)?;
            if number::<4>(program, at)? == INTERPRETER {
                return Some(false);
            }
        }
        Some(count > 0)
    };
    program.starts_with(b"\x7fELF\x02\x01") && check().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_holds_init_and_workload() -> Result<(), Error> {
        let workload = Workload::load("boot")?;
        let archive = cpio::archive(&content(b"BUSYBOX", &workload));
        let text = String::from_utf8_lossy(&archive);
        for part in ["BUSYBOX", INIT, workload.script.as_str()] {
            assert!(text.contains(part));
        }
        assert_eq!(archive, cpio::archive(&content(b"BUSYBOX", &workload)));
        Ok(())
    }

    #[test]
    fn a_guest_has_the_programs_that_are_given() -> Result<(), Error> {
        let program = GuestProgram::new("mine", elf(&[1]))?;
        let archive = cpio::archive(&guest_content(b"BUSYBOX", &[program]));
        let text = String::from_utf8_lossy(&archive);
        assert!(text.contains("bin/mine\0") && text.contains(GUEST_INIT));
        for (name, body) in
            [("a/b", elf(&[1])), ("", elf(&[1])), ("dynamic", elf(&[3])), ("script", b"#!/bin/sh".to_vec())]
        {
            assert!(matches!(GuestProgram::new(name, body), Err(Error::GuestProgram { .. })), "{name}");
        }
        Ok(())
    }

    #[test]
    fn every_script_is_a_script() -> Result<(), Box<dyn std::error::Error>> {
        let mut scripts = vec![INIT.to_owned(), FUNCTIONS.to_owned(), GUEST_INIT.to_owned()];
        for name in Workload::built_in() {
            scripts.push(Workload::load(name)?.script);
        }
        for script in scripts {
            let output = std::process::Command::new("sh").args(["-n", "-c", &script]).output()?;
            assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn elf(types: &[u32]) -> Vec<u8> {
        let mut program = b"\x7fELF\x02\x01".to_vec();
        program.resize(0x40, 0);
        program[0x20] = 0x40;
        program[0x36] = 56;
        program[0x38] = types.len() as u8;
        for kind in types {
            program.extend_from_slice(&kind.to_le_bytes());
            program.resize(program.len() + 52, 0);
        }
        program
    }

    #[test]
    fn a_static_program_is_told_from_a_dynamic_one() {
        assert!(is_static(&elf(&[1, 1, 4])));
        assert!(!is_static(&elf(&[6, 3, 1])));
        assert!(!is_static(&elf(&[])));
        assert!(!is_static(&elf(&[1, 1])[..100]));
        assert!(!is_static(b"#!/bin/sh\n"));
        assert!(!is_static(b"\x7fELF\x02\x01"));
    }
}
