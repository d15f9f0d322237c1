//! Lists the scripts in `workloads/`, so that adding one needs no change of code.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("workloads");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name();
        if let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".sh")) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    let mut code =
        String::from("/// Name and text of every built-in workload.\nconst BUILT_IN: &[(&str, &str)] = &[\n");
    for name in names {
        let path = folder.join(format!("{name}.sh"));
        writeln!(code, "    ({name:?}, include_str!({path:?})),")?;
    }
    code.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("workloads.rs"), code)?;
    Ok(())
}
