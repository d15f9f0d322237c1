//! The same change as a mail that `git am` takes.

use std::fmt;
use std::io::Write;
use std::path::Path;

use diffy::{DiffOptions, PatchFormatter};
use sha1::{Digest, Sha1};

use crate::documents::documents;
use crate::error::Error;
use crate::git::git;
use crate::hex;
use crate::plan::{LocalChanges, Plan, State};
use crate::series::{self, CONCERNS, Content};

/// Who a patch is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    name: String,
    email: String,
}

impl Author {
    /// An author from `Full Name <address@example.org>`.
    ///
    /// # Errors
    /// [`Error::Author`] when it does not look like that.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let error = || Error::Author { given: text.escape_default().to_string() };
        let (name, rest) = text.split_once('<').ok_or_else(error)?;
        let email = rest.trim_end().strip_suffix('>').ok_or_else(error)?;
        Self::new(name, email).ok_or_else(error)
    }

    /// The author that git would write into a commit in the folder `path`: `user.name` and
    /// `user.email`.
    ///
    /// # Errors
    /// [`Error::NoAuthor`] when one of them is not set, or there is no git.
    pub fn from_git(path: &Path) -> Result<Self, Error> {
        let get = |key: &'static str| {
            let output = git(path).args(["config", "--get", key]).output();
            let value = output.ok().filter(|output| output.status.success());
            let value = value.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
            let value = value.trim().to_owned();
            if value.is_empty() { Err(Error::NoAuthor { key, path: path.to_owned() }) } else { Ok(value) }
        };
        let (name, email) = (get("user.name")?, get("user.email")?);
        Self::new(&name, &email).ok_or_else(|| Error::Author { given: format!("{name} <{email}>") })
    }

    fn new(name: &str, email: &str) -> Option<Self> {
        let (name, email) = (name.trim(), email.trim());
        // What could end a header, begin another, or be taken for the address.
        let bad = |c: char| c.is_control() || matches!(c, '<' | '>');
        let fits = !name.is_empty()
            && !name.contains(bad)
            && email.contains('@')
            && email.chars().all(|c| c.is_ascii_graphic() && !bad(c));
        fits.then(|| Self { name: name.to_owned(), email: email.to_owned() })
    }

    /// The value of a `From:` header.
    fn header(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
        let name = if !self.name.is_ascii() {
            // RFC 2047. Words are limited to 75 columns, and a letter must not be cut.
            let words = self.name.chars().collect::<Vec<_>>();
            let words = words.chunks(15).map(|chunk| {
                let text: String = chunk.iter().collect();
                let bytes = text.bytes().map(|byte| match byte {
                    b' ' => "_".to_owned(),
                    byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                    byte => format!("={byte:02X}"),
                });
                format!("=?UTF-8?q?{}?=", bytes.collect::<String>())
            });
            words.collect::<Vec<_>>().join("\n ")
        } else if self.name.chars().all(plain) {
            self.name.clone()
        } else {
            format!("\"{}\"", self.name.replace('\\', "\\\\").replace('"', "\\\""))
        };
        format!("{name} <{}>", self.email)
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name, self.email)
    }
}

/// What a patch says besides the change. The same tree and the same `PatchInfo` give the same
/// bytes.
#[derive(Clone, Debug)]
pub struct PatchInfo {
    /// Who it is from.
    pub author: Author,
    /// When, in seconds since 1970 (UTC).
    pub date: i64,
    /// Add the author's `Signed-off-by:`.
    pub sign_off: bool,
}

impl Plan {
    /// Writes the change from the uninstrumented tree to the instrumented one as a mailbox that
    /// `git am` takes: a series of commits, one a concern, with entries in Xen's documents. It is
    /// the same whether the tree is instrumented already or not. Changes nothing in the tree.
    ///
    /// # Errors
    /// When the recorder cannot be put into the tree (as [`Plan::check`]; a file that somebody
    /// changed by hand is no obstacle, it is simply not in the patch), when the date cannot be
    /// written, or when `out` cannot be written to.
    pub fn patch(&self, info: &PatchInfo, out: &mut dyn Write) -> Result<(), Error> {
        if self.state() != State::Half {
            self.check(LocalChanges::Discard)?;
        } else {
            self.check(LocalChanges::Keep)?;
        }
        let mut mail = Vec::new();
        self.render(info, &mut mail)?;
        out.write_all(&mail).and_then(|()| out.flush()).map_err(Error::PatchOutput)
    }

    fn render(&self, info: &PatchInfo, mail: &mut Vec<u8>) -> Result<(), Error> {
        let documents = documents(&self.tree, &info.author.to_string())?;
        let stages: Vec<Vec<Content>> = (0..=CONCERNS.len())
            .map(|done| {
                let files = series::after(&self.files, &self.survey, done);
                files.into_iter().chain(documents.iter().map(|document| document.after(done))).collect()
            })
            .collect();
        let names: Vec<(&str, bool)> = self
            .files
            .iter()
            .map(|file| (file.name.as_str(), file.executable))
            .chain(documents.iter().map(|document| (document.name, false)))
            .collect();
        // Of what this version of Xen has nothing, there is no commit.
        let commits: Vec<_> = CONCERNS
            .iter()
            .zip(stages.windows(2))
            .filter_map(|(concern, stages)| {
                let [before, after] = stages else { return None };
                let files = diffs(&names, before, after);
                (!files.is_empty()).then_some((concern, files))
            })
            .collect();
        for (at, (concern, files)) in commits.iter().enumerate() {
            let mut head = String::new();
            // The first line is what separates mails in a mailbox; this date is git's magic value
            // for it.
            head += "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n";
            head += &format!("From: {}\n", info.author.header());
            head += &format!("Date: {}\n", mail_date(info.date)?);
            head += &format!("Subject: [PATCH {}/{}] {}\n", at + 1, commits.len(), concern.subject);
            if !info.author.name.is_ascii() {
                head += "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n";
                head += "Content-Transfer-Encoding: 8bit\n";
            }
            head += &format!("\n{}\n", concern.body);
            if info.sign_off {
                head += &format!("Signed-off-by: {}\n", info.author);
            }
            head += "---\n";
            head += &stat(files);
            mail.extend_from_slice(head.as_bytes());
            for file in files {
                file.write(mail);
            }
            mail.extend_from_slice(format!("-- \nxenheap {}\n\n", env!("CARGO_PKG_VERSION")).as_bytes());
        }
        Ok(())
    }
}

/// What changes of the files with these names, each with whether it can be executed.
fn diffs<'a>(names: &[(&'a str, bool)], before: &'a [Content], after: &'a [Content]) -> Vec<FileDiff<'a>> {
    let changed = names.iter().zip(before.iter().zip(after)).filter(|(_, (before, after))| before != after);
    let mut files: Vec<_> = changed
        .filter_map(|(&(name, executable), (before, after))| {
            Some(FileDiff::new(name, executable, before.as_deref(), after.as_deref()?))
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(b.name));
    files
}

struct FileDiff<'a> {
    /// Path below the tree's root.
    name: &'a str,
    executable: bool,
    before: Option<&'a [u8]>,
    after: &'a [u8],
    /// Lines added and removed.
    added: usize,
    removed: usize,
    /// `---`, `+++` and the hunks.
    text: Vec<u8>,
}

impl<'a> FileDiff<'a> {
    fn new(name: &'a str, executable: bool, before: Option<&'a [u8]>, after: &'a [u8]) -> Self {
        let mut options = DiffOptions::new();
        match before {
            Some(_) => options.set_original_filename(format!("a/{name}")),
            None => options.set_original_filename("/dev/null"),
        };
        options.set_modified_filename(format!("b/{name}"));
        let patch = options.create_patch_bytes(before.unwrap_or_default(), after);
        let lines = || patch.hunks().iter().flat_map(|hunk| hunk.lines());
        let added = lines().filter(|line| matches!(line, diffy::Line::Insert(_))).count();
        let removed = lines().filter(|line| matches!(line, diffy::Line::Delete(_))).count();
        let mut text = Vec::new();
        // Like git: an empty line of the context is a space. Writing to memory does not fail.
        let formatter = PatchFormatter::new().suppress_blank_empty(false);
        let _ = formatter.write_patch_into(&patch, &mut text);
        Self { name, executable, before, after, added, removed, text }
    }

    fn write(&self, mail: &mut Vec<u8>) {
        let name = self.name;
        let mode = if self.executable { "100755" } else { "100644" };
        let mut head = format!("diff --git a/{name} b/{name}\n");
        // With full ids of the contents `git am --3way` can help itself when the branch has moved
        // on.
        let (old, new) = (self.before.map_or_else(|| "0".repeat(40), blob_id), blob_id(self.after));
        match self.before {
            None => head += &format!("new file mode 100644\nindex {old}..{new}\n"),
            Some(_) => head += &format!("index {old}..{new} {mode}\n"),
        }
        mail.extend_from_slice(head.as_bytes());
        mail.extend_from_slice(&self.text);
    }
}

/// The name that git gives to a content.
fn blob_id(content: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", content.len()));
    hash.update(content);
    hex(&hash.finalize())
}

/// The summary after the `---`, as `git format-patch` draws it.
fn stat(files: &[FileDiff<'_>]) -> String {
    const BAR: usize = 40;
    let width = files.iter().map(|file| file.name.len()).max().unwrap_or(0);
    let most = files.iter().map(|file| file.added + file.removed).max().unwrap_or(0);
    let digits = most.to_string().len();
    // Something that changed never shows as nothing.
    let scale = |n: usize| if most <= BAR || n == 0 { n } else { (n * BAR / most).max(1) };
    let mut out = String::new();
    for FileDiff { name, added, removed, .. } in files {
        let (plus, minus) = ("+".repeat(scale(*added)), "-".repeat(scale(*removed)));
        out += &format!(" {name:width$} | {:digits$} {plus}{minus}\n", added + removed);
    }
    let added: usize = files.iter().map(|file| file.added).sum();
    let removed: usize = files.iter().map(|file| file.removed).sum();
    let s = |n: usize| if n == 1 { "" } else { "s" };
    out += &format!(" {} file{} changed", files.len(), s(files.len()));
    for (lines, what, sign) in [(added, "insertion", '+'), (removed, "deletion", '-')] {
        if lines > 0 {
            out += &format!(", {lines} {what}{}({sign})", s(lines));
        }
    }
    out.push('\n');
    for file in files.iter().filter(|file| file.before.is_none()) {
        out += &format!(" create mode 100644 {}\n", file.name);
    }
    out.push('\n');
    out
}

/// A date as mails write it, in UTC.
fn mail_date(seconds: i64) -> Result<String, Error> {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let error = || Error::Date { seconds };
    let seconds_of_day = seconds.rem_euclid(86_400);
    let days = seconds.div_euclid(86_400);
    if !(0..=2_932_896).contains(&days) {
        return Err(error());
    }
    let weekday = usize::try_from(days % 7).ok().and_then(|day| DAYS.get(day)).ok_or_else(error)?;
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let (mut year, mut left) = (1970, days);
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut name = None;
    for (month, length) in MONTHS.iter().zip(lengths) {
        if left < length {
            name = Some(month);
            break;
        }
        left -= length;
    }
    let month = name.ok_or_else(error)?;
    let (hour, minute, second) = (seconds_of_day / 3600, seconds_of_day / 60 % 60, seconds_of_day % 60);
    Ok(format!("{weekday}, {} {month} {year} {hour:02}:{minute:02}:{second:02} +0000", left + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(mail_date(0).unwrap(), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(mail_date(951_782_399).unwrap(), "Mon, 28 Feb 2000 23:59:59 +0000");
        assert_eq!(mail_date(951_782_400).unwrap(), "Tue, 29 Feb 2000 00:00:00 +0000");
        assert_eq!(mail_date(1_767_225_600).unwrap(), "Thu, 1 Jan 2026 00:00:00 +0000");
        assert_eq!(mail_date(253_402_300_799).unwrap(), "Fri, 31 Dec 9999 23:59:59 +0000");
        assert!(mail_date(253_402_300_800).is_err());
        assert!(mail_date(-1).is_err());
    }

    #[test]
    fn authors() {
        let author = Author::parse("Ada Example <ada@example.org>").unwrap();
        assert_eq!(author.to_string(), "Ada Example <ada@example.org>");
        assert_eq!(author.header(), "Ada Example <ada@example.org>");
        assert_eq!(Author::parse("A. \"B\" <a@b>").unwrap().header(), r#""A. \"B\"" <a@b>"#);
        assert_eq!(Author::parse("Zoë Ö <z@b>").unwrap().header(), "=?UTF-8?q?Zo=C3=AB_=C3=96?= <z@b>");
        for bad in ["", "Ada", "<a@b>", "Ada <a>", "Ada <a@b> x", "A\nTo: x <a@b>", "A <a @b>", "A <<a@b>>"] {
            assert!(Author::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn blob_ids_are_git_s() {
        // `git hash-object` of an empty file and of a line.
        assert_eq!(blob_id(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(blob_id(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    }
}
