//! Programs that guests have besides busybox: files that the user names, and those in `guest/`,
//! which are compiled here.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cache::{self, Cache};
use crate::cpio::ArchiveMember;
use crate::error::{Error, WorkloadError};
use crate::hash;
use crate::progress::{Progress, Stage};
use crate::run_tool;

include!(concat!(env!("OUT_DIR"), "/guest_programs.rs"));

/// How the programs of `guest/` are compiled.
const COMPILER: [&str; 3] = ["gcc", "-static", "-O2"];

/// A program that guests find in their `/bin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestProgram {
    name: String,
    body: Vec<u8>,
}

/// Which program guests had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestProgramFacts {
    /// Its name.
    pub name: String,
    /// Its SHA-256.
    pub sha256: String,
}

impl GuestProgram {
    /// A program in a file, which gives it its name.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let body = fs::read(path).map_err(Error::io("read", path))?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Self::new(name, body)
    }

    /// A program. It must be linked statically: guests have no libraries.
    pub fn new(name: &str, body: Vec<u8>) -> Result<Self, Error> {
        let plain = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if plain && is_static(&body) {
            Ok(Self { name: name.to_owned(), body })
        } else {
            Err(Error::Workload(WorkloadError::GuestProgram { name: crate::text::escape(name.as_bytes()) }))
        }
    }

    /// The names of the lab's own.
    pub fn built_in() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// Compiles one of the lab's own, or takes it from the cache if that compiler has compiled it
    /// before.
    pub fn compile(cache: &Cache, name: &str, progress: &dyn Progress) -> Result<Self, Error> {
        let Some((_, source)) = BUILT_IN.iter().find(|(known, _)| *known == name) else {
            return Err(Error::Workload(WorkloadError::UnknownGuestProgram {
                given: crate::text::escape(name.as_bytes()),
                known: Self::built_in().map(str::to_owned).collect(),
            }));
        };
        let [compiler, flags @ ..] = COMPILER;
        let version = run_tool::stdout(compiler, &["--version"], None)?;
        let key = hash::key(&[("source", source), ("compiler", &version), ("flags", &format!("{flags:?}"))]);
        let kept = cache.folder("guest-programs")?.join(format!("{name}-{key}"));
        let _lock = cache.lock(&format!("guest-program-{key}"), Stage::Image, progress)?;
        if !kept.exists() {
            progress.line(Stage::Image, &format!("compiling the guests' program {name}"));
            let work = cache.work_folder(&format!("guest-program-{key}"))?;
            let file = format!("{name}.c");
            cache::write_whole(&work.join(&file), source.as_bytes())?;
            run_tool::stdout(compiler, &[&flags[..], &["-o", name, &file]].concat(), Some(&work))?;
            let program = work.join(name);
            let body = fs::read(&program).map_err(Error::io("read", &program))?;
            cache::write_whole(&kept, &body)?;
            cache::remove_tree(&work)?;
        }
        let body = fs::read(&kept).map_err(Error::io("read", &kept))?;
        Self::new(name, body)
    }

    pub(crate) fn entry(&self) -> ArchiveMember {
        ArchiveMember::Program(format!("bin/{}", self.name), self.body.clone())
    }

    pub(crate) fn facts(&self) -> GuestProgramFacts {
        GuestProgramFacts { name: self.name.clone(), sha256: hash::bytes(&self.body) }
    }
}

/// Whether a 64-bit ELF program names no interpreter, that is, no dynamic linker.
pub(crate) fn is_static(program: &[u8]) -> bool {
    fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
        let mut wide = [0; 8];
        wide.get_mut(..N)?.copy_from_slice(bytes.get(at..at.checked_add(N)?)?);
        Some(u64::from_le_bytes(wide))
    }
    const INTERPRETER: u64 = 3;
    let check = || {
        let headers = usize::try_from(number::<8>(program, 0x20)?).ok()?;
        let size = usize::try_from(number::<2>(program, 0x36)?).ok()?;
        let count = usize::try_from(number::<2>(program, 0x38)?).ok()?;
        for index in 0..count {
            let at = headers.checked_add(index.checked_mul(size)?)?;
            if number::<4>(program, at)? == INTERPRETER {
                return Some(false);
            }
        }
        Some(count > 0)
    };
    program.starts_with(b"\x7fELF\x02\x01") && check().unwrap_or(false)
}

/// The head of an ELF program with such segments.
#[cfg(test)]
pub(crate) fn elf(types: &[u32]) -> Vec<u8> {
    let mut program = b"\x7fELF\x02\x01".to_vec();
    program.resize(0x40, 0);
    program[0x20] = 0x40;
    program[0x36] = 56;
    program[0x38] = types.len() as u8;
    for kind in types {
        program.extend_from_slice(&kind.to_le_bytes());
        program.resize(program.len() + 52, 0);
    }
    program
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    #[test]
    fn a_static_program_is_told_from_a_dynamic_one() {
        assert!(is_static(&elf(&[1, 1, 4])));
        assert!(!is_static(&elf(&[6, 3, 1])));
        assert!(!is_static(&elf(&[])));
        assert!(!is_static(&elf(&[1, 1])[..100]));
        assert!(!is_static(b"#!/bin/sh\n"));
        assert!(!is_static(b"\x7fELF\x02\x01"));
    }

    #[test]
    fn what_guests_cannot_run_is_refused() {
        assert!(GuestProgram::new("mine", elf(&[1])).is_ok());
        for (name, body) in
            [("a/b", elf(&[1])), ("", elf(&[1])), ("dynamic", elf(&[3])), ("script", b"#!/bin/sh".to_vec())]
        {
            assert!(
                matches!(
                    GuestProgram::new(name, body),
                    Err(Error::Workload(WorkloadError::GuestProgram { .. }))
                ),
                "{name}"
            );
        }
    }

    /// Without a warning, too.
    #[test]
    fn the_lab_s_own_compile_and_are_kept() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let cache = Cache::at(folder.path());
        assert!(GuestProgram::built_in().any(|name| name == "stress"));
        for (name, source) in BUILT_IN {
            let file = folder.path().join("source.c");
            fs::write(&file, source)?;
            let file = file.display().to_string();
            let flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-c", "-o", "/dev/null", &*file];
            run_tool::stdout("gcc", &flags, None)?;

            let program = GuestProgram::compile(&cache, name, &Silent)?;
            let kept: Vec<_> = fs::read_dir(folder.path().join("guest-programs"))?.collect();
            assert!(!kept.is_empty());
            assert_eq!(GuestProgram::compile(&cache, name, &Silent)?, program);
            assert_eq!(fs::read_dir(folder.path().join("guest-programs"))?.count(), kept.len());
        }
        let error = GuestProgram::compile(&cache, "other", &Silent).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|text| text.contains("use one of")), "{error:?}");
        Ok(())
    }
}
