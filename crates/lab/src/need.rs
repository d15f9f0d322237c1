//! Something that the machine must have for the lab to work.

/// Something that must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// A program, or, with a leading `/`, a file.
    pub(crate) what: &'static str,
    /// The Debian package that has it.
    pub(crate) package: &'static str,
}

pub(crate) const fn need(what: &'static str, package: &'static str) -> Need {
    Need { what, package }
}
