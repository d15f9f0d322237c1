//! What a sweep found: boots in which one allocation failed each, and what became of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Amount, Domain, Kind, OnPurpose};

/// All of it, by hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// Of what.
    #[serde(flatten)]
    pub identity: Identity,
    /// By stack.
    pub trials: Vec<Trial>,
}

impl Sweep {
    /// How many are still to be tried.
    pub fn pending(&self) -> usize {
        self.trials.iter().filter(|trial| trial.result.is_none()).count()
    }
}

/// What must be the same for results to belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Identity {
    /// Version of this form.
    pub schema: u32,
    /// Xen's version.
    pub xen: String,
    /// What it was built for.
    pub arch: String,
    /// The build: hashes are those of one image.
    pub build: String,
    /// What dom0 does.
    pub workload: String,
    /// SHA-256 of its script.
    pub workload_sha256: String,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Further arguments of Xen.
    pub xen_args: Vec<String>,
    /// Which allocation of a stack fails.
    pub nth: u64,
}

/// One stack, and what became of its failure; nothing if that was not tried yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Which.
    #[serde(flatten)]
    pub stack: Stack,
    /// What became of it.
    pub result: Option<TrialResult>,
}

/// A stack by which the base allocated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// The same in every boot of the image.
    #[serde(with = "hex")]
    pub hash: u64,
    /// At which levels it allocates.
    pub kinds: Vec<Kind>,
    /// How often it did, in the base.
    pub allocs: u64,
    /// Functions, root first.
    pub frames: Vec<String>,
}

/// How the machine took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialOutcome {
    /// The workload did all that it does: nobody had to know, or somebody tried again.
    Unnoticed,
    /// Somebody got an error and told the workload.
    Error,
    /// Something that the workload waited for did not come, and Xen has nothing to say of it.
    Stalled,
    /// The domain that it was for, or that was running, was crashed.
    GuestCrashed,
    /// Another domain was crashed.
    OtherGuestHarmed,
    /// dom0 was crashed or stopped itself, and the host with it.
    Dom0Crashed,
    /// Xen stopped.
    XenCrashed,
    /// The machine did not end in time.
    Hung,
    /// The allocation did not come up in this boot.
    NotReached,
}

impl TrialOutcome {
    /// The word for tables.
    pub fn as_str(self) -> &'static str {
        match self {
            TrialOutcome::Unnoticed => "unnoticed",
            TrialOutcome::Error => "error",
            TrialOutcome::Stalled => "stalled",
            TrialOutcome::GuestCrashed => "guest crashed",
            TrialOutcome::OtherGuestHarmed => "other guest harmed",
            TrialOutcome::Dom0Crashed => "dom0 crashed",
            TrialOutcome::XenCrashed => "Xen crashed",
            TrialOutcome::Hung => "hung",
            TrialOutcome::NotReached => "not reached",
        }
    }
}

/// A domain that Xen crashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// Which.
    pub domain: Domain,
    /// Where in Xen's source, if Xen said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// How a leak was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// It is live although the domain that it was for is gone, and in no base as much is.
    Left,
    /// The call that failed had allocated it, and it is live at the end, although the same stack
    /// has no more live in a base.
    OfCall,
    /// The workload did all that it does, and there is more live than in any base.
    More,
}

impl Found {
    /// For tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Found::Left => "left",
            Found::OfCall => "of the call that failed",
            Found::More => "more than without the failure",
        }
    }
}

/// What is live at the end and should not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// How it was found.
    pub found: Found,
    /// The stack that allocated it.
    #[serde(with = "hex")]
    pub hash: u64,
    /// At which level.
    pub kind: Kind,
    /// How much more than in a base.
    pub more: Amount,
    /// Functions, root first.
    pub frames: Vec<String>,
}

/// What is known of one boot in which one allocation failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrialResult {
    /// How the machine took it.
    pub outcome: TrialOutcome,
    /// What failed.
    pub failed: Option<OnPurpose>,
    /// What is live that should not be; empty also where [`doubt`](TrialResult::doubt) says that
    /// nothing can be said.
    pub leaks: Vec<Leak>,
    /// Why nothing can be said of leaks, if so.
    pub doubt: Option<String>,
    /// Domains that Xen crashed.
    pub crashes: Vec<Crash>,
    /// How the machine ended, in the lab's words.
    pub ended: String,
    /// More of that, for people.
    pub message: Option<String>,
    /// What the workload and its tools said last.
    pub said: Vec<String>,
    /// How long the machine ran.
    pub seconds: u64,
}

/// A hash as people and the boot option write it.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{hash:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        u64::from_str_radix(&String::deserialize(deserializer)?, 16).map_err(D::Error::custom)
    }
}
