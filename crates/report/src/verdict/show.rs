//! One entry.

use std::io::{self, Write};

use xenheap_verdicts::Entry;

use super::write_for_people;
use crate::Render;

/// All of it: the note as it stands above a stack, what else is known, the stack.
#[derive(Clone, Copy, Debug, Default)]
pub struct EntryText;

impl Render<Entry> for EntryText {
    fn render(&self, entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
        write_for_people(&entry.note(Some(&entry.id)).to_string(), out)?;
        for (name, value) in [
            ("by", entry.by.clone()),
            ("kind", entry.kind.map(|kind| kind.to_string())),
            ("allocator", entry.allocator.clone()),
            ("arch", entry.arch.map(|arch| arch.as_str().to_owned())),
            ("charge", entry.charge.map(|charge| charge.as_str().to_owned())),
            ("revision", entry.revision.clone()),
            ("uncertain", entry.uncertain.clone()),
            ("bound", entry.bound.map(|bound| bound.to_string())),
        ] {
            if let Some(value) = value {
                write_for_people(&format!("{name:<10} {value}\n"), out)?;
            }
        }
        write_for_people(&entry.stack, out)
    }
}
