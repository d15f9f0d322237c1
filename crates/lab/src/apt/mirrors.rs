//! This machine's mirrors, as its apt knows them, and apt's sources for a release on them.

use std::fmt;
use std::path::Path;

use crate::debian::Release;
use crate::error::{Error, PackageError};
use crate::run_tool::stdout;

/// Where Debian's keys are, in the package `debian-archive-keyring`. Where it is not, apt's own
/// keys must do.
const KEYRINGS: [&str; 2] =
    ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

/// What a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Packages for an architecture, by Debian's name for it.
    Packages(&'static str),
    /// Source packages.
    Sources,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Packages(architecture) => architecture,
            Self::Sources => "source",
        })
    }
}

/// apt's sources for a release on this machine's mirrors of Debian.
pub(super) fn sources(release: Release, content: Content) -> Result<String, Error> {
    let listed = stdout(
        "apt-get",
        &["indextargets", "--format", "$(LABEL)|$(REPO_URI)", "Created-By: Packages"],
        None,
    )?;
    let keyring = KEYRINGS.into_iter().find(|path| Path::new(path).exists());
    sources_of(&listed, release, content, keyring).ok_or_else(|| {
        Error::Package(PackageError::NoPackageLists { what: "any mirror of Debian's".to_owned() })
    })
}

/// The same; nothing if there are no such mirrors.
///
/// `listed` has a line for each of the machine's package lists: its label and its mirror's address.
fn sources_of(listed: &str, release: Release, content: Content, keyring: Option<&str>) -> Option<String> {
    let signed = keyring.map(|path| format!(" signed-by={path}")).unwrap_or_default();
    let kind = match content {
        Content::Packages(architecture) => format!("deb [arch={architecture} target=Packages{signed}]"),
        Content::Sources => format!("deb-src [target=Sources{signed}]"),
    };
    let lines = listed.lines().filter_map(|line| {
        let (label, mirror) = line.trim().split_once('|')?;
        let suite = match label {
            "Debian" => release.to_string(),
            "Debian-Security" => format!("{release}-security"),
            _ => return None,
        };
        Some(format!("{kind} {mirror} {suite} main"))
    });
    let text: String = distinct(lines).into_iter().map(|line| line + "\n").collect();
    (!text.is_empty()).then_some(text)
}

/// The addresses of this machine's mirrors, without repetition.
pub(crate) fn mirrors() -> Result<Vec<String>, Error> {
    let listed = stdout("apt-get", &["indextargets", "--format", "$(REPO_URI)"], None)?;
    let mirrors = distinct(listed.lines().map(|line| line.trim().to_owned()));
    if mirrors.is_empty() {
        return Err(Error::Package(PackageError::NoPackageLists { what: "any mirror".to_owned() }));
    }
    Ok(mirrors)
}

fn distinct(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in lines {
        if !line.is_empty() && !all.contains(&line) {
            all.push(line);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_asked_once_and_in_order() {
        let listed = ["http://b/debian/", "http://a/debian/", "", "http://b/debian/"];
        assert_eq!(distinct(listed.map(str::to_owned).into_iter()), ["http://b/debian/", "http://a/debian/"]);
    }

    #[test]
    fn another_release_is_on_the_machines_mirrors_of_debian() {
        let listed =
            "Debian|http://a/debian/\nDebian|http://a/debian/\nDebian-Security|http://b/s/\nNode|http://c/\n";
        assert_eq!(
            sources_of(listed, Release::Trixie, Content::Packages("arm64"), Some("/k.gpg")).as_deref(),
            Some(
                "deb [arch=arm64 target=Packages signed-by=/k.gpg] http://a/debian/ trixie main\n\
                 deb [arch=arm64 target=Packages signed-by=/k.gpg] http://b/s/ trixie-security main\n"
            )
        );
        let plain = |listed, content| sources_of(listed, Release::Bookworm, content, None);
        let amd64 = Content::Packages("amd64");
        assert_eq!(
            plain("Debian|http://a/", amd64).as_deref(),
            Some("deb [arch=amd64 target=Packages] http://a/ bookworm main\n")
        );
        assert_eq!(
            plain("Debian|http://a/", Content::Sources).as_deref(),
            Some("deb-src [target=Sources] http://a/ bookworm main\n")
        );
        assert_eq!(plain("Ubuntu|http://a/\n\n", amd64), None);
    }
}
