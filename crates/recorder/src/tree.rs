//! A Xen source tree.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::git::Revision;
use crate::write;

/// A Xen version as `xen/Makefile` says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The 4 of 4.17.5.
    pub major: u32,
    /// The 17 of 4.17.5.
    pub minor: u32,
    /// `.5`, `-unstable`, or empty.
    pub extra: String,
}

impl Version {
    /// Is this one of the releases that the recorder was built for?
    #[must_use]
    pub fn is_supported(&self) -> bool {
        self.major == 4 && (14..=23).contains(&self.minor)
    }

    fn parse(makefile: &str) -> Option<Self> {
        let value = |wanted: &str| {
            makefile.lines().find_map(|line| {
                let rest = line.trim().strip_prefix("export")?.trim_start().strip_prefix(wanted)?;
                let rest = rest.trim_start();
                let value = rest
                    .strip_prefix("?=")
                    .or_else(|| rest.strip_prefix(":="))
                    .or_else(|| rest.strip_prefix('='));
                Some(value?.trim())
            })
        };
        Some(Self {
            major: value("XEN_VERSION")?.parse().ok()?,
            minor: value("XEN_SUBVERSION")?.parse().ok()?,
            // Whoever packages Xen appends a variable.
            extra: value("XEN_EXTRAVERSION")
                .and_then(|extra| extra.split("$(").next())
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}{}", self.major, self.minor, self.extra)
    }
}

/// A Xen source tree: where its `xen` folder is, and which version it holds.
#[derive(Clone, Debug)]
pub struct Tree {
    xen: PathBuf,
    version: Version,
    /// Where the files are, if not in the folder.
    revision: Option<Revision>,
}

impl Tree {
    /// Opens the root of a repository (the folder that contains `xen/`), or the `xen` folder
    /// itself.
    ///
    /// # Errors
    /// [`Error::NotXen`] when it is neither, [`Error::Read`] when it cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let read = |source: io::Error| Error::Read { path: path.to_owned(), source };
        let not_xen = |missing: String| Error::NotXen { path: path.to_owned(), missing };
        if !fs::metadata(path).map_err(read)?.is_dir() {
            return Err(not_xen("it is not a folder".into()));
        }
        let xen = [path.join("xen"), path.to_owned()]
            .into_iter()
            .find(|folder| folder.join("common/page_alloc.c").is_file())
            .ok_or_else(|| {
                not_xen("it has neither xen/common/page_alloc.c nor common/page_alloc.c".into())
            })?;
        let makefile = xen.join("Makefile");
        let text = match fs::read(&makefile) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(not_xen(format!("{} is missing", makefile.display())));
            }
            Err(source) => return Err(Error::Read { path: makefile, source }),
        };
        let version = Version::parse(&String::from_utf8_lossy(&text)).ok_or_else(|| {
            not_xen(format!("{} says no XEN_VERSION and XEN_SUBVERSION", makefile.display()))
        })?;
        Ok(Self { xen, version, revision: None })
    }

    /// Opens a revision of a git repository, bare or not. It can be looked at, and a patch for it
    /// written; it cannot be changed.
    ///
    /// # Errors
    /// [`Error::NotXen`] when it is no tree of Xen's, [`Error::Git`] when it cannot be read.
    pub fn at_revision(repository: impl AsRef<Path>, revision: &str) -> Result<Self, Error> {
        let repository = repository.as_ref();
        let name = PathBuf::from(format!("{}@{revision}", repository.display()));
        let files = Revision::open(repository, revision)?;
        let not_xen = |missing: &str| Error::NotXen { path: name.clone(), missing: missing.to_owned() };
        if files.read("xen/common/page_alloc.c")?.is_none() {
            return Err(not_xen("it has no xen/common/page_alloc.c"));
        }
        let makefile = files.read("xen/Makefile")?.ok_or_else(|| not_xen("it has no xen/Makefile"))?;
        let version = Version::parse(&String::from_utf8_lossy(&makefile))
            .ok_or_else(|| not_xen("xen/Makefile says no XEN_VERSION and XEN_SUBVERSION"))?;
        Ok(Self { xen: name, version, revision: Some(files) })
    }

    /// The `xen` folder; of a revision, the name that was given.
    #[must_use]
    pub fn xen_dir(&self) -> &Path {
        &self.xen
    }

    /// A file of it by its path below `xen/`, if there is one.
    pub(crate) fn read(&self, below: &str) -> Result<Option<Vec<u8>>, Error> {
        match &self.revision {
            Some(revision) => Ok(revision.read(&format!("xen/{below}"))?),
            None => write::read_if_any(&self.xen.join(below)),
        }
    }

    /// A document by its path below the root, if there is one.
    pub(crate) fn read_document(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        match &self.revision {
            Some(revision) => Ok(revision.read(path)?),
            None => write::read_if_any(&self.xen.join("..").join(path)),
        }
    }

    /// May that file be executed?
    pub(crate) fn is_executable(&self, below: &str) -> Result<bool, Error> {
        if let Some(revision) = &self.revision {
            return Ok(revision.is_executable(&format!("xen/{below}"))?);
        }
        let path = self.xen.join(below);
        let metadata = fs::metadata(&path).map_err(|source| Error::Read { path, source })?;
        Ok(metadata.permissions().mode() & 0o100 != 0)
    }

    /// Are there files that can be changed?
    pub(crate) fn is_folder(&self) -> bool {
        self.revision.is_none()
    }

    /// Which Xen it is.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let text = "# export XEN_VERSION = 9\nexport XEN_VERSION       = 4\nexport XEN_SUBVERSION    = 17\n\
                    export XEN_EXTRAVERSION ?= .5$(XEN_VENDORVERSION)\nexport XEN_FULLVERSION   = x\n";
        let version = Version::parse(text).unwrap();
        assert_eq!(version.to_string(), "4.17.5");
        assert!(version.is_supported());
        let unstable = Version::parse(&text.replace("17", "24").replace(".5", "-unstable")).unwrap();
        assert_eq!(unstable.to_string(), "4.24-unstable");
        assert!(!unstable.is_supported());
        let plain = Version::parse("export XEN_VERSION = 4\nexport XEN_SUBVERSION := 13\n").unwrap();
        assert_eq!((plain.to_string().as_str(), plain.is_supported()), ("4.13", false));
        for text in ["", "export XEN_VERSION = 4\n", "export XEN_VERSION = x\nexport XEN_SUBVERSION = 1\n"] {
            assert_eq!(Version::parse(text), None);
        }
    }
}
