//! What instrumenting a tree would do, and doing or undoing it.

use std::path::PathBuf;

use crate::edit::{self, Change, Inspection, Presence};
use crate::error::{Error, Problem};
use crate::rules::{INSERTIONS, NEW_FILES, TREE_HEADER};
use crate::survey::{self, Lack, Survey};
use crate::tree::{Tree, Version};
use crate::write::{self, FileChange, RealDisk};

/// How much of the recorder a tree has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Nothing of it.
    Clean,
    /// All of it, as this version of xenheap writes it.
    Instrumented,
    /// All of it, as another version wrote it: applying brings it to this one.
    OtherVersion,
    /// Some of it.
    Half,
}

/// What to do about files of the recorder's that somebody has changed since, or that only have the
/// same name as one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocalChanges {
    /// Refuse to overwrite or remove them.
    #[default]
    Keep,
    /// Overwrite or remove them.
    Discard,
}

/// What applying or undoing did: which files, as paths below the tree's root. Empty: there was
/// nothing to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// New files.
    pub created: Vec<String>,
    /// Files that were there before and after.
    pub changed: Vec<String>,
    /// Files that are gone.
    pub removed: Vec<String>,
}

impl Applied {
    /// Was there nothing to do?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// What applying would do to one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// It is made.
    Create,
    /// It is edited, or brought to this version.
    Change,
    /// It is as it should be already.
    Nothing,
}

/// One file in a [`Description`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDescription {
    /// Path below the tree's root, `xen/common/page_alloc.c`.
    pub path: String,
    /// What applying would do.
    pub action: Action,
    /// The recorder's part in it: what applying puts in, or what is there.
    pub changes: Vec<Change>,
}

/// A plan, for people.
#[derive(Clone, Debug)]
pub struct Description {
    /// The tree's `xen` folder.
    pub xen_dir: PathBuf,
    /// Which Xen it is.
    pub version: Version,
    /// How much of the recorder it has now.
    pub state: State,
    /// Every file that has, or gets, a part of it.
    pub files: Vec<FileDescription>,
    /// Parts of it that have nothing in this tree to hook into, and are left out.
    pub lacks: Vec<Lack>,
    /// What to do after applying, one step each.
    pub next_steps: Vec<&'static str>,
}

#[derive(Debug)]
pub(crate) struct PlannedFile {
    /// Path below `xen/`, with `xen/` before it.
    pub name: String,
    path: PathBuf,
    current: Option<Vec<u8>>,
    pub executable: bool,
    pub seen: Inspection,
}

/// What instrumenting a tree would do. Making one reads everything and writes nothing.
#[derive(Debug)]
pub struct Plan {
    pub(crate) tree: Tree,
    state: State,
    pub(crate) files: Vec<PlannedFile>,
    pub(crate) survey: Survey,
    /// What the tree lacks that is necessary.
    problems: Vec<Problem>,
}

/// Reads a tree and computes how it looks with the recorder and without.
///
/// # Errors
/// When a file cannot be read. A tree that the recorder does not fit is an error of [`Plan::check`]
/// and [`Plan::apply`] only, so that it can still be described and undone.
pub fn plan(tree: &Tree) -> Result<Plan, Error> {
    let survey = survey::survey(&|path| tree.read(path))?;
    let mut files = Vec::new();
    let mut problems = survey.problems.clone();
    let mut add = |below: &str, current: Option<Vec<u8>>, seen: Inspection| {
        let path = tree.xen_dir().join(below);
        let executable = current.is_some() && tree.is_executable(below)?;
        files.push(PlannedFile { name: format!("xen/{below}"), path, current, executable, seen });
        Ok::<_, Error>(())
    };
    let header = survey.header();
    let new_files = NEW_FILES.iter().map(|rule| (rule.path, rule.source));
    for (path, source) in new_files.chain([(TREE_HEADER, header.as_str())]) {
        let current = tree.read(path)?;
        let seen = edit::new_file(source, current.as_deref());
        add(path, current, seen)?;
    }
    for rule in INSERTIONS {
        match tree.read(rule.path)? {
            Some(current) => {
                let seen = edit::insertion(rule, &format!("xen/{}", rule.path), &current);
                add(rule.path, Some(current), seen)?;
            }
            None => problems.push(Problem::Missing { file: format!("xen/{}", rule.path) }),
        }
    }
    for file in &survey.files {
        let seen = edit::renames(&file.definitions, &format!("xen/{}", file.path), &file.content);
        add(file.path, Some(file.content.clone()), seen)?;
    }
    let state = state(&files, !problems.is_empty());
    Ok(Plan { tree: tree.clone(), state, files, survey, problems })
}

fn state(files: &[PlannedFile], missing: bool) -> State {
    let all = |wanted: &[Presence]| files.iter().all(|file| wanted.contains(&file.seen.presence));
    if all(&[Presence::Absent, Presence::Foreign]) {
        State::Clean
    } else if files.iter().any(|file| file.seen.presence == Presence::Other) {
        // Another version may have renamed fewer functions or have had fewer files: what is missing
        // is no sign of a tree that was half instrumented.
        State::OtherVersion
    } else if all(&[Presence::Present, Presence::Changed]) && !missing {
        State::Instrumented
    } else {
        State::Half
    }
}

impl Plan {
    /// How much of the recorder the tree has now.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Would [`Plan::apply`] do it? Changes nothing. This is `apply` up to the point at which it
    /// writes.
    ///
    /// # Errors
    /// What `apply` would return.
    pub fn check(&self, local: LocalChanges) -> Result<(), Error> {
        if self.state == State::Half {
            let names = |wanted: &[Presence]| -> Vec<String> {
                let matching = self.files.iter().filter(|file| wanted.contains(&file.seen.presence));
                matching.map(|file| file.name.clone()).collect()
            };
            let mut absent = names(&[Presence::Absent, Presence::Partial, Presence::Foreign]);
            absent.extend(self.problems.iter().map(Problem::to_string));
            return Err(Error::HalfInstrumented {
                present: names(&[Presence::Present, Presence::Changed]),
                absent,
            });
        }
        let problems: Vec<Problem> = self
            .problems
            .iter()
            .chain(self.files.iter().flat_map(|file| &file.seen.problems))
            .cloned()
            .collect();
        if !problems.is_empty() {
            return Err(Error::Refused { problems });
        }
        self.check_local(local, &[Presence::Changed, Presence::Foreign])
    }

    fn check_local(&self, local: LocalChanges, which: &[Presence]) -> Result<(), Error> {
        let touched = self.files.iter().filter(|file| which.contains(&file.seen.presence));
        let files: Vec<String> = touched.map(|file| file.name.clone()).collect();
        if local == LocalChanges::Keep && !files.is_empty() {
            return Err(Error::LocalChanges { files });
        }
        Ok(())
    }

    /// Puts the recorder into the tree. Once it is there, does nothing.
    ///
    /// All files are changed, or none.
    ///
    /// # Errors
    /// When the tree is half instrumented or not as the recorder needs it, when files of the
    /// recorder's were changed by hand (and are to be kept), or when a file cannot be written.
    pub fn apply(&self, local: LocalChanges) -> Result<Applied, Error> {
        self.check(local)?;
        self.change(|file| Some(&file.seen.instrumented))
    }

    /// Takes the recorder out of the tree, all of it or what there is of it. What else was changed
    /// in the files stays; where nothing was, they are byte for byte as before. Once it is out,
    /// does nothing.
    ///
    /// All files are changed, or none.
    ///
    /// # Errors
    /// When a part of the recorder was changed so that it is not recognised, when a file of the
    /// recorder's own was changed by hand (and is to be kept), or when a file cannot be written.
    pub fn undo(&self, local: LocalChanges) -> Result<Applied, Error> {
        let stuck: Vec<Problem> = self.files.iter().flat_map(|file| &file.seen.stuck).cloned().collect();
        if !stuck.is_empty() {
            return Err(Error::Refused { problems: stuck });
        }
        self.check_local(local, &[Presence::Changed])?;
        self.change(|file| match file.seen.presence {
            // Has the name of one of ours, and is not.
            Presence::Foreign => file.current.as_ref(),
            _ => file.seen.pristine.as_ref(),
        })
    }

    fn change<'a>(
        &'a self,
        after: impl Fn(&'a PlannedFile) -> Option<&'a Vec<u8>>,
    ) -> Result<Applied, Error> {
        if !self.tree.is_folder() {
            return Err(Error::ReadOnly { tree: self.tree.xen_dir().to_owned() });
        }
        let mut outcome = Applied::default();
        let mut changes = Vec::new();
        for file in &self.files {
            let (before, after) = (file.current.as_deref(), after(file).map(Vec::as_slice));
            let list = match (before, after) {
                (before, after) if before == after => continue,
                (None, _) => &mut outcome.created,
                (_, None) => &mut outcome.removed,
                _ => &mut outcome.changed,
            };
            list.push(file.name.clone());
            changes.push(FileChange { path: &file.path, before, after });
        }
        write::commit(&changes, &mut RealDisk)?;
        Ok(outcome)
    }

    /// The plan for people: every file and every change in it, and what comes next.
    #[must_use]
    pub fn describe(&self) -> Description {
        let files = self.files.iter().map(|file| FileDescription {
            path: file.name.clone(),
            action: match &file.current {
                None => Action::Create,
                Some(current) if *current == file.seen.instrumented => Action::Nothing,
                Some(_) => Action::Change,
            },
            changes: file.seen.changes.clone(),
        });
        Description {
            xen_dir: self.tree.xen_dir().to_owned(),
            version: self.tree.version().clone(),
            state: self.state,
            files: files.collect(),
            lacks: self.survey.lacks.clone(),
            next_steps: NEXT_STEPS.to_vec(),
        }
    }
}

const NEXT_STEPS: &[&str] = &[
    "configure Xen with CONFIG_EXPERT=y, CONFIG_HEAP_AUDIT=y and CONFIG_DEBUG_INFO=y (menuconfig: \
     Debugging Options)",
    "look into the final .config: without CONFIG_HEAP_AUDIT=y and CONFIG_FRAME_POINTER=y there is nothing \
     to see",
    "build, and keep xen-syms: without it the addresses in the log have no names",
    "boot with heap-audit=trace (or warn, summary) and sync_console, and keep the console log",
    "xenheap report LOG --symbols xen-syms",
];
