//! The RFC's database of comments: comment lines, a head line that names the allocator, a stack.

use std::fmt::Write as _;

use xenheap_model::Verdict;

use crate::{
    EditError, Entry, Pattern, VerdictFile, indent,
    note::{BY, Note},
};

/// A line of a database that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// From 1.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// Why its entry is refused; without that it belongs to no entry.
    pub refused: Option<EditError>,
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Ids of new entries.
    pub added: Vec<String>,
    /// Ids of entries that were there, with the same words, already.
    pub known: Vec<String>,
    /// Ids of new entries for stacks of which there was an entry with other words: both are in the
    /// file now.
    pub contradicting: Vec<String>,
    /// Lines that could not be used.
    pub skipped: Vec<Skipped>,
}

/// Adds the entries of a database to a file.
pub fn import(text: &str, file: &mut VerdictFile) -> Imported {
    let (entries, skipped) = parse(text);
    let mut imported = Imported { skipped, ..Imported::default() };
    for (line, mut entry) in entries {
        let same = |old: &&Entry| old.pattern == entry.pattern && old.allocator == entry.allocator;
        let mut known = file.entries().iter().filter(same).peekable();
        let contradicts = known.peek().is_some();
        // Of entries that contradict each other any can be the one that was taken before.
        if let Some(old) = known.find(|old| says_the_same(old, &entry)) {
            imported.known.push(old.id.clone());
            continue;
        }
        entry.id = file.fresh_id(None, &entry.pattern);
        let id = entry.id.clone();
        let text = entry.allocator.as_deref().map(|name| format!("{name}()")).unwrap_or_default();
        match file.add(entry) {
            Ok(()) => {
                if contradicts {
                    imported.contradicting.push(id.clone());
                }
                imported.added.push(id);
            }
            Err(error) => imported.skipped.push(Skipped { line, text, refused: Some(error) }),
        }
    }
    imported.skipped.sort_by_key(|skipped| skipped.line);
    imported
}

fn says_the_same(a: &Entry, b: &Entry) -> bool {
    (a.verdict, &a.assumption) == (b.verdict, &b.assumption) && a.comment.lines().eq(b.comment.lines())
}

/// Reads a database: entries with the lines, from 1, in which their allocators stand. Ids are not
/// drawn yet.
fn parse(text: &str) -> (Vec<(usize, Entry)>, Vec<Skipped>) {
    let mut entries = Vec::new();
    let mut skipped = Vec::new();
    let mut comment: Vec<(usize, &str)> = Vec::new();
    let mut open: Option<(usize, Note, String, String)> = None;
    let mut close = |open: &mut Option<(usize, Note, String, String)>| {
        if let Some((line, note, allocator, stack)) = open.take() {
            entries.push((line, entry(note, allocator, stack)));
        }
    };
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.starts_with("//") {
            close(&mut open);
            comment.push((at + 1, line));
        } else if let Some(allocator) = head(line) {
            close(&mut open);
            let note = Note::parse(comment.drain(..).map(|(_, line)| line));
            open = Some((at + 1, note, allocator.to_owned(), String::new()));
        } else if line.is_empty() {
            // Nothing of an entry is empty.
        } else if let Some((.., stack)) = &mut open {
            stack.push_str(line);
            stack.push('\n');
        } else {
            skipped.push(Skipped { line: at + 1, text: line.to_owned(), refused: None });
        }
    }
    close(&mut open);
    let lost = comment.into_iter().map(|(line, text)| Skipped { line, text: text.to_owned(), refused: None });
    skipped.extend(lost);
    (entries, skipped)
}

/// `NAME()` in the first column.
fn head(line: &str) -> Option<&str> {
    let name = line.strip_suffix("()")?;
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (!name.is_empty() && name.bytes().all(word)).then_some(name)
}

fn entry(note: Note, allocator: String, stack: String) -> Entry {
    Entry {
        id: String::new(),
        verdict: note.verdict.unwrap_or(Verdict::Undecided),
        by: note.head,
        assumption: note.assumption,
        comment: note.comment,
        kind: None,
        allocator: Some(allocator),
        arch: None,
        bound: None,
        charge: None,
        revision: None,
        uncertain: None,
        pattern: Pattern::parse(&stack),
        stack,
    }
}

impl Entry {
    /// The verdict and its reasons, as they stand above a stack. `head` says what to put before the
    /// verdict.
    pub fn note(&self, head: Option<&str>) -> Note {
        Note {
            head: head.map(str::to_owned),
            verdict: Some(self.verdict),
            assumption: self.assumption.clone(),
            comment: self.comment.clone(),
        }
    }

    /// Who decided, as the RFC's files have it.
    pub fn by(&self) -> &str {
        self.by.as_deref().unwrap_or(BY)
    }
}

/// The file as a database of the RFC's. Entries with gaps or globs are left out, because its tools
/// compare texts: their ids are returned.
pub fn export(file: &VerdictFile) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut left_out = Vec::new();
    for entry in file.entries() {
        if !entry.pattern.is_exact() && entry.pattern.is_readable() {
            left_out.push(entry.id.clone());
            continue;
        }
        let allocator = entry.allocator.as_deref().unwrap_or(match entry.kind {
            Some(xenheap_model::Kind::Xmalloc) => "xmalloc",
            _ => "alloc_domheap_pages",
        });
        let stack =
            if entry.allocator.is_some() { entry.stack.clone() } else { indent(&visible(&entry.stack)) };
        // Writing to a string cannot fail.
        let _ =
            write!(text, "{}{}()\n{stack}", entry.note(Some(entry.by())), allocator.trim_end_matches("()"));
        if !stack.ends_with('\n') {
            text.push('\n');
        }
    }
    (text, left_out)
}

/// Without the frames that Xen's traces, and so the RFC's tools, do not have.
fn visible(stack: &str) -> String {
    stack
        .lines()
        .filter(|line| !line.trim_end().ends_with("[inlined]"))
        .fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two entries in the form of the mission's examples.
    const DATABASE: &str = "\
// MINERVA: PROB_SAFE (under the assumption that hwdom are safe)
// the path is already attributed to a domain pool, except if
// \"hardware\" \\ it is
//
// not.
alloc_domheap_pages()
entry.o#guest_sync_slowpath
  do_trap_guest_sync
    p2m.c#p2m_alloc_page
      alloc_domheap_pages
        alloc_domheap_pages
// MINERVA: UNDECIDED
xmalloc()
N/A
xmalloc()
a
  b
";

    #[test]
    fn import_and_export_lose_nothing() -> Result<(), Box<dyn std::error::Error>> {
        let mut file = VerdictFile::default();
        let imported = import(DATABASE, &mut file);
        assert_eq!((imported.added.len(), imported.skipped.len()), (3, 0));
        // What is written can be read again, and says the same.
        let again = VerdictFile::parse("v.toml", &file.to_string())?;
        assert_eq!(again.entries(), file.entries());
        // The last one had no verdict, and gets one.
        let expected = DATABASE.replace("N/A\n", "N/A\n// MINERVA: UNDECIDED\n");
        assert_eq!(export(&again).0, expected);
        let twice = import(DATABASE, &mut file);
        assert_eq!((twice.added.len(), twice.known.len()), (0, 3));
        Ok(())
    }

    #[test]
    fn lines_of_nothing_are_counted() {
        let imported = import("a stray line\n// a comment of nothing\n", &mut VerdictFile::default());
        let skipped: Vec<_> = imported.skipped.iter().map(|skipped| (skipped.line, &*skipped.text)).collect();
        assert_eq!(skipped, [(1, "a stray line"), (2, "// a comment of nothing")]);
        assert!(imported.added.is_empty());
    }

    /// Found when the fuzz target `comments` was written.
    #[test]
    fn an_entry_that_no_file_can_have_is_refused_alone() -> Result<(), Box<dyn std::error::Error>> {
        let mut file = VerdictFile::default();
        let imported = import("xmalloc()\na\n// \u{1b}[2J\nxmalloc()\nb\nxmalloc()\nc\n", &mut file);
        assert_eq!(imported.added.len(), 2);
        let error = EditError::Hidden { key: "comment", character: '\u{1b}' };
        let refused = Skipped { line: 4, text: "xmalloc()".to_owned(), refused: Some(error) };
        assert_eq!(imported.skipped, [refused]);
        assert_eq!(VerdictFile::parse("v.toml", &file.to_string())?.entries(), file.entries());
        Ok(())
    }

    /// Found by the fuzz target `comments`: the file could not be read.
    #[test]
    fn words_that_look_like_a_mark_of_gits_are_words() -> Result<(), Box<dyn std::error::Error>> {
        let mut file = VerdictFile::default();
        let database = "// x\n// <<<<<<< here\nxmalloc()\n<<<<<<< a\n>>>>>>> b\n||||||| c\n";
        assert_eq!(import(database, &mut file).added.len(), 1);
        let again = VerdictFile::parse("v.toml", &file.to_string())?;
        assert_eq!(again.entries(), file.entries());
        assert_eq!(again.entries().first().map(|entry| &*entry.comment), Some("x\n<<<<<<< here\n"));
        Ok(())
    }

    /// Found when the fuzz target `comments` was written.
    #[test]
    fn words_that_contradict_others_are_taken_once() {
        let database = "// A: SAFE\nxmalloc()\na\n// B: PROBLEM\nxmalloc()\na\n";
        let mut file = VerdictFile::default();
        let first = import(database, &mut file);
        assert_eq!((first.added.len(), first.contradicting.len()), (2, 1));
        let second = import(database, &mut file);
        assert_eq!((second.added.len(), second.known), (0, first.added));
    }
}
