//! The pinned sources: `pins.toml`, compiled in.

use serde::Deserialize;

use crate::apt::{self, Release};
use crate::error::{Error, PackageError};

/// One pinned source archive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// What users call it.
    pub name: String,
    /// The release of Debian's that has it.
    pub release: Release,
    /// The Debian source package's version.
    pub version: String,
    /// Its paths below a mirror's base; the first that a mirror has is taken.
    pub paths: Vec<String>,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in lower-case hex.
    pub sha256: String,
}

impl Pin {
    /// The archive's file name.
    pub fn file_name(&self) -> &str {
        self.paths.first().and_then(|path| path.rsplit('/').next()).unwrap_or(&self.name)
    }

    /// The same source in another version, if that is of the same series: what a paragraph of
    /// `apt-cache showsrc` says.
    pub(crate) fn of_paragraph(&self, paragraph: &str) -> Option<Self> {
        let field = |name: &str| {
            paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::trim)
        };
        let version = field("Version").filter(|version| self.is_of_series(version))?;
        let folder = field("Directory")?;
        // Its lines have a hash, a size and a name, and begin with a space.
        let mut files = paragraph.lines().skip_while(|line| *line != "Checksums-Sha256:").skip(1);
        let file =
            files.by_ref().take_while(|line| line.starts_with(' ')).find(|line| line.ends_with(ARCHIVE))?;
        let mut parts = file.split_whitespace();
        let (sha256, size, name) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
        let pin = Self {
            name: self.name.clone(),
            release: self.release,
            version: version.to_owned(),
            paths: vec![format!("{folder}/{name}")],
            size,
            sha256: sha256.to_owned(),
        };
        (apt::is_plain(version) && apt::is_plain(name) && check(&pin).is_ok()).then_some(pin)
    }

    /// `debian:4.17` is the series of 4.17.5 and 4.17.6, but not of 4.170.
    fn is_of_series(&self, version: &str) -> bool {
        let series = self.name.rsplit(':').next().unwrap_or(&self.name);
        version.strip_prefix(series).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    }
}

/// How the name of an upstream tarball ends.
const ARCHIVE: &str = ".orig.tar.xz";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    source: Vec<Pin>,
}

/// The pin of that name.
pub fn pin(name: &str) -> Result<Pin, Error> {
    parse(include_str!("../pins.toml"))?
        .into_iter()
        .find(|pin| pin.name == name)
        .ok_or_else(|| Error::Package(PackageError::Pins(format!("no source is named `{name}`"))))
}

/// All pins of a pin file.
pub fn parse(text: &str) -> Result<Vec<Pin>, Error> {
    let file: File =
        toml::from_str(text).map_err(|error| Error::Package(PackageError::Pins(error.to_string())))?;
    if file.schema != 1 {
        return Err(Error::Package(PackageError::Pins(format!(
            "schema {} is not known, only 1",
            file.schema
        ))));
    }
    for pin in &file.source {
        check(pin)
            .map_err(|what| Error::Package(PackageError::Pins(format!("source `{}`: {what}", pin.name))))?;
    }
    Ok(file.source)
}

fn check(pin: &Pin) -> Result<(), &'static str> {
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if pin.sha256.len() != 64 || !pin.sha256.as_bytes().iter().all(is_hex) {
        return Err("sha256 must be 64 lower-case hex digits");
    }
    if pin.size == 0 {
        return Err("size must not be 0");
    }
    if pin.paths.is_empty() {
        return Err("it has no paths");
    }
    // The path is joined to a mirror's address and its last part to a folder of ours.
    if pin
        .paths
        .iter()
        .any(|path| !path.starts_with("pool/") || path.split('/').any(|part| matches!(part, "" | "." | "..")))
    {
        return Err("a path must begin with `pool/` and be plain");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::XenSource;

    #[test]
    fn every_named_source_is_pinned() {
        for name in XenSource::PINNED {
            let pin = pin(name);
            assert!(pin.as_ref().is_ok_and(|pin| pin.file_name().ends_with(".orig.tar.xz")), "{pin:?}");
        }
        assert!(pin("debian:4.0").is_err());
    }

    fn with(field: &str, value: &str) -> String {
        let mut text = String::from("schema = 1\n[[source]]\n");
        for (name, usual) in [
            ("name", "\"n\"".to_owned()),
            ("release", "\"trixie\"".to_owned()),
            ("version", "\"1\"".to_owned()),
            ("paths", "[\"pool/main/x.tar.xz\"]".to_owned()),
            ("size", "5".to_owned()),
            ("sha256", format!("\"{}\"", "ab".repeat(32))),
        ] {
            let value = if name == field { value } else { &usual };
            text.push_str(&format!("{name} = {value}\n"));
        }
        text
    }

    #[test]
    fn a_good_file_is_read() {
        let pins = parse(&with("", ""));
        assert!(
            pins.as_ref().is_ok_and(|pins| pins.len() == 1 && pins[0].file_name() == "x.tar.xz"),
            "{pins:?}"
        );
    }

    #[test]
    fn another_version_is_read_from_an_index() -> Result<(), Error> {
        let pin = pin("debian:4.17")?;
        let sha256 = "ab".repeat(32);
        let paragraph = format!(
            "Package: xen\nVersion: 4.17.6-1\nFiles:\n 12 5 xen_4.17.6.orig.tar.xz\nChecksums-Sha256:\n \
             cd 7 xen_4.17.6-1.dsc\n {sha256} 5 xen_4.17.6.orig.tar.xz\nDirectory: pool/main/x/xen\n"
        );
        let other = pin.of_paragraph(&paragraph).map(|pin| (pin.version, pin.paths, pin.size, pin.sha256));
        let path = "pool/main/x/xen/xen_4.17.6.orig.tar.xz".to_owned();
        assert_eq!(other, Some(("4.17.6-1".to_owned(), vec![path], 5, sha256.clone())));
        for (from, to) in [
            ("4.17.6-1\n", "4.20.1-1\n"),
            ("4.17.6-1\n", "4.170-1\n"),
            ("pool/main", "pool/.."),
            (" 5 xen_4.17.6.orig", " 5 ../xen_4.17.6.orig"),
            (&*sha256, "ab"),
            ("Directory", "Where"),
        ] {
            assert_eq!(pin.of_paragraph(&paragraph.replace(from, to)), None, "{to}");
        }
        Ok(())
    }

    #[test]
    fn a_bad_file_says_where() {
        for (field, value, says) in [
            ("sha256", "\"abc\"", "64 lower-case hex"),
            ("size", "0", "must not be 0"),
            ("paths", "[]", "no paths"),
            ("paths", "[\"pool/../x\"]", "plain"),
            ("paths", "[\"/pool/x\"]", "begin with"),
            ("size", "\"five\"", "line 7"),
            ("release", "\"sarge\"", "unknown variant"),
        ] {
            let text = parse(&with(field, value)).err().map(|e| e.to_string());
            assert!(text.as_ref().is_some_and(|text| text.contains(says)), "{field} = {value}: {text:?}");
        }
        assert!(parse("schema = 2\nsource = []\n").is_err());
        assert!(parse("schema = 1\nsource = []\nmore = 1\n").is_err());
    }
}
