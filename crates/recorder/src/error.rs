//! What can go wrong, where, and what to do next.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::survey::MissingHook;

/// Why a tree could not be read or changed. Unless the message says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The path is not the root of a Xen source tree, nor its `xen` folder.
    #[error(
        "{path} is not a Xen source tree: {missing} (give the folder that contains xen/, or xen/ itself)"
    )]
    NotXen {
        /// What was given.
        path: PathBuf,
        /// What a Xen tree has there.
        missing: String,
    },

    /// A file or folder of the tree could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// A repository has no such revision, or cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),

    /// The tree is a revision in a repository: there are no files that could be changed.
    #[error(
        "{tree} is a revision of a git repository, which cannot be changed: check it out first, or write a patch"
    )]
    ReadOnly {
        /// Which one.
        tree: PathBuf,
    },

    /// The tree is not as the recorder needs it.
    #[error("the recorder does not fit this tree; nothing was changed:{}", Listed(.problems))]
    Refused {
        /// All that is wrong, not only the first.
        problems: Vec<Problem>,
    },

    /// Some parts of the recorder are in the tree and others are not.
    #[error(
        "the tree has only a part of the recorder; nothing was changed. These files have their part of the recorder:{}\n\
         These files lack it, or have only some of it:{}\nRemove the recorder with --undo, then run instrument again",
        Listed(.present), Listed(.absent)
    )]
    HalfInstrumented {
        /// Files that have our part.
        present: Vec<String>,
        /// Files that lack it, or have only some of it.
        absent: Vec<String>,
    },

    /// Files that belong to the recorder were changed by somebody, or are not ours.
    #[error(
        "these files would be overwritten or removed, but are not as xenheap wrote them; nothing was \
         changed:{}\nSave the changes that you need, then use --force",
        Listed(.files)
    )]
    LocalChanges {
        /// Which ones.
        files: Vec<String>,
    },

    /// A file is no longer as it was when the plan was made.
    #[error("{path} was changed by somebody else just now; nothing was changed. Try again")]
    ChangedMeanwhile {
        /// Which one.
        path: PathBuf,
    },

    /// Writing failed, and what had been written before was put back.
    #[error("cannot write {path}: {source}; everything is as it was before")]
    Write {
        /// The file that could not be written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// Writing failed, and putting things back failed too.
    #[error("cannot write {path}: {source}; these files could not be put back:{}", Listed(.left))]
    WriteAndRollback {
        /// The file that could not be written.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// Files that are now changed, each with the reason.
        left: Vec<String>,
    },

    /// A patch could not be written to where it was to go.
    #[error("cannot write the patch: {0}")]
    PatchOutput(#[source] io::Error),

    /// The author's name or address cannot stand in a mail header.
    #[error("\"{given}\" is not an author: write it as \"Full Name <address@example.org>\"")]
    Author {
        /// What was given.
        given: String,
    },

    /// Git does not know who the author is.
    #[error(
        "git has no {key} for {path}: set it with `git config {key} ...`, or give the author \
         as \"Full Name <address@example.org>\""
    )]
    NoAuthor {
        /// `user.name` or `user.email`.
        key: &'static str,
        /// Where git was asked.
        path: PathBuf,
    },

    /// The time lies outside the years that a mail header can hold.
    #[error("{seconds} seconds since 1970 is not a date between the years 1970 and 9999")]
    Date {
        /// What was given.
        seconds: i64,
    },
}

/// Why a revision of a git repository could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no git to read a repository with.
    #[error(
        "a git repository is read with git, which this machine does not have: `apt-get install git` (as root) \
         gets it"
    )]
    NoGit,

    /// Git could not be started.
    #[error("cannot run `git`")]
    Start(#[source] io::Error),

    /// There is nothing at that path.
    #[error("cannot find the git repository {}", path.display())]
    Find {
        /// What was given.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// It is no repository, or none that git opens.
    #[error("{} is no git repository{}", path.display(), Quoted(said))]
    NotGit {
        /// What was given.
        path: PathBuf,
        /// What git says, escaped.
        said: Vec<String>,
    },

    /// A repository does not have such a revision.
    #[error(
        "{} has no revision `{revision}`{}{}\n\
         Its branches and tags: git -C {} for-each-ref --format='%(refname:short)'",
        path.display(),
        if near.is_empty() { String::new() } else { format!("; near names are {}", near.join(", ")) },
        Quoted(said), path.display()
    )]
    UnknownRevision {
        /// The repository.
        path: PathBuf,
        /// What was given, escaped.
        revision: String,
        /// Names of branches and tags that look like it, escaped.
        near: Vec<String>,
        /// What git says, escaped.
        said: Vec<String>,
    },

    /// Git ended while it was asked for a file.
    #[error("cannot read {file} of the commit {commit} in {}", path.display())]
    Read {
        /// The repository.
        path: PathBuf,
        /// Path below the tree's root.
        file: String,
        /// The commit's full name.
        commit: String,
        /// Why.
        source: io::Error,
    },
}

impl GitError {
    /// That git could not be started.
    pub(crate) fn start(source: io::Error) -> Self {
        // It is started in no folder of ours, so only the program itself can be missing.
        if source.kind() == io::ErrorKind::NotFound { Self::NoGit } else { Self::Start(source) }
    }
}

/// One thing in which a tree is not as the recorder needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A file is missing.
    Missing {
        /// Path below the tree's root, or all under which it is known.
        file: String,
    },
    /// An allocator is not there, or not in a form that the recorder knows.
    NoAllocator(MissingHook),
    /// A block has no place to go.
    NoPlace {
        /// Path below the tree's root.
        file: String,
        /// What was looked for.
        wanted: &'static str,
    },
    /// A line belongs to the recorder, but is not part of what this version or an earlier one
    /// wrote.
    ForeignBlock {
        /// Path below the tree's root.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// The file has lines that end with a carriage return.
    CarriageReturns {
        /// Path below the tree's root.
        file: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { file } => write!(f, "{file} is missing"),
            Self::NoAllocator(missing) => {
                write!(f, "{missing}. Nothing can be recorded without it")
            }
            Self::NoPlace { file, wanted } => write!(f, "{file} has no {wanted}"),
            Self::ForeignBlock { file, line } => write!(
                f,
                "{file}:{line} looks like the recorder's, but is not what this version of xenheap writes: \
                 undo with the version that wrote it, or take it out by hand"
            ),
            Self::CarriageReturns { file } => {
                write!(f, "{file} has CRLF line ends: check the tree out without them")
            }
        }
    }
}

impl fmt::Display for MissingHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { function, known, files, otherwise } = self;
        write!(f, "{} does not define {function} as it is known: ", files.join(" or "))?;
        write!(f, "elsewhere it is `{}`", known.join("` or `"))?;
        let places: Vec<_> = otherwise.iter().map(|(file, line)| format!("{file}:{line}")).collect();
        if places.is_empty() { Ok(()) } else { write!(f, ", here it is another at {}", places.join(", ")) }
    }
}

/// One item a line, indented.
struct Listed<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|item| write!(f, "\n  {item}"))
    }
}

/// What a program says, one line each.
struct Quoted<'a>(&'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| write!(f, "\n  | {line}"))
    }
}
