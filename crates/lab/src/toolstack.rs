//! What dom0 needs to have guests: `xl` and daemons, Debian's or the tree's own, their libraries,
//! and the kernel's modules for them.
//!
//! Only the programs that are used are taken, and of the libraries only those that a program names
//! as needed, directly or through another: some 15 MB instead of a Debian system.

mod choice;
mod kernel;
mod libraries;
mod programs;

use serde::{Deserialize, Serialize};

pub use choice::ToolstackSource;
pub(crate) use choice::{Chosen, ToolstackConfig, choose};
pub(crate) use kernel::modules;
use kernel::{MODULES, kernel_files};
use programs::{BY_NAME, DEVICE_MODEL, PROGRAMS, gather, utils};

use crate::apt::Apt;
use crate::cache::{self, Cache};
use crate::cpio;
use crate::error::Error;
use crate::hash;
use crate::package::Package;
use crate::progress::{Progress, Stage};
use crate::toolbuild::{self, ToolstackBuild};
use xenheap_model::BuildArch;

/// A compressed archive in the cache, a part of dom0's image.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) bytes: Vec<u8>,
    pub(crate) facts: ToolstackFacts,
}

/// What a toolstack was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToolstackFacts {
    /// The version of Xen that it is for.
    pub(crate) xen: String,
    /// Where it comes from.
    #[serde(default)]
    pub(crate) from: ToolstackSource,
    /// How it was built, if it is the tree's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) build: Option<ToolstackBuild>,
    /// Whether QEMU is there for HVM guests.
    pub(crate) device_model: bool,
    /// The packages from which something was taken.
    pub(crate) packages: Vec<Package>,
}

/// Makes the part of dom0's image that has toolstack and modules, or takes it from the cache.
pub(crate) fn part(
    cache: &Cache,
    xen: &str,
    chosen: &Chosen,
    device_model: bool,
    kernel: &Package,
    progress: &dyn Progress,
) -> Result<Part, Error> {
    let release = match chosen {
        Chosen::Debian(release, _) => *release,
        Chosen::Tree(_) => toolbuild::RELEASE,
    };
    let apt = Apt::open(cache, release, BuildArch::X86_64, Stage::Image, progress)?;
    let identity = match chosen {
        Chosen::Debian(_, version) => apt.package(&utils(version))?.sha256,
        Chosen::Tree(toolstack) => toolstack.facts.key.clone(),
    };
    let key = hash::key(&[
        ("tools", &identity),
        ("kernel", &kernel.sha256),
        ("device model", &device_model.to_string()),
        ("form", "4"),
        ("lists", &format!("{PROGRAMS:?} {DEVICE_MODEL:?} {MODULES:?} {BY_NAME:?}")),
    ]);
    let images = cache.folder("images")?;
    let archive = images.join(format!("toolstack-{key}"));
    let record = images.join(format!("toolstack-{key}.json"));
    let read = |path| std::fs::read(path).map_err(Error::io("read", path));
    if archive.exists() && record.exists() {
        let facts = serde_json::from_slice(&read(&record)?)
            .map_err(|error| Error::io("read", &record)(error.into()))?;
        return Ok(Part { bytes: read(&archive)?, facts });
    }

    progress.line(Stage::Image, &format!("gathering the toolstack of Xen {xen}"));
    let (mut entries, packages) = gather(&apt, chosen, device_model)?;
    entries.extend(kernel_files(kernel, device_model)?);
    let entries = cpio::with_folders(entries);
    let bytes = cpio::compress(&cpio::archive(&entries)).map_err(Error::io("compress", &images))?;
    let facts = match chosen {
        Chosen::Debian(_, version) => ToolstackFacts {
            xen: version.clone(),
            from: ToolstackSource::Debian,
            build: None,
            device_model,
            packages,
        },
        Chosen::Tree(toolstack) => ToolstackFacts {
            xen: xen.to_owned(),
            from: ToolstackSource::Tree,
            build: Some(toolstack.facts.clone()),
            device_model,
            packages,
        },
    };
    cache::write_whole(&archive, &bytes)?;
    cache::write_json(&record, &facts)?;
    Ok(Part { bytes, facts })
}
