//! What dom0 needs to have guests: `xl` and daemons, Debian's or the tree's own, their libraries,
//! and the kernel's modules for them.
//!
//! Only the programs that are used are taken, and of the libraries only those that a program names
//! as needed, directly or through another: some 15 MB instead of a Debian system.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;

use object::Object as _;
use serde::{Deserialize, Serialize};

use crate::apt::{Apt, Package, Release};
use crate::arch::Arch;
use crate::cache::{self, Cache};
use crate::cpio::{self, ArchiveMember};
use crate::deb::{self, Content, Member};
use crate::error::{Error, PackageError, ToolstackError};
use crate::hash;
use crate::progress::{Progress, Stage};
use crate::source::Origin;
use crate::toolbuild::{self, Toolstack, ToolstackBuild};

/// Programs below `usr/lib/xen-VERSION` in `xen-utils-VERSION` and below `usr/lib/xen-tree` of a
/// tree's own: `xl` has the path of each built in.
const PROGRAMS: [&str; 6] =
    ["xl", "xenstored", "xenconsoled", "xen-init-dom0", "libxl-save-helper", "xen-hptool"];

/// The client of xenstore's, from `xenstore-utils` or a tree's own.
const XENSTORE: &str = "usr/bin/xenstore";

/// What an HVM guest needs besides: packages, and the files to take from each.
const DEVICE_MODEL: [(&str, &[&str]); 3] = [
    ("qemu-system-xen", &["usr/libexec/xen-qemu-system-i386"]),
    ("seabios", &["usr/share/seabios/bios-256k.bin"]),
    // The first two start a kernel that is given to QEMU and does not lie on the guest's disk; the
    // last is looked for even where there is no keyboard.
    (
        "qemu-system-data",
        &["usr/share/qemu/linuxboot_dma.bin", "usr/share/qemu/linuxboot.bin", "usr/share/qemu/keymaps/en-us"],
    ),
];

/// Modules of the kernel, in the order in which they must be loaded.
const MODULES: [&str; 5] = ["xen-privcmd", "xenfs", "xen-evtchn", "xen-gntdev", "xen-gntalloc"];

/// Loaded when a thread ends, by the C library and by name: nothing says that it is needed.
const BY_NAME: (&str, &str) = ("libgcc-s1", "libgcc_s.so.1");

/// Where programs look for the dynamic linker.
const LINKER: &str = "lib64/ld-linux-x86-64.so.2";

/// Stands for a tree's own toolstack where a package's name is expected.
const TREE: &str = "the tree's toolstack";

/// The kernel for guests in dom0's image, unpacked.
const GUEST_KERNEL: &str = "guest/vmlinux";
/// The same as it was, for HVM guests: QEMU wants it so.
const GUEST_KERNEL_PACKED: &str = "guest/vmlinuz";

/// A compressed archive in the cache, a part of dom0's image.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) bytes: Vec<u8>,
    pub(crate) facts: ToolstackFacts,
}

/// What a toolstack was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolstackFacts {
    /// The version of Xen that it is for.
    pub xen: String,
    /// Where it comes from.
    #[serde(default)]
    pub from: ToolstackSource,
    /// How it was built, if it is the tree's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<ToolstackBuild>,
    /// Whether QEMU is there for HVM guests.
    pub device_model: bool,
    /// The packages from which something was taken.
    pub packages: Vec<Package>,
}

/// Where a toolstack comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolstackSource {
    /// Debian's packages.
    #[default]
    Debian,
    /// Built from the same source as Xen.
    Tree,
}

impl ToolstackSource {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Debian, Self::Tree];
}

impl fmt::Display for ToolstackSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debian => "debian",
            Self::Tree => "tree",
        })
    }
}

impl FromStr for ToolstackSource {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|one| one.to_string() == given).ok_or_else(|| {
            Error::Toolstack(ToolstackError::UnknownToolstack {
                given: crate::text::escape(given.as_bytes()),
            })
        })
    }
}

/// What is known of the toolstack that is wanted.
#[derive(Debug, Clone, Copy)]
pub struct ToolstackConfig<'a> {
    /// The source of the Xen that it is for.
    pub origin: &'a Origin,
    /// Where it shall come from, if the user said.
    pub from: Option<ToolstackSource>,
    /// How many compilers run at once.
    pub jobs: usize,
}

/// A toolstack that was decided on.
pub(crate) enum Chosen {
    /// That of a release of Debian's, for the version.
    Debian(Release, String),
    /// The tree's own.
    Tree(Toolstack),
}

/// The release of Debian's that has a toolstack for that Xen: a toolstack works with no other
/// version.
fn release(xen: &str) -> Option<(Release, String)> {
    let numbers = xen.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
    let version = numbers.split('.').take(2).collect::<Vec<_>>().join(".");
    match version.as_str() {
        "4.17" => Some((Release::Bookworm, version)),
        "4.20" => Some((Release::Trixie, version)),
        _ => None,
    }
}

/// Decides which toolstack it is, and builds it if it is the tree's.
pub(crate) fn choose(
    cache: &Cache,
    xen: &str,
    config: &ToolstackConfig<'_>,
    progress: &dyn Progress,
) -> Result<Chosen, Error> {
    let debian = release(xen);
    match (config.from, debian) {
        (None | Some(ToolstackSource::Debian), Some((release, version))) => {
            return Ok(Chosen::Debian(release, version));
        }
        (Some(ToolstackSource::Debian), None) => {
            return Err(Error::Toolstack(ToolstackError::NoToolstack {
                version: crate::text::escape(xen.as_bytes()),
            }));
        }
        (None, None) => {
            let what = format!("Debian has no toolstack for Xen {xen}: the one of the source is taken");
            progress.note(Stage::Toolstack, &crate::text::escape(what.as_bytes()));
        }
        (Some(ToolstackSource::Tree), _) => {}
    }
    toolbuild::build(cache, config.origin, config.jobs, progress).map(Chosen::Tree)
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
    let apt = Apt::open(cache, release, Arch::X86_64, Stage::Image, progress)?;
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
    crate::cache::write_json(&record, &facts)?;
    Ok(Part { bytes, facts })
}

/// The package with the programs.
fn utils(version: &str) -> String {
    format!("xen-utils-{version}")
}

/// The programs of a toolstack with their libraries, and the packages that they are from.
fn gather(
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

/// The kernel for guests, and the modules that are not built into it, with the list in which order
/// to load them.
fn kernel_files(kernel: &Package, packed_too: bool) -> Result<Vec<ArchiveMember>, Error> {
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

/// The files of some packages, and the libraries that these need.
struct Gathered<'a> {
    apt: &'a Apt<'a>,
    entries: Vec<ArchiveMember>,
    /// Libraries still to be looked for, each with the package whose file needs it.
    needed: VecDeque<(String, String)>,
    /// The libraries of every package that was looked into.
    known: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// The packages from which something was taken.
    packages: BTreeMap<String, Package>,
    /// Libraries of a tree's own, which come before any of Debian's: QEMU gets along with newer
    /// ones.
    built: BTreeMap<String, Vec<u8>>,
}

impl<'a> Gathered<'a> {
    fn new(apt: &'a Apt<'a>) -> Self {
        Self {
            apt,
            entries: Vec::new(),
            needed: VecDeque::new(),
            known: BTreeMap::new(),
            packages: BTreeMap::new(),
            built: BTreeMap::new(),
        }
    }

    /// Takes programs of a tree's own toolstack; its libraries are there for who needs them.
    fn take_built(&mut self, members: Vec<Member>, programs: &[&str]) {
        let (programs, libraries): (Vec<_>, Vec<_>) =
            members.into_iter().partition(|member| programs.contains(&member.path.as_str()));
        for Member { path, content } in programs {
            if let Content::File(body) = content {
                self.add(path, body, TREE);
            }
        }
        self.built = named(libraries);
    }

    /// Adds a program; `package`: whose dependencies have the libraries that it needs.
    fn add(&mut self, path: String, body: Vec<u8>, package: &str) {
        for library in needed(&body) {
            self.need(&library, package);
        }
        self.entries.push(ArchiveMember::Program(path, body));
    }

    /// Takes files of a package, which keep their paths.
    fn take<'p>(&mut self, package: Package, paths: impl IntoIterator<Item = &'p str>) -> Result<(), Error> {
        let paths: Vec<&str> = paths.into_iter().collect();
        let mut members = deb::members(&package, |path| paths.contains(&path))?;
        members.sort_by(|a, b| a.path.cmp(&b.path));
        for path in paths {
            if !members.iter().any(|member| member.path == path) {
                return Err(Error::Package(PackageError::NotInPackage {
                    path: package.path,
                    wanted: path.to_owned(),
                }));
            }
        }
        for Member { path, content } in members {
            match content {
                Content::File(body) => self.add(path, body, &package.name),
                Content::Link(target) => self.entries.push(ArchiveMember::Link(path, target)),
            }
        }
        self.packages.insert(package.name.clone(), package);
        Ok(())
    }

    /// Notes that a file of that package needs a library.
    fn need(&mut self, library: &str, package: &str) {
        self.needed.push_back((library.to_owned(), package.to_owned()));
    }

    /// Looks for what is needed until nothing is.
    ///
    /// Debian's policy makes it simple: a package that needs a library depends on the package that
    /// has it, and such a package's name begins with `lib` (of those in question only zlib's does
    /// not).
    fn finish(mut self) -> Result<(Vec<ArchiveMember>, Vec<Package>), Error> {
        let mut libraries: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        while let Some((library, package)) = self.needed.pop_front() {
            if libraries.contains_key(&library) {
                continue;
            }
            let (body, place) = self.find(&library, &package)?;
            for next in needed(&body) {
                self.need(&next, &place);
            }
            libraries.insert(library, body);
        }
        let linker = LINKER.rsplit('/').next().unwrap_or_default();
        self.entries.push(ArchiveMember::Link(LINKER.to_owned(), format!("../lib/{linker}")));
        for (name, body) in libraries {
            self.entries.push(ArchiveMember::Program(format!("lib/{name}"), body));
        }
        Ok((self.entries, self.packages.into_values().collect()))
    }

    /// A library that a file of that package needs, and the package that has it.
    fn find(&mut self, library: &str, package: &str) -> Result<(Vec<u8>, String), Error> {
        if let Some(body) = self.built.get(library) {
            return Ok((body.clone(), TREE.to_owned()));
        }
        let mut places = vec![package.to_owned()];
        if package == TREE {
            places = toolbuild::RUNTIME.map(str::to_owned).to_vec();
        } else {
            places.extend(self.apt.dependencies(package)?);
        }
        places.retain(|name| name.starts_with("lib") || name == "zlib1g");
        // What is there already comes first: it costs nothing.
        places.sort_by_key(|name| !self.known.contains_key(name));
        for place in places {
            let Some(body) = self.libraries(&place)?.get(library).cloned() else { continue };
            if !self.packages.contains_key(&place) {
                self.packages.insert(place.clone(), self.apt.package(&place)?);
            }
            return Ok((body, place));
        }
        Err(Error::Package(PackageError::NoLibrary {
            library: crate::text::escape(library.as_bytes()),
            package: package.to_owned(),
        }))
    }

    /// The libraries of a package by the names by which they are asked for.
    fn libraries(&mut self, package: &str) -> Result<&BTreeMap<String, Vec<u8>>, Error> {
        if !self.known.contains_key(package) {
            let libraries = match self.apt.package(package) {
                Ok(package) => named(deb::members(&package, is_library)?),
                // The other of two alternatives, or a name that other packages provide.
                Err(Error::Package(PackageError::NoPackage { .. })) => BTreeMap::new(),
                Err(error) => return Err(error),
            };
            self.known.insert(package.to_owned(), libraries);
        }
        Ok(self.known.entry(package.to_owned()).or_default())
    }
}

/// Whether the dynamic linker would find it there.
fn is_library(path: &str) -> bool {
    let path = path.strip_prefix("usr/").unwrap_or(path);
    path.strip_prefix("lib/x86_64-linux-gnu/").is_some_and(|name| !name.contains('/') && name.contains(".so"))
}

/// Files by their names, links being followed within the folder.
fn named(members: Vec<Member>) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut files = BTreeMap::new();
    let mut links = Vec::new();
    for Member { path, content } in members {
        match content {
            Content::File(body) => {
                files.insert(name(&path), body);
            }
            Content::Link(target) => links.push((name(&path), name(&target))),
        }
    }
    for (from, to) in links {
        if let Some(body) = files.get(&to).cloned() {
            files.insert(from, body);
        }
    }
    files
}

/// The libraries that a program or library names as needed. What is no ELF file needs none.
fn needed(file: &[u8]) -> Vec<String> {
    let Ok(elf) = object::File::parse(file) else { return Vec::new() };
    let Ok(libraries) = elf.import_libraries() else { return Vec::new() };
    libraries
        .filter_map(|library| {
            library.ok().map(|library| String::from_utf8_lossy(library.name()).into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_xen_has_its_release() {
        assert_eq!(release("4.17.5"), Some((Release::Bookworm, "4.17".to_owned())));
        assert_eq!(release("4.20-rc"), Some((Release::Trixie, "4.20".to_owned())));
        assert_eq!(release("4.23-unstable"), None);
    }

    #[test]
    fn sources_are_read_and_written() {
        for source in ToolstackSource::ALL {
            assert_eq!(source.to_string().parse::<ToolstackSource>().ok(), Some(source));
            assert_eq!(serde_json::to_value(source).ok(), Some(source.to_string().into()));
        }
        let error = "Tree".parse::<ToolstackSource>().err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("no toolstack `Tree`: use `debian` or `tree`"));
    }

    #[test]
    fn debian_s_is_taken_where_there_is_one_unless_the_user_says_otherwise() {
        let folder = std::env::temp_dir();
        let origin = Origin::Tree { path: folder.join("none") };
        let choose = |xen, from| {
            let config = ToolstackConfig { origin: &origin, from, jobs: 1 };
            choose(&Cache::at(folder.join("no-cache")), xen, &config, &crate::progress::Silent)
        };
        for from in [None, Some(ToolstackSource::Debian)] {
            let chosen = choose("4.17.5", from);
            assert!(matches!(chosen, Ok(Chosen::Debian(Release::Bookworm, version)) if version == "4.17"));
        }
        let error = choose("4.22.0", Some(ToolstackSource::Debian)).err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("Debian has no toolstack for Xen 4.22.0, only for 4.17 and 4.20: use --toolstack tree")
        );
    }

    #[test]
    fn libraries_are_known_by_the_names_of_their_links() {
        let member = |path: &str, content| Member { path: path.to_owned(), content };
        let found = named(vec![
            member("lib/x/liba.so.1", Content::Link("liba.so.1.2".into())),
            member("lib/x/liba.so.1.2", Content::File(b"A".to_vec())),
            member("lib/x/libb.so.1", Content::Link("/nowhere/libb.so.3".into())),
        ]);
        assert_eq!(found.get("liba.so.1").map(Vec::as_slice), Some(b"A".as_slice()));
        assert_eq!(found.get("libb.so.1"), None);
        assert!(is_library("lib/x86_64-linux-gnu/libc.so.6"));
        assert!(is_library("usr/lib/x86_64-linux-gnu/libz.so.1.3"));
        assert!(!is_library("usr/lib/x86_64-linux-gnu/gconv/UTF-16.so"));
        assert!(!is_library("usr/share/x.so"));
    }

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

    #[test]
    fn a_program_says_what_it_needs() -> std::io::Result<()> {
        // This test itself: a program of this machine.
        let own = std::fs::read(std::env::current_exe()?)?;
        assert!(needed(&own).iter().any(|name| name == "libc.so.6"), "{:?}", needed(&own));
        assert_eq!(needed(b"#!/bin/sh"), Vec::<String>::new());
        Ok(())
    }

    /// Needs the machine's mirrors, and 60 MB of them.
    #[cfg(feature = "real-packages")]
    #[test]
    fn every_library_is_there() -> Result<(), Error> {
        let cache = Cache::from_environment();
        for version in ["4.17", "4.20"] {
            let (release, version) = release(version).ok_or_else(|| {
                Error::Toolstack(ToolstackError::NoToolstack { version: version.to_owned() })
            })?;
            let silent = crate::progress::Silent;
            let apt = Apt::open(&cache, release, Arch::X86_64, Stage::Image, &silent)?;
            let (entries, _) = gather(&apt, &Chosen::Debian(release, version.clone()), true)?;
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
