//! What can go wrong, in words that say what to do next.

use std::path::{Path, PathBuf};
use std::time::Duration;

use xenheap_recorder::GitError;

use crate::arch::Arch;

/// Anything that stops a lab run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read, written, or moved.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: a verb that the path completes.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A program of the machine could not be started.
    #[error("cannot run `{program}`")]
    Spawn {
        /// Its name.
        program: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A program ran and failed; not the build and not the boot, which have their own errors.
    #[error("`{command}` failed ({status}){}", Lines(output))]
    Tool {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it printed, escaped.
        output: Vec<String>,
    },
    /// This machine is no x86-64 Linux.
    #[error("the lab builds and boots Xen for x86_64 and needs a machine of that kind; this one is {0}")]
    Host(&'static str),
    /// Programs are missing.
    #[error(
        "missing on this machine: {}\n`apt-get install --no-install-recommends {}` (as root) gets them, and so does --install",
        names.join(", "), packages.join(" ")
    )]
    MissingPackages {
        /// The programs or files.
        names: Vec<String>,
        /// The Debian packages that have them.
        packages: Vec<String>,
    },
    /// Packages are to be installed by somebody who may not.
    #[error("only root can install packages; run this first:\n    sudo apt-get install --no-install-recommends {}", packages.join(" "))]
    NeedsRoot {
        /// The packages.
        packages: Vec<String>,
    },
    /// apt knows no mirror.
    #[error("apt has no package lists with {what}; run `apt-get update` (as root) and try again")]
    NoPackageLists {
        /// What was looked for.
        what: String,
    },
    /// Debian has no such package.
    #[error("Debian {place} has no package {package}")]
    NoPackage {
        /// What was looked for.
        package: String,
        /// Release and architecture.
        place: String,
    },
    /// No mirror of this machine has a pinned source.
    #[error(
        "{file} could not be downloaded from any mirror in this machine's apt sources{}\n\
         Get it elsewhere (Debian keeps old versions in its snapshot archive) and put it at\n    {}\n\
         where its SHA-256 will be checked, or name a source tree: --xen PATH",
        Lines(tried), destination.display()
    )]
    Download {
        /// The file's name.
        file: String,
        /// Where a copy made by hand belongs.
        destination: PathBuf,
        /// What was tried, and how each failed.
        tried: Vec<String>,
    },
    /// A package could not be downloaded.
    #[error(
        "package {package} could not be downloaded through this machine's apt; does `apt-get update` (as root) work?{}",
        Lines(output)
    )]
    PackageDownload {
        /// Name and version.
        package: String,
        /// The end of what apt said, escaped.
        output: Vec<String>,
    },
    /// A file is not the one that was asked for.
    #[error("{} is not the expected file: its SHA-256 is {found}, expected {expected}; remove it and try again", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// What it should have.
        expected: String,
        /// What it has.
        found: String,
    },
    /// A package does not contain what it always did.
    #[error("{} contains no {wanted}", path.display())]
    NotInPackage {
        /// The package's file.
        path: PathBuf,
        /// What was looked for.
        wanted: String,
    },
    /// No package has a library that a program needs.
    #[error("none of the packages that {package} depends on has the library {library}")]
    NoLibrary {
        /// The library, escaped.
        library: String,
        /// The package whose file needs it.
        package: String,
    },
    /// Debian has no toolstack for that Xen.
    #[error("Debian has no toolstack for Xen {version}, only for 4.17 and 4.20: use --toolstack tree")]
    NoToolstack {
        /// Xen's version.
        version: String,
    },
    /// `--toolstack` names none.
    #[error("no toolstack `{given}`: use `debian` or `tree`")]
    UnknownToolstack {
        /// What was given, escaped.
        given: String,
    },
    /// busybox cannot run without libraries.
    #[error("the busybox of {package} is not statically linked; the lab's dom0 has no libraries for it")]
    BusyboxNotStatic {
        /// Where it came from.
        package: String,
    },
    /// The pin file cannot be understood.
    #[error("pins.toml: {0}")]
    Pins(String),
    /// `--xen` names something that is not a Xen tree.
    #[error("{} is not a Xen source tree: it has no {missing}", path.display())]
    NotXen {
        /// What was given.
        path: PathBuf,
        /// What every Xen tree has.
        missing: &'static str,
    },
    /// A git repository was named where a tree, or a revision in it, is needed.
    #[error("{} is a git repository without a work tree: name what to take from it, such as {}@HEAD", .0.display(), .0.display())]
    NoRevision(PathBuf),
    /// A git repository cannot be read, or does not have such a revision.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A revision is not of Xen.
    #[error("{revision} in {} is not a Xen source tree: it has no {missing}", path.display())]
    NotXenRevision {
        /// The repository.
        path: PathBuf,
        /// The revision, escaped.
        revision: String,
        /// What every Xen tree has.
        missing: &'static str,
    },
    /// `--xen` names nothing at all.
    #[error("no Xen source `{given}`: use {}, the path of a source tree, or GIT@REVISION", known.join(", "))]
    UnknownSource {
        /// What was given.
        given: String,
        /// What is known.
        known: Vec<String>,
    },
    /// `--arch` names no architecture.
    #[error("no architecture `{given}`: use {}", known.join(" or "))]
    UnknownArch {
        /// What was given, escaped.
        given: String,
        /// What is known.
        known: Vec<String>,
    },
    /// The mode is not one that the recorder has.
    #[error(
        "no recorder mode `{given}`: use `off`, or one or more of `trace`, `warn`, `summary` with commas between"
    )]
    Mode {
        /// What was given.
        given: String,
    },
    /// Something cannot be an argument of Xen's.
    #[error("`{given}` cannot be an argument of Xen's: it must be one word of printable ASCII")]
    Argument {
        /// What was given, escaped.
        given: String,
    },
    /// The workload's name is unknown.
    #[error("no workload `{given}`: use one of {}, or the path of a script (with a `/` in it)", known.join(", "))]
    UnknownWorkload {
        /// What was given.
        given: String,
        /// What is built in.
        known: Vec<String>,
    },
    /// A workload does not have such a parameter.
    #[error("the workload {workload} has no parameter `{given}`{}", Known(known))]
    UnknownParameter {
        /// The workload.
        workload: String,
        /// What was given, escaped.
        given: String,
        /// What it has.
        known: Vec<String>,
    },
    /// A parameter's value is not a plain word.
    #[error(
        "`{given}` cannot be the value of the parameter {name}: it must be one word of letters, digits, and `.`, `_`, `-`, `:`, `,`, `+`"
    )]
    ParameterValue {
        /// The parameter.
        name: String,
        /// What was given, escaped.
        given: String,
    },
    /// A guest could not run a program.
    #[error(
        "`{name}` cannot be a guest's program: it must be a statically linked x86-64 program (gcc -static), and its name of letters, digits, `-` and `_`"
    )]
    GuestProgram {
        /// Its name, escaped.
        name: String,
    },
    /// The lab has no such program for guests.
    #[error("the lab has no program `{given}` for guests: use one of {}, or give your own with --guest-program", known.join(", "))]
    UnknownGuestProgram {
        /// What was asked for, escaped.
        given: String,
        /// What it has.
        known: Vec<String>,
    },
    /// A workload's header cannot be understood.
    #[error("workload {workload}: {reason}")]
    Workload {
        /// Its name or path.
        workload: String,
        /// What is wrong with it, with the place.
        reason: String,
    },
    /// A workload needs another machine.
    #[error(
        "the workload {workload} has guests that Xen itself starts, which it cannot on {arch}: use --arch arm64"
    )]
    NoDomus {
        /// Its name.
        workload: String,
        /// Where it cannot.
        arch: Arch,
    },
    /// A workload needs a toolstack, and there is none.
    #[error(
        "the workload {workload} has guests that Xen's toolstack starts; the lab has none for {arch}: use --arch x86_64"
    )]
    NoGuests {
        /// Its name.
        workload: String,
        /// Where there is none.
        arch: Arch,
    },
    /// The results' folder is not empty.
    #[error("{} exists and is not empty; name another folder with --out-dir, or remove it", .0.display())]
    OutputExists(PathBuf),
    /// The recorder cannot be put into the tree.
    #[error("the recorder cannot be put into {source_name}")]
    Recorder {
        /// Which tree, as the user named it.
        source_name: String,
        /// What the recorder says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Xen's configuration does not have what stacks and symbols need.
    #[error(
        "Xen's final configuration lacks {}; without {} the log cannot be read. \
         The whole configuration: {}", missing.join(", "), if missing.len() == 1 { "it" } else { "them" }, config.display()
    )]
    Config {
        /// The options that are not `=y`.
        missing: Vec<String>,
        /// A copy of the final `.config`.
        config: PathBuf,
    },
    /// Xen's final configuration is not as the user wants it.
    #[error(
        "Xen's final configuration is not as asked: {} did not come to be; what it depends on is not set, or something else \
         selects it. The whole configuration: {}", refused.join(", "), config.display()
    )]
    RefusedOptions {
        /// The lines that were asked for.
        refused: Vec<String>,
        /// A copy of the final `.config`.
        config: PathBuf,
    },
    /// This Xen has no such options.
    #[error("this Xen has no such option: {}", .0.join(", "))]
    UnknownOptions(Vec<String>),
    /// A tree's options cannot be read.
    #[error("cannot read which options there are: {0}")]
    Kconfig(Box<xenheap_facts::Error>),
    /// An option that is none.
    #[error("`{given}` is no line of a configuration: write it as CONFIG_DEBUG=y")]
    NoOption {
        /// As the user gave it.
        given: String,
    },
    /// What the compiler knew of calls cannot be kept.
    #[error("cannot keep what the compiler wrote about calls: {0}")]
    Analysis(Box<xenheap_facts::Error>),
    /// Xen does not build.
    #[error("building Xen failed in `{step}` ({status}){}\nThe whole log: {}", Lines(lines), log.display())]
    Build {
        /// The make target.
        step: String,
        /// How make ended.
        status: String,
        /// The log's relevant lines, escaped.
        lines: Vec<String>,
        /// The whole log.
        log: PathBuf,
    },
    /// A device tree of the user's is not one of a machine without dom0.
    #[error("{} is no device tree of a machine whose guests Xen starts: {reason}", path.display())]
    Partition {
        /// The tree.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A workload is not for such a machine.
    #[error("the workload {workload} {reason}")]
    NotAlone {
        /// Its name.
        workload: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// QEMU's device tree is not what it always was.
    #[error("the machine's device tree cannot be made: {0}")]
    DeviceTree(String),
    /// The machine did not come to its end.
    #[error("{fault}{}\nThe whole log: {}", Lines(lines), log.display())]
    Boot {
        /// What happened.
        fault: BootFault,
        /// The console's last lines, escaped.
        lines: Vec<String>,
        /// The whole log.
        log: PathBuf,
    },
    /// The user stopped the run.
    #[error("stopped before it was done")]
    Cancelled,
}

/// How a boot failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BootFault {
    /// The hypervisor stopped itself.
    #[error("Xen panicked: {message}")]
    XenPanic {
        /// Its reason, escaped.
        message: String,
    },
    /// dom0's kernel stopped itself, or Xen stopped dom0.
    #[error("dom0's kernel failed: {message}")]
    Dom0Panic {
        /// Its reason, escaped.
        message: String,
    },
    /// The time limit passed.
    #[error(
        "the machine had not powered off after {}; {}. A slow or busy host needs a longer --timeout",
        humantime::format_duration(*limit), phase
    )]
    Timeout {
        /// The limit.
        limit: Duration,
        /// How far it came.
        phase: Phase,
    },
    /// The workload ran and failed.
    #[error("the workload failed with status {status}")]
    WorkloadFailed {
        /// Its exit status.
        status: u8,
    },
    /// A guest that Xen started did not do its work.
    #[error("guest {domain} {}", match status {
        Some(status) => format!("failed in its part of the workload, with status {status}"),
        None => "had not ended its part of the workload when the machine's end came".to_owned(),
    })]
    GuestFailed {
        /// The guest's domain.
        domain: u8,
        /// Its workload's exit status, if it came to that.
        status: Option<u8>,
    },
    /// Nothing came of the debug key.
    #[error("the recorder gave no totals on the debug key y at the end; {phase}")]
    NoTotals {
        /// How far it came.
        phase: Phase,
    },
    /// QEMU ended by itself, without an error, before the workload had.
    #[error("the machine reset or powered off too early; {phase}")]
    EndedEarly {
        /// How far it came.
        phase: Phase,
    },
    /// QEMU itself failed.
    #[error("QEMU failed ({status}); {phase}{}", Lines(messages))]
    Qemu {
        /// How it ended.
        status: String,
        /// How far the machine came.
        phase: Phase,
        /// What QEMU said, escaped.
        messages: Vec<String>,
    },
}

impl BootFault {
    /// A short name for the run's record.
    pub fn name(&self) -> &'static str {
        match self {
            Self::XenPanic { .. } => "xen-panic",
            Self::Dom0Panic { .. } => "dom0-panic",
            Self::Timeout { .. } => "timeout",
            Self::WorkloadFailed { .. } => "workload-failed",
            Self::GuestFailed { .. } => "guest-failed",
            Self::NoTotals { .. } => "no-totals",
            Self::EndedEarly { .. } => "ended-early",
            Self::Qemu { .. } => "qemu-failed",
        }
    }
}

/// How far a boot came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing on the console.
    Silent,
    /// Xen has written.
    Xen,
    /// A guest that Xen itself started has written.
    Guests,
    /// dom0's kernel has written.
    Linux,
    /// dom0's first process runs, and so the workload.
    Dom0Up,
    /// The workload has ended.
    WorkloadEnded,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Silent => "nothing was written to the console",
            Self::Xen => "Xen was starting",
            Self::Guests => "guests were running",
            Self::Linux => "dom0's kernel was starting",
            Self::Dom0Up => "the workload was running",
            Self::WorkloadEnded => "the workload had ended",
        })
    }
}

/// What kind of failure it is: the command turns it into its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The command was used wrongly, or the machine lacks something.
    Usage,
    /// An input cannot be read or is not what it should be.
    Input,
    /// A build, a boot or a time limit failed.
    Run,
    /// Something could not be downloaded.
    Network,
}

impl Error {
    /// What kind of failure this is.
    pub fn class(&self) -> Class {
        match self {
            Self::Host(_)
            | Self::MissingPackages { .. }
            | Self::NeedsRoot { .. }
            | Self::UnknownSource { .. }
            | Self::NoRevision(_)
            | Self::UnknownArch { .. }
            | Self::NoDomus { .. }
            | Self::NotAlone { .. }
            | Self::NoGuests { .. }
            | Self::GuestProgram { .. }
            | Self::UnknownGuestProgram { .. }
            | Self::Mode { .. }
            | Self::Argument { .. }
            | Self::UnknownWorkload { .. }
            | Self::UnknownParameter { .. }
            | Self::ParameterValue { .. }
            | Self::NoToolstack { .. }
            | Self::UnknownToolstack { .. }
            | Self::NoOption { .. }
            | Self::UnknownOptions(_)
            | Self::OutputExists(_) => Class::Usage,
            Self::Io { .. }
            | Self::Analysis(_)
            | Self::Kconfig(_)
            | Self::Hash { .. }
            | Self::NotInPackage { .. }
            | Self::NoLibrary { .. }
            | Self::BusyboxNotStatic { .. }
            | Self::Pins(_)
            | Self::NotXen { .. }
            | Self::NotXenRevision { .. }
            | Self::Workload { .. }
            | Self::Partition { .. }
            | Self::Recorder { .. } => Class::Input,
            Self::Spawn { .. }
            | Self::Tool { .. }
            | Self::Config { .. }
            | Self::RefusedOptions { .. }
            | Self::Build { .. }
            | Self::Boot { .. }
            | Self::DeviceTree(_)
            | Self::Cancelled => Class::Run,
            Self::Git(GitError::NoGit) => Class::Usage,
            Self::Git(GitError::Start(_)) => Class::Run,
            Self::Git(_) => Class::Input,
            Self::NoPackageLists { .. }
            | Self::NoPackage { .. }
            | Self::Download { .. }
            | Self::PackageDownload { .. } => Class::Network,
        }
    }

    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}

/// Lines of a log below a message, each on its own line and indented.
struct Lines<'a>(&'a [String]);

impl std::fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in self.0 {
            write!(f, "\n  | {line}")?;
        }
        Ok(())
    }
}

/// The names that could have been meant, behind a message.
struct Known<'a>(&'a [String]);

impl std::fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            f.write_str(", and no other")
        } else {
            write!(f, ", only {}", self.0.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_error_shows_lines_and_log() {
        let error = Error::Boot {
            fault: BootFault::Timeout { limit: Duration::from_secs(300), phase: Phase::Linux },
            lines: vec!["[    1.0] one".into(), "two".into()],
            log: "/runs/a.failed/console.log".into(),
        };
        assert_eq!(
            error.to_string(),
            "the machine had not powered off after 5m; dom0's kernel was starting. \
             A slow or busy host needs a longer --timeout\n  | [    1.0] one\n  | two\n\
             The whole log: /runs/a.failed/console.log"
        );
        assert_eq!(error.class(), Class::Run);
    }

    #[test]
    fn missing_packages_say_how_to_get_them() {
        let error = Error::MissingPackages {
            names: vec!["flex".into(), "qemu-system-x86_64".into()],
            packages: vec!["flex".into(), "qemu-system-x86".into()],
        };
        assert_eq!(
            error.to_string(),
            "missing on this machine: flex, qemu-system-x86_64\n\
             `apt-get install --no-install-recommends flex qemu-system-x86` (as root) gets them, and so does --install"
        );
    }

    #[test]
    fn a_refused_configuration_names_options_and_file() {
        let error =
            Error::Config { missing: vec!["CONFIG_FRAME_POINTER".into()], config: "/c/failed/config".into() };
        assert_eq!(
            error.to_string(),
            "Xen's final configuration lacks CONFIG_FRAME_POINTER; without it the log cannot be read. \
             The whole configuration: /c/failed/config"
        );
    }

    #[test]
    fn a_failed_download_says_where_a_copy_belongs() {
        let error = Error::Download {
            file: "xen_1.orig.tar.xz".into(),
            destination: "/c/sources/xen_1.orig.tar.xz".into(),
            tried: vec!["mirror one: 404".into()],
        };
        let text = error.to_string();
        assert!(text.contains("\n  | mirror one: 404\n"), "{text}");
        assert!(text.contains("\n    /c/sources/xen_1.orig.tar.xz\n"), "{text}");
        assert_eq!(error.class(), Class::Network);
    }
}
