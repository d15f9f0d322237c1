//! Lists the scripts in `workloads/` and the programs in `guest/`, so that adding one needs no
//! change of code.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

fn main() -> Result {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    scripts(&root.join("workloads"), &out.join("workloads.rs"))?;
    programs(&root.join("guest"), &out.join("guest_programs.rs"))
}

/// Writes a table of the scripts in a folder: name without `.sh`, and text.
fn scripts(folder: &Path, out: &Path) -> Result {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut code =
        "/// Name and text of every built-in workload.\nconst BUILT_IN: &[(&str, &str)] = &[\n".to_owned();
    for path in entries(folder)? {
        if path.extension().is_some_and(|end| end == "sh") {
            writeln!(code, "    ({:?}, include_str!({path:?})),", name(path.file_stem())?)?;
        }
    }
    code.push_str("];\n");
    Ok(fs::write(out, code)?)
}

/// Writes a table of the programs in a folder, each a folder of C files and headers of its own.
fn programs(folder: &Path, out: &Path) -> Result {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut code = "/// Every built-in program for guests.\nconst BUILT_IN: &[Source] = &[\n".to_owned();
    for program in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        writeln!(code, "    Source {{ name: {:?}, files: &[", name(program.file_name())?)?;
        for path in entries(&program)? {
            writeln!(code, "        ({:?}, include_str!({path:?})),", name(path.file_name())?)?;
        }
        code.push_str("    ] },\n");
    }
    code.push_str("];\n");
    Ok(fs::write(out, code)?)
}

/// The paths of what lies in a folder, in order of name.
fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

fn name(part: Option<&OsStr>) -> std::result::Result<&str, &'static str> {
    part.and_then(OsStr::to_str).ok_or("a file's name is not UTF-8")
}
