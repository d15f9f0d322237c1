//! What DWARF says of types, variables and functions: enough to say of a word in the image's data
//! which field of which struct it is, and of a function which type it has.

use std::{borrow::Cow, collections::HashMap};

use gimli::{AttributeValue, DebuggingInformationEntry, DwTag, EndianSlice, LittleEndian, UnitOffset};
use object::{Object, ObjectSection};
use rayon::prelude::*;

type Reader<'d> = EndianSlice<'d, LittleEndian>;
type Die<'d> = DebuggingInformationEntry<Reader<'d>>;

/// Position of a type in [`Types::types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub u32);

/// Position of a struct in [`Types::structs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StructId(pub u32);

/// A type without its qualifiers and typedefs. Equal types have equal ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `void`, or a type that is not described.
    Void,
    /// A number, by its bytes.
    Number(u64),
    /// A struct or union.
    Struct(StructId),
    /// A pointer.
    Pointer(TypeId),
    /// An array.
    Array(TypeId),
    /// A function.
    Function {
        /// What it returns.
        result: TypeId,
        /// What it takes.
        parameters: Vec<TypeId>,
    },
}

/// A struct or union.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Struct {
    /// Its tag, or the typedef that gives it a name.
    pub name: Option<String>,
    /// Bytes.
    pub size: u64,
    /// In order of the declaration.
    pub fields: Vec<Field>,
}

/// A field of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// None for a struct or union whose fields count as the outer one's.
    pub name: Option<String>,
    /// Bytes from the struct's beginning.
    pub offset: u64,
    /// Its type.
    pub ty: TypeId,
}

/// A variable with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Where it lies.
    pub address: u64,
    /// Its name.
    pub name: String,
    /// Position of its unit.
    pub unit: u32,
    /// For a static variable of a function: whose.
    pub function: Option<String>,
    /// Whether other units see it.
    pub external: bool,
    /// Its type.
    pub ty: TypeId,
    /// Whether nothing writes it: it is declared `const`.
    pub constant: bool,
}

/// A function as a unit defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Position of its unit.
    pub unit: u32,
    /// Whether other units see it.
    pub external: bool,
    /// Where its body begins, if it has one of its own.
    pub address: Option<u64>,
    /// A [`Type::Function`].
    pub ty: TypeId,
}

/// All types of an image.
#[derive(Debug, Default)]
pub struct Types {
    /// What DWARF calls the units, in its order: `common/domain.c`. One source can be several
    /// units.
    pub units: Vec<String>,
    /// Each with what made it, in the order of `units`.
    pub producers: Vec<String>,
    /// Each once.
    pub types: Vec<Type>,
    /// Each once.
    pub structs: Vec<Struct>,
    /// By address, then name.
    pub variables: Vec<Variable>,
    /// In order of units.
    pub functions: Vec<Function>,
    by_type: HashMap<Type, TypeId>,
    places: HashMap<String, StructId>,
    tags: HashMap<String, Vec<(u32, StructId)>>,
    typedefs: HashMap<String, TypeId>,
    globals: HashMap<String, TypeId>,
    statics: HashMap<(u32, String), TypeId>,
}

/// Debug information that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not ELF.
    #[error("the image is not an ELF file: {0}")]
    NotElf(#[from] object::Error),
    /// Damaged.
    #[error("the image's debug information cannot be read: {0}")]
    Dwarf(#[from] gimli::Error),
}

impl Types {
    /// Reads the types of an image.
    pub fn read(image: &[u8]) -> Result<Self, Error> {
        let file = object::File::parse(image)?;
        let sections = gimli::DwarfSections::load(|id| -> Result<Cow<'_, [u8]>, object::Error> {
            match file.section_by_name(id.name()) {
                Some(section) => section.uncompressed_data(),
                None => Ok(Cow::Borrowed(&[])),
            }
        })?;
        let dwarf = sections.borrow(|data| EndianSlice::new(data, LittleEndian));
        let mut headers = Vec::new();
        let mut iterator = dwarf.units();
        while let Some(header) = iterator.next()? {
            headers.push(header);
        }
        let units: Vec<RawUnit<'_>> = headers
            .into_par_iter()
            .map(|header| RawUnit::read(&dwarf, header))
            .collect::<Result<_, gimli::Error>>()?;
        let mut types = Types::default();
        let units: Vec<_> = units.into_iter().filter(|unit| !unit.name.is_empty()).collect();
        for (index, unit) in (0..).zip(&units) {
            types.declare(index, unit);
        }
        for unit in &units {
            types.add(unit);
        }
        types.variables.sort_by(|a, b| (a.address, &a.name, a.unit).cmp(&(b.address, &b.name, b.unit)));
        Ok(types)
    }

    /// A type by its id.
    pub fn get(&self, id: TypeId) -> &Type {
        self.types.get(id.0 as usize).unwrap_or(&Type::Void)
    }

    /// A struct by its id.
    pub fn structure(&self, id: StructId) -> Option<&Struct> {
        self.structs.get(id.0 as usize)
    }

    /// What a unit calls `struct NAME`, or the typedef NAME of a struct without a tag.
    pub fn tagged(&self, unit: Option<u32>, name: &str) -> Option<StructId> {
        if let Some(known) = self.tags.get(name) {
            let own = known.iter().find(|(of, _)| Some(*of) == unit).or_else(|| known.first());
            return own.map(|(_, id)| *id);
        }
        match self.get(*self.typedefs.get(name)?) {
            Type::Struct(id) => Some(*id),
            _ => None,
        }
    }

    /// What a typedef stands for.
    pub fn typedef(&self, name: &str) -> Option<TypeId> {
        self.typedefs.get(name).copied()
    }

    /// The type of a global variable, or of a static one of this unit.
    pub fn variable(&self, unit: u32, name: &str) -> Option<TypeId> {
        self.statics.get(&(unit, name.to_owned())).or_else(|| self.globals.get(name)).copied()
    }

    /// Whether a name is a static variable of a unit.
    pub fn is_static(&self, unit: u32, name: &str) -> bool {
        self.statics.contains_key(&(unit, name.to_owned()))
    }

    /// The id of a type.
    pub fn intern(&mut self, ty: Type) -> TypeId {
        if let Some(id) = self.by_type.get(&ty) {
            return *id;
        }
        let id = TypeId(u32::try_from(self.types.len()).unwrap_or(u32::MAX));
        self.types.push(ty.clone());
        self.by_type.insert(ty, id);
        id
    }

    /// A field of a struct, also of what has no name in it: the innermost struct, and the field's
    /// type.
    pub fn field(&self, id: StructId, name: &str) -> Option<(StructId, TypeId)> {
        self.field_within(id, name, 0)
    }

    fn field_within(&self, id: StructId, name: &str, depth: usize) -> Option<(StructId, TypeId)> {
        let fields = &self.structure(id)?.fields;
        if let Some(field) = fields.iter().find(|field| field.name.as_deref() == Some(name)) {
            return Some((id, field.ty));
        }
        if depth > 8 {
            return None;
        }
        fields.iter().filter(|field| field.name.is_none()).find_map(|field| match self.get(field.ty) {
            Type::Struct(inner) => self.field_within(*inner, name, depth + 1),
            _ => None,
        })
    }

    /// Bytes of a type, if it has a fixed size.
    pub fn size(&self, id: TypeId) -> Option<u64> {
        match self.get(id) {
            Type::Number(size) => Some(*size),
            Type::Pointer(_) => Some(8),
            Type::Struct(id) => self.structure(*id).map(|found| found.size),
            Type::Void | Type::Array(_) | Type::Function { .. } => None,
        }
    }

    /// Which fields the word at `offset` within a value of a type is (several in a union). An empty
    /// answer says that the value is no struct; none that there is no such field.
    pub fn fields_at(&self, ty: TypeId, offset: u64) -> Option<Vec<(StructId, String)>> {
        let mut found = Vec::new();
        self.descend(ty, offset, None, 0, &mut found).then_some(found)
    }

    fn descend(
        &self,
        ty: TypeId,
        offset: u64,
        within: Option<(StructId, &str)>,
        depth: usize,
        found: &mut Vec<(StructId, String)>,
    ) -> bool {
        if depth > 16 {
            return false;
        }
        match self.get(ty) {
            Type::Array(element) => {
                // An array of arrays has elements without a size of their own: their elements have
                // one.
                let offset = match self.size(*element) {
                    Some(0) => return false,
                    Some(size) => offset % size,
                    None => offset,
                };
                self.descend(*element, offset, within, depth + 1, found)
            }
            Type::Struct(id) => {
                let Some(structure) = self.structure(*id) else { return false };
                let mut any = false;
                for field in &structure.fields {
                    let Some(inner) = offset.checked_sub(field.offset) else { continue };
                    let within_size = match self.get(field.ty) {
                        // How long an array is decides what follows it.
                        Type::Array(_) => structure
                            .fields
                            .iter()
                            .all(|other| other.offset <= field.offset || other.offset > offset),
                        _ => self.size(field.ty).is_none_or(|size| inner < size),
                    };
                    if !within_size {
                        continue;
                    }
                    let within = field.name.as_deref().map(|name| (*id, name)).or(within);
                    any |= self.descend(field.ty, inner, within, depth + 1, found);
                }
                any
            }
            _ if offset != 0 => false,
            _ => {
                found.extend(within.map(|(id, name)| (id, name.to_owned())));
                true
            }
        }
    }

    /// How a type is written.
    pub fn show(&self, id: TypeId) -> String {
        self.show_within(id, 0)
    }

    fn show_within(&self, id: TypeId, depth: usize) -> String {
        if depth > 12 {
            return "…".to_owned();
        }
        match self.get(id) {
            Type::Void => "void".to_owned(),
            Type::Number(size) => format!("u{}", size * 8),
            Type::Struct(id) => {
                let name = self.structure(*id).and_then(|found| found.name.as_deref());
                format!("struct {}", name.unwrap_or("(unnamed)"))
            }
            Type::Pointer(inner) => format!("{} *", self.show_within(*inner, depth + 1)),
            Type::Array(inner) => format!("{}[]", self.show_within(*inner, depth + 1)),
            Type::Function { result, parameters } => {
                let parameters: Vec<_> =
                    parameters.iter().map(|id| self.show_within(*id, depth + 1)).collect();
                format!("{} ({})", self.show_within(*result, depth + 1), parameters.join(", "))
            }
        }
    }
}

/// What one unit says, before equal types of different units are made one.
struct RawUnit<'d> {
    name: String,
    producer: String,
    types: HashMap<UnitOffset, RawType<'d>>,
    order: Vec<UnitOffset>,
    variables: Vec<RawVariable<'d>>,
    functions: Vec<RawFunction<'d>>,
    files: Vec<String>,
}

enum RawType<'d> {
    Number(u64),
    /// A qualifier, and whether it is `const`.
    Same(Option<UnitOffset>, bool),
    Typedef(&'d str, Option<UnitOffset>),
    Pointer(Option<UnitOffset>),
    Array(Option<UnitOffset>),
    Function(Option<UnitOffset>, Vec<Option<UnitOffset>>),
    Struct {
        name: Option<&'d str>,
        file: u64,
        line: u64,
        size: u64,
        declared: bool,
        fields: Vec<(Option<&'d str>, u64, Option<UnitOffset>)>,
    },
}

struct RawVariable<'d> {
    offset: UnitOffset,
    name: Option<&'d str>,
    ty: Option<UnitOffset>,
    address: Option<u64>,
    specification: Option<UnitOffset>,
    external: bool,
    function: Option<UnitOffset>,
}

struct RawFunction<'d> {
    offset: UnitOffset,
    name: Option<&'d str>,
    result: Option<UnitOffset>,
    parameters: Vec<Option<UnitOffset>>,
    address: Option<u64>,
    origin: Option<UnitOffset>,
    external: bool,
    declared: bool,
}

impl<'d> RawUnit<'d> {
    fn read(
        dwarf: &gimli::Dwarf<Reader<'d>>,
        header: gimli::UnitHeader<Reader<'d>>,
    ) -> Result<Self, gimli::Error> {
        let unit = dwarf.unit(header)?;
        let text = |value: Option<AttributeValue<Reader<'d>>>| -> Option<&'d str> {
            std::str::from_utf8(dwarf.attr_string(&unit, value?).ok()?.slice()).ok()
        };
        let mut raw = RawUnit {
            name: String::new(),
            producer: String::new(),
            types: HashMap::new(),
            order: Vec::new(),
            variables: Vec::new(),
            functions: Vec::new(),
            files: Vec::new(),
        };
        if let Some(program) = &unit.line_program {
            let header = program.header();
            let mut index = 0;
            while let Some(file) = header.file(index) {
                let folder = file.directory(header).and_then(|value| text(Some(value))).unwrap_or_default();
                let name = text(Some(file.path_name())).unwrap_or_default();
                raw.files.push(format!("{folder}/{name}"));
                index += 1;
            }
        }
        // The entries above the current one: the last struct, array, function and function type
        // take what lies in them.
        let mut above: Vec<(isize, UnitOffset, DwTag)> = Vec::new();
        let mut entries = unit.entries();
        while let Some(die) = entries.next_dfs()? {
            let (depth, offset, tag) = (die.depth(), die.offset(), die.tag());
            while above.last().is_some_and(|(of, ..)| *of >= depth) {
                above.pop();
            }
            if tag == gimli::DW_TAG_compile_unit {
                let assembly = die.attr_value(gimli::DW_AT_language)
                    == Some(AttributeValue::Language(gimli::DW_LANG_Mips_Assembler));
                if !assembly {
                    raw.name = text(die.attr_value(gimli::DW_AT_name)).unwrap_or_default().to_owned();
                    raw.producer = text(die.attr_value(gimli::DW_AT_producer)).unwrap_or_default().to_owned();
                }
            } else {
                raw.entry(dwarf, &unit, die, &above, &text);
            }
            above.push((depth, offset, tag));
        }
        Ok(raw)
    }

    /// What makes a struct the same in several units: its tag and where it is declared.
    fn declared(&self, name: Option<&str>, file: u64, line: u64) -> String {
        let file =
            usize::try_from(file).ok().and_then(|file| self.files.get(file)).map_or("", String::as_str);
        format!("{} {file} {line}", name.unwrap_or_default())
    }

    fn entry(
        &mut self,
        dwarf: &gimli::Dwarf<Reader<'d>>,
        unit: &gimli::Unit<Reader<'d>>,
        die: &Die<'d>,
        above: &[(isize, UnitOffset, DwTag)],
        text: &dyn Fn(Option<AttributeValue<Reader<'d>>>) -> Option<&'d str>,
    ) {
        let of = Attributes { die, text };
        let parent = above.last().map(|(_, offset, tag)| (*offset, *tag));
        match die.tag() {
            gimli::DW_TAG_member => self.member(&of, parent),
            gimli::DW_TAG_formal_parameter => self.parameter(&of, parent),
            gimli::DW_TAG_subprogram => self.function(&of, start(dwarf, unit, die)),
            gimli::DW_TAG_variable => self.variable(&of, unit.encoding(), above),
            _ => {
                if let Some(raw) = of.as_type() {
                    self.order.push(die.offset());
                    self.types.insert(die.offset(), raw);
                }
            }
        }
    }

    /// A field of the struct that it stands in.
    fn member(&mut self, of: &Attributes<'_, 'd>, parent: Option<(UnitOffset, DwTag)>) {
        if let Some((holder, _)) = parent
            && let Some(RawType::Struct { fields, .. }) = self.types.get_mut(&holder)
        {
            let offset = of.number(gimli::DW_AT_data_member_location).unwrap_or(0);
            fields.push((of.name().filter(|name| !name.is_empty()), offset, of.ty()));
        }
    }

    /// A parameter of a type of functions, or of the function that it stands in.
    fn parameter(&mut self, of: &Attributes<'_, 'd>, parent: Option<(UnitOffset, DwTag)>) {
        match parent {
            Some((holder, gimli::DW_TAG_subroutine_type)) => {
                if let Some(RawType::Function(_, parameters)) = self.types.get_mut(&holder) {
                    parameters.push(of.ty());
                }
            }
            Some((holder, gimli::DW_TAG_subprogram)) => {
                let last = self.functions.last_mut();
                if let Some(function) = last.filter(|function| function.offset == holder) {
                    function.parameters.push(of.ty());
                }
            }
            _ => {}
        }
    }

    fn function(&mut self, of: &Attributes<'_, 'd>, address: Option<u64>) {
        let origin = of.reference(gimli::DW_AT_abstract_origin);
        self.functions.push(RawFunction {
            offset: of.die.offset(),
            name: of.name(),
            result: of.ty(),
            parameters: Vec::new(),
            address,
            origin: origin.or_else(|| of.reference(gimli::DW_AT_specification)),
            external: of.flag(gimli::DW_AT_external),
            declared: of.flag(gimli::DW_AT_declaration),
        });
    }

    fn variable(
        &mut self,
        of: &Attributes<'_, 'd>,
        encoding: gimli::Encoding,
        above: &[(isize, UnitOffset, DwTag)],
    ) {
        let specification = of.reference(gimli::DW_AT_specification);
        let location = of.die.attr_value(gimli::DW_AT_location);
        let mut holders = above.iter().rev();
        self.variables.push(RawVariable {
            offset: of.die.offset(),
            name: of.name(),
            ty: of.ty(),
            address: location.and_then(|value| address(value, encoding)),
            specification: specification.or_else(|| of.reference(gimli::DW_AT_abstract_origin)),
            external: of.flag(gimli::DW_AT_external),
            function: holders
                .find(|(_, _, tag)| *tag == gimli::DW_TAG_subprogram)
                .map(|(_, offset, _)| *offset),
        });
    }
}

/// The attributes of an entry.
struct Attributes<'e, 'd> {
    die: &'e Die<'d>,
    /// Reads a string.
    text: &'e dyn Fn(Option<AttributeValue<Reader<'d>>>) -> Option<&'d str>,
}

impl<'d> Attributes<'_, 'd> {
    fn name(&self) -> Option<&'d str> {
        (self.text)(self.die.attr_value(gimli::DW_AT_name))
    }

    fn number(&self, at: gimli::DwAt) -> Option<u64> {
        self.die.attr(at).and_then(|attribute| attribute.udata_value())
    }

    fn reference(&self, at: gimli::DwAt) -> Option<UnitOffset> {
        match self.die.attr_value(at) {
            Some(AttributeValue::UnitRef(offset)) => Some(offset),
            _ => None,
        }
    }

    fn flag(&self, at: gimli::DwAt) -> bool {
        matches!(self.die.attr_value(at), Some(AttributeValue::Flag(true)))
    }

    fn ty(&self) -> Option<UnitOffset> {
        self.reference(gimli::DW_AT_type)
    }

    /// The type that it describes, if it does.
    fn as_type(&self) -> Option<RawType<'d>> {
        Some(match self.die.tag() {
            gimli::DW_TAG_base_type | gimli::DW_TAG_enumeration_type => {
                RawType::Number(self.number(gimli::DW_AT_byte_size).unwrap_or(0))
            }
            gimli::DW_TAG_const_type => RawType::Same(self.ty(), true),
            gimli::DW_TAG_volatile_type | gimli::DW_TAG_restrict_type | gimli::DW_TAG_atomic_type => {
                RawType::Same(self.ty(), false)
            }
            gimli::DW_TAG_typedef => RawType::Typedef(self.name().unwrap_or_default(), self.ty()),
            gimli::DW_TAG_pointer_type => RawType::Pointer(self.ty()),
            gimli::DW_TAG_array_type => RawType::Array(self.ty()),
            gimli::DW_TAG_subroutine_type => RawType::Function(self.ty(), Vec::new()),
            gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type => RawType::Struct {
                name: self.name(),
                file: self.number(gimli::DW_AT_decl_file).unwrap_or(0),
                line: self.number(gimli::DW_AT_decl_line).unwrap_or(0) * 1000
                    + self.number(gimli::DW_AT_decl_column).unwrap_or(0),
                size: self.number(gimli::DW_AT_byte_size).unwrap_or(0),
                declared: self.flag(gimli::DW_AT_declaration),
                fields: Vec::new(),
            },
            _ => return None,
        })
    }
}

/// Where a function begins. One whose cold part was moved away has ranges, the first of which is
/// its beginning.
fn start<'d>(dwarf: &gimli::Dwarf<Reader<'d>>, unit: &gimli::Unit<Reader<'d>>, die: &Die<'d>) -> Option<u64> {
    if let Some(low) = die.attr_value(gimli::DW_AT_low_pc) {
        return dwarf.attr_address(unit, low).ok().flatten();
    }
    die.attr_value(gimli::DW_AT_ranges)?;
    dwarf.die_ranges(unit, die).ok()?.next().ok()?.map(|range| range.begin)
}

/// The address of a variable that has a fixed one.
fn address(value: AttributeValue<Reader<'_>>, encoding: gimli::Encoding) -> Option<u64> {
    let AttributeValue::Exprloc(expression) = value else { return None };
    let mut operations = expression.operations(encoding);
    match operations.next().ok()?? {
        gimli::Operation::Address { address } => operations.next().ok()?.is_none().then_some(address),
        _ => None,
    }
}

/// What of a unit is known already.
struct Merge<'a, 'd> {
    types: &'a mut Types,
    unit: &'a RawUnit<'d>,
    index: u32,
    known: HashMap<UnitOffset, TypeId>,
}

impl Types {
    fn add(&mut self, unit: &RawUnit<'_>) {
        let index = u32::try_from(self.units.len()).unwrap_or(u32::MAX);
        self.units.push(unit.name.clone());
        self.producers.push(unit.producer.clone());
        let mut merge = Merge { types: self, unit, index, known: HashMap::new() };
        merge.all();
    }

    /// Gives the structs that a unit defines their ids, so that mere declarations elsewhere find
    /// them.
    fn declare(&mut self, index: u32, unit: &RawUnit<'_>) {
        for offset in &unit.order {
            let Some(RawType::Struct { name, file, line, declared: false, .. }) = unit.types.get(offset)
            else {
                continue;
            };
            let key = unit.declared(*name, *file, *line);
            let id = match self.places.get(&key) {
                Some(id) => *id,
                None => {
                    let id = StructId(u32::try_from(self.structs.len()).unwrap_or(u32::MAX));
                    self.structs.push(Struct { name: name.map(str::to_owned), size: 0, fields: Vec::new() });
                    self.places.insert(key, id);
                    id
                }
            };
            let Some(name) = name else { continue };
            match self.tags.get_mut(*name) {
                Some(known) if known.first().is_some_and(|(_, first)| *first == id) => {}
                Some(known) => known.push((index, id)),
                None => {
                    self.tags.insert((*name).to_owned(), vec![(index, id)]);
                }
            }
        }
    }
}

impl Merge<'_, '_> {
    fn all(&mut self) {
        for offset in &self.unit.order {
            self.ty(Some(*offset), 0);
        }
        let unit = self.unit;
        let functions: HashMap<UnitOffset, &RawFunction<'_>> =
            unit.functions.iter().map(|raw| (raw.offset, raw)).collect();
        let variables: HashMap<UnitOffset, &RawVariable<'_>> =
            unit.variables.iter().map(|raw| (raw.offset, raw)).collect();
        for raw in &unit.variables {
            // A definition can leave its name and type to its declaration.
            let other = raw.specification.and_then(|offset| variables.get(&offset));
            let Some(name) = raw.name.or_else(|| other.and_then(|other| other.name)) else { continue };
            let described = raw.ty.or_else(|| other.and_then(|other| other.ty));
            let ty = match described {
                Some(offset) => self.ty(Some(offset), 0),
                None => continue,
            };
            let function = raw.function.and_then(|of| functions.get(&of)).and_then(|of| {
                of.name.or_else(|| {
                    of.origin.and_then(|origin| functions.get(&origin)).and_then(|origin| origin.name)
                })
            });
            let external = raw.external || other.is_some_and(|other| other.external);
            if external {
                // The definition says more than a declaration: the length of an array, at least
                // that it is one.
                if raw.address.is_some() || !self.types.globals.contains_key(name) {
                    self.types.globals.insert(name.to_owned(), ty);
                }
            } else if function.is_none() {
                self.types.statics.insert((self.index, name.to_owned()), ty);
            }
            let constant = self.is_constant(described);
            if let Some(address) = raw.address {
                self.types.variables.push(Variable {
                    address,
                    name: name.to_owned(),
                    unit: self.index,
                    function: function.map(str::to_owned),
                    external,
                    ty,
                    constant,
                });
            }
        }
        for raw in &unit.functions {
            let other = raw.origin.and_then(|offset| functions.get(&offset));
            let Some(name) = raw.name.or_else(|| other.and_then(|other| other.name)) else { continue };
            let source = other.map_or(raw, |other| other);
            let result = self.ty(source.result, 0);
            let parameters = source.parameters.iter().map(|offset| self.ty(*offset, 0)).collect();
            let ty = self.types.intern(Type::Function { result, parameters });
            if !raw.declared {
                self.types.functions.push(Function {
                    name: name.to_owned(),
                    unit: self.index,
                    external: source.external,
                    address: raw.address,
                    ty,
                });
            }
        }
    }

    /// Whether a type is `const`; of an array, whether its elements are.
    fn is_constant(&self, mut ty: Option<UnitOffset>) -> bool {
        // Longer chains of typedefs and arrays are none of Xen's.
        for _ in 0..16 {
            ty = match ty.and_then(|offset| self.unit.types.get(&offset)) {
                Some(RawType::Same(_, true)) => return true,
                Some(RawType::Same(inner, false) | RawType::Typedef(_, inner) | RawType::Array(inner)) => {
                    *inner
                }
                _ => return false,
            };
        }
        false
    }

    fn ty(&mut self, offset: Option<UnitOffset>, depth: usize) -> TypeId {
        let Some(offset) = offset.filter(|_| depth < 64) else { return self.types.intern(Type::Void) };
        if let Some(known) = self.known.get(&offset) {
            return *known;
        }
        let unit = self.unit;
        let found = match unit.types.get(&offset) {
            None => Type::Void,
            Some(RawType::Number(size)) => Type::Number(*size),
            Some(RawType::Same(inner, _)) => {
                let id = self.ty(*inner, depth + 1);
                self.known.insert(offset, id);
                return id;
            }
            Some(RawType::Typedef(name, inner)) => {
                let id = self.ty(*inner, depth + 1);
                self.types.typedefs.entry((*name).to_owned()).or_insert(id);
                if let Type::Struct(structure) = self.types.get(id).clone()
                    && let Some(structure) = self.types.structs.get_mut(structure.0 as usize)
                    && structure.name.is_none()
                {
                    structure.name = Some((*name).to_owned());
                }
                self.known.insert(offset, id);
                return id;
            }
            Some(RawType::Pointer(inner)) => Type::Pointer(self.ty(*inner, depth + 1)),
            Some(RawType::Array(inner)) => Type::Array(self.ty(*inner, depth + 1)),
            Some(RawType::Function(result, parameters)) => {
                let result = self.ty(*result, depth + 1);
                let parameters = parameters.iter().map(|offset| self.ty(*offset, depth + 1)).collect();
                Type::Function { result, parameters }
            }
            Some(RawType::Struct { name, file, line, size, declared, fields }) => {
                return self.structure(offset, *name, (*file, *line), *size, *declared, fields, depth);
            }
        };
        let id = self.types.intern(found);
        self.known.insert(offset, id);
        id
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one struct's description")]
    fn structure(
        &mut self,
        offset: UnitOffset,
        name: Option<&str>,
        (file, line): (u64, u64),
        size: u64,
        declared: bool,
        fields: &[(Option<&str>, u64, Option<UnitOffset>)],
        depth: usize,
    ) -> TypeId {
        let structure = if declared {
            name.and_then(|name| self.types.tagged(Some(self.index), name))
        } else {
            self.types.places.get(&self.unit.declared(name, file, line)).copied()
        };
        // A struct that nobody defines: nothing can be said of it.
        let Some(structure) = structure else { return self.types.intern(Type::Void) };
        let id = self.types.intern(Type::Struct(structure));
        self.known.insert(offset, id);
        let complete = self.types.structure(structure).is_some_and(|known| !known.fields.is_empty());
        if complete || declared {
            return id;
        }
        let fields = fields
            .iter()
            .map(|(name, offset, ty)| Field {
                name: name.map(str::to_owned),
                offset: *offset,
                ty: self.ty(*ty, depth + 1),
            })
            .collect();
        if let Some(structure) = self.types.structs.get_mut(structure.0 as usize) {
            structure.size = size;
            structure.fields = fields;
        }
        id
    }
}
