//! What a verdict file says: its entries, which of them speak of the stacks of runs, and which need
//! a look. A question a file.

mod list;
mod matched;
mod show;
mod stale;

use std::io::{self, Write};

use xenheap_output::without_controls;

pub use list::{EntriesJson, EntriesText};
pub use matched::{Found, Matched, MatchedStack, MatchedText};
pub use show::EntryText;
pub use stale::{Stale, StaleText, Why};

/// Entries hold what people wrote, in their language.
fn write_for_people(text: &str, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(without_controls(text).as_bytes())
}
