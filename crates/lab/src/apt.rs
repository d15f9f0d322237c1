//! Downloads through the machine's own apt: its mirrors, its proxies, its keys. Nothing of its
//! configuration is changed, and nothing is installed here.
//!
//! Packages come from a release and an architecture of Debian's that we choose, not the machine: an
//! [`Apt`] keeps package lists of its own in the cache.

pub(crate) mod download;
pub(crate) mod mirrors;

mod candidate;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use candidate::Candidate;
use mirrors::Content;

use crate::cache::{self, Cache, Lock};
use crate::debian::Release;
use crate::error::{Error, PackageError};
use crate::hash;
use crate::package::Package;
use crate::platform;
use crate::progress::{Progress, Stage};
use crate::run_tool::{last_words, output};
use xenheap_model::BuildArch;

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
        arch: BuildArch,
        stage: Stage,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        Self::open_lists(cache, release, Content::Packages(platform::of(arch).debian), stage, progress)
    }

    /// The same for the lists of sources.
    pub(crate) fn open_sources(
        cache: &'a Cache,
        release: Release,
        stage: Stage,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        Self::open_lists(cache, release, Content::Sources, stage, progress)
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
        let sources = mirrors::sources(release, content)?;
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

    /// Fetches the lists anew.
    pub(crate) fn refresh(&self) -> Result<(), Error> {
        let path = self.sources();
        self.update(&fs::read_to_string(&path).map_err(Error::io("read", &path))?)
    }

    /// What makes apt use our folder and our sources, and forget what is installed here.
    fn options(&self, sources: &Path) -> Vec<OsString> {
        let architecture = match self.content {
            Content::Packages(architecture) => architecture,
            Content::Sources => platform::of(BuildArch::default()).debian,
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
            download::AS_WE_ARE.into(),
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

    /// All that the lists have of a source package, a paragraph for each version.
    pub(crate) fn show_sources(&self, package: &str) -> Result<String, Error> {
        let shown = self.run("apt-cache", &["showsrc", "--only-source", package], None)?;
        Ok(String::from_utf8_lossy(&shown.stdout).into_owned())
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
        self.progress.note(self.stage, &format!("the mirrors no longer have {gone}: using {taken}"));
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
        self.refresh()?;
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
        download::accept(&arrived, &package.path, &package.sha256)?;
        cache::remove_tree(&work)?;
        Ok(package)
    }
}

#[cfg(all(test, feature = "real-packages"))]
mod tests {
    use super::*;

    /// Needs the machine's mirrors, and 30 MB of them.
    #[test]
    fn packages_of_other_releases_and_architectures_come() -> Result<(), Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a folder in", Path::new("/tmp")))?;
        let cache = Cache::at(folder.path());
        let open = |release, arch| Apt::open(&cache, release, arch, Stage::Image, &crate::progress::Silent);
        let apt = open(Release::Trixie, BuildArch::Arm64)?;
        let kernel = apt.real_package("linux-image-arm64", "linux-image-")?;
        assert!(kernel.ends_with("-arm64"), "{kernel}");
        let xen = apt.package("xen-utils-4.20")?;
        assert_eq!(xen.architecture, "arm64");
        assert_eq!(hash::file(&xen.path)?, xen.sha256);
        assert!(matches!(apt.package("xen-utils-4.17"), Err(Error::Package(PackageError::NoPackage { .. }))));
        // The lists are kept.
        drop(apt);
        let before =
            fs::metadata(folder.path().join("apt-trixie-arm64/sources.list")).and_then(|m| m.modified());
        let again = open(Release::Trixie, BuildArch::Arm64)?;
        let after = fs::metadata(again.sources()).and_then(|m| m.modified());
        assert_eq!(before.ok(), after.ok());
        Ok(())
    }
}
