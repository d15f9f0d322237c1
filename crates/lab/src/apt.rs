//! Downloads through the machine's own apt: its mirrors, its proxies, its keys. Nothing of its
//! configuration is changed, and nothing is installed here.
//!
//! Packages come from a release and an architecture of Debian's that we choose, not the machine: an
//! [`Apt`] keeps package lists of its own in the cache.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::cache::{self, Cache, Lock};
use crate::error::{Error, PackageError};
use crate::hash;
use crate::pins::Pin;
use crate::progress::{Progress, Stage};
use crate::run_tool::{last_words, output, stdout};

/// apt's program for downloads by address. It is in the `apt` package, outside the search path.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// Run as root, apt would download as another user, who cannot write to the cache, and complain of
/// it.
const AS_WE_ARE: &str = "APT::Sandbox::User=root";

/// A package's file in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// The file's SHA-256.
    pub sha256: String,
    /// Name and version of what the kept lists named, if no mirror has that any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// Where it lies.
    #[serde(skip)]
    pub path: PathBuf,
}

/// What a package index says of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    name: String,
    version: String,
    architecture: String,
    sha256: String,
    depends: String,
}

impl Candidate {
    /// Reads a paragraph of `apt-cache show`.
    fn parse(paragraph: &str) -> Option<Self> {
        let field = |name: &str| {
            paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim)
        };
        let candidate = Self {
            name: field("Package")?.to_owned(),
            version: field("Version")?.to_owned(),
            architecture: field("Architecture")?.to_owned(),
            sha256: field("SHA256")?.to_owned(),
            depends: field("Depends").unwrap_or_default().to_owned(),
        };
        let all_plain =
            is_plain(&candidate.name) && is_plain(&candidate.version) && is_plain(&candidate.architecture);
        all_plain.then_some(candidate)
    }

    /// The names of the packages it depends on.
    fn dependencies(&self) -> impl Iterator<Item = &str> {
        self.depends
            .split([',', '|'])
            .filter_map(|item| item.split_whitespace().next())
            // `python3:any`: of any architecture.
            .filter_map(|name| name.split(':').next())
    }

    /// For people.
    fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    fn file_name(&self) -> String {
        let version = self.version.replace(':', "%3a");
        format!("{}_{version}_{}.deb", self.name, self.architecture)
    }
}

/// Whether it can be a part of a file's name and of a command line.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(['-', '.'])
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.~:_".contains(&byte))
}

/// A release of Debian's that packages are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Release {
    /// Debian 12, with Xen 4.17.
    Bookworm,
    /// Debian 13, with Xen 4.20.
    Trixie,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        })
    }
}

/// Where Debian's keys are, in the package `debian-archive-keyring`. Where it is not, apt's own
/// keys must do.
const KEYRINGS: [&str; 2] =
    ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

/// What a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Packages for an architecture, by Debian's name for it.
    Packages(&'static str),
    /// Source packages.
    Sources,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Packages(architecture) => architecture,
            Self::Sources => "source",
        })
    }
}

/// The packages of one release for one architecture, or its sources.
///
/// Their lists are fetched when there are none yet, and again when a package is no longer where
/// they say; so what is taken does not change under one's feet from run to run.
pub(crate) struct Apt<'a> {
    cache: &'a Cache,
    progress: &'a dyn Progress,
    stage: Stage,
    release: Release,
    content: Content,
    folder: PathBuf,
    /// What apt has said, by name: asking it takes a second.
    candidates: RefCell<BTreeMap<String, Candidate>>,
    _lock: Lock,
}

impl<'a> Apt<'a> {
    /// Opens the lists of packages, and fetches them if need be. Until it is dropped nobody else
    /// uses them.
    pub(crate) fn open(
        cache: &'a Cache,
        release: Release,
        arch: Arch,
        stage: Stage,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        Self::open_lists(cache, release, Content::Packages(arch.platform().debian), stage, progress)
    }

    fn open_lists(
        cache: &'a Cache,
        release: Release,
        content: Content,
        stage: Stage,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        let name = format!("apt-{release}-{content}");
        let lock = cache.lock(&name, stage, progress)?;
        let folder = cache.folder(&name)?;
        let apt = Self {
            cache,
            progress,
            stage,
            release,
            content,
            folder,
            candidates: RefCell::default(),
            _lock: lock,
        };
        let listed = stdout(
            "apt-get",
            &["indextargets", "--format", "$(LABEL)|$(REPO_URI)", "Created-By: Packages"],
            None,
        )?;
        let keyring = KEYRINGS.into_iter().find(|path| Path::new(path).exists());
        let sources = sources(&listed, release, content, keyring).ok_or_else(|| {
            Error::Package(PackageError::NoPackageLists { what: "any mirror of Debian's".to_owned() })
        })?;
        if fs::read_to_string(apt.sources()).ok().as_ref() != Some(&sources) {
            apt.update(&sources)?;
        }
        Ok(apt)
    }

    fn sources(&self) -> PathBuf {
        self.folder.join("sources.list")
    }

    /// Fetches the lists. The sources have their name only when that is done: they stand for the
    /// lists.
    fn update(&self, sources: &str) -> Result<(), Error> {
        let what = format!("fetching the package lists of {} {}", self.release, self.content);
        self.progress.line(self.stage, &what);
        self.candidates.borrow_mut().clear();
        let fresh = self.folder.join("sources.new");
        cache::write_whole(&fresh, sources.as_bytes())?;
        let mut arguments = self.options(&fresh);
        arguments.push("update".into());
        let done = output("apt-get", arguments, None)?;
        if !done.status.success() {
            return Err(Error::Package(PackageError::PackageDownload {
                package: format!("list of {} {}", self.release, self.content),
                output: last_words(&done),
            }));
        }
        fs::rename(&fresh, self.sources()).map_err(Error::io("write", &fresh))
    }

    /// What makes apt use our folder and our sources, and forget what is installed here.
    fn options(&self, sources: &Path) -> Vec<OsString> {
        let architecture = match self.content {
            Content::Packages(architecture) => architecture,
            Content::Sources => Arch::default().platform().debian,
        };
        let place = |option: &str, path: &Path| {
            let mut text = OsString::from(option);
            text.push("=");
            text.push(path);
            text
        };
        let nothing = Path::new("/dev/null");
        [
            place("Dir::Etc::SourceList", sources),
            place("Dir::Etc::SourceParts", nothing),
            place("Dir::Etc::Preferences", nothing),
            place("Dir::Etc::PreferencesParts", nothing),
            place("Dir::State", &self.folder),
            place("Dir::State::Lists", &self.folder.join("lists")),
            place("Dir::State::Status", nothing),
            place("Dir::Cache", &self.folder),
            "Dir::Cache::PkgCache=pkgcache.bin".into(),
            "Dir::Cache::SrcPkgCache=srcpkgcache.bin".into(),
            format!("APT::Architecture={architecture}").into(),
            format!("APT::Architectures={architecture}").into(),
            "Acquire::Languages=none".into(),
            AS_WE_ARE.into(),
        ]
        .into_iter()
        .flat_map(|option| ["-o".into(), option])
        .collect()
    }

    fn run(&self, program: &str, arguments: &[&str], folder: Option<&Path>) -> Result<Output, Error> {
        let mut all = self.options(&self.sources());
        all.extend(arguments.iter().map(OsString::from));
        output(program, all, folder)
    }

    fn candidate(&self, package: &str) -> Result<Candidate, Error> {
        if let Some(known) = self.candidates.borrow().get(package) {
            return Ok(known.clone());
        }
        let candidate = self.versions(package)?.into_iter().next().ok_or_else(|| self.no_package(package))?;
        self.candidates.borrow_mut().insert(package.to_owned(), candidate.clone());
        Ok(candidate)
    }

    /// All that the lists have of a package, the newest first.
    fn versions(&self, package: &str) -> Result<Vec<Candidate>, Error> {
        let shown = self.run("apt-cache", &["show", package], None)?;
        Ok(String::from_utf8_lossy(&shown.stdout).split("\n\n").filter_map(Candidate::parse).collect())
    }

    fn no_package(&self, package: &str) -> Error {
        Error::Package(PackageError::NoPackage {
            package: package.to_owned(),
            place: format!("{} {}", self.release, self.content),
        })
    }

    /// The version of a package that `linux-image-amd64` and its like stand for.
    pub(crate) fn real_package(&self, name: &str, prefix: &str) -> Result<String, Error> {
        let candidate = self.candidate(name)?;
        let real = candidate.dependencies().find(|name| name.starts_with(prefix));
        real.map(str::to_owned).ok_or_else(|| self.no_package(&format!("{prefix}... that {name} depends on")))
    }

    /// That package itself. Its name has a version in it: with the package that name can vanish,
    /// too.
    pub(crate) fn package_behind(&self, name: &str, prefix: &str) -> Result<Package, Error> {
        let real = self.real_package(name, prefix)?;
        let gone = self.candidate(&real)?.title();
        let failed = match self.package(&real) {
            Err(
                error @ (Error::Package(PackageError::NoPackage { .. })
                | Error::Package(PackageError::PackageDownload { .. })),
            ) => error,
            done => return done,
        };
        let now = self.real_package(name, prefix)?;
        if now == real {
            return Err(failed);
        }
        let package = self.package(&now)?;
        Ok(self.instead(gone, package))
    }

    /// Says what was taken for something that is gone.
    fn instead(&self, gone: String, package: Package) -> Package {
        let taken = format!("{} {}", package.name, package.version);
        self.progress.note(self.stage, &format!("{gone} is gone from the mirrors: {taken} is taken"));
        Package { instead_of: Some(gone), ..package }
    }

    /// The names of the packages that a package depends on.
    pub(crate) fn dependencies(&self, name: &str) -> Result<Vec<String>, Error> {
        Ok(self.candidate(name)?.dependencies().map(str::to_owned).collect())
    }

    /// A package, downloaded into the cache unless it is there. If no mirror has it any more, newer
    /// lists are fetched, and the newest is taken that a mirror has: lists can also be ahead of
    /// their mirror.
    pub(crate) fn package(&self, name: &str) -> Result<Package, Error> {
        let wanted = self.candidate(name)?;
        let gone = wanted.title();
        let mut failed = match self.download(wanted) {
            Err(error @ Error::Package(PackageError::PackageDownload { .. })) => error,
            done => return done,
        };
        let path = self.sources();
        let sources = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        self.update(&sources)?;
        let versions = self.versions(name)?;
        if versions.is_empty() {
            return Err(self.no_package(name));
        }
        for version in versions {
            let same = version.title() == gone;
            match self.download(version) {
                Err(error @ Error::Package(PackageError::PackageDownload { .. })) => failed = error,
                Ok(package) if !same => return Ok(self.instead(gone, package)),
                done => return done,
            }
        }
        Err(failed)
    }

    /// Other versions of a pinned source and of the same series, the newest first.
    fn sources_like(&self, pin: &Pin) -> Result<Vec<Pin>, Error> {
        let shown = self.run("apt-cache", &["showsrc", "--only-source", "xen"], None)?;
        let mut sorted: Vec<Pin> = Vec::new();
        for paragraph in String::from_utf8_lossy(&shown.stdout).split("\n\n") {
            let Some(other) = pin.of_paragraph(paragraph).filter(|other| other.sha256 != pin.sha256) else {
                continue;
            };
            let mut at = 0;
            while sorted.get(at).map_or(Ok(false), |known| is_newer(&known.version, &other.version))? {
                at += 1;
            }
            sorted.insert(at, other);
        }
        Ok(sorted)
    }

    fn download(&self, candidate: Candidate) -> Result<Package, Error> {
        let file = candidate.file_name();
        let path = self.cache.folder("packages")?.join(&file);
        let _lock = self.cache.lock(&file, self.stage, self.progress)?;
        let wanted = format!("{}={}", candidate.name, candidate.version);
        let package = Package {
            name: candidate.name,
            version: candidate.version,
            architecture: candidate.architecture,
            sha256: candidate.sha256,
            instead_of: None,
            path,
        };
        if package.path.exists() && hash::file(&package.path)? == package.sha256 {
            return Ok(package);
        }
        if self.progress.cancelled() {
            return Err(Error::Cancelled);
        }
        self.progress.line(self.stage, &format!("downloading {} {}", package.name, package.version));
        let work = self.cache.work_folder(&format!("package-{file}"))?;
        let done = self.run("apt-get", &["download", &wanted], Some(&work))?;
        let arrived = fs::read_dir(&work)
            .map_err(Error::io("read the folder", &work))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|end| end == "deb"));
        let Some(arrived) = arrived.filter(|_| done.status.success()) else {
            return Err(Error::Package(PackageError::PackageDownload {
                package: wanted,
                output: last_words(&done),
            }));
        };
        accept(&arrived, &package.path, &package.sha256)?;
        cache::remove_tree(&work)?;
        Ok(package)
    }
}

/// Whether a version of Debian's is newer than another: dpkg knows.
fn is_newer(version: &str, other: &str) -> Result<bool, Error> {
    Ok(output("dpkg", ["--compare-versions", version, "gt", other], None)?.status.success())
}

/// apt's sources for a release on this machine's mirrors of Debian; nothing if it has none.
///
/// `listed` has a line for each of the machine's package lists: its label and its mirror's address.
fn sources(listed: &str, release: Release, content: Content, keyring: Option<&str>) -> Option<String> {
    let signed = keyring.map(|path| format!(" signed-by={path}")).unwrap_or_default();
    let kind = match content {
        Content::Packages(architecture) => format!("deb [arch={architecture} target=Packages{signed}]"),
        Content::Sources => format!("deb-src [target=Sources{signed}]"),
    };
    let lines = listed.lines().filter_map(|line| {
        let (label, mirror) = line.trim().split_once('|')?;
        let suite = match label {
            "Debian" => release.to_string(),
            "Debian-Security" => format!("{release}-security"),
            _ => return None,
        };
        Some(format!("{kind} {mirror} {suite} main"))
    });
    let text: String = distinct(lines).into_iter().map(|line| line + "\n").collect();
    (!text.is_empty()).then_some(text)
}

/// A source archive in the cache.
#[derive(Debug)]
pub(crate) struct Source {
    /// What it is.
    pub(crate) pin: Pin,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The pinned version, if no mirror has it any more and this is another.
    pub(crate) instead_of: Option<String>,
}

/// A pinned source; if no mirror has it any more, the newest of its series that one has.
pub(crate) fn source(cache: &Cache, pin: &Pin, progress: &dyn Progress) -> Result<Source, Error> {
    let gone = match exact_source(cache, pin, progress) {
        Err(error @ Error::Package(PackageError::Download { .. })) => error,
        done => return done.map(|path| Source { pin: pin.clone(), path, instead_of: None }),
    };
    let index = Apt::open_lists(cache, pin.release, Content::Sources, Stage::Source, progress)?;
    let mut lists_are_new = false;
    loop {
        for other in index.sources_like(pin)? {
            match exact_source(cache, &other, progress) {
                Err(Error::Package(PackageError::Download { .. })) => {}
                Err(error) => return Err(error),
                Ok(path) => {
                    let what = format!(
                        "Debian's {} is gone from the mirrors: {} is taken, the newest of the series",
                        pin.version, other.version
                    );
                    progress.note(Stage::Source, &what);
                    return Ok(Source { pin: other, path, instead_of: Some(pin.version.clone()) });
                }
            }
        }
        if lists_are_new {
            return Err(gone);
        }
        let path = index.sources();
        index.update(&fs::read_to_string(&path).map_err(Error::io("read", &path))?)?;
        lists_are_new = true;
    }
}

/// A source archive, downloaded into the cache unless it is there.
fn exact_source(cache: &Cache, pin: &Pin, progress: &dyn Progress) -> Result<PathBuf, Error> {
    let file = pin.file_name();
    let path = cache.folder("sources")?.join(file);
    let _lock = cache.lock(file, Stage::Source, progress)?;
    if path.exists() {
        let found = hash::file(&path)?;
        // Perhaps it was put there by hand: it is not for us to replace it.
        return if found == pin.sha256 {
            Ok(path)
        } else {
            Err(Error::Package(PackageError::Hash { path, expected: pin.sha256.clone(), found }))
        };
    }

    let work = cache.work_folder(&format!("source-{file}"))?;
    let arriving = work.join(file);
    let mut tried = Vec::new();
    for mirror in mirrors()? {
        for pool_path in &pin.paths {
            if progress.cancelled() {
                return Err(Error::Cancelled);
            }
            let address = format!("{mirror}{pool_path}");
            progress.line(Stage::Source, &crate::text::escape(format!("downloading {address}").as_bytes()));
            let arguments = ["-o", AS_WE_ARE, "download-file", &address]
                .map(OsString::from)
                .into_iter()
                .chain([arriving.clone().into_os_string(), format!("SHA256:{}", pin.sha256).into()]);
            let done = output(HELPER, arguments, None)?;
            if done.status.success() && arriving.exists() {
                accept(&arriving, &path, &pin.sha256)?;
                cache::remove_tree(&work)?;
                return Ok(path);
            }
            let why = last_words(&done)
                .into_iter()
                .find(|line| line.starts_with("E: "))
                .unwrap_or_else(|| crate::supervise::describe(done.status));
            tried.push(format!("{address}: {why}"));
        }
    }
    Err(Error::Package(PackageError::Download {
        file: file.to_owned(),
        destination: path,
        tried: tried.iter().map(|line| crate::text::escape(line.as_bytes())).collect(),
    }))
}

/// Moves a download to its place, if it is what was asked for.
fn accept(arrived: &Path, path: &Path, expected: &str) -> Result<(), Error> {
    let found = hash::file(arrived)?;
    if found != expected {
        return Err(Error::Package(PackageError::Hash {
            path: arrived.to_path_buf(),
            expected: expected.to_owned(),
            found,
        }));
    }
    fs::rename(arrived, path).map_err(Error::io("write", path))
}

/// The addresses of this machine's mirrors, without repetition.
fn mirrors() -> Result<Vec<String>, Error> {
    let listed = stdout("apt-get", &["indextargets", "--format", "$(REPO_URI)"], None)?;
    let mirrors = distinct(listed.lines().map(|line| line.trim().to_owned()));
    if mirrors.is_empty() {
        return Err(Error::Package(PackageError::NoPackageLists { what: "any mirror".to_owned() }));
    }
    Ok(mirrors)
}

fn distinct(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in lines {
        if !line.is_empty() && !all.contains(&line) {
            all.push(line);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "Package: linux-image-amd64\nSource: linux-signed-amd64 (6.1.192+2)\nVersion: 6.1.192-2\n\
        Architecture: amd64\nDepends: foo | bar:any, linux-image-6.1.0-56-amd64 (= 6.1.192-2)\n\
        Description: Linux\n Version: no\nSHA256: 45\n\nPackage: other\nVersion: 1\nArchitecture: amd64\nSHA256: 46\n";

    /// The first of what apt says.
    fn first(shown: &str) -> Option<Candidate> {
        shown.split("\n\n").next().and_then(Candidate::parse)
    }

    #[test]
    fn an_index_entry_is_read() {
        let candidate = first(SHOWN);
        let wanted = Candidate {
            name: "linux-image-amd64".into(),
            version: "6.1.192-2".into(),
            architecture: "amd64".into(),
            sha256: "45".into(),
            depends: "foo | bar:any, linux-image-6.1.0-56-amd64 (= 6.1.192-2)".into(),
        };
        assert_eq!(candidate.as_ref(), Some(&wanted));
        let names: Vec<_> = wanted.dependencies().collect();
        assert_eq!(names, ["foo", "bar", "linux-image-6.1.0-56-amd64"]);
        assert_eq!(wanted.file_name(), "linux-image-amd64_6.1.192-2_amd64.deb");
    }

    #[test]
    fn an_index_entry_that_is_not_plain_is_refused() {
        assert_eq!(first(""), None);
        assert_eq!(first(&SHOWN.replace("SHA256: 45", "")), None);
        for version in ["../x", "1/2", "-o", "1 2", ""] {
            let text = SHOWN.replace("Version: 6.1.192-2", &format!("Version: {version}"));
            assert_eq!(first(&text), None, "{version}");
        }
    }

    #[test]
    fn mirrors_are_asked_once_and_in_order() {
        let listed = ["http://b/debian/", "http://a/debian/", "", "http://b/debian/"];
        assert_eq!(distinct(listed.map(str::to_owned).into_iter()), ["http://b/debian/", "http://a/debian/"]);
    }

    #[test]
    fn another_release_is_on_the_machines_mirrors_of_debian() {
        let listed =
            "Debian|http://a/debian/\nDebian|http://a/debian/\nDebian-Security|http://b/s/\nNode|http://c/\n";
        assert_eq!(
            sources(listed, Release::Trixie, Content::Packages("arm64"), Some("/k.gpg")).as_deref(),
            Some(
                "deb [arch=arm64 target=Packages signed-by=/k.gpg] http://a/debian/ trixie main\n\
                 deb [arch=arm64 target=Packages signed-by=/k.gpg] http://b/s/ trixie-security main\n"
            )
        );
        let plain = |listed, content| sources(listed, Release::Bookworm, content, None);
        let amd64 = Content::Packages("amd64");
        assert_eq!(
            plain("Debian|http://a/", amd64).as_deref(),
            Some("deb [arch=amd64 target=Packages] http://a/ bookworm main\n")
        );
        assert_eq!(
            plain("Debian|http://a/", Content::Sources).as_deref(),
            Some("deb-src [target=Sources] http://a/ bookworm main\n")
        );
        assert_eq!(plain("Ubuntu|http://a/\n\n", amd64), None);
    }

    /// Needs the machine's mirrors, and 30 MB of them.
    #[cfg(feature = "real-packages")]
    #[test]
    fn packages_of_other_releases_and_architectures_come() -> Result<(), Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a folder in", Path::new("/tmp")))?;
        let cache = Cache::at(folder.path());
        let open = |release, arch| Apt::open(&cache, release, arch, Stage::Image, &crate::progress::Silent);
        let apt = open(Release::Trixie, Arch::Arm64)?;
        let kernel = apt.real_package("linux-image-arm64", "linux-image-")?;
        assert!(kernel.ends_with("-arm64"), "{kernel}");
        let xen = apt.package("xen-utils-4.20")?;
        assert_eq!(xen.architecture, "arm64");
        assert_eq!(hash::file(&xen.path)?, xen.sha256);
        assert!(matches!(apt.package("xen-utils-4.17"), Err(Error::Package(PackageError::NoPackage { .. }))));
        // The lists are kept.
        drop(apt);
        let before =
            fs::metadata(cache.root().join("apt-trixie-arm64/sources.list")).and_then(|m| m.modified());
        let again = open(Release::Trixie, Arch::Arm64)?;
        let after = fs::metadata(again.sources()).and_then(|m| m.modified());
        assert_eq!(before.ok(), after.ok());
        Ok(())
    }
}
