//! Real Xen trees, named by the environment. They are only read: tests work on copies.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The variable that names the trees, colon separated.
pub const VARIABLE: &str = "XENHEAP_XEN_TREES";

/// The trees to test with.
pub fn trees() -> Vec<PathBuf> {
    let value = env::var_os(VARIABLE).unwrap_or_default();
    let trees: Vec<PathBuf> = env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect();
    assert!(
        !trees.is_empty(),
        "these tests need unpacked Xen sources: set {VARIABLE} to their folders (each contains xen/), \
         separated by colons"
    );
    for tree in &trees {
        assert!(
            tree.join("xen/common/page_alloc.c").is_file(),
            "{VARIABLE}: {} is no Xen tree",
            tree.display()
        );
    }
    trees
}

/// Copies a file or a folder into a folder that need not exist, links as links.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success(), "cp -a {} {}", from.display(), to.display());
}
