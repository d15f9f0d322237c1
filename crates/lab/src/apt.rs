//! Downloads through the machine's own apt: its mirrors, its proxies, its keys. Nothing of its configuration is
//! changed, and nothing is installed here.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::cache::{self, Cache};
use crate::error::Error;
use crate::hash;
use crate::pins::Pin;
use crate::progress::{Progress, Stage};
use crate::run_tool::{last_words, output, stdout};

/// apt's program for downloads by address. It is in the `apt` package, outside the search path.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// Run as root, apt would download as another user, who cannot write to the cache, and complain of it.
const AS_WE_ARE: [&str; 2] = ["-o", "APT::Sandbox::User=root"];

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
    /// Reads the first paragraph of `apt-cache show`.
    fn parse(text: &str) -> Option<Self> {
        let paragraph = text.split("\n\n").next()?;
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
        // They become parts of a file's name and of a command line.
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with(['-', '.'])
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.~:_".contains(&byte))
        };
        let all_plain = plain(&candidate.name) && plain(&candidate.version) && plain(&candidate.architecture);
        all_plain.then_some(candidate)
    }

    /// The name of the first package it depends on that begins so.
    fn dependency(&self, prefix: &str) -> Option<&str> {
        self.depends
            .split([',', '|'])
            .filter_map(|item| item.split_whitespace().next())
            .find(|name| name.starts_with(prefix))
    }

    fn file_name(&self) -> String {
        let version = self.version.replace(':', "%3a");
        format!("{}_{version}_{}.deb", self.name, self.architecture)
    }
}

fn candidate(package: &str) -> Result<Candidate, Error> {
    let shown = output("apt-cache", ["show", "--no-all-versions", package], None)?;
    Candidate::parse(&String::from_utf8_lossy(&shown.stdout))
        .ok_or_else(|| Error::NoPackageLists { what: format!("the package {package}") })
}

/// The version of a package that `linux-image-amd64` and its like stand for.
pub(crate) fn real_package(name: &str, prefix: &str) -> Result<String, Error> {
    let candidate = candidate(name)?;
    match candidate.dependency(prefix) {
        Some(real) => Ok(real.to_owned()),
        None => Err(Error::NoPackageLists { what: format!("a package {prefix}... that {name} depends on") }),
    }
}

/// A package of the version that apt would install, downloaded into the cache unless it is there.
pub(crate) fn package(
    cache: &Cache,
    name: &str,
    stage: Stage,
    progress: &dyn Progress,
) -> Result<Package, Error> {
    let candidate = candidate(name)?;
    let folder = cache.folder("packages")?;
    let file = candidate.file_name();
    let path = folder.join(&file);
    let _lock = cache.lock(&file, stage, progress)?;
    let package = Package {
        name: candidate.name.clone(),
        version: candidate.version.clone(),
        architecture: candidate.architecture.clone(),
        sha256: candidate.sha256.clone(),
        path: path.clone(),
    };
    if path.exists() && hash::file(&path)? == candidate.sha256 {
        return Ok(package);
    }

    progress.line(stage, &format!("downloading {} {}", candidate.name, candidate.version));
    let work = cache.work_folder(&format!("package-{file}"))?;
    let wanted = format!("{}={}", candidate.name, candidate.version);
    let done = output("apt-get", AS_WE_ARE.iter().copied().chain(["download", &wanted]), Some(&work))?;
    let arrived = fs::read_dir(&work)
        .map_err(Error::io("read the folder", &work))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "deb"));
    let Some(arrived) = arrived.filter(|_| done.status.success()) else {
        return Err(Error::PackageDownload { package: wanted, output: last_words(&done) });
    };
    accept(&arrived, &path, &candidate.sha256)?;
    cache::remove_tree(&work)?;
    Ok(package)
}

/// A pinned source, downloaded into the cache unless it is there.
pub(crate) fn source(cache: &Cache, pin: &Pin, progress: &dyn Progress) -> Result<PathBuf, Error> {
    let file = pin.file_name();
    let path = cache.folder("sources")?.join(file);
    let _lock = cache.lock(file, Stage::Source, progress)?;
    if path.exists() {
        let found = hash::file(&path)?;
        // Perhaps it was put there by hand: it is not for us to replace it.
        return if found == pin.sha256 {
            Ok(path)
        } else {
            Err(Error::Hash { path, expected: pin.sha256.clone(), found })
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
            let arguments = AS_WE_ARE
                .iter()
                .map(OsString::from)
                .chain(["download-file".into(), OsString::from(&address)])
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
    Err(Error::Download {
        file: file.to_owned(),
        destination: path,
        tried: tried.iter().map(|line| crate::text::escape(line.as_bytes())).collect(),
    })
}

/// Moves a download to its place, if it is what was asked for.
fn accept(arrived: &Path, path: &Path, expected: &str) -> Result<(), Error> {
    let found = hash::file(arrived)?;
    if found != expected {
        return Err(Error::Hash { path: arrived.to_path_buf(), expected: expected.to_owned(), found });
    }
    fs::rename(arrived, path).map_err(Error::io("write", path))
}

/// The addresses of this machine's mirrors, without repetition.
fn mirrors() -> Result<Vec<String>, Error> {
    let listed = stdout("apt-get", &["indextargets", "--format", "$(REPO_URI)"], None)?;
    let mirrors = distinct(&listed);
    if mirrors.is_empty() {
        return Err(Error::NoPackageLists { what: "any mirror".to_owned() });
    }
    Ok(mirrors)
}

fn distinct(listed: &str) -> Vec<String> {
    let mut mirrors: Vec<String> = Vec::new();
    for line in listed.lines().map(str::trim) {
        if !line.is_empty() && !mirrors.iter().any(|known| known == line) {
            mirrors.push(line.to_owned());
        }
    }
    mirrors
}

/// The content of the first file of a package for whose path `wanted` is true.
///
/// Nothing else of the package touches the disk: a kernel's modules take half a gigabyte.
pub(crate) fn file_in_package(
    package: &Package,
    what: &'static str,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<u8>, Error> {
    let mut unpacker = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(&package.path)
        .env("PATH", crate::supervise::search_path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| Error::Spawn { program: "dpkg-deb".to_owned(), source })?;
    let found = match unpacker.stdout.take() {
        Some(stream) => find_in_tar(stream, wanted),
        None => Ok(None),
    };
    // It is usually not done: the file was found before the archive's end.
    let _ = unpacker.kill();
    let _ = unpacker.wait();
    match found {
        Ok(Some(body)) => Ok(body),
        Ok(None) => Err(Error::NotInPackage { path: package.path.clone(), wanted: what }),
        Err(error) => Err(Error::io("unpack", &package.path)(error)),
    }
}

fn find_in_tar(
    stream: impl std::io::Read,
    wanted: impl Fn(&str) -> bool,
) -> std::io::Result<Option<Vec<u8>>> {
    for entry in tar::Archive::new(stream).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        if entry.header().entry_type().is_file() && wanted(path.trim_start_matches("./")) {
            let mut body = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut body)?;
            return Ok(Some(body));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "Package: linux-image-amd64\nSource: linux-signed-amd64 (6.1.192+2)\nVersion: 6.1.192-2\n\
        Architecture: amd64\nDepends: foo | bar, linux-image-6.1.0-56-amd64 (= 6.1.192-2)\n\
        Description: Linux\n Version: no\nSHA256: 45\n\nPackage: other\nVersion: 1\nArchitecture: amd64\nSHA256: 46\n";

    #[test]
    fn an_index_entry_is_read() {
        let candidate = Candidate::parse(SHOWN);
        let wanted = Candidate {
            name: "linux-image-amd64".into(),
            version: "6.1.192-2".into(),
            architecture: "amd64".into(),
            sha256: "45".into(),
            depends: "foo | bar, linux-image-6.1.0-56-amd64 (= 6.1.192-2)".into(),
        };
        assert_eq!(candidate.as_ref(), Some(&wanted));
        assert_eq!(wanted.dependency("linux-image-"), Some("linux-image-6.1.0-56-amd64"));
        assert_eq!(wanted.dependency("linux-headers-"), None);
        assert_eq!(wanted.file_name(), "linux-image-amd64_6.1.192-2_amd64.deb");
    }

    #[test]
    fn an_index_entry_that_is_not_plain_is_refused() {
        assert_eq!(Candidate::parse(""), None);
        assert_eq!(Candidate::parse(&SHOWN.replace("SHA256: 45", "")), None);
        for version in ["../x", "1/2", "-o", "1 2", ""] {
            let text = SHOWN.replace("Version: 6.1.192-2", &format!("Version: {version}"));
            assert_eq!(Candidate::parse(&text), None, "{version}");
        }
    }

    #[test]
    fn mirrors_are_asked_once_and_in_order() {
        assert_eq!(
            distinct("http://b/debian/\nhttp://a/debian/\n\nhttp://b/debian/\n"),
            ["http://b/debian/", "http://a/debian/"]
        );
    }

    #[test]
    fn a_file_is_found_in_an_archive() -> std::io::Result<()> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, body) in [("./boot/config-6", "no"), ("./boot/vmlinuz-6", "kernel")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(body.len() as u64);
            header.set_cksum();
            builder.append_data(&mut header, name, body.as_bytes())?;
        }
        let archive = builder.into_inner()?;
        let kernel = |path: &str| path.starts_with("boot/vmlinuz-");
        assert_eq!(find_in_tar(archive.as_slice(), kernel)?.as_deref(), Some(b"kernel".as_slice()));
        assert_eq!(find_in_tar(archive.as_slice(), |_| false)?, None);
        Ok(())
    }
}
