//! What GCC's `-fdump-tree-gimple-lineno` says of a translation unit: each function as a list of
//! small statements with their places in the source. What is not understood is counted by what it
//! looks like, and nothing is dropped in silence.

mod lex;
mod parse;

use std::collections::BTreeMap;

pub use parse::parse;

/// The major versions of GCC whose dumps were read and found complete: those of Debian 12 and 13.
const UNDERSTOOD: [u32; 2] = [12, 14];

/// Dumps that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The image was made by a compiler whose dumps nobody has tried.
    #[error("the GIMPLE dumps of `{name}` are not understood; build with GCC {}", UNDERSTOOD.map(|version| version.to_string()).join(" or "))]
    Compiler {
        /// As DWARF has it, without its options.
        name: String,
    },
    /// No sign of a dump in the text.
    #[error("{0} is not a GIMPLE dump with line numbers: make it with -fdump-tree-gimple-lineno")]
    NotADump(String),
    /// The compiler was interrupted, or the disk was full.
    #[error("{dump}: the GIMPLE dump ends within the function {function}: build again")]
    CutOff {
        /// Whose dump.
        dump: String,
        /// The last function.
        function: String,
    },
    /// The compiler was interrupted, or the dump is of another build.
    #[error("{dump}: the GIMPLE dump lacks the function {function}, which the image has: build again")]
    Lacks {
        /// Whose dump.
        dump: String,
        /// One that the image has of this unit.
        function: String,
    },
}

/// Whether dumps of this compiler are understood; `producer` is what DWARF calls it
/// (`GNU C11 12.2.0 -mno-red-zone …`).
pub fn understood(producer: &str) -> Result<(), Error> {
    let name = producer.split(" -").next().unwrap_or(producer).trim();
    let major = name
        .strip_prefix("GNU C")
        .and_then(|rest| rest.split_whitespace().nth(1))
        .and_then(|version| version.split('.').next())
        .and_then(|major| major.parse().ok());
    match major {
        Some(major) if UNDERSTOOD.contains(&major) => Ok(()),
        _ => Err(Error::Compiler { name: name.to_owned() }),
    }
}

/// The object that a dump belongs to: `common/.domain.o.c.006t.gimple` is of `common/domain.o`.
/// Nothing if the name is not a dump's.
pub fn object(path: &str) -> Option<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.strip_suffix(".gimple")?.rsplit_once('.')?.0;
    let stem = stem.strip_suffix(".c").unwrap_or(stem);
    let stem = stem.strip_suffix(".o").unwrap_or(stem);
    let stem = stem.strip_prefix('.').unwrap_or(stem);
    let separator = if folder.is_empty() { "" } else { "/" };
    (!stem.is_empty()).then(|| format!("{folder}{separator}{stem}.o"))
}

/// A place in the source, as the compiler saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct At<'t> {
    /// Relative to where the compiler ran, possibly with `./`.
    pub file: &'t str,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

/// One dump.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unit<'t> {
    /// In the dump's order.
    pub functions: Vec<Function<'t>>,
    /// Statements that were read.
    pub statements: u64,
    /// Those that were not understood, by what they look like.
    pub not_understood: BTreeMap<String, u64>,
    /// The function in which the dump ends, if it was cut off: it is not among the others.
    pub cut_off: Option<&'t str>,
}

/// A function with its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Function<'t> {
    /// As in the source.
    pub name: &'t str,
    /// Where its body begins.
    pub at: At<'t>,
    /// As the dump prints them: `cf_check, section (".init.text")`.
    pub attributes: Vec<&'t str>,
    /// What it returns.
    pub result: Type<'t>,
    /// In order.
    pub parameters: Vec<Variable<'t>>,
    /// Locals and its static variables, with the compiler's own.
    pub variables: Vec<Variable<'t>>,
    /// In order.
    pub statements: Vec<Statement<'t>>,
}

/// A variable or parameter of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable<'t> {
    /// As in the source, or the compiler's (`D.12`, `iftmp.3`). Temporaries (`_7`) are not
    /// declared.
    pub name: &'t str,
    /// Its type; of an array, that of the elements.
    pub ty: Type<'t>,
    /// Of how many dimensions, if it is an array.
    pub dimensions: u8,
    /// Whether it outlives the call.
    pub is_static: bool,
    /// What it begins with.
    pub initial: Option<Value<'t>>,
}

/// A type, as far as following pointers needs it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Type<'t> {
    /// What is left without pointers.
    pub base: TypeName<'t>,
    /// How many pointers stand before it.
    pub pointers: u8,
}

/// The end of a type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TypeName<'t> {
    /// `struct NAME`; the name may be that of a typedef of a struct without a tag. Also unions.
    Struct(&'t str),
    /// A typedef or a basic type.
    Named(&'t str),
    /// A function that returns this.
    Function(Box<Type<'t>>),
    /// Has no name.
    Unnamed,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement<'t> {
    /// Where; what the compiler adds of its own has no place.
    pub at: Option<At<'t>>,
    /// What.
    pub kind: Kind<'t>,
}

/// Kinds of statements.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind<'t> {
    /// `to = from`.
    Assign {
        /// What is written.
        to: Place<'t>,
        /// What is read.
        from: Value<'t>,
    },
    /// `to = callee (arguments)`.
    Call {
        /// Where the result goes.
        to: Option<Place<'t>>,
        /// A function, or a variable that holds one.
        callee: &'t str,
        /// In order.
        arguments: Vec<Operand<'t>>,
    },
    /// Inline assembly.
    Asm {
        /// The text.
        template: &'t str,
        /// What it writes.
        outputs: Vec<AsmOperand<'t>>,
        /// What it reads.
        inputs: Vec<AsmOperand<'t>>,
    },
    /// `return`.
    Return(Option<Operand<'t>>),
    /// `if (left test right) goto then; else goto otherwise;`
    If {
        /// The three parts of the condition.
        condition: Box<(Operand<'t>, &'t str, Operand<'t>)>,
        /// Where to if it holds.
        then: &'t str,
        /// And if not.
        otherwise: &'t str,
    },
    /// `goto`.
    Goto(&'t str),
    /// `switch (operand)`, with the labels it goes to.
    Switch(Operand<'t>, Vec<&'t str>),
    /// A label.
    Label(&'t str),
}

/// An operand of inline assembly.
#[derive(Debug, Clone, PartialEq)]
pub struct AsmOperand<'t> {
    /// Its name in the template.
    pub name: Option<&'t str>,
    /// Its constraint: `=r`, `0`, `i`.
    pub constraint: &'t str,
    /// The operand.
    pub operand: Operand<'t>,
}

/// The right side of an assignment.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'t> {
    /// As it is.
    Just(Operand<'t>),
    /// In another type.
    Cast(Type<'t>, Operand<'t>),
    /// Two operands and what stands between them; also `MIN_EXPR`, `MAX_EXPR`.
    Binary(Operand<'t>, &'t str, Operand<'t>),
    /// `-`, `~`, `!` or the compiler's name of an operation on one operand.
    Unary(&'t str, Operand<'t>),
    /// `{.field=value, [3]=value, …}`; a value without a field belongs to the next element.
    Aggregate(Vec<(Option<&'t str>, Value<'t>)>),
    /// The end of a variable's life.
    Clobber,
}

/// What a statement reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand<'t> {
    /// `3`, `-1`, `0B` (null).
    Number(&'t str, bool),
    /// A string constant.
    Text(&'t str),
    /// `&place`.
    Address(Place<'t>),
    /// What lies there; the name of a function is its address.
    Place(Place<'t>),
}

/// Something that can be read or written.
#[derive(Debug, Clone, PartialEq)]
pub struct Place<'t> {
    /// Where it begins.
    pub base: Base<'t>,
    /// How it goes on.
    pub steps: Vec<Step<'t>>,
}

/// The beginning of a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Base<'t> {
    /// A variable, parameter, temporary or function.
    Name(&'t str),
    /// What a variable points to: `*p`.
    Pointee(&'t str),
    /// What an address points to, seen as another type: `MEM[(type *)address + offset]`.
    Memory(Type<'t>, Box<Operand<'t>>),
    /// A place seen as another type.
    View(Type<'t>, Box<Place<'t>>),
}

/// A step into a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'t> {
    /// `.field`
    Field(&'t str),
    /// `->field`
    Arrow(&'t str),
    /// `[…]`
    Index,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tried_compilers_are_read() {
        assert_eq!(understood("GNU C11 12.2.0 -mno-red-zone -g -O2"), Ok(()));
        assert_eq!(understood("GNU C99 14.2.0 -mno-red-zone -g -O2"), Ok(()));
        assert_eq!(
            understood("GNU C11 13.3.0 -g"),
            Err(Error::Compiler { name: "GNU C11 13.3.0".to_owned() })
        );
        assert_eq!(
            understood("clang version 16.0.6"),
            Err(Error::Compiler { name: "clang version 16.0.6".to_owned() })
        );
        let message = understood("GNU C17 9.4.0 -g").unwrap_err().to_string();
        assert_eq!(
            message,
            "the GIMPLE dumps of `GNU C17 9.4.0` are not understood; build with GCC 12 or 14"
        );
    }

    #[test]
    fn a_dump_names_its_object() {
        assert_eq!(object("common/.domain.o.c.006t.gimple").as_deref(), Some("common/domain.o"));
        assert_eq!(object("./.a.o.c.006t.gimple").as_deref(), Some("./a.o"));
        assert_eq!(
            object("arch/x86/mm/shadow/.guest_2.o.c.006t.gimple").as_deref(),
            Some("arch/x86/mm/shadow/guest_2.o")
        );
        assert_eq!(object("common/.domain.o.ci"), None);
    }
}
