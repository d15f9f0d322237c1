//! Lines, columns and colours.

use std::io::{self, Write};

/// How wide text is, in characters.
pub const WIDTH: usize = 100;

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Paint(
    /// Whether there are any.
    pub bool,
);

impl Paint {
    /// What stands out.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What is as it should be.
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// What is not.
    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// What is less important.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Breaks ASCII text into lines of at most `width` characters. Words that are longer stay whole.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && line.len() + 1 + word.len() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Writes `text` wrapped behind `first`; further lines are indented by `indent` spaces, which is
/// how wide `first` looks.
pub fn hanging(out: &mut dyn Write, first: &str, indent: usize, text: &str) -> io::Result<()> {
    for (at, line) in wrap(text, WIDTH.saturating_sub(indent)).iter().enumerate() {
        match at {
            0 => writeln!(out, "{first}{line}")?,
            _ => writeln!(out, "{:indent$}{line}", "")?,
        }
    }
    Ok(())
}

/// Writes what explains the words of a table, if anything does, and an empty line.
pub fn legend(out: &mut dyn Write, sentences: &[&str]) -> io::Result<()> {
    if sentences.is_empty() {
        return Ok(());
    }
    hanging(out, "  ", 2, &sentences.join(" "))?;
    writeln!(out)
}

/// Writes a table: a line of titles, then lines of cells. The first `left` columns begin at the
/// left, the others end at the right; all are as wide as what is in them.
pub fn table<const N: usize>(
    out: &mut dyn Write,
    titles: [&str; N],
    left: usize,
    lines: &[[String; N]],
) -> io::Result<()> {
    let titles = titles.map(str::to_owned);
    let mut widths = [0; N];
    for line in std::iter::once(&titles).chain(lines) {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.len().max(*width);
        }
    }
    for line in std::iter::once(&titles).chain(lines) {
        let mut text = String::new();
        for (at, (cell, width)) in line.iter().zip(widths).enumerate() {
            let gap = if at == 0 { "  " } else { "   " };
            text.push_str(&match at < left {
                true => format!("{gap}{cell:<width$}"),
                false => format!("{gap}{cell:>width$}"),
            });
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn words_stay_whole() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible x", 4), ["incomprehensible", "x"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
