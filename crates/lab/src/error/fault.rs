use std::time::Duration;

use super::shown::Lines;

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
        /// How long it was allowed to run.
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
