//! A pinned source archive in the cache, or the one that has taken its place.

use std::path::PathBuf;

use crate::apt::{Apt, download, mirrors};
use crate::cache::{self, Cache};
use crate::error::{Error, PackageError};
use crate::hash;
use crate::pins::Pin;
use crate::progress::{Progress, Stage};
use crate::run_tool::output;

/// Where it is, and which one it came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// What it is: another than the pinned one where that is gone.
    pub(crate) pin: Pin,
    /// The file, whose hash is right.
    pub(crate) path: PathBuf,
    /// The pinned version, if no mirror has it any more and this is another.
    pub(crate) instead_of: Option<String>,
}

/// A pinned source; if no mirror has it any more, the newest of its series that one has.
pub(crate) fn get(cache: &Cache, pin: &Pin, progress: &dyn Progress) -> Result<Archive, Error> {
    let gone = match exact(cache, pin, progress) {
        Err(error @ Error::Package(PackageError::Download { .. })) => error,
        done => return done.map(|path| Archive { pin: pin.clone(), path, instead_of: None }),
    };
    let index = Apt::open_sources(cache, pin.release, Stage::Source, progress)?;
    let mut lists_are_new = false;
    loop {
        for other in like(&index, pin)? {
            match exact(cache, &other, progress) {
                Err(Error::Package(PackageError::Download { .. })) => {}
                Err(error) => return Err(error),
                Ok(path) => {
                    let what = format!(
                        "the mirrors no longer have Debian's {}: using {}, the newest of the series",
                        pin.version, other.version
                    );
                    progress.note(Stage::Source, &what);
                    return Ok(Archive { pin: other, path, instead_of: Some(pin.version.clone()) });
                }
            }
        }
        if lists_are_new {
            return Err(gone);
        }
        index.refresh()?;
        lists_are_new = true;
    }
}

/// Other versions of a pinned source and of the same series, the newest first.
fn like(index: &Apt<'_>, pin: &Pin) -> Result<Vec<Pin>, Error> {
    let mut sorted: Vec<Pin> = Vec::new();
    for paragraph in index.show_sources("xen")?.split("\n\n") {
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

/// Whether a version of Debian's is newer than another: dpkg knows.
fn is_newer(version: &str, other: &str) -> Result<bool, Error> {
    Ok(output("dpkg", ["--compare-versions", version, "gt", other], None)?.status.success())
}

/// A source archive, downloaded into the cache unless it is there.
fn exact(cache: &Cache, pin: &Pin, progress: &dyn Progress) -> Result<PathBuf, Error> {
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
    for mirror in mirrors::mirrors()? {
        for pool_path in &pin.paths {
            if progress.cancelled() {
                return Err(Error::Cancelled);
            }
            let address = format!("{mirror}{pool_path}");
            progress.line(Stage::Source, &crate::text::escape(format!("downloading {address}").as_bytes()));
            match download::by_address(&address, &pin.sha256, &arriving)? {
                Ok(()) => {
                    download::accept(&arriving, &path, &pin.sha256)?;
                    cache::remove_tree(&work)?;
                    return Ok(path);
                }
                Err(why) => tried.push(format!("{address}: {why}")),
            }
        }
    }
    Err(Error::Package(PackageError::Download {
        file: file.to_owned(),
        destination: path,
        tried: tried.iter().map(|line| crate::text::escape(line.as_bytes())).collect(),
    }))
}
