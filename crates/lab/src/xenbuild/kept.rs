//! A finished build in the cache.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xenheap_facts::build::ARCHIVE;

use crate::git::GitFacts;
use crate::hash;
use crate::origin::Origin;
use xenheap_model::BuildArch;

/// Changed when builds made by an older version of these files are not to be used any more.
pub(super) const SCHEMA: u32 = 2;

/// A folder that was whole when it was opened.
#[derive(Debug, Clone)]
pub struct Build {
    pub(super) folder: PathBuf,
    /// What it was made from.
    pub facts: BuildFacts,
}

/// What a build was made from, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildFacts {
    /// Version of this form; builds of another are not used.
    pub schema: u32,
    /// Hash over everything that went in.
    pub key: String,
    /// What it is built for. Builds of before there was a choice do not say.
    #[serde(default)]
    pub architecture: BuildArch,
    /// The source as it was named.
    pub source: String,
    /// The Debian version, for a pinned source.
    pub debian_version: Option<String>,
    /// The version that is pinned, if no mirror has it any more and another had to be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_version: Option<String>,
    /// The commit, for a revision in a git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitFacts>,
    /// Xen's own version, as its makefile says it.
    pub xen_version: String,
    /// SHA-256 of the source archive, or of the content of the tree.
    pub source_sha256: String,
    /// Which recorder is in it, if one is.
    pub recorder: Option<String>,
    /// What compiler and linker say of their versions.
    pub compiler: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many lines make printed.
    pub log_lines: usize,
    /// SHA-256 of `xen`.
    pub xen_sha256: String,
    /// SHA-256 of `xen-syms`.
    pub xen_syms_sha256: String,
    /// SHA-256 of `config`.
    pub config_sha256: String,
    /// Whether it is configured by the tree's own `.config`; else by its defaults.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tree_config: bool,
    /// What the user added to the configuration.
    #[serde(default)]
    pub options: Vec<String>,
    /// SHA-256 of the archive of what the compiler knew of calls. Builds of before it was kept have
    /// none.
    #[serde(default)]
    pub analysis_sha256: Option<String>,
}

impl Build {
    /// The bootable image, not compressed: QEMU refuses the compressed one.
    pub fn xen(&self) -> PathBuf {
        self.folder.join("xen")
    }

    /// The same with symbols and debug information.
    pub fn xen_syms(&self) -> PathBuf {
        self.folder.join("xen-syms")
    }

    /// The final `.config`.
    pub fn config(&self) -> PathBuf {
        self.folder.join("config")
    }

    /// Where all this lies, with what the compiler knew of calls: `xenheap-facts` reads it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All that make printed.
    pub fn log(&self) -> PathBuf {
        self.folder.join("build.log")
    }

    /// Opens a kept build, if it is whole.
    pub(super) fn open(folder: PathBuf) -> Option<Self> {
        let text = fs::read(folder.join("build.json")).ok()?;
        let facts: BuildFacts = serde_json::from_slice(&text).ok()?;
        let build = Self { folder, facts };
        let archive = build.folder.join(ARCHIVE);
        let whole = build.facts.schema == SCHEMA
            && build.facts.analysis_sha256.is_some()
            && hash::file(&archive).ok() == build.facts.analysis_sha256
            && [
                (build.xen(), &build.facts.xen_sha256),
                (build.xen_syms(), &build.facts.xen_syms_sha256),
                (build.config(), &build.facts.config_sha256),
            ]
            .iter()
            .all(|(path, wanted)| hash::file(path).is_ok_and(|found| found == **wanted));
        whole.then_some(build)
    }

    /// The same with where its source came from this time: one build serves all sources of the same
    /// content.
    pub(super) fn of(mut self, origin: &Origin) -> Self {
        let facts = &mut self.facts;
        facts.source = origin.name();
        (facts.debian_version, facts.pinned_version, facts.git) = match origin {
            Origin::Archive(archive) => (Some(archive.pin.version.clone()), archive.instead_of.clone(), None),
            Origin::Tree { .. } => (None, None, None),
            Origin::Git { facts, .. } => (None, None, Some(facts.clone())),
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_build_must_be_whole() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        for name in ["xen", "xen-syms", "config", ARCHIVE] {
            fs::write(at(name), name)?;
        }
        let facts = BuildFacts {
            schema: SCHEMA,
            key: "k".into(),
            architecture: BuildArch::Arm64,
            source: "debian:4.17".into(),
            debian_version: Some("4.17.5".into()),
            pinned_version: None,
            git: None,
            xen_version: "4.17.5".into(),
            source_sha256: "s".into(),
            recorder: Some("r".into()),
            compiler: "c".into(),
            seconds: 1.5,
            log_lines: 7,
            xen_sha256: hash::file(&at("xen"))?,
            xen_syms_sha256: hash::file(&at("xen-syms"))?,
            config_sha256: hash::file(&at("config"))?,
            tree_config: true,
            options: vec!["CONFIG_DEBUG=y".into()],
            analysis_sha256: Some(hash::file(&at(ARCHIVE))?),
        };
        let open = || Build::open(folder.path().to_path_buf());
        assert!(open().is_none(), "no build.json");
        crate::cache::write_json(&at("build.json"), &facts)?;
        assert_eq!(open().map(|build| build.facts), Some(facts.clone()));
        fs::write(at("xen-syms"), "cut")?;
        assert!(open().is_none(), "damaged");
        fs::write(at("xen-syms"), "xen-syms")?;
        fs::write(at(ARCHIVE), "cut")?;
        assert!(open().is_none(), "damaged");
        fs::write(at(ARCHIVE), ARCHIVE)?;
        assert!(open().is_some());
        crate::cache::write_json(&at("build.json"), &BuildFacts { schema: 0, ..facts })?;
        assert!(open().is_none(), "another schema");
        Ok(())
    }
}
