//! A verdict as it stands above a stack: in the RFC's database, in reports, and where reviewers
//! type.
//!
//! ```text
//! // MINERVA: PROB_SAFE (under the assumption that hwdom are safe)
//! // the path is already attributed to a domain pool
//! ```

use std::fmt;

use xenheap_model::Verdict;

/// What stands before the verdict where an entry does not say who decided.
pub const BY: &str = "MINERVA";

/// How a comment line begins by which a report says that the stack below may not be what happened.
/// It is nobody's comment.
pub const NOT_CERTAIN: &str = "NOT CERTAIN";

/// Comment lines, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// The word before the verdict: who decided, or an entry's id. Without one the lines said no
    /// verdict, or nothing before it.
    pub head: Option<String>,
    /// The verdict, if the first line says one.
    pub verdict: Option<Verdict>,
    /// What the first line has in parentheses.
    pub assumption: Option<String>,
    /// The other lines, each ended; all of them if the first one says no verdict.
    pub comment: String,
}

/// What stands behind the `//` of a comment line.
fn text_of(line: &str) -> &str {
    let line = line.trim();
    let text = line.strip_prefix("//").unwrap_or(line);
    text.strip_prefix(' ').unwrap_or(text).trim_end()
}

/// Why the stack below may not be what happened, if a report wrote the line of its own: see
/// [`NOT_CERTAIN`].
pub(crate) fn doubt_of_report(line: &str) -> Option<&str> {
    let rest = text_of(line).strip_prefix(NOT_CERTAIN).filter(|rest| rest.starts_with([':', ' ']))?;
    rest.find(": line ").and_then(|at| rest.get(at + 2..))
}

impl Note {
    /// From lines that begin with `//`, and may be indented.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut note = Note::default();
        for (at, text) in lines.into_iter().map(text_of).enumerate() {
            if at == 0 && note.first_line(text) {
                continue;
            }
            note.comment.push_str(text);
            note.comment.push('\n');
        }
        note
    }

    /// Takes the verdict out of a first line that has one.
    fn first_line(&mut self, text: &str) -> bool {
        let (head, rest) = match text.split_once(": ") {
            Some((head, rest)) if !head.contains(' ') => (Some(head), rest),
            _ => (None, text),
        };
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let rest = rest.trim();
        let assumption = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let Ok(verdict) = word.parse::<Verdict>() else { return false };
        if assumption.is_none() && !rest.is_empty() {
            return false;
        }
        self.head = head.map(str::to_owned);
        self.verdict = Some(verdict);
        self.assumption = assumption.map(str::to_owned);
        true
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(verdict) = self.verdict {
            f.write_str("// ")?;
            if let Some(head) = &self.head {
                write!(f, "{head}: ")?;
            }
            write!(f, "{verdict}")?;
            if let Some(assumption) = &self.assumption {
                write!(f, " ({assumption})")?;
            }
            writeln!(f)?;
        }
        for line in self.comment.lines() {
            writeln!(f, "{}", format!("// {line}").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_report_says_of_a_stack_is_no_comment() {
        for line in
            ["// NOT CERTAIN (1 of 2): line 7 of the log: cut", "  // NOT CERTAIN: line 7 of the log: cut"]
        {
            assert_eq!(doubt_of_report(line), Some("line 7 of the log: cut"), "{line}");
        }
        for line in ["// NOT CERTAIN, I think", "// NOT CERTAINLY: line 7", "// UNDECIDED"] {
            assert_eq!(doubt_of_report(line), None, "{line}");
        }
    }

    #[test]
    fn first_lines() {
        for (line, head, verdict, assumption) in [
            ("// MINERVA: UNDECIDED", Some("MINERVA"), Some(Verdict::Undecided), None),
            ("// X: PROB_SAFE (if (a) holds)", Some("X"), Some(Verdict::ProbSafe), Some("if (a) holds")),
            ("// SAFE", None, Some(Verdict::Safe), None),
            ("// MINERVA: MAYBE", None, None, None),
            ("// SAFE as houses", None, None, None),
            ("// see the note: SAFE", None, None, None),
        ] {
            let note = Note::parse([line]);
            assert_eq!(
                (note.head.as_deref(), note.verdict, note.assumption.as_deref()),
                (head, verdict, assumption),
                "{line}"
            );
            assert_eq!(note.to_string().trim_end(), line);
        }
    }
}
