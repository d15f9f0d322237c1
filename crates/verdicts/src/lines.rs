//! The lines of files that people keep in git: their encoding, marks that git leaves in a file with
//! a conflict, and their ends, which stay as they are in a verdict file.

use std::borrow::Cow;

use crate::VerdictError;

/// How the lines of a file end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ends {
    /// `\n`.
    #[default]
    Lf,
    /// `\r\n`, all of them.
    CrLf,
}

impl Ends {
    /// The text, of which lines end with `\n`, with these ends.
    pub(crate) fn write(self, text: &str) -> Cow<'_, str> {
        match self {
            Ends::Lf => Cow::Borrowed(text),
            Ends::CrLf => Cow::Owned(text.replace('\n', "\r\n")),
        }
    }
}

/// The bytes as text, or where they are none.
pub fn decode<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, VerdictError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let text = std::str::from_utf8(before).unwrap_or_default();
        VerdictError::at(name, text, text.len(), "this is not UTF-8: save the file in that encoding")
    })
}

/// Whether a line is what git writes between two changes that are in conflict.
pub(crate) fn is_mark(line: &str) -> bool {
    ["<<<<<<< ", "||||||| ", ">>>>>>> "].iter().any(|mark| line.starts_with(mark))
}

/// The bytes of a file without a conflict, as text.
pub fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, VerdictError> {
    let text = decode(name, bytes)?;
    refuse_marks(name, text)?;
    Ok(text)
}

fn refuse_marks(name: &str, text: &str) -> Result<(), VerdictError> {
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        if is_mark(line) {
            let what = "a mark of git's: two changes are in conflict here; decide between them, then remove the marks";
            return Err(VerdictError::at(name, text, position, what));
        }
        position += line.len();
    }
    Ok(())
}

/// The text with `\n` behind each line, and how its lines ended.
pub(crate) fn read<'a>(name: &str, text: &'a str) -> Result<(Cow<'a, str>, Ends), VerdictError> {
    refuse_marks(name, text)?;
    let mut ends: Option<Ends> = None;
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        let end = match line.strip_suffix('\n') {
            Some(line) if line.ends_with("\r\r") => {
                let what = "this line ends with CR CR LF: something converted the file twice; make all lines end alike";
                return Err(VerdictError::at(name, text, position, what));
            }
            Some(line) if line.ends_with('\r') => Some(Ends::CrLf),
            Some(_) => Some(Ends::Lf),
            None => None,
        };
        if let (Some(before), Some(end)) = (ends, end)
            && before != end
        {
            let what = "this line ends in another way than those before it (CRLF and LF): make all alike";
            return Err(VerdictError::at(name, text, position, what));
        }
        ends = ends.or(end);
        position += line.len();
    }
    let ends = ends.unwrap_or_default();
    Ok(match ends {
        Ends::Lf => (Cow::Borrowed(text), ends),
        Ends::CrLf => (Cow::Owned(text.replace("\r\n", "\n")), ends),
    })
}
