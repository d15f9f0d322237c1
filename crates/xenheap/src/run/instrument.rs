//! `xenheap instrument`.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use tracing::warn;
use xenheap_lab::XenSource;
use xenheap_recorder::{Author, Error, GitError, LocalChanges, PatchInfo, Plan, Tree, plan};
use xenheap_report::{
    Render,
    instrument::{Instrumented, InstrumentedText},
};

use super::lab;
use crate::{
    failure::{Exit, Failure},
    output,
};

/// What to do with a tree.
#[derive(Debug)]
pub struct Config {
    pub tree: XenSource,
    pub what: What,
    pub local: LocalChanges,
}

/// The four things that one can do with a tree.
#[derive(Debug)]
pub enum What {
    Apply,
    Check,
    Undo,
    Patch { file: PathBuf, author: Option<String>, date: Option<i64>, sign_off: bool },
}

/// Does one of the four things with a tree.
pub fn run(config: &Config) -> Result<Exit, Failure> {
    let (tree, place) = open(&config.tree)?;
    if !tree.version().is_supported() {
        warn!(
            "Xen {} is not among the versions that the recorder was tried with: 4.14 to 4.23",
            tree.version()
        );
    }
    let plan = plan(&tree).map_err(input)?;
    let description = plan.describe();
    match &config.what {
        What::Check => {
            plan.check(config.local).map_err(|error| Failure::from_error(Exit::Refused, &error))?;
            say(&Instrumented::Asked(&description))
        }
        What::Apply => {
            plan.apply(config.local).map_err(input)?;
            say(&Instrumented::Applied(&description))
        }
        What::Undo => {
            let outcome = plan.undo(config.local).map_err(input)?;
            say(&Instrumented::Undone(&description, &outcome))
        }
        What::Patch { file, author, date, sign_off } => {
            let author = match author {
                Some(text) => Author::parse(text),
                None => Author::from_git(repository(&config.tree)),
            };
            let author = author.map_err(|error| Failure::from_error(Exit::Usage, &error))?;
            if is_below(file, &place) {
                return Err(Failure::new(
                    Exit::Usage,
                    format!("{} is in the tree, and --patch must not change the tree", file.display()),
                )
                .help("write the patch somewhere else"));
            }
            // A patch that could not be applied to this very tree helps nobody.
            plan.check(config.local).map_err(input)?;
            let info = PatchInfo { author, date: date.unwrap_or_else(now), sign_off: *sign_off };
            patch(&plan, &info, file)
        }
    }
}

fn say(done: &Instrumented<'_>) -> Result<Exit, Failure> {
    output::stdout(|out| InstrumentedText.render(done, out))?;
    Ok(Exit::Done)
}

/// The tree, and where it lies. A revision is read where it is: nothing is unpacked, and no file of
/// it can be written over.
fn open(source: &XenSource) -> Result<(Tree, PathBuf), Failure> {
    match source {
        XenSource::Path(path) => Ok((Tree::open(path).map_err(input)?, path.clone())),
        XenSource::Git { repository, revision } => {
            let tree = Tree::at_revision(repository, revision).map_err(input)?;
            Ok((tree, repository.join("xen")))
        }
        pinned => {
            let path = lab::tree(pinned)?;
            Ok((Tree::open(&path).map_err(input)?, path))
        }
    }
}

/// Where git knows who writes a patch.
fn repository(source: &XenSource) -> &Path {
    match source {
        XenSource::Path(path) | XenSource::Git { repository: path, .. } => path,
        _ => Path::new("."),
    }
}

fn is_below(file: &Path, tree: &Path) -> bool {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let inner = tree.join("xen");
    let sources = if inner.is_dir() { inner.as_path() } else { tree };
    file.as_os_str() != "-"
        && folder
            .canonicalize()
            .is_ok_and(|folder| sources.canonicalize().is_ok_and(|sources| folder.starts_with(sources)))
}

fn input(error: Error) -> Failure {
    let exit = match &error {
        Error::Write { .. } | Error::WriteAndRollback { .. } | Error::Git(GitError::NoGit) => Exit::Usage,
        Error::Git(GitError::Start(_)) => Exit::Failed,
        _ => Exit::Input,
    };
    let failure = Failure::from_error(exit, &error);
    match error {
        Error::HalfInstrumented { .. } => {
            failure.help("xenheap instrument TREE --undo takes out what is there")
        }
        Error::LocalChanges { .. } => failure.help("--force overwrites or removes them"),
        _ => failure,
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
}

fn patch(plan: &Plan, info: &PatchInfo, file: &Path) -> Result<Exit, Failure> {
    let mut mail = Vec::new();
    plan.patch(info, &mut mail).map_err(|error| match error {
        Error::Date { .. } => Failure::from_error(Exit::Usage, &error),
        error => input(error),
    })?;
    if file.as_os_str() == "-" {
        output::print(&mail)?;
        return Ok(Exit::Done);
    }
    output::file(file, |out| out.write_all(&mail))?;
    say(&Instrumented::Patch(file))
}
