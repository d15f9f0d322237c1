use std::path::{Path, PathBuf};

use xenheap_lab::{CONSOLE, XEN_SYMS};
use xenheap_symbols::Image;

use crate::{
    RunError, Symbols,
    image::{PACKED, image},
};

/// Where a RUN is, and what belongs to it.
pub(crate) struct Place {
    pub(crate) log: PathBuf,
    pub(crate) job: String,
    /// Where its image would be.
    images: Vec<PathBuf>,
}

impl Place {
    pub(crate) fn of(path: &Path) -> Result<Self, RunError> {
        if path.as_os_str() == "-" {
            return Ok(Place { log: path.to_owned(), job: "stdin".to_owned(), images: Vec::new() });
        }
        if path.is_dir() {
            return Place::folder(path);
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let job = PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        let job = job.strip_suffix(".xhr").unwrap_or(job).to_owned();
        let stem = job.strip_suffix(".log").unwrap_or(&job);
        let names = [format!("{stem}.{XEN_SYMS}"), XEN_SYMS.to_owned()];
        let images = names.iter().flat_map(|name| packed(&path.with_file_name(name))).collect();
        Ok(Place { log: path.to_owned(), job, images })
    }

    fn folder(path: &Path) -> Result<Self, RunError> {
        let Some(log) = packed(&path.join(CONSOLE)).into_iter().find(|log| log.is_file()) else {
            return Err(RunError::NoLog { folder: path.to_owned(), log: CONSOLE });
        };
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let job =
            whole.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(Place { log, job, images: packed(&path.join(XEN_SYMS)) })
    }

    pub(crate) fn is_stdin(&self) -> bool {
        self.log.as_os_str() == "-"
    }

    /// The image to take names from.
    pub(crate) fn image(&self, symbols: &Symbols) -> Result<Option<Image>, RunError> {
        let path = match symbols {
            Symbols::None => return Ok(None),
            Symbols::File(path) => path,
            Symbols::Beside => match self.images.iter().find(|path| path.is_file()) {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        image(path).map(Some)
    }
}

/// A file's name, plain and compressed.
fn packed(path: &Path) -> Vec<PathBuf> {
    let with = |end: &&str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    [""].iter().chain(&PACKED).map(with).collect()
}
