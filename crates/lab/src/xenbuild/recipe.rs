//! All that a build depends on, besides its source.

use std::path::Path;

use super::kept::SCHEMA;
use crate::build_env;
use crate::error::{BuildError, Error};
use crate::hash;
use crate::kconfig;
use crate::platform;
use crate::text;
use xenheap_model::BuildArch;

/// Added to the configuration of a tree. `HEAP_AUDIT` selects `FRAME_POINTER`; `DEBUG` stays what
/// the tree has.
pub(super) const CONFIG: &str = "CONFIG_EXPERT=y\nCONFIG_DEBUG_INFO=y\nCONFIG_HEAP_AUDIT=y\n";

/// The same without the recorder: nothing but the recorder shall differ.
const PLAIN_CONFIG: &str = "CONFIG_EXPERT=y\nCONFIG_DEBUG_INFO=y\nCONFIG_FRAME_POINTER=y\n";

/// Added to the compiler's flags. For Xens that are older than the compiler: it has warnings they
/// do not know, which stay in the log. And what the compiler knows of calls is written down,
/// always, so that a run and its call graph are of one build.
const FLAGS: &str = "-Wno-error -fcallgraph-info=su -fdump-tree-gimple-lineno";

/// Where the sources seem to lie, for debug information: where they do lie would make each build
/// different.
const SOURCE_PLACE: &str = "/usr/src/xen";

/// What a source is made into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildConfig {
    /// What it is built for.
    pub arch: BuildArch,
    /// Whether the recorder goes in.
    pub recorder: bool,
    /// Lines for the configuration, such as `CONFIG_DEBUG=y`.
    pub options: Vec<String>,
    /// How many compilers run at once.
    pub jobs: usize,
}

/// The same, with all that it depends on.
pub(super) struct Recipe {
    pub(super) arch: BuildArch,
    /// Whether the tree's own `.config` is taken, else its defaults.
    pub(super) tree_config: bool,
    pub(super) options: Vec<String>,
    /// Which recorder goes in, if one does.
    pub(super) recorder: Option<String>,
    /// What compiler and linker say of themselves.
    pub(super) compiler: String,
}

impl Recipe {
    pub(super) fn new(config: &BuildConfig) -> Result<Self, Error> {
        let arch = config.arch;
        let recorder = config.recorder.then(xenheap_recorder::recorder_id);
        for option in &config.options {
            if !kconfig::is_option(option) {
                return Err(Error::Build(BuildError::NoOption { given: text::escape(option.as_bytes()) }));
            }
        }
        let options = config.options.clone();
        Ok(Self { arch, tree_config: false, options, recorder, compiler: build_env::compiler(arch)? })
    }

    /// What is added to the tree's configuration: to one of the user's no more than what is needed
    /// and asked for.
    pub(super) fn config(&self) -> String {
        let config = if self.recorder.is_some() { CONFIG } else { PLAIN_CONFIG };
        let usual = if self.tree_config { "" } else { platform::of(self.arch).config };
        let options = self.options.iter().map(|option| format!("{option}\n")).collect::<String>();
        config.to_owned() + usual + &options
    }

    /// The key of the build.
    pub(super) fn key(&self, source_sha256: &str) -> String {
        hash::key(&[
            ("schema", &SCHEMA.to_string()),
            ("architecture", &self.arch.to_string()),
            ("source", source_sha256),
            ("config", &self.config()),
            ("flags", &flags(self.arch)),
            ("recorder", self.recorder.as_deref().unwrap_or("none")),
            ("compiler", &self.compiler),
        ])
    }
}

/// Flags for the hypervisor's own files.
fn flags(arch: BuildArch) -> String {
    [FLAGS, platform::of(arch).flags].join(" ").trim_end().to_owned()
}

/// The same as make's argument, for files below that root.
pub(super) fn extra_flags(arch: BuildArch, root: &Path) -> String {
    format!("EXTRA_CFLAGS_XEN_CORE={} -ffile-prefix-map={}={SOURCE_PLACE}", flags(arch), root.display())
}

#[cfg(test)]
impl Recipe {
    /// One with a recorder and a compiler.
    pub(super) fn example(arch: BuildArch, options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Self { arch, tree_config: false, options, recorder: Some("r".into()), compiler: "c".into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn whatever_goes_in_makes_another_build() {
        let key = |source, recorder: &str, arch, compiler: &str| {
            let recorder = (recorder != "none").then(|| recorder.to_owned());
            let compiler = compiler.to_owned();
            Recipe { arch, tree_config: false, options: Vec::new(), recorder, compiler }.key(source)
        };
        let keys: BTreeSet<_> = [
            key("a", "b", BuildArch::X86_64, "c"),
            key("x", "b", BuildArch::X86_64, "c"),
            key("a", "x", BuildArch::X86_64, "c"),
            key("a", "none", BuildArch::X86_64, "c"),
            key("a", "b", BuildArch::Arm64, "c"),
            key("a", "b", BuildArch::X86_64, "x"),
        ]
        .into();
        assert_eq!(keys.len(), 6);
        let options = vec!["CONFIG_DEBUG=y".to_owned()];
        let plain = Recipe {
            arch: BuildArch::X86_64,
            tree_config: false,
            options: Vec::new(),
            recorder: Some("b".into()),
            compiler: "c".into(),
        };
        assert!(keys.contains(&plain.key("a")));
        assert!(!keys.contains(&Recipe { options, ..plain }.key("a")));
        assert_eq!(key("a", "b", BuildArch::Arm64, "c"), key("a", "b", BuildArch::Arm64, "c"));
    }

    #[test]
    fn flags_hide_where_the_build_ran() {
        let flags = |arch| extra_flags(arch, Path::new("/c/work/t"));
        assert_eq!(
            flags(BuildArch::X86_64),
            "EXTRA_CFLAGS_XEN_CORE=-Wno-error -fcallgraph-info=su -fdump-tree-gimple-lineno -mno-mmx -ffile-prefix-map=/c/work/t=/usr/src/xen"
        );
        assert_eq!(
            flags(BuildArch::Arm64),
            "EXTRA_CFLAGS_XEN_CORE=-Wno-error -fcallgraph-info=su -fdump-tree-gimple-lineno -ffile-prefix-map=/c/work/t=/usr/src/xen"
        );
    }
}
