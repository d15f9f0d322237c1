//! The folder of a finished build, or what the lab keeps of one.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::Error;

/// What the lab keeps the compiler's files in, beside the image: one archive, with paths from Xen's
/// folder on.
pub const ARCHIVE: &str = "analysis.tar.zst";

/// A finished build of Xen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    folder: PathBuf,
    image: Option<PathBuf>,
    config: Option<PathBuf>,
}

/// A file of the compiler's, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// From Xen's folder on.
    pub path: String,
    /// What it says.
    pub text: Vec<u8>,
}

impl Build {
    /// Finds a build in the folder `xen` of a tree, in the tree, or in a folder of the lab's.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        fs::read_dir(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })?;
        let inside = folder.join("xen");
        let folder = if !folder.join(IMAGE).is_file() && inside.join(IMAGE).is_file() {
            inside
        } else {
            folder.to_owned()
        };
        let file = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
        Ok(Build { image: file(IMAGE), config: file(".config").or_else(|| file("config")), folder })
    }

    /// The same build, with the compiler's files from another folder.
    pub fn with_files(self, folder: &Path) -> Self {
        Build { folder: folder.to_owned(), ..self }
    }

    /// The image, `xen-syms`.
    pub fn image(&self) -> Result<&Path, Error> {
        self.image.as_deref().ok_or_else(|| Error::NoImage { folder: self.folder.clone() })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Xen's version, as its configuration names it, and the SHA-256 of the configuration.
    pub fn configuration(&self) -> Result<(Option<String>, Option<String>), Error> {
        let Some(path) = &self.config else { return Ok((None, None)) };
        let bytes = fs::read(path).map_err(|source| Error::Io { path: path.clone(), source })?;
        let hash = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok((version(&String::from_utf8_lossy(&bytes)), Some(hash)))
    }

    /// The compiler's files whose names are wanted, in order of their paths.
    pub fn files(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<File>, Error> {
        let archive = self.folder.join(ARCHIVE);
        if archive.is_file() {
            return unpack(&archive, wanted).map_err(|source| Error::Io { path: archive, source });
        }
        files(&self.folder, wanted)?
            .into_par_iter()
            .map(|path| {
                let whole = self.folder.join(&path);
                let text = fs::read(&whole).map_err(|source| Error::Io { path: whole, source })?;
                Ok(File { path, text })
            })
            .collect()
    }

    /// Its `.ci` files.
    pub fn ci(&self) -> Result<Vec<File>, Error> {
        self.files(|name| name.ends_with(".ci"))
    }

    /// Its GIMPLE dumps.
    pub fn dumps(&self) -> Result<Vec<File>, Error> {
        self.files(|name| name.ends_with(".gimple"))
    }
}

/// Puts the compiler's files of a build into an archive: the same bytes for the same files.
pub fn pack(folder: &Path, out: impl io::Write) -> Result<(), Error> {
    let fail = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    let mut out = zstd::Encoder::new(out, LEVEL).map_err(fail(folder))?;
    out.include_checksum(true).map_err(fail(folder))?;
    let mut archive = tar::Builder::new(out);
    for path in files(folder, |name| name.ends_with(".ci") || name.ends_with(".gimple"))? {
        let whole = folder.join(&path);
        let text = fs::read(&whole).map_err(fail(&whole))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(text.len()).unwrap_or(u64::MAX));
        header.set_mode(0o644);
        archive.append_data(&mut header, &path, text.as_slice()).map_err(fail(&whole))?;
    }
    let finish = move || io::Write::flush(&mut archive.into_inner()?.finish()?);
    finish().map_err(fail(folder))
}

/// The image's name.
const IMAGE: &str = "xen-syms";

/// Compression level: 56 MiB of a Xen become less than 6 in a second.
const LEVEL: i32 = 6;

/// No file of the compiler's is longer: a damaged archive must not fill the memory.
const LONGEST: u64 = 1 << 28;

fn unpack(path: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    let mut archive = tar::Archive::new(zstd::Decoder::new(fs::File::open(path)?)?);
    for entry in archive.entries()? {
        let entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        if wanted(name.rsplit('/').next().unwrap_or(&name)) {
            let mut text = Vec::new();
            entry.take(LONGEST).read_to_end(&mut text)?;
            files.push(File { path: name, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// `# Xen/x86 4.17.5 Configuration`
fn version(config: &str) -> Option<String> {
    let line = config.lines().take(5).find_map(|line| line.strip_prefix("# Xen/"))?;
    let (_, version) = line.strip_suffix(" Configuration")?.split_once(' ')?;
    Some(version.to_owned())
}

/// Files below a folder whose names are wanted: their paths below it, with `/`, sorted. Links are
/// not followed.
pub fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let mut waiting = vec![String::new()];
    while let Some(below) = waiting.pop() {
        let place = folder.join(&below);
        let io = |source| Error::Io { path: place.clone(), source };
        for entry in fs::read_dir(&place).map_err(io)? {
            let entry = entry.map_err(io)?;
            // A name that is no text is none of the compiler's.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
            let kind = entry.file_type().map_err(io)?;
            if kind.is_dir() {
                waiting.push(path);
            } else if kind.is_file() && wanted(&name) {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let tree = folder.path().join("tree");
        fs::create_dir_all(tree.join("xen/common"))?;
        for (path, text) in [
            ("xen/xen-syms", "image"),
            (
                "xen/.config",
                "#\n# Automatically generated file; DO NOT EDIT.\n# Xen/x86 4.17.5 Configuration\n#\n",
            ),
            ("xen/common/.a.o.ci", "a"),
            ("xen/common/.a.o.c.006t.gimple", "dump"),
            ("xen/common/a.c", "source"),
        ] {
            fs::write(tree.join(path), text)?;
        }
        let build = Build::open(&tree)?;
        assert_eq!(build.configuration()?.0.as_deref(), Some("4.17.5"));
        let kept = folder.path().join("kept");
        fs::create_dir(&kept)?;
        fs::write(kept.join("xen-syms"), "image")?;
        pack(&tree.join("xen"), fs::File::create(kept.join(ARCHIVE))?)?;
        let kept = Build::open(&kept)?;
        assert_eq!(kept.ci()?, build.ci()?);
        assert_eq!(kept.ci()?.first().map(|file| file.path.as_str()), Some("common/.a.o.ci"));
        assert_eq!(kept.dumps()?, build.dumps()?);
        assert_eq!(kept.configuration()?, (None, None));
        assert!(matches!(Build::open(&tree.join("xen/common"))?.image(), Err(Error::NoImage { .. })));
        assert!(matches!(Build::open(&tree.join("none")), Err(Error::Io { .. })));
        Ok(())
    }
}
