//! What the recorder's core takes for an event, beside a plain table of what is live:
//! `cargo bench -p xenheap-recorder`.
//!
//! The core is compiled for this machine as Xen compiles it, but for the lock, which is pthread's.
//! Walking the stack and waiting for the console are not in it: `scripts/bench-overhead` counts
//! those.

use std::{error::Error, process::Command};

#[path = "../native/compiler.rs"]
mod compiler;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let program = dir.path().join("bench");
    let compiled = compiler::compiler("bench.c", &["-O2", "-fno-omit-frame-pointer"], &program).status()?;
    if !compiled.success() || !Command::new(&program).status()?.success() {
        return Err("the core's bench failed".into());
    }
    Ok(())
}
