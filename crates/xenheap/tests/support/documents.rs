//! The command lines that a document shows; for tests of the arguments and for those that run them.

/// What stands behind the command, installed or not.
fn arguments(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("xenheap ").or_else(|| line.strip_prefix("cargo run --release -- "))
}

/// Those of a document's blocks, whole, and those in its sentences, where arguments can be missing.
pub fn command_lines(document: &str) -> (Vec<String>, Vec<String>) {
    let (mut whole, mut named) = (Vec::new(), Vec::new());
    let mut is_block = false;
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        } else if is_block && let Some(arguments) = arguments(line) {
            let line = format!("xenheap {arguments}");
            // What it does stands behind it, and behind `&&` what is done then.
            let end = [" #", "  ", " && ", " | ", " > "].iter().filter_map(|end| line.find(end)).min();
            whole.push(line.get(..end.unwrap_or(line.len())).unwrap_or_default().to_owned());
        } else if !is_block {
            let code = line.split('`').skip(1).step_by(2);
            named.extend(code.filter(|code| code.starts_with("xenheap ")).map(str::to_owned));
        }
    }
    (whole, named)
}
