//! What the lab needs of the machine, and getting what is missing.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, PackageError};
use crate::need::{Need, need};
use crate::platform;
use crate::progress::{Progress, Stage};
use crate::supervise::{describe, find_program, search_path};
use crate::text;
use xenheap_model::BuildArch;

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

/// Sees to it that this machine has what the lab needs for an architecture.
pub fn prepare_machine(arch: BuildArch, install: bool, progress: &dyn Progress) -> Result<(), Error> {
    progress.start(Stage::Packages, "looking for what is needed");
    if std::env::consts::ARCH != "x86_64" {
        return Err(Error::Host(std::env::consts::ARCH));
    }
    let missing = missing_packages(arch);
    if missing.is_empty() {
        progress.finish(Stage::Packages, "all there");
        return Ok(());
    }
    if !install {
        return Err(missing_error(&missing));
    }
    install_packages(&missing, progress)?;
    let still = missing_packages(arch);
    if !still.is_empty() {
        return Err(missing_error(&still));
    }
    progress.finish(Stage::Packages, &format!("{} installed", missing.len()));
    Ok(())
}

/// All that is needed for an architecture.
fn needs(arch: BuildArch) -> impl Iterator<Item = Need> {
    NEEDS.iter().chain(platform::of(arch).needs).copied()
}

/// What of it is missing on this machine.
fn missing_packages(arch: BuildArch) -> Vec<Need> {
    missing(
        arch,
        |what| {
            if what.starts_with('/') { Path::new(what).exists() } else { find_program(what).is_some() }
        },
    )
}

fn missing(arch: BuildArch, is_there: impl Fn(&str) -> bool) -> Vec<Need> {
    needs(arch).filter(|need| !is_there(need.what)).collect()
}

/// The error that names them.
fn missing_error(needs: &[Need]) -> Error {
    Error::Package(PackageError::MissingPackages {
        names: needs.iter().map(|need| need.what.to_owned()).collect(),
        packages: names(needs),
    })
}

fn names(needs: &[Need]) -> Vec<String> {
    needs.iter().map(|need| need.package.to_owned()).collect()
}

/// Installs packages with apt; only root can.
fn install_packages(needs: &[Need], progress: &dyn Progress) -> Result<(), Error> {
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
        for need in BuildArch::ALL.into_iter().flat_map(needs) {
            assert!(list.lines().any(|line| line == need.package), "{}", need.package);
        }
        Ok(())
    }

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        assert_eq!(missing(BuildArch::X86_64, |_| true), []);
        let some = missing(BuildArch::Arm64, |what| {
            !matches!(what, "flex" | "/usr/include/stdio.h" | "qemu-system-aarch64")
        });
        let Error::Package(PackageError::MissingPackages { names, packages }) = missing_error(&some) else {
            panic!("another error");
        };
        assert_eq!(names, ["/usr/include/stdio.h", "flex", "qemu-system-aarch64"]);
        assert_eq!(packages, ["libc6-dev", "flex", "qemu-system-arm"]);
    }
}
