//! Parts of messages that take a list.

/// Lines of a log below a message, each on its own line and indented.
pub(super) struct Lines<'a>(pub(super) &'a [String]);

impl std::fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in self.0 {
            write!(f, "\n  | {line}")?;
        }
        Ok(())
    }
}

/// The names that could have been meant, behind a message.
pub(super) struct Known<'a>(pub(super) &'a [String]);

impl std::fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            f.write_str(", and no other")
        } else {
            write!(f, ", only {}", self.0.join(", "))
        }
    }
}
