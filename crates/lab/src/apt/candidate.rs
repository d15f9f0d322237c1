//! What a package index says of a package.

use crate::debian::{field, is_plain};

/// One version of a package. Every part of it can be a part of a file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) architecture: String,
    pub(super) sha256: String,
    depends: String,
}

impl Candidate {
    /// Reads a paragraph of `apt-cache show`.
    pub(super) fn parse(paragraph: &str) -> Option<Self> {
        let field = |name| field(paragraph, name);
        let candidate = Self {
            name: field("Package")?.to_owned(),
            version: field("Version")?.to_owned(),
            architecture: field("Architecture")?.to_owned(),
            sha256: field("SHA256")?.to_owned(),
            depends: field("Depends").unwrap_or_default().to_owned(),
        };
        let all_plain =
            is_plain(&candidate.name) && is_plain(&candidate.version) && is_plain(&candidate.architecture);
        all_plain.then_some(candidate)
    }

    /// The names of the packages it depends on.
    pub(super) fn dependencies(&self) -> impl Iterator<Item = &str> {
        self.depends
            .split([',', '|'])
            .filter_map(|item| item.split_whitespace().next())
            // `python3:any`: of any architecture.
            .filter_map(|name| name.split(':').next())
    }

    /// For people.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    pub(super) fn file_name(&self) -> String {
        let version = self.version.replace(':', "%3a");
        format!("{}_{version}_{}.deb", self.name, self.architecture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: &str = "Package: linux-image-amd64\nSource: linux-signed-amd64 (6.1.192+2)\nVersion: 6.1.192-2\n\
        Architecture: amd64\nDepends: foo | bar:any, linux-image-6.1.0-56-amd64 (= 6.1.192-2)\n\
        Description: Linux\n Version: no\nSHA256: 45\n\nPackage: other\nVersion: 1\nArchitecture: amd64\nSHA256: 46\n";

    /// The first of what apt says.
    fn first(shown: &str) -> Option<Candidate> {
        shown.split("\n\n").next().and_then(Candidate::parse)
    }

    #[test]
    fn an_index_entry_is_read() {
        let candidate = first(SHOWN);
        let wanted = Candidate {
            name: "linux-image-amd64".into(),
            version: "6.1.192-2".into(),
            architecture: "amd64".into(),
            sha256: "45".into(),
            depends: "foo | bar:any, linux-image-6.1.0-56-amd64 (= 6.1.192-2)".into(),
        };
        assert_eq!(candidate.as_ref(), Some(&wanted));
        let names: Vec<_> = wanted.dependencies().collect();
        assert_eq!(names, ["foo", "bar", "linux-image-6.1.0-56-amd64"]);
        assert_eq!(wanted.file_name(), "linux-image-amd64_6.1.192-2_amd64.deb");
    }

    #[test]
    fn an_index_entry_that_is_not_plain_is_refused() {
        assert_eq!(first(""), None);
        assert_eq!(first(&SHOWN.replace("SHA256: 45", "")), None);
        for version in ["../x", "1/2", "-o", "1 2", ""] {
            let text = SHOWN.replace("Version: 6.1.192-2", &format!("Version: {version}"));
            assert_eq!(first(&text), None, "{version}");
        }
    }
}
