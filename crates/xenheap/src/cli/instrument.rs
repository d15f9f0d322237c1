//! `xenheap instrument`: its arguments.

use std::path::PathBuf;

use clap::Args;
use xenheap_lab::XenSource;
use xenheap_recorder::LocalChanges;

use super::values::source;
use crate::{
    failure::Failure,
    run::instrument::{Config, What},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap instrument ~/src/xen                       put the recorder in
  xenheap instrument ~/src/xen --undo                take it out, byte for byte
  xenheap instrument xen.git@staging --check         would it apply to that branch?
  xenheap instrument ~/src/xen --patch heap-audit.patch   the same change for `git am`")]
pub struct Arguments {
    /// The folder that contains `xen/`; with --check or --patch also GIT@REVISION (a commit of a
    /// repository, bare or not)
    #[arg(value_name = "TREE")]
    tree: String,
    /// Report whether the recorder can be added; change nothing
    #[arg(long, group = "what")]
    check: bool,
    /// Remove the recorder
    #[arg(long, group = "what")]
    undo: bool,
    /// Write the change as a series of patches for `git am` (`-`: standard output); the tree does
    /// not change
    #[arg(long, value_name = "FILE", group = "what")]
    patch: Option<PathBuf>,
    /// The patch's author, `Full Name <address>`; without it the one git would use in the tree
    #[arg(long, value_name = "NAME", requires = "patch")]
    author: Option<String>,
    /// Date of the patch, in seconds since 1970 (default: now). With a fixed date the output is
    /// always the same
    #[arg(long, value_name = "SECONDS", requires = "patch", allow_negative_numbers = true)]
    date: Option<i64>,
    /// Add the author's Signed-off-by to the patch
    #[arg(long, requires = "patch")]
    signoff: bool,
    /// Overwrite or remove files of the recorder that somebody changed by hand
    #[arg(long)]
    force: bool,
}

impl Arguments {
    pub fn lower(self) -> Result<Config, Failure> {
        let what = match (self.check, self.undo, self.patch) {
            (true, ..) => What::Check,
            (_, true, _) => What::Undo,
            (.., Some(file)) => {
                What::Patch { file, author: self.author, date: self.date, sign_off: self.signoff }
            }
            (.., None) => What::Apply,
        };
        let local = if self.force { LocalChanges::Discard } else { LocalChanges::Keep };
        let tree = source(&self.tree)?;
        if matches!(tree, XenSource::Path(_)) || matches!(what, What::Check | What::Patch { .. }) {
            return Ok(Config { tree, what, local });
        }
        Err(Failure::usage(format!("{tree} is no tree that could be changed: it can be asked with --check or --patch"))
        .help("`git worktree add` makes a tree of a revision, `xenheap lab fetch` prints where one lies that can be copied"))
    }
}
