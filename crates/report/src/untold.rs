//! What runs cannot tell, because Xen had nothing for a part of the recorder to hook into: the same
//! words in each report of runs.

use std::io::{self, Write};

use xenheap_model::Untold;
use xenheap_output::{Escaped, layout::hanging};

use crate::gate::cell;

/// Above the parts.
pub(crate) const TITLE: &str = "Parts that the recorder lacks, as Xen has nothing for it to hook into";

/// A part a line, with the runs that lack it.
pub(crate) fn lines(untold: &[Untold], out: &mut dyn Write) -> io::Result<()> {
    for one in untold {
        hanging(out, "  ", 4, &Escaped(one.line()).to_string())?;
    }
    Ok(())
}

/// The same behind an empty line and a title; nothing if there is no such part.
pub fn write_untold(untold: &[Untold], out: &mut dyn Write) -> io::Result<()> {
    if untold.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{TITLE}")?;
    lines(untold, out)
}

/// The same as a list, with the words given for each.
pub(crate) fn list(lines: impl IntoIterator<Item = String>, out: &mut dyn Write) -> io::Result<()> {
    for line in lines {
        writeln!(out, "- {}", cell(&line))?;
    }
    Ok(())
}
