//! `xenheap instrument`.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use tracing::warn;
use xenheap_lab::XenSource;
use xenheap_output::printable;
use xenheap_recorder::{
    Action, Author, Change, Description, Error, FileDescription, GitError, Lack, Outcome, PatchInfo, Plan,
    State, Tree, plan,
};

use crate::{
    config::{Instrument, What},
    failure::{Exit, Failure},
    output,
};

/// Does one of the four things with a tree.
pub fn run(config: &Instrument) -> Result<Exit, Failure> {
    let (tree, place) = open(&config.tree)?;
    if !tree.version().is_supported() {
        warn!(
            "Xen {} is not among the versions that the recorder was tried with: 4.14 to 4.23",
            tree.version()
        );
    }
    let plan = plan(&tree).map_err(input)?;
    let text = match &config.what {
        What::Check => {
            plan.check(config.local).map_err(|error| Failure::from_error(Exit::Refused, &error))?;
            applied(&plan.describe(), None)
        }
        What::Apply => {
            let description = plan.describe();
            let outcome = plan.apply(config.local).map_err(input)?;
            applied(&description, Some(&outcome))
        }
        What::Undo => undone(&plan.describe(), &plan.undo(config.local).map_err(input)?),
        What::Patch { file, author, date, sign_off } => {
            let author = match author {
                Some(text) => Author::parse(text),
                None => Author::from_git(repository(&config.tree)),
            };
            let author = author.map_err(|error| Failure::from_error(Exit::Usage, &error))?;
            if is_below(file, &place) {
                return Err(Failure::new(
                    Exit::Usage,
                    format!("{} lies in the tree, which --patch leaves alone", file.display()),
                )
                .help("write the patch somewhere else"));
            }
            // A patch that could not be applied to this very tree helps nobody.
            plan.check(config.local).map_err(input)?;
            let info = PatchInfo { author, date: date.unwrap_or_else(now), sign_off: *sign_off };
            return patch(&plan, &info, file);
        }
    };
    output::print(text.as_bytes())?;
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
            let path = crate::lab::tree(pinned)?;
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
    } else {
        output::file(file, |out| out.write_all(&mail))?;
        let name = printable(&file.display().to_string());
        output::print(
            format!("{name} is the recorder as a patch; apply it with `git am {name}`\n").as_bytes(),
        )?;
    }
    Ok(Exit::Done)
}

/// `outcome`: what was done; `None`: it was only asked.
fn applied(description: &Description, outcome: Option<&Outcome>) -> String {
    let Description { xen_dir, version, state, files, lacks, next_steps } = description;
    let mut text = format!("Xen {version} in {}: ", xen_dir.display());
    text.push_str(match (state, outcome) {
        (State::Instrumented, _) => "the recorder is there already, nothing to do\n",
        (_, None) => "the recorder would apply\n",
        (State::OtherVersion, Some(_)) => "the recorder was brought to this version\n",
        (_, Some(_)) => "the recorder was put in\n",
    });
    lacks.iter().for_each(|lack| lacking(lack, &mut text));
    if *state != State::Instrumented {
        files.iter().for_each(|file| describe(file, outcome.is_some(), &mut text));
        if outcome.is_some() {
            text.push_str("\nNext:\n");
            next_steps.iter().for_each(|step| line(&mut text, &format!("  - {step}")));
        }
    }
    printable(&text)
}

/// A part that is left out, and why.
fn lacking(lack: &Lack, text: &mut String) {
    let arch = lack.arch.map_or(String::new(), |arch| format!(" on {arch}"));
    line(text, &format!("  left out  {}{arch}: reports cannot tell {}", lack.part, lack.tells));
    lack.missing.iter().for_each(|missing| line(text, &format!("{:14}{missing}", "")));
}

fn describe(file: &FileDescription, done: bool, text: &mut String) {
    let action = match (file.action, done) {
        (Action::Create, true) => "created",
        (Action::Create, false) => "to create",
        (Action::Change, true) => "changed",
        (Action::Change, false) => "to change",
        _ => return,
    };
    line(text, &format!("  {action:<9} {}", file.path));
    for change in &file.changes {
        match change {
            Change::Rename { function, line: at } => {
                line(text, &format!("{:14}line {at}: {function} renamed", ""))
            }
            Change::Insert { what, line: at, lines } => {
                line(text, &format!("{:14}line {at}: {what} ({})", "", count(*lines)));
            }
            Change::Create { lines } => line(text, &format!("{:14}{}", "", count(*lines))),
            _ => {}
        }
    }
}

fn count(lines: usize) -> String {
    format!("{lines} line{}", if lines == 1 { "" } else { "s" })
}

fn undone(description: &Description, outcome: &Outcome) -> String {
    let mut text = format!("Xen {} in {}: ", description.version, description.xen_dir.display());
    if outcome.is_empty() {
        text.push_str("the recorder is not there, nothing to do\n");
    } else {
        text.push_str("the recorder was taken out\n");
        for (action, files) in [("removed", &outcome.removed), ("restored", &outcome.changed)] {
            files.iter().for_each(|file| line(&mut text, &format!("  {action:<9} {file}")));
        }
    }
    printable(&text)
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
