use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use object::{Architecture, Object};
use xenheap_model::{Arch, Facts, Frame, Pc};

use crate::{ImageError, Mismatch, dwarf::Debug, elf::Symbols, hints::nameless_frame};

/// An image of Xen with symbols: the file `xen-syms` of a build.
pub struct Image {
    path: PathBuf,
    build_id: Option<String>,
    arch: Arch,
    symbols: Symbols,
    debug: Option<Debug>,
}

impl Image {
    /// Reads an image.
    pub fn open(path: &Path) -> Result<Self, ImageError> {
        let bytes = fs::read(path).map_err(|source| ImageError::Io { path: path.to_owned(), source })?;
        Self::parse(path, &bytes)
    }

    /// Reads an image from memory; `path` is only for messages.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ImageError> {
        let path = path.to_owned();
        let file = match object::File::parse(bytes) {
            Ok(file) => file,
            Err(source) => return Err(ImageError::NotElf { path, source }),
        };
        let arch = match file.architecture() {
            Architecture::X86_64 => Arch::X86_64,
            Architecture::Aarch64 => Arch::Arm64,
            Architecture::Arm => Arch::Arm32,
            other => return Err(ImageError::Machine { path, machine: format!("{other:?}") }),
        };
        let symbols = Symbols::read(&file);
        if symbols.is_empty() {
            return Err(ImageError::NoSymbols { path });
        }
        let debug = match Debug::read(&file) {
            Ok(debug) => debug,
            Err(source) => return Err(ImageError::Dwarf { path, source }),
        };
        let build_id = file
            .build_id()
            .ok()
            .flatten()
            .map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        Ok(Image { path, build_id, arch, symbols, debug })
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// GNU build id, lower-case hex.
    pub fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    /// The machine it is for.
    pub fn arch(&self) -> Arch {
        self.arch
    }

    /// Start and end of Xen's text.
    pub fn text(&self) -> Option<(u64, u64)> {
        self.symbols.text()
    }

    /// Whether inlined functions and source lines are known.
    pub fn has_debug_info(&self) -> bool {
        self.debug.is_some()
    }

    /// Whether this can be the image of a run.
    pub fn check(&self, facts: &Facts) -> Result<(), Mismatch> {
        if facts.arch != Arch::Unknown && facts.arch != self.arch {
            return Err(Mismatch::Arch { log: facts.arch, image: self.arch });
        }
        match (&facts.build_id, &self.build_id) {
            (Some(log), Some(image)) if log != image => {
                Err(Mismatch::BuildId { log: log.clone(), image: image.clone() })
            }
            (Some(_), Some(_)) => Ok(()),
            _ => match (facts.text.map(length), self.text().map(length)) {
                (Some(log), Some(image)) if log != image => Err(Mismatch::Text { log, image }),
                _ => Ok(()),
            },
        }
    }

    /// The frames at an address, root first: the function itself, then what the compiler inlined
    /// into it there.
    ///
    /// Return addresses are looked up one byte before, in the call: a call that never returns can
    /// be the last instruction of its function. An address outside of Xen's text gives one frame
    /// without a name.
    pub fn frames(&self, pc: Pc) -> Vec<Frame> {
        let probe = if pc.exact { pc.addr } else { pc.addr.wrapping_sub(1) };
        let addr = Some(pc.addr);
        let Some(symbol) = self.symbols.at(probe) else { return vec![nameless_frame(addr)] };
        let mut levels = self.debug.as_ref().map(|debug| debug.levels(probe)).unwrap_or_default();
        // The outermost level is the function itself, for which the symbol table has the better
        // name: DWARF knows neither Xen's file prefixes nor the suffixes of clones.
        let source = levels.pop().and_then(|level| level.source);
        let own =
            Frame { function: symbol.name.clone(), file: symbol.file.clone(), inlined: false, source, addr };
        let inlined = levels.into_iter().rev().map(|level| Frame {
            function: level.function.unwrap_or_else(|| "?".to_owned()),
            file: None,
            inlined: true,
            source: level.source,
            addr,
        });
        std::iter::once(own).chain(inlined).collect()
    }

    /// What Xen writes before the `#` of a static function in the source file `path`.
    pub(crate) fn file(&self, path: &str) -> Option<&str> {
        self.symbols.file(path)
    }

    /// The name that Xen prints for a code address.
    pub fn name(&self, addr: u64) -> Option<String> {
        let symbol = self.symbols.at(addr)?;
        Some(match &symbol.file {
            Some(file) => format!("{file}#{}", symbol.name),
            None => symbol.name.clone(),
        })
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("path", &self.path)
            .field("build_id", &self.build_id)
            .field("arch", &self.arch)
            .finish_non_exhaustive()
    }
}

fn length((start, end): (u64, u64)) -> u64 {
    end.saturating_sub(start)
}
