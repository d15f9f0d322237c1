//! Running make: configuring a tree, building in it, and keeping what a failure leaves.

use std::fs;
use std::path::{Path, PathBuf};

use super::recipe::{Recipe, extra_flags};
use super::tree_copy::TREE_CONFIG;
use crate::build_env;
use crate::cache::{self, Cache};
use crate::error::{BuildError, Error};
use crate::kconfig;
use crate::logged;
use crate::platform;
use crate::progress::{Progress, Stage};
use crate::supervise::{Job, describe};
use crate::text;

/// Runs make in one tree.
pub(super) struct Maker<'a> {
    pub(super) cache: &'a Cache,
    /// Of the build.
    pub(super) key: &'a str,
    pub(super) recipe: &'a Recipe,
    /// The tree's.
    pub(super) root: &'a Path,
    /// To whose end make's output goes.
    pub(super) log: &'a Path,
    /// How many compilers run at once.
    pub(super) jobs: usize,
    pub(super) progress: &'a dyn Progress,
}

impl Maker<'_> {
    /// Makes the configuration, and sees that all that is needed and asked for is in it.
    pub(super) fn configure(&self) -> Result<(), Error> {
        self.check_options()?;
        if !self.recipe.tree_config {
            self.make("defconfig", &["defconfig"])?;
        }
        let path = self.root.join(TREE_CONFIG);
        let mut config = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        config.push_str(&self.recipe.config());
        fs::write(&path, config).map_err(Error::io("write", &path))?;
        self.make("olddefconfig", &["olddefconfig"])?;
        // Now as well as at the end: it saves the wait.
        self.check_config()
    }

    /// Makes targets; returns how many lines the log, with those of earlier steps, has.
    pub(super) fn make(&self, step: &str, targets: &[&str]) -> Result<usize, Error> {
        let job = Job::new("make", self.root.join("xen"))
            .arguments([format!("-j{}", self.jobs), extra_flags(self.recipe.arch, self.root)])
            .arguments(targets)
            .environment(build_env::environment(self.recipe.arch));
        let usual = platform::of(self.recipe.arch).log_lines;
        let ended = logged::run(&job, "make", self.log, usual, Stage::Build, self.progress)?;
        if ended.status.success() {
            return Ok(ended.lines);
        }
        Err(self.failed(step, describe(ended.status)))
    }

    fn failed(&self, step: &str, status: String) -> Error {
        match self.keep_failure() {
            Ok(kept) => {
                let log = kept.join("build.log");
                Error::Build(BuildError::Make {
                    step: step.to_owned(),
                    status,
                    lines: text::build_failure(&fs::read(&log).unwrap_or_default()),
                    log,
                })
            }
            Err(error) => error,
        }
    }

    /// Keeps log and configuration of a failed build, where the next attempt does not remove them.
    fn keep_failure(&self) -> Result<PathBuf, Error> {
        let kept = self.cache.folder("failed")?.join(self.key);
        cache::remove_tree(&kept)?;
        fs::create_dir_all(&kept).map_err(Error::io("make the folder", &kept))?;
        for (from, to) in [(self.log.to_path_buf(), "build.log"), (self.root.join(TREE_CONFIG), "config")] {
            // The configuration is not there yet when the first step fails.
            if from.exists() {
                fs::copy(&from, kept.join(to)).map_err(Error::io("copy", &from))?;
            }
        }
        Ok(kept)
    }

    /// What is asked for must be an option at all: else `CONFIG_X=n` would seem to be had wherever
    /// there is no X.
    fn check_options(&self) -> Result<(), Error> {
        if self.recipe.options.is_empty() {
            return Ok(());
        }
        let known = kconfig::known(&self.root.join("xen"))?;
        let unknown: Vec<String> =
            self.recipe.options.iter().filter(|line| !kconfig::is_known(line, &known)).cloned().collect();
        if unknown.is_empty() { Ok(()) } else { Err(Error::Build(BuildError::UnknownOptions(unknown))) }
    }

    /// Whether what is needed and asked for has come to be.
    pub(super) fn check_config(&self) -> Result<(), Error> {
        let path = self.root.join(TREE_CONFIG);
        let config = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let options = &self.recipe.options;
        let mut missing = kconfig::missing_options(&config, self.recipe.recorder.is_some());
        // A Xen without the recorder, that only a graph is made of, can do without frame pointers.
        if self.recipe.recorder.is_none() {
            missing.retain(|option| !options.contains(&format!("{option}=n")));
        }
        let refused: Vec<String> =
            options.iter().filter(|option| !kconfig::has_option(&config, option)).cloned().collect();
        if missing.is_empty() && refused.is_empty() {
            return Ok(());
        }
        let config = self.keep_failure()?.join("config");
        Err(if missing.is_empty() {
            Error::Build(BuildError::RefusedOptions { refused, config })
        } else {
            Error::Build(BuildError::Config { missing, config })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xenheap_model::BuildArch;

    #[test]
    fn a_configuration_is_as_asked_or_refused() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("tree");
        fs::create_dir_all(root.join("xen"))?;
        fs::write(root.join("xen/Kconfig"), "config SYSCTL\nconfig DEBUG_INFO\nconfig HEAP_AUDIT\n")?;
        let cache = Cache::at(folder.path().join("cache"));
        let log = folder.path().join("build.log");
        let check = |config: &str, recipe: &Recipe| -> Result<String, std::io::Error> {
            fs::write(root.join(TREE_CONFIG), config)?;
            let progress = &crate::progress::Silent;
            let maker = Maker { cache: &cache, key: "k", recipe, root: &root, log: &log, jobs: 1, progress };
            let checked = maker.check_options().and_then(|()| maker.check_config());
            Ok(checked.err().map(|error| error.to_string()).unwrap_or_default())
        };
        let needed = "CONFIG_HEAP_AUDIT=y\nCONFIG_FRAME_POINTER=y\nCONFIG_DEBUG_INFO=y\n";
        let safe = Recipe::example(BuildArch::Arm64, &["CONFIG_SYSCTL=n"]);
        assert_eq!(check(needed, &safe)?, "");
        let text = check(&format!("{needed}CONFIG_SYSCTL=y\n"), &safe)?;
        assert!(text.contains("does not have CONFIG_SYSCTL=n: "), "{text}");
        let text = check(needed, &Recipe::example(BuildArch::Arm64, &["CONFIG_SYSCTLS=n"]))?;
        assert_eq!(text, "this Xen has no such option: CONFIG_SYSCTLS=n");
        // Whoever asks for it: without these a log cannot be read.
        for option in ["CONFIG_DEBUG_INFO", "CONFIG_HEAP_AUDIT"] {
            let without = Recipe::example(BuildArch::Arm64, &[&format!("{option}=n")]);
            let text = check(&needed.replace(&format!("{option}=y"), ""), &without)?;
            assert!(text.contains(&format!("lacks {option}; without it")), "{text}");
            assert_eq!(
                check(&needed.replace(&format!("{option}=y"), ""), &Recipe { recorder: None, ..without })?,
                ""
            );
        }
        Ok(())
    }
}
