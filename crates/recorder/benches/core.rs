//! What the recorder's core takes for an event, beside a plain table of what is live: `cargo bench -p xenheap-recorder`.
//!
//! The core is compiled for this machine as Xen compiles it, but for the lock, which is pthread's. Walking the stack and waiting for
//! the console are not in it: `scripts/bench-overhead` counts those.

use std::{error::Error, path::Path, process::Command};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir()?;
    let program = dir.path().join("bench");
    let compiled = Command::new("gcc")
        .args(["-std=gnu99", "-O2", "-fno-omit-frame-pointer", "-pthread"])
        .arg("-DHEAP_AUDIT_SHIM=\"shim.h\"")
        .arg("-I")
        .arg(root.join("native"))
        .arg("-I")
        .arg(root.join("xen/include"))
        .arg(root.join("xen/common/heap-audit-core.c"))
        .arg(root.join("native/bench.c"))
        .arg("-o")
        .arg(&program)
        .status()?;
    if !compiled.success() || !Command::new(&program).status()?.success() {
        return Err("the core's bench failed".into());
    }
    Ok(())
}
