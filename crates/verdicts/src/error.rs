use thiserror::Error;

/// Why a verdict file, or another file that people keep beside it, cannot be used. It is never
/// written over then.
#[derive(Debug, Error)]
#[error("{file}:{line}:{column}: {what}")]
pub struct VerdictError {
    /// What the file is called.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl VerdictError {
    /// At a position of the text, in bytes.
    pub fn at(file: &str, text: &str, position: usize, what: impl Into<String>) -> Self {
        let before = text.get(..position).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        VerdictError {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            what: what.into(),
        }
    }
}

/// Why an edit of a verdict file is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EditError {
    /// No such entry.
    #[error("there is no entry {0}")]
    NoEntry(String),
    /// Ids are permanent: no other entry gets one that was used.
    #[error("the id {0} is taken, by an entry or by one that was retired")]
    Taken(String),
    /// A reader refuses the file that had this.
    #[error("its `{key}` contains the control character {}", .character.escape_unicode())]
    Hidden {
        /// Which text.
        key: &'static str,
        /// What it contains.
        character: char,
    },
}
