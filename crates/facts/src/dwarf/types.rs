//! The types of one unit, for whoever must know what lies where in a struct.

use std::collections::BTreeMap;

use gimli::{AttributeValue, DebugInfoOffset, Dwarf, Error, UnitOffset, constants as dw};

use super::Slice;

/// Names a type of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub(super) usize);

/// The types of one unit.
#[derive(Debug, Default)]
pub struct Types {
    all: BTreeMap<TypeId, Type>,
}

/// A type. What is not said is `void`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A number.
    Base {
        /// Its name.
        name: String,
        /// Bytes.
        size: u64,
    },
    /// An enumeration.
    Enum {
        /// Its tag.
        tag: Option<String>,
        /// Bytes.
        size: u64,
    },
    /// A pointer.
    Pointer(Option<TypeId>),
    /// `const`, `volatile`, `restrict`, `_Atomic`.
    Qualified(Option<TypeId>),
    /// Another name.
    Typedef {
        /// The name.
        name: String,
        /// Of what.
        of: Option<TypeId>,
    },
    /// Some of one type.
    Array {
        /// Of what.
        of: Option<TypeId>,
        /// How many; none if that is open. Inner dimensions are multiplied in.
        count: Option<u64>,
    },
    /// A struct or union.
    Aggregate {
        /// Whether it is a union.
        union: bool,
        /// Its tag.
        tag: Option<String>,
        /// Bytes; none if it is only declared.
        size: Option<u64>,
        /// In the source's order.
        members: Vec<Member>,
    },
    /// A function's type.
    Function {
        /// What it gives back.
        result: Option<TypeId>,
        /// What it takes.
        parameters: Vec<Option<TypeId>>,
        /// Whether more can follow.
        variadic: bool,
    },
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// None for an unnamed struct or union, whose fields are written as if they were fields of the outer one.
    pub name: Option<String>,
    /// Bytes from the beginning.
    pub offset: u64,
    /// Of which type.
    pub ty: Option<TypeId>,
}

impl Types {
    /// A type.
    pub fn get(&self, id: TypeId) -> Option<&Type> {
        self.all.get(&id)
    }

    /// All of them, in the unit's order.
    pub fn iter(&self) -> impl Iterator<Item = (TypeId, &Type)> {
        self.all.iter().map(|(id, ty)| (*id, ty))
    }

    /// The type behind names and qualifiers.
    pub fn plain(&self, id: TypeId) -> Option<(TypeId, &Type)> {
        let mut id = id;
        // A damaged image can have types that name each other.
        for _ in 0..64 {
            match self.get(id)? {
                Type::Typedef { of, .. } | Type::Qualified(of) => id = (*of)?,
                other => return Some((id, other)),
            }
        }
        None
    }

    /// Bytes of a type.
    pub fn size(&self, id: TypeId) -> Option<u64> {
        match self.plain(id)?.1 {
            Type::Base { size, .. } | Type::Enum { size, .. } => Some(*size),
            Type::Pointer(_) => Some(8),
            Type::Array { of, count } => self.size((*of)?)?.checked_mul((*count)?),
            Type::Aggregate { size, .. } => *size,
            _ => None,
        }
    }

    /// Whether a type is a pointer to a function.
    pub fn is_function_pointer(&self, id: TypeId) -> bool {
        let Some((_, Type::Pointer(Some(to)))) = self.plain(id) else { return false };
        matches!(self.plain(*to), Some((_, Type::Function { .. })))
    }
}

pub(super) fn read(dwarf: &Dwarf<Slice<'_>>, offset: usize) -> Result<Types, Error> {
    let header = dwarf.debug_info.header_from_offset(DebugInfoOffset(offset))?;
    let unit = dwarf.unit(header)?;
    let mut types = Types::default();
    // Types whose children are being read.
    let mut open: Vec<Option<TypeId>> = Vec::new();
    let mut entries = unit.entries_raw(None)?;
    let mut entry = gimli::DebuggingInformationEntry::null();
    while !entries.is_empty() {
        if !entries.read_entry(&mut entry)? {
            open.pop();
            continue;
        }
        let id = TypeId(entry.offset().0);
        let name = || -> Result<Option<String>, Error> {
            let value = entry.attr_value(dw::DW_AT_name);
            value.map(|value| Ok(dwarf.attr_string(&unit, value)?.to_string_lossy().into_owned())).transpose()
        };
        let number = |name| entry.attr_value(name).and_then(|value| value.udata_value());
        let of = match entry.attr_value(dw::DW_AT_type) {
            Some(AttributeValue::UnitRef(UnitOffset(at))) => Some(TypeId(at)),
            _ => None,
        };
        let size = number(dw::DW_AT_byte_size);
        let parent = open.last().copied().flatten();
        let mut ty = None;
        match entry.tag() {
            dw::DW_TAG_base_type => {
                ty = Some(Type::Base { name: name()?.unwrap_or_default(), size: size.unwrap_or(0) });
            }
            dw::DW_TAG_enumeration_type => ty = Some(Type::Enum { tag: name()?, size: size.unwrap_or(0) }),
            dw::DW_TAG_pointer_type => ty = Some(Type::Pointer(of)),
            dw::DW_TAG_const_type
            | dw::DW_TAG_volatile_type
            | dw::DW_TAG_restrict_type
            | dw::DW_TAG_atomic_type => {
                ty = Some(Type::Qualified(of));
            }
            dw::DW_TAG_typedef => ty = Some(Type::Typedef { name: name()?.unwrap_or_default(), of }),
            dw::DW_TAG_array_type => ty = Some(Type::Array { of, count: None }),
            tag @ (dw::DW_TAG_structure_type | dw::DW_TAG_union_type) => {
                let union = tag == dw::DW_TAG_union_type;
                ty = Some(Type::Aggregate { union, tag: name()?, size, members: Vec::new() });
            }
            dw::DW_TAG_subroutine_type => {
                ty = Some(Type::Function { result: of, parameters: Vec::new(), variadic: false });
            }
            dw::DW_TAG_member => {
                // Fields of bits hold no pointers, and some say their place in bits.
                let offset = number(dw::DW_AT_data_member_location).unwrap_or(0);
                let member = Member { name: name()?, offset, ty: of };
                let bits = entry.attr_value(dw::DW_AT_data_bit_offset).is_some();
                if let Some(Type::Aggregate { members, .. }) = parent.and_then(|id| types.all.get_mut(&id))
                    && !bits
                {
                    members.push(member);
                }
            }
            dw::DW_TAG_subrange_type => {
                let dimension = number(dw::DW_AT_count)
                    .or_else(|| number(dw::DW_AT_upper_bound).map(|last| last.saturating_add(1)));
                if let Some(Type::Array { count, .. }) = parent.and_then(|id| types.all.get_mut(&id)) {
                    // The second dimension of two finds that of the first.
                    *count = match (*count, dimension) {
                        (Some(outer), Some(inner)) => outer.checked_mul(inner),
                        (None, inner) => inner,
                        (Some(_), None) => None,
                    };
                }
            }
            dw::DW_TAG_formal_parameter => {
                if let Some(Type::Function { parameters, .. }) = parent.and_then(|id| types.all.get_mut(&id))
                {
                    parameters.push(of);
                }
            }
            dw::DW_TAG_unspecified_parameters => {
                if let Some(Type::Function { variadic, .. }) = parent.and_then(|id| types.all.get_mut(&id)) {
                    *variadic = true;
                }
            }
            _ => {}
        }
        let is_type = ty.is_some();
        if let Some(ty) = ty {
            types.all.insert(id, ty);
        }
        if entry.has_children() {
            open.push(is_type.then_some(id));
        }
    }
    Ok(types)
}
