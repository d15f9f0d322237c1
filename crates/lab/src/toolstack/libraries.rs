//! Programs, and the libraries that they need, directly or through another.

use std::collections::{BTreeMap, VecDeque};

use object::Object as _;

use crate::apt::Apt;
use crate::cpio::ArchiveMember;
use crate::deb::{self, Content, Member};
use crate::error::{Error, PackageError};
use crate::package::Package;
use crate::toolbuild;

/// Where programs look for the dynamic linker.
const LINKER: &str = "lib64/ld-linux-x86-64.so.2";

/// Stands for a tree's own toolstack where a package's name is expected.
const TREE: &str = "the tree's toolstack";

/// The files of some packages, and the libraries that these need.
pub(super) struct Gathered<'a> {
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
    pub(super) fn new(apt: &'a Apt<'a>) -> Self {
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
    pub(super) fn take_built(&mut self, members: Vec<Member>, programs: &[&str]) {
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
    pub(super) fn take<'p>(
        &mut self,
        package: Package,
        paths: impl IntoIterator<Item = &'p str>,
    ) -> Result<(), Error> {
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
    pub(super) fn need(&mut self, library: &str, package: &str) {
        self.needed.push_back((library.to_owned(), package.to_owned()));
    }

    /// Looks for what is needed until nothing is.
    ///
    /// Debian's policy makes it simple: a package that needs a library depends on the package that
    /// has it, and such a package's name begins with `lib` (of those in question only zlib's does
    /// not).
    pub(super) fn finish(mut self) -> Result<(Vec<ArchiveMember>, Vec<Package>), Error> {
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
pub(super) fn needed(file: &[u8]) -> Vec<String> {
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
    fn a_program_says_what_it_needs() -> std::io::Result<()> {
        // This test itself: a program of this machine.
        let own = std::fs::read(std::env::current_exe()?)?;
        assert!(needed(&own).iter().any(|name| name == "libc.so.6"), "{:?}", needed(&own));
        assert_eq!(needed(b"#!/bin/sh"), Vec::<String>::new());
        Ok(())
    }
}
