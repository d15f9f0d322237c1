//! `xen-syms` as an ELF file: its architecture, sections, symbols and bytes.

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use object::{Architecture, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind, SymbolSection};

use xenheap_model::BuildArch;

use crate::Error;

/// An image of Xen with symbols.
pub struct Image {
    path: PathBuf,
    bytes: Vec<u8>,
    arch: BuildArch,
    build_id: Option<String>,
    sections: Vec<Section>,
    code: Vec<Symbol>,
    data: Vec<Symbol>,
    marks: Vec<Symbol>,
    literals: Vec<Range<u64>>,
}

/// A section that is in memory when Xen runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Addresses.
    pub range: Range<u64>,
    /// Whether it has code.
    pub executable: bool,
    /// Where its bytes lie in the file; none for `.bss`.
    file: Option<Range<usize>>,
}

/// A symbol of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// With all suffixes.
    pub name: String,
    /// Where it begins.
    pub address: u64,
    /// Bytes; 0 if nobody said.
    pub size: u64,
    /// Whether other objects see it.
    pub global: bool,
    /// Whether it is called a function (`STT_FUNC`): assembly does not always say.
    pub function: bool,
    /// For a local one the file that the symbol table names before it.
    pub file: Option<String>,
    /// Position of its section.
    pub section: usize,
}

impl Image {
    /// Reads an image.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        Self::parse(path, bytes)
    }

    /// Takes an image that is in memory; `path` is for messages.
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, Error> {
        let path = path.to_owned();
        let file = match object::File::parse(bytes.as_slice()) {
            Ok(file) => file,
            Err(source) => return Err(Error::NotElf { path, source }),
        };
        let arch = match file.architecture() {
            Architecture::X86_64 => BuildArch::X86_64,
            Architecture::Aarch64 => BuildArch::Arm64,
            other => return Err(Error::Machine { path, machine: format!("{other:?}") }),
        };
        let build_id = file.build_id().ok().flatten().map(hexadecimal);
        let (sections, positions) = sections(&file);
        let mut image = Image {
            path,
            arch,
            build_id,
            sections,
            code: Vec::new(),
            data: Vec::new(),
            marks: Vec::new(),
            literals: Vec::new(),
            bytes: Vec::new(),
        };
        image.symbols(&file, &positions);
        drop(file);
        image.bytes = bytes;
        if image.code.is_empty() {
            return Err(Error::Stripped { path: image.path });
        }
        Ok(image)
    }

    fn symbols(&mut self, file: &object::File<'_>, positions: &[Option<usize>]) {
        let mut current: Option<&str> = None;
        // Arm marks where code ends and data begins in a section.
        let mut switches: Vec<(u64, bool)> = Vec::new();
        for symbol in file.symbols() {
            let Ok(name) = symbol.name() else { continue };
            if symbol.kind() == SymbolKind::File {
                current = Some(name).filter(|name| !name.is_empty());
                continue;
            }
            let SymbolSection::Section(index) = symbol.section() else { continue };
            let Some(section) = positions.get(index.0).copied().flatten() else { continue };
            if let Some(mark) = name.strip_prefix('$') {
                switches.push((symbol.address(), mark.starts_with('d')));
                continue;
            }
            if name.is_empty() || symbol.kind() == SymbolKind::Section {
                continue;
            }
            let global = symbol.is_global();
            let found = Symbol {
                name: name.to_owned(),
                address: symbol.address(),
                size: symbol.size(),
                global,
                function: symbol.kind() == SymbolKind::Text,
                file: current.filter(|_| !global).map(str::to_owned),
                section,
            };
            let executable = self.sections.get(section).is_some_and(|section| section.executable);
            match (symbol.kind() == SymbolKind::Data, executable) {
                (true, _) => self.data.push(found),
                (false, true) => self.code.push(found),
                (false, false) => self.marks.push(found),
            }
        }
        let order = |a: &Symbol, b: &Symbol| {
            (a.address, !a.function, !a.global, &a.name, &a.file).cmp(&(
                b.address,
                !b.function,
                !b.global,
                &b.name,
                &b.file,
            ))
        };
        self.code.sort_by(order);
        self.data.sort_by(order);
        self.marks.sort_by(order);
        switches.sort_unstable();
        for (at, (start, data)) in switches.iter().enumerate() {
            let section = self.sections.iter().find(|section| section.range.contains(start));
            let (Some(section), true) = (section, *data) else { continue };
            let next = switches.get(at + 1).map_or(u64::MAX, |(next, _)| *next);
            self.literals.push(*start..next.min(section.range.end));
        }
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it is for.
    pub fn arch(&self) -> BuildArch {
        self.arch
    }

    /// GNU build id, lower-case hexadecimal.
    pub fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    /// Its sections.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The section of an address.
    pub fn section_at(&self, address: u64) -> Option<&Section> {
        self.sections.iter().find(|section| section.range.contains(&address))
    }

    /// Symbols in executable sections that are not data: functions, and the labels of assembly. By
    /// address; of several at one address functions come first, then global ones.
    pub fn code(&self) -> &[Symbol] {
        &self.code
    }

    /// Symbols that are called data (`STT_OBJECT`), by address.
    pub fn data(&self) -> &[Symbol] {
        &self.data
    }

    /// Data within code, by address: literals of Arm's assembly.
    pub fn literals(&self) -> &[Range<u64>] {
        &self.literals
    }

    /// The address of a symbol outside of code that is no variable's: the marks of the linker
    /// script.
    pub fn mark(&self, name: &str) -> Option<u64> {
        let found = self.marks.iter().chain(&self.data).chain(&self.code).find(|symbol| symbol.name == name);
        found.map(|symbol| symbol.address)
    }

    /// The variable that an address lies in.
    pub fn variable_at(&self, address: u64) -> Option<&Symbol> {
        let after = self.data.partition_point(|symbol| symbol.address <= address);
        let symbol = self.data.get(after.checked_sub(1)?)?;
        (address - symbol.address < symbol.size.max(1)).then_some(symbol)
    }

    /// The bytes at an address, as they are before Xen runs. None where there are none in the file
    /// (`.bss`).
    pub fn read(&self, address: u64, length: u64) -> Option<&[u8]> {
        let section = self.section_at(address)?;
        let file = section.file.clone()?;
        let start = usize::try_from(address - section.range.start).ok()?.checked_add(file.start)?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        if end > file.end {
            return None;
        }
        self.bytes.get(start..end)
    }

    /// The 64-bit number at an address.
    pub fn word(&self, address: u64) -> Option<u64> {
        Some(u64::from_le_bytes(self.read(address, 8)?.try_into().ok()?))
    }

    /// Whether an address lies in code.
    pub fn is_code(&self, address: u64) -> bool {
        self.section_at(address).is_some_and(|section| section.executable)
    }

    /// Whether code at an address begins with a landing pad for indirect calls (`endbr64`, `bti c`,
    /// `bti jc`).
    pub fn landing(&self, address: u64) -> bool {
        let Some(Ok(bytes)) = self.read(address, 4).map(<[u8; 4]>::try_from) else { return false };
        match self.arch {
            BuildArch::X86_64 => bytes == [0xf3, 0x0f, 0x1e, 0xfa],
            BuildArch::Arm64 => matches!(u32::from_le_bytes(bytes), 0xd503_245f | 0xd503_24df),
        }
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Image")
            .field("path", &self.path)
            .field("arch", &self.arch)
            .field("build_id", &self.build_id)
            .finish_non_exhaustive()
    }
}

/// The sections that are in memory, and for each section of the file its position among them.
fn sections(file: &object::File<'_>) -> (Vec<Section>, Vec<Option<usize>>) {
    let mut sections = Vec::new();
    let mut positions = Vec::new();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
        if !sh_flags.contains(object::elf::SHF_ALLOC) || section.size() == 0 {
            continue;
        }
        let file = section.file_range().and_then(|(start, size)| {
            let start = usize::try_from(start).ok()?;
            Some(start..start.checked_add(usize::try_from(size).ok()?)?)
        });
        let Some(end) = section.address().checked_add(section.size()) else { continue };
        let index = section.index().0;
        if positions.len() <= index {
            positions.resize(index + 1, None);
        }
        if let Some(position) = positions.get_mut(index) {
            *position = Some(sections.len());
        }
        sections.push(Section {
            name: section.name().unwrap_or_default().to_owned(),
            range: section.address()..end,
            executable: sh_flags.contains(object::elf::SHF_EXECINSTR),
            file,
        });
    }
    (sections, positions)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
