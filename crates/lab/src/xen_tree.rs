//! Trees of Xen's: how they are known, what of them is needed, and copying that.

use std::fs;
use std::path::Path;

use crate::error::{Error, SourceError};

/// What every tree of Xen's has.
pub(crate) const SIGNS: [&str; 3] = ["xen/common/page_alloc.c", "xen/Makefile", "Config.mk"];

/// Refuses a folder that is no such tree.
pub(crate) fn check(root: &Path) -> Result<(), Error> {
    for missing in SIGNS {
        if !root.join(missing).is_file() {
            return Err(Error::Source(SourceError::NotXen { path: root.to_path_buf(), missing }));
        }
    }
    Ok(())
}

/// What of a source is needed for something: files and folders, relative to its root, and always
/// the files beside `Config.mk`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part(&'static [&'static str]);

/// What the hypervisor's build needs.
///
/// The rest (tools, firmware, documentation, other repositories in a developer's tree) is most of
/// the bytes and none of the hypervisor.
pub(crate) const HYPERVISOR: Part = Part(&["config", "tools/flask", "xen"]);

/// What the build of a toolstack needs, of every version. Of the hypervisor that is what tools
/// share with it: a change of the rest makes no other toolstack.
pub(crate) const TOOLSTACK: Part = Part(&[
    "config",
    "m4",
    "scripts",
    "tools",
    "xen/Makefile",
    "xen/arch/x86/include",
    "xen/arch/x86/lib",
    "xen/common/bunzip2.c",
    "xen/common/decompress.c",
    "xen/common/decompress.h",
    // By this one `configure` knows the tree.
    "xen/common/kernel.c",
    "xen/common/libelf",
    "xen/common/lz4",
    "xen/common/lzo.c",
    "xen/common/unlz4.c",
    "xen/common/unlzma.c",
    "xen/common/unlzo.c",
    "xen/common/unxz.c",
    "xen/common/unzstd.c",
    "xen/common/xz",
    "xen/common/zstd",
    "xen/include",
    "xen/lib",
    "xen/tools",
    "xen/xsm/flask/policy",
]);

impl Part {
    /// Whether that file, by its path in the tree, is needed.
    pub(crate) fn needs(self, path: &Path) -> bool {
        // The settings of a configured tree are its user's.
        (path.components().count() == 1 && path != Path::new(".config"))
            || self.0.iter().any(|needed| path.starts_with(needed))
    }

    /// Whether something in that folder may be needed.
    fn enters(self, folder: &Path) -> bool {
        !folder.file_name().is_some_and(|name| name == ".git" || name == ".hg")
            && self.0.iter().any(|needed| folder.starts_with(needed) || Path::new(needed).starts_with(folder))
    }
}

/// Copies what is needed of a tree. Returns whether the tree had been built in, so that the copy
/// must be cleaned.
pub(crate) fn copy(from: &Path, part: Part, to: &Path) -> Result<bool, Error> {
    let mut built = false;
    copy_folder(from, part, Path::new(""), to, &mut built)?;
    Ok(built)
}

fn copy_folder(root: &Path, part: Part, folder: &Path, to: &Path, built: &mut bool) -> Result<(), Error> {
    let source = root.join(folder);
    let target = to.join(folder);
    fs::create_dir_all(&target).map_err(Error::io("make the folder", &target))?;
    for entry in fs::read_dir(&source).map_err(Error::io("read the folder", &source))? {
        let entry = entry.map_err(Error::io("read the folder", &source))?;
        let path = folder.join(entry.file_name());
        let from = entry.path();
        let to_path = to.join(&path);
        let kind = entry.file_type().map_err(Error::io("read", &from))?;
        if kind.is_dir() {
            if part.enters(&path) {
                copy_folder(root, part, &path, to, built)?;
            }
        } else if !part.needs(&path) {
        } else if is_product(&path) {
            *built = true;
        } else if kind.is_symlink() {
            let link = fs::read_link(&from).map_err(Error::io("read", &from))?;
            // A build leaves links that name the tree itself; through such a one the copy's build
            // would write there.
            if link.is_absolute() {
                *built = true;
            } else {
                std::os::unix::fs::symlink(&link, &to_path).map_err(Error::io("write", &to_path))?;
            }
        } else if kind.is_file() {
            fs::copy(&from, &to_path).map_err(Error::io("copy", &from))?;
        }
    }
    Ok(())
}

/// What a build leaves: not worth copying, and a sign that the copy needs a cleaning.
fn is_product(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path == Path::new("xen/.config")
        || path == Path::new("config/Tools.mk")
        || name.ends_with(".o")
        || (name.starts_with('.') && name.ends_with(".cmd"))
        || (path.parent() == Some(Path::new("xen"))
            && (name.starts_with("xen-syms") || name.starts_with("xen.efi")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::{listing, set};

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn a_copy_has_the_sources_and_nothing_else() -> Result {
        let from = tempfile::tempdir()?;
        let to = tempfile::tempdir()?;
        let at = |name: &str| from.path().join(name);
        for name in [
            "Config.mk",
            ".config",
            ".gitarchive-info",
            ".git/config",
            "config/x86_64.mk",
            "docs/a",
            "tools/libs/a.c",
            "tools/flask/policy/a",
            "xen/Makefile",
            "xen/.git/HEAD",
            "xen/.config",
            "xen/xen-syms",
            "xen/common/a.c",
            "xen/common/a.o",
            "xen/common/.a.o.cmd",
        ] {
            let path = at(name);
            fs::create_dir_all(path.parent().ok_or("no parent")?)?;
            fs::write(path, name)?;
        }
        std::os::unix::fs::symlink("a.c", at("xen/common/b.c"))?;
        std::os::unix::fs::symlink(at("xen"), at("xen/source"))?;

        assert!(copy(from.path(), HYPERVISOR, to.path())?);
        assert_eq!(
            listing(to.path())?,
            set(&[
                "Config.mk",
                ".gitarchive-info",
                "config/x86_64.mk",
                "tools/flask/policy/a",
                "xen/Makefile",
                "xen/common/a.c",
                "xen/common/b.c",
            ])
        );
        assert_eq!(fs::read_to_string(to.path().join("xen/common/b.c"))?, "xen/common/a.c");

        let again = tempfile::tempdir()?;
        assert!(!copy(to.path(), HYPERVISOR, again.path())?, "a clean tree was called built");
        Ok(())
    }

    #[test]
    fn a_toolstack_is_made_of_tools_and_what_they_share_with_the_hypervisor() -> Result {
        let from = tempfile::tempdir()?;
        let to = tempfile::tempdir()?;
        let shared = ["Config.mk", "configure", "m4/a", "tools/libs/a.c", "tools/xl/b.c", "xen/Makefile"];
        let shared = [&shared[..], &["xen/common/libelf/c.c", "xen/include/public/d.h"]].concat();
        let others = [".config", ".git/config", "docs/a", "stubdom/a", "xen/common/page_alloc.c"];
        for name in shared.iter().chain(&others) {
            let path = from.path().join(name);
            fs::create_dir_all(path.parent().ok_or("no parent")?)?;
            fs::write(path, name)?;
        }
        assert!(!copy(from.path(), TOOLSTACK, to.path())?);
        assert_eq!(listing(to.path())?, set(&shared));

        let again = tempfile::tempdir()?;
        fs::create_dir(from.path().join("config"))?;
        fs::write(from.path().join("config/Tools.mk"), "")?;
        assert!(copy(from.path(), TOOLSTACK, again.path())?, "a configured tree was called clean");
        assert_eq!(listing(again.path())?, set(&shared));
        Ok(())
    }
}
