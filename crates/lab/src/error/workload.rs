use super::class::Class;
use super::shown::Known;

/// A workload that is not known, or that cannot run so.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
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
    Header {
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
        /// The architecture on which it cannot.
        arch: &'static str,
    },
    /// A workload needs a toolstack, and there is none.
    #[error(
        "the workload {workload} has guests that Xen's toolstack starts; the lab has none for {arch}: use --arch x86_64"
    )]
    NoGuests {
        /// Its name.
        workload: String,
        /// The architecture that has none.
        arch: &'static str,
    },
    /// A workload is not for such a machine.
    #[error("the workload {workload} {reason}")]
    NotAlone {
        /// Its name.
        workload: String,
        /// Why not, and what to do.
        reason: String,
    },
}

impl WorkloadError {
    /// What kind of failure this is.
    pub(super) fn class(&self) -> Class {
        match self {
            Self::UnknownWorkload { .. }
            | Self::UnknownParameter { .. }
            | Self::ParameterValue { .. }
            | Self::GuestProgram { .. }
            | Self::UnknownGuestProgram { .. }
            | Self::NoDomus { .. }
            | Self::NoGuests { .. }
            | Self::NotAlone { .. } => Class::Usage,
            Self::Header { .. } => Class::Input,
        }
    }
}
