//! What a compiler has made below a folder, by its objects: for builds that have no image yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use object::{
    Endianness, FileKind, Object as _, ObjectSection, ObjectSymbol, SymbolKind,
    read::{archive::ArchiveFile, elf::ElfFile64},
};
use rayon::prelude::*;

use crate::{
    Error,
    build::{Build, files},
};

/// Below this folder of Xen's lie programs that run while Xen is built.
const HOST: &str = "tools/";

/// An object of a unit in C.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// From the folder on; a member of an archive whose own file is not there lies beside the
    /// archive.
    pub path: String,
    /// The sources that the symbol table names: one, or those of all units that were linked to it.
    pub sources: BTreeSet<String>,
    /// Whether it was linked from other objects (`built_in.o`, `prelink.o`).
    pub linked: bool,
    /// The functions that it defines, each with its names, with all suffixes: an alias is one more
    /// name of its function.
    pub functions: Vec<BTreeSet<String>>,
    /// Those names of functions that other objects see, weak ones too.
    pub exported: BTreeSet<String>,
    /// Whether it holds what `-flto` keeps for the link, and no code.
    pub lto: bool,
}

impl Object {
    /// The folder that it lies in, with a `/` at its end if it is not the build's own.
    pub fn folder(&self) -> &str {
        split(&self.path).0
    }

    /// Whether units that have objects of their own were linked to it (`built_in.o`, `prelink.o`):
    /// it has several sources, or one of another name and another object of that name lies beside
    /// it. `guest_2.o` of `guest.c` is none, as no `guest.o` does.
    fn is_linked(&self, others: &BTreeSet<String>) -> bool {
        let mut sources = self.sources.iter();
        match (sources.next(), sources.next()) {
            (Some(source), None) => {
                let own = format!("{}{}.o", self.folder(), stem(split(source).1));
                own != self.path && others.contains(&own)
            }
            _ => true,
        }
    }
}

fn split(path: &str) -> (&str, &str) {
    path.rfind('/').map_or(("", path), |at| path.split_at(at + 1))
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

impl Build {
    /// The objects of its units in C, sorted: assembly has no such notes. Programs that run while
    /// Xen is built, and 32-bit code that starts it, are no part of it.
    pub fn objects(&self) -> Result<Vec<Object>, Error> {
        let folder = self.folder();
        let read = |path: &String| -> Result<Vec<Object>, Error> {
            let whole = folder.join(path);
            let bytes = fs::read(&whole).map_err(|source| Error::Io { path: whole.clone(), source })?;
            Ok(of_file(folder, path, &bytes))
        };
        let found = files(folder, |name| name.ends_with(".o") || name.ends_with(".a"))?;
        let mut found: Vec<_> = found.into_iter().filter(|path| !path.starts_with(HOST)).collect();
        found.sort_by_key(|path| path.ends_with(".a"));
        let mut objects: Vec<Object> =
            found.par_iter().map(read).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        objects.sort_by(|a, b| a.path.cmp(&b.path));
        // The file before the member of an archive that is a copy of it.
        objects.dedup_by(|a, b| a.path == b.path);
        let paths: BTreeSet<String> = objects.iter().map(|object| object.path.clone()).collect();
        for object in &mut objects {
            object.linked = object.is_linked(&paths);
        }
        Ok(objects)
    }
}

/// The objects that a file is, or holds. What is no object of the compiler's is none.
fn of_file(folder: &Path, path: &str, bytes: &[u8]) -> Vec<Object> {
    if !matches!(FileKind::parse(bytes), Ok(FileKind::Archive)) {
        return of_unit(path, bytes).into_iter().collect();
    }
    let Ok(archive) = ArchiveFile::parse(bytes) else { return Vec::new() };
    let (beside, _) = split(path);
    let members = archive.members().filter_map(Result::ok).filter_map(|member| {
        let name = format!("{beside}{}", String::from_utf8_lossy(member.name()));
        // A thin archive names files, which are there or not.
        let data = if archive.is_thin() {
            fs::read(folder.join(&name)).ok()?
        } else {
            member.data(bytes).ok()?.to_vec()
        };
        of_unit(&name, &data)
    });
    members.collect()
}

fn of_unit(path: &str, bytes: &[u8]) -> Option<Object> {
    let file = ElfFile64::<Endianness>::parse(bytes).ok()?;
    let lto = file.sections().any(|section| section.name().is_ok_and(|name| name.starts_with(".gnu.lto_")));
    let mut object = Object { path: path.to_owned(), lto, ..Object::default() };
    let mut functions: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for symbol in file.symbols() {
        let Ok(name) = symbol.name() else { continue };
        match symbol.kind() {
            SymbolKind::File if name.ends_with(".c") => drop(object.sources.insert(name.to_owned())),
            SymbolKind::Text if symbol.is_definition() => {
                let place = (symbol.section_index().map(|section| section.0), symbol.address());
                functions.entry(place).or_default().insert(name.to_owned());
                if !symbol.is_local() {
                    object.exported.insert(name.to_owned());
                }
            }
            _ => {}
        }
    }
    object.functions = functions.into_values().collect();
    // Assembly names no source in C; a unit without a function calls nothing.
    (!object.sources.is_empty() && (lto || !object.functions.is_empty())).then_some(object)
}
