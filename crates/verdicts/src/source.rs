//! Which functions of a source tree changed since a revision, as git sees it.

use std::{collections::BTreeSet, io, path::Path, process::Command};

use thiserror::Error;

/// Why that cannot be told.
#[derive(Debug, Error)]
pub enum SourceError {
    /// git is not there.
    #[error("cannot run git: {0}")]
    Git(#[from] io::Error),
    /// git knows better.
    #[error("git cannot compare {tree} with {revision}: {said}")]
    Compare {
        /// The tree.
        tree: String,
        /// The revision.
        revision: String,
        /// What git says.
        said: String,
    },
}

/// Names of the functions in which something changed between a revision and what lies in the tree
/// now.
pub fn changed_functions(tree: &Path, revision: &str) -> Result<BTreeSet<String>, SourceError> {
    let git = Command::new("git")
        .arg("-C")
        .arg(tree)
        .args([
            "-c",
            "core.quotePath=true",
            "diff",
            "--no-color",
            "--no-ext-diff",
            "-U0",
            "--end-of-options",
            revision,
            "--",
            "*.c",
            "*.h",
            "*.S",
        ])
        .output()?;
    if !git.status.success() {
        let said = String::from_utf8_lossy(&git.stderr);
        return Err(SourceError::Compare {
            tree: tree.display().to_string(),
            revision: revision.to_owned(),
            said: said.lines().next().unwrap_or_default().escape_default().to_string(),
        });
    }
    Ok(functions(&String::from_utf8_lossy(&git.stdout)))
}

/// The functions of a diff without context: those that git names behind each hunk's place, and
/// those whose own first line changed.
fn functions(diff: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in diff.lines() {
        let text = match line.as_bytes() {
            [b'@', b'@', ..] => {
                line.get(2..).and_then(|rest| rest.split_once("@@")).map_or("", |(_, text)| text.trim())
            }
            [b'+' | b'-', first, ..] if first.is_ascii_alphabetic() || *first == b'_' => {
                line.get(1..).unwrap_or("")
            }
            _ => "",
        };
        names.extend(defined(text).map(str::to_owned));
    }
    names
}

/// The name in the first line of a definition: the word before the first parenthesis.
fn defined(text: &str) -> Option<&str> {
    let (before, _) = text.split_once('(')?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = before.trim_end().rsplit(|c| !word(c)).next()?;
    (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_diff() {
        let diff = "\
--- a/xen/common/x.c
+++ b/xen/common/x.c
@@ -10 +10 @@ static int inside(struct domain *d)
-    old();
+    new();
@@ -20,0 +21,2 @@ struct thing {
+    int field;
@@ -30 +33 @@ void before(void)
-int moved(int a)
+int moved(int a, int b)
";
        assert_eq!(Vec::from_iter(functions(diff)), ["before", "inside", "moved"]);
    }

    #[test]
    fn a_tree_that_is_none() {
        let error = changed_functions(Path::new("/nowhere"), "HEAD");
        assert!(matches!(error, Err(SourceError::Compare { .. })), "{error:?}");
    }
}
