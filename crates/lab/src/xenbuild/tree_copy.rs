//! A copy of a source that may be changed, in the cache.

use std::fs;
use std::path::{Path, PathBuf};

use super::recipe::Recipe;
use crate::error::{BuildError, Error};
use crate::kconfig;
use crate::progress::{Progress, Stage};
use crate::run_tool::stdout;
use crate::xen_tree;
use xenheap_model::BuildArch;

/// Where a tree's configuration lies in it.
pub(super) const TREE_CONFIG: &str = "xen/.config";

/// Where the copy is, and what it is of.
#[derive(Debug)]
pub(super) struct TreeCopy {
    /// The folder that contains `xen/`; the one above it is the work folder of the build.
    pub(super) root: PathBuf,
    /// Of the archive, or of the content of the tree.
    pub(super) sha256: String,
}

/// Copies a tree without what builds have left in it, but with its own configuration if that is for
/// the same architecture.
pub(super) fn copy_tree(
    from: &Path,
    to: &Path,
    recipe: &mut Recipe,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let own = from.join(TREE_CONFIG);
    let config = match fs::read_to_string(&own) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        text => Some(text.map_err(Error::io("read", &own))?),
    };
    if xen_tree::copy(from, xen_tree::HYPERVISOR, to)? {
        clean(recipe.arch, to)?;
    }
    remove_analysis(to)?;
    let Some(config) = config else { return Ok(()) };
    if let Some(other) = kconfig::other_arch(&config, recipe.arch) {
        progress.note(Stage::Instrument, &format!("the tree's own .config is for {other}: not taken"));
        return Ok(());
    }
    progress.note(Stage::Instrument, "configured by the tree's own .config");
    recipe.tree_config = true;
    let place = to.join(TREE_CONFIG);
    fs::write(&place, config).map_err(Error::io("write", &place))
}

/// Removes what builds have left in a copy. The tree knows best what that is.
fn clean(arch: BuildArch, root: &Path) -> Result<(), Error> {
    let xen = root.join("xen").display().to_string();
    stdout("make", &["-C", &xen, &format!("XEN_TARGET_ARCH={arch}"), "distclean"], None).map(drop)
}

/// Removes what earlier builds of the user's have left of the compiler's notes: no makefile knows
/// of them.
fn remove_analysis(root: &Path) -> Result<(), Error> {
    let stale = xenheap_facts::build::files(root, |name| name.ends_with(".ci") || name.ends_with(".gimple"));
    for path in stale.map_err(|source| Error::Build(BuildError::Analysis(Box::new(source))))? {
        let path = root.join(path);
        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xenbuild::recipe::CONFIG;

    /// Remembers what is noted.
    #[derive(Default)]
    struct Notes(std::cell::RefCell<Vec<String>>);

    impl Progress for Notes {
        fn note(&self, _: Stage, what: &str) {
            self.0.borrow_mut().push(what.to_owned());
        }
    }

    #[test]
    fn a_trees_own_configuration_is_taken() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("tree/xen"))?;
        // As Xen's own does, it removes the configuration.
        fs::write(at("tree/xen/Makefile"), "distclean:\n\trm -f .config cleaned; touch cleaned\n")?;
        let config = "CONFIG_ARM_64=y\n# CONFIG_SYSCTL is not set\n";
        fs::write(at("tree").join(TREE_CONFIG), config)?;
        let notes = Notes::default();
        let mut own = Recipe::example(BuildArch::Arm64, &[]);
        copy_tree(&at("tree"), &at("own"), &mut own, &notes)?;
        assert!(own.tree_config && at("own/xen/cleaned").exists());
        assert_eq!(fs::read_to_string(at("own").join(TREE_CONFIG))?, config);
        assert_eq!(own.config(), CONFIG, "nothing is added but what the recorder needs");
        // For another architecture it would be none.
        let mut other = Recipe::example(BuildArch::X86_64, &[]);
        copy_tree(&at("tree"), &at("other"), &mut other, &notes)?;
        assert!(!other.tree_config && !at("other").join(TREE_CONFIG).exists());
        assert!(other.config().contains("CONFIG_SHADOW_PAGING=y\n"));
        assert_eq!(
            notes.0.take(),
            ["configured by the tree's own .config", "the tree's own .config is for arm64: not taken"]
        );
        assert!(at("tree").join(TREE_CONFIG).exists(), "the user's tree was changed");
        Ok(())
    }
}
