//! Lists the scripts in `workloads/` and the programs in `guest/`, so that adding one needs no
//! change of code.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn main() -> Result {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    list(&root.join("workloads"), ".sh", "workload", &out.join("workloads.rs"))?;
    list(&root.join("guest"), ".c", "program for guests", &out.join("guest_programs.rs"))
}

/// Writes a table of the files in a folder whose names end so.
fn list(folder: &Path, end: &str, what: &str, out: &Path) -> Result {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if let Some(name) = name.to_str().and_then(|name| name.strip_suffix(end)) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    let mut code =
        format!("/// Name and text of every built-in {what}.\nconst BUILT_IN: &[(&str, &str)] = &[\n");
    for name in names {
        let path = folder.join(format!("{name}{end}"));
        writeln!(code, "    ({name:?}, include_str!({path:?})),")?;
    }
    code.push_str("];\n");
    fs::write(out, code)?;
    Ok(())
}
