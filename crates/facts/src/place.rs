//! Places in the source, said the same wherever the tree was built.

/// A place in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place<'a> {
    /// As the compiler has it: relative to where it ran, possibly with `./`.
    pub file: &'a str,
    /// From 1.
    pub line: u32,
    /// From 1; 0 if it is not known.
    pub column: u32,
}
