//! What the lab needs of the machine, and getting what is missing.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::arch::Arch;
use crate::error::{Error, PackageError};
use crate::progress::{Progress, Stage};
use crate::supervise::{describe, find_program, search_path};
use crate::text;

/// Something that must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// A program, or, with a leading `/`, a file.
    pub what: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
}

/// What every architecture needs, beyond what every Debian has (`apt`, `dpkg`, a shell, `gzip`).
///
/// busybox and dom0's kernel are not here: they are downloaded, not installed.
const NEEDS: [Need; 6] = [
    need("gcc", "gcc"),
    // Xen itself does without a C library, but its build has tools of its own and checks its public
    // headers.
    need("/usr/include/stdio.h", "libc6-dev"),
    need("make", "make"),
    need("bison", "bison"),
    need("flex", "flex"),
    need("python3", "python3"),
];

pub(crate) const fn need(what: &'static str, package: &'static str) -> Need {
    Need { what, package }
}

/// All that is needed for an architecture.
pub fn needs(arch: Arch) -> impl Iterator<Item = Need> {
    NEEDS.iter().chain(arch.platform().needs).copied()
}

/// What of it is missing on this machine.
pub fn missing_packages(arch: Arch) -> Vec<Need> {
    missing(
        arch,
        |what| {
            if what.starts_with('/') { Path::new(what).exists() } else { find_program(what).is_some() }
        },
    )
}

fn missing(arch: Arch, is_there: impl Fn(&str) -> bool) -> Vec<Need> {
    needs(arch).filter(|need| !is_there(need.what)).collect()
}

/// The error that names them.
pub(crate) fn missing_error(needs: &[Need]) -> Error {
    Error::Package(PackageError::MissingPackages {
        names: needs.iter().map(|need| need.what.to_owned()).collect(),
        packages: names(needs),
    })
}

fn names(needs: &[Need]) -> Vec<String> {
    needs.iter().map(|need| need.package.to_owned()).collect()
}

/// Installs packages with apt; only root can.
pub fn install_packages(needs: &[Need], progress: &dyn Progress) -> Result<(), Error> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::Package(PackageError::NeedsRoot { packages: names(needs) }));
    }
    progress.line(Stage::Packages, "apt-get update");
    apt_get(&["update"])?;
    let names = names(needs);
    progress.line(Stage::Packages, &format!("apt-get install {}", names.join(" ")));
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(names.iter().map(String::as_str));
    apt_get(&arguments)
}

/// Not supervised as other children are: an interrupted dpkg leaves a broken machine.
fn apt_get(arguments: &[&str]) -> Result<(), Error> {
    let output = Command::new("apt-get")
        .args(arguments)
        .env("PATH", search_path())
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Spawn { program: "apt-get".to_owned(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Error::Tool {
        command: format!("apt-get {}", arguments.join(" ")),
        status: describe(output.status),
        output: text::tail(&said, 15),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_scripts_install_all_of_it() -> Result<(), std::io::Error> {
        let list =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/packages.txt"))?;
        for need in Arch::ALL.into_iter().flat_map(needs) {
            assert!(list.lines().any(|line| line == need.package), "{}", need.package);
        }
        Ok(())
    }

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        assert_eq!(missing(Arch::X86_64, |_| true), []);
        let some = missing(Arch::Arm64, |what| {
            !matches!(what, "flex" | "/usr/include/stdio.h" | "qemu-system-aarch64")
        });
        let Error::Package(PackageError::MissingPackages { names, packages }) = missing_error(&some) else {
            panic!("another error");
        };
        assert_eq!(names, ["/usr/include/stdio.h", "flex", "qemu-system-aarch64"]);
        assert_eq!(packages, ["libc6-dev", "flex", "qemu-system-arm"]);
    }
}
