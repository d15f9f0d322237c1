//! Compiling again what a `compile_commands.json` says, only for what the compiler writes about
//! calls: nothing of the build is touched.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rayon::prelude::*;
use serde::Deserialize;
use xenheap_model::relative;

use crate::Error;

/// What is added to each command.
const FLAGS: [&str; 2] = ["-fcallgraph-info=su", "-fdump-tree-gimple-lineno"];

/// Lines of the compiler's that an error shows.
const SHOWN: usize = 10;

#[derive(Debug, Deserialize)]
struct CompileCommand {
    directory: PathBuf,
    file: String,
    command: Option<String>,
    arguments: Option<Vec<String>>,
    output: Option<String>,
}

/// A command that is ready to run.
#[derive(Debug, PartialEq, Eq)]
struct Ready {
    program: String,
    arguments: Vec<String>,
    output: String,
}

/// Runs all commands for C, on all processors; what they write goes below `out`. Returns how many
/// there were.
pub fn replay(commands: &Path, out: &Path) -> Result<usize, Error> {
    let bytes = fs::read(commands).map_err(|source| Error::Io { path: commands.to_owned(), source })?;
    let entries: Vec<CompileCommand> = serde_json::from_slice(&bytes)
        .map_err(|source| Error::Commands { path: commands.to_owned(), source })?;
    let c: Vec<&CompileCommand> = entries.iter().filter(|entry| entry.file.ends_with(".c")).collect();
    c.par_iter().try_for_each(|entry| run(entry, out))?;
    Ok(c.len())
}

fn run(entry: &CompileCommand, out: &Path) -> Result<(), Error> {
    let fail = |what: String| Error::Replay { file: entry.file.clone(), what };
    let ready = ready(entry).ok_or_else(|| fail("its entry has no command that compiles".to_owned()))?;
    let object = out.join(&ready.output);
    if let Some(folder) = object.parent() {
        fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })?;
    }
    let ran = Command::new(&ready.program)
        .args(&ready.arguments)
        .args(FLAGS)
        .arg("-o")
        .arg(&object)
        .current_dir(&entry.directory)
        .output()
        .map_err(|error| fail(format!("`{}` cannot be started: {error}", ready.program)))?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let shown: Vec<&str> = said.lines().take(SHOWN).collect();
    Err(fail(format!("the compiler failed ({})\n{}", ran.status, shown.join("\n"))))
}

/// The command without what it would write into the build.
fn ready(entry: &CompileCommand) -> Option<Ready> {
    let words = match (&entry.arguments, &entry.command) {
        (Some(arguments), _) => arguments.clone(),
        (None, Some(command)) => shlex::split(command)?,
        (None, None) => return None,
    };
    let mut words = words.into_iter();
    let program = words.next()?;
    let mut arguments = Vec::new();
    let mut output = entry.output.clone();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-o" => output = Some(words.next()?),
            "-MF" | "-MT" | "-MQ" => drop(words.next()?),
            "-MD" | "-MMD" | "-MP" => {}
            depends if depends.starts_with("-Wp,-MD") || depends.starts_with("-Wp,-MMD") => {}
            _ => arguments.push(word),
        }
    }
    let output =
        output.unwrap_or_else(|| format!("{}.o", entry.file.strip_suffix(".c").unwrap_or(&entry.file)));
    // Below the folder of results, wherever the build has it.
    let output = relative(&output, entry.directory.to_str()).trim_start_matches('/').replace("../", "");
    arguments.iter().any(|argument| argument == "-c").then_some(Ready { program, arguments, output })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Option<Ready> {
        ready(&serde_json::from_str(text).expect("it is an entry"))
    }

    #[test]
    fn nothing_of_the_build_is_written() {
        let expected = Ready {
            program: "gcc".to_owned(),
            arguments: ["-DA=\"b c\"", "-c", "common/x.c"].map(str::to_owned).to_vec(),
            output: "common/x.o".to_owned(),
        };
        let command = r#"{"directory":"/b/xen","file":"common/x.c","command":"gcc -MMD -MP -MF common/.x.o.d '-DA=\"b c\"' -Wp,-MD,a.d -c common/x.c -o common/x.o"}"#;
        assert_eq!(entry(command), Some(expected));
        let arguments = r#"{"directory":"/b/xen","file":"/b/xen/common/x.c","arguments":["gcc","-c","/b/xen/common/x.c"]}"#;
        assert_eq!(entry(arguments).map(|ready| ready.output).as_deref(), Some("common/x.o"));
        assert_eq!(entry(r#"{"directory":"/b","file":"x.c","command":"gcc -E x.c"}"#), None);
        assert_eq!(entry(r#"{"directory":"/b","file":"x.c"}"#), None);
    }

    #[test]
    fn a_command_is_run_elsewhere() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let tree = folder.path().join("tree");
        fs::create_dir(&tree)?;
        fs::write(tree.join("x.c"), "void g(void); void f(void) { g(); }\n")?;
        fs::write(tree.join("bad.c"), "void f(void) { g( }\n")?;
        let list = |file: &str| {
            format!(
                r#"[{{"directory":"{}","file":"{file}","command":"cc -MMD -c {file} -o {file}.o"}}]"#,
                tree.display()
            )
        };
        let commands = folder.path().join("compile_commands.json");
        fs::write(&commands, list("x.c"))?;
        let out = folder.path().join("out");
        assert_eq!(replay(&commands, &out)?, 1);
        assert_eq!(fs::read_dir(&tree)?.count(), 2, "nothing was made in the tree");
        let build = crate::build::Build::open(&out)?;
        let files = build.ci()?;
        let unit = files.first().expect("there is one").ci()?;
        assert_eq!((unit.title, unit.edges.len()), ("x.c", 1));
        assert_eq!(build.dumps()?.len(), 1);
        fs::write(&commands, list("bad.c"))?;
        let error = replay(&commands, &out).expect_err("it does not compile").to_string();
        assert!(error.starts_with("replaying the command for bad.c: the compiler failed ("), "{error}");
        fs::write(&commands, "[")?;
        assert!(matches!(replay(&commands, &out), Err(Error::Commands { .. })));
        Ok(())
    }
}
