//! The programs of a toolstack.

use super::choice::Chosen;
use super::libraries::Gathered;
use crate::apt::Apt;
use crate::cpio::ArchiveMember;
use crate::error::Error;
use crate::package::Package;

/// Programs below `usr/lib/xen-VERSION` in `xen-utils-VERSION` and below `usr/lib/xen-tree` of a
/// tree's own: `xl` has the path of each built in.
pub(super) const PROGRAMS: [&str; 6] =
    ["xl", "xenstored", "xenconsoled", "xen-init-dom0", "libxl-save-helper", "xen-hptool"];

/// The client of xenstore's, from `xenstore-utils` or a tree's own.
const XENSTORE: &str = "usr/bin/xenstore";

/// What an HVM guest needs besides: packages, and the files to take from each.
pub(super) const DEVICE_MODEL: [(&str, &[&str]); 3] = [
    ("qemu-system-xen", &["usr/libexec/xen-qemu-system-i386"]),
    ("seabios", &["usr/share/seabios/bios-256k.bin"]),
    // The first two start a kernel that is given to QEMU and does not lie on the guest's disk; the
    // last is looked for even where there is no keyboard.
    (
        "qemu-system-data",
        &["usr/share/qemu/linuxboot_dma.bin", "usr/share/qemu/linuxboot.bin", "usr/share/qemu/keymaps/en-us"],
    ),
];

/// Loaded when a thread ends, by the C library and by name: nothing says that it is needed.
pub(super) const BY_NAME: (&str, &str) = ("libgcc-s1", "libgcc_s.so.1");

/// The package with the programs.
pub(super) fn utils(version: &str) -> String {
    format!("xen-utils-{version}")
}

/// The programs of a toolstack with their libraries, and the packages that they are from.
pub(super) fn gather(
    apt: &Apt<'_>,
    chosen: &Chosen,
    device_model: bool,
) -> Result<(Vec<ArchiveMember>, Vec<Package>), Error> {
    let mut gathered = Gathered::new(apt);
    let version = match chosen {
        Chosen::Debian(_, version) => version,
        Chosen::Tree(_) => "tree",
    };
    let loader = device_model.then(|| format!("usr/lib/xen-{version}/boot/hvmloader"));
    let programs: Vec<String> =
        PROGRAMS.map(|name| format!("usr/lib/xen-{version}/bin/{name}")).into_iter().chain(loader).collect();
    let programs = programs.iter().map(String::as_str);
    match chosen {
        Chosen::Debian(..) => {
            gathered.take(apt.package(&utils(version))?, programs)?;
            gathered.take(apt.package("xenstore-utils")?, [XENSTORE])?;
        }
        Chosen::Tree(toolstack) => {
            gathered.take_built(toolstack.members()?, &programs.chain([XENSTORE]).collect::<Vec<_>>());
        }
    }
    if device_model {
        for (package, files) in DEVICE_MODEL {
            gathered.take(apt.package(package)?, files.iter().copied())?;
        }
    }
    gathered.need(BY_NAME.1, BY_NAME.0);
    gathered.finish()
}

#[cfg(all(test, feature = "real-packages"))]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cache::Cache;
    use crate::debian::Release;
    use crate::progress::Stage;
    use crate::toolstack::libraries::needed;
    use xenheap_model::BuildArch;

    /// Needs the machine's mirrors, and 60 MB of them.
    #[test]
    fn every_library_is_there() -> Result<(), Error> {
        let cache = Cache::from_environment();
        for (release, version) in [(Release::Bookworm, "4.17"), (Release::Trixie, "4.20")] {
            let silent = crate::progress::Silent;
            let apt = Apt::open(&cache, release, BuildArch::X86_64, Stage::Image, &silent)?;
            let (entries, _) = gather(&apt, &Chosen::Debian(release, version.to_owned()), true)?;
            let files: BTreeMap<&str, &[u8]> = entries
                .iter()
                .filter_map(|entry| match entry {
                    ArchiveMember::Program(path, body) => Some((path.as_str(), body.as_slice())),
                    _ => None,
                })
                .collect();
            for program in [&*format!("usr/lib/xen-{version}/bin/xl"), "usr/libexec/xen-qemu-system-i386"] {
                assert!(files.contains_key(program), "{program}");
            }
            for (path, body) in &files {
                for library in needed(body) {
                    assert!(files.contains_key(&*format!("lib/{library}")), "{path} needs {library}");
                }
            }
        }
        Ok(())
    }
}
