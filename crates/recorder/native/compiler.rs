//! How the core is compiled for this machine, for tests and benches.

use std::{path::Path, process::Command};

/// The compiler, which makes `program` of the core and of `main_file` in this folder.
pub fn compiler(main_file: &str, flags: &[&str], program: &Path) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let native = root.join("native");
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=gnu99", "-pthread"]).args(flags).arg("-DHEAP_AUDIT_SHIM=\"shim.h\"");
    gcc.arg("-I").arg(&native).arg("-I").arg(root.join("xen/include"));
    gcc.arg(root.join("xen/common/heap-audit-core.c")).arg(native.join(main_file)).arg("-o").arg(program);
    gcc
}
