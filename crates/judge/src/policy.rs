//! What a pipeline lets pass.

use std::collections::BTreeSet;

use serde::Deserialize;
use thiserror::Error;
use xenheap_callgraph::Who;
use xenheap_model::{CheckId, Kind, Verdict, glob, untold};
use xenheap_verdicts::{VerdictError, lines};

use crate::{EntryKind, EntryPoint, Lifetime};

/// A policy file, read. `docs/policy.md` explains each key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Policy {
    /// Version of the format.
    format: u32,
    /// What is acceptable, wherever it comes from.
    #[serde(default)]
    pub accept: Accept,
    /// What is acceptable for some ways in; the first that speaks of one counts instead of
    /// `accept`.
    #[serde(default)]
    pub entry: Vec<ForEntry>,
    /// What a run must be like.
    #[serde(default)]
    pub run: RunRules,
    /// What the runs together must show.
    #[serde(default)]
    pub coverage: Coverage,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            format: FORMAT,
            accept: Accept::default(),
            entry: Vec::new(),
            run: RunRules::default(),
            coverage: Coverage::default(),
        }
    }
}

/// The version that this reads.
const FORMAT: u32 = 1;

/// A finding passes if one of these holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Accept {
    /// An entry decides so, with a justification, and its claims hold.
    pub verdicts: BTreeSet<Verdict>,
    /// The machine judges so, and no entry says otherwise.
    pub lifetimes: BTreeSet<Lifetime>,
    /// It is of one of these kinds: pages of the xmalloc pool hold what is judged anyhow.
    pub kinds: Vec<Kind>,
}

impl Default for Accept {
    fn default() -> Self {
        Accept {
            verdicts: [Verdict::Safe, Verdict::ProbSafe].into(),
            lifetimes: [Lifetime::Bracketed].into(),
            kinds: vec![Kind::PoolGrowth],
        }
    }
}

/// Other conditions for some ways in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ForEntry {
    /// How the outside comes in; any, if it does not say.
    class: Option<EntryKind>,
    /// The function that does what was asked for, with `*` and `?`; any, if it does not say.
    function: Option<String>,
    /// The least trusted one that can ask for it; any, if it does not say.
    who: Option<Who>,
    /// The verdicts that pass; none, if it does not say.
    #[serde(default)]
    verdicts: BTreeSet<Verdict>,
    /// The lifetimes that pass; none, if it does not say.
    #[serde(default)]
    lifetimes: BTreeSet<Lifetime>,
    /// The kinds that pass; none, if it does not say.
    #[serde(default)]
    kinds: Vec<Kind>,
}

/// What a run must be like.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RunRules {
    /// What to do with what is left or growing.
    pub leaks: Leaks,
    /// Self-checks that may fail.
    pub may_fail: BTreeSet<CheckId>,
    /// Whether a run without a single record passes.
    pub may_be_empty: bool,
    /// Parts of the recorder that a run may lack although the policy asks for what they tell.
    pub may_lack: BTreeSet<String>,
}

impl Default for RunRules {
    fn default() -> Self {
        RunRules {
            leaks: Leaks::Refuse,
            may_fail: BTreeSet::new(),
            may_be_empty: false,
            may_lack: BTreeSet::new(),
        }
    }
}

/// What to do with leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaks {
    /// None passes.
    Refuse,
    /// One passes that an entry accepts with a claim of how much is live at most.
    Reviewed,
}

/// What the runs together must show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Coverage {
    /// At least so many different stacks.
    pub stacks: usize,
    /// Functions that did what was asked for, each seen at least once; with `*` and `?`.
    pub entries: Vec<String>,
    /// Functions in any frame, each seen at least once; with `*` and `?`.
    pub functions: Vec<String>,
}

/// Why a policy cannot be used.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// Its lines are not those of a file that somebody finished.
    #[error(transparent)]
    Lines(#[from] VerdictError),
    /// It is no such file.
    #[error("the policy cannot be read: {0}")]
    Read(#[from] toml::de::Error),
    /// A newer version.
    #[error("the policy has format {0}; this xenheap knows {FORMAT}")]
    Format(u32),
    /// A name that is no part's: it would allow nothing, and look as if it did.
    #[error("may-lack: {0:?} is no part of the recorder (docs/xen-matrix.md has their names)")]
    Part(String),
}

impl Policy {
    /// Reads a file; `name` is for messages.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, PolicyError> {
        Self::parse(lines::text(name, bytes)?)
    }

    /// Reads a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Policy = toml::from_str(text)?;
        if policy.format != FORMAT {
            return Err(PolicyError::Format(policy.format));
        }
        match policy.run.may_lack.iter().find(|part| untold(part).is_none()) {
            Some(part) => Err(PolicyError::Part(part.clone())),
            None => Ok(policy),
        }
    }

    /// What passes for one way in.
    pub(crate) fn accept(&self, point: &EntryPoint) -> Accept {
        let speaks = |rule: &&ForEntry| {
            rule.class.is_none_or(|class| class == point.entry)
                && rule.who.is_none_or(|who| Some(who) == point.who)
                && rule.function.as_deref().is_none_or(|pattern| is_function(pattern, &point.function))
        };
        match self.entry.iter().find(speaks) {
            None => self.accept.clone(),
            Some(ForEntry { verdicts, lifetimes, kinds, .. }) => {
                Accept { verdicts: verdicts.clone(), lifetimes: lifetimes.clone(), kinds: kinds.clone() }
            }
        }
    }
}

/// Whether a pattern means a function, with the file of a static one or without.
pub(crate) fn is_function(pattern: &str, name: &str) -> bool {
    glob(pattern, name) || name.rsplit_once('#').is_some_and(|(_, function)| glob(pattern, function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parts_may_be_lacking() {
        let policy = |part: &str| Policy::parse(&format!("format = 1\n[run]\nmay-lack = ['{part}']"));
        assert!(policy("owners").is_ok());
        assert!(matches!(policy("owner"), Err(PolicyError::Part(part)) if part == "owner"));
    }

    #[test]
    fn the_first_rule_that_speaks_of_an_entry_counts() {
        let policy = Policy::parse(
            "format = 1
             [[entry]]
             who = 'control-domain'
             lifetimes = ['held']
             [[entry]]
             class = 'hypercall'
             function = 'do_*'
             lifetimes = ['returned']",
        )
        .expect("a policy");
        let accepts = |function: &str, who| {
            let point = EntryPoint { entry: EntryKind::Hypercall, function: function.to_owned(), who };
            policy.accept(&point).lifetimes
        };
        assert_eq!(accepts("do_domctl", Some(Who::ControlDomain)), [Lifetime::Held].into());
        assert_eq!(accepts("do_memory_op", Some(Who::AnyGuest)), [Lifetime::Returned].into());
        assert_eq!(accepts("something", None), policy.accept.lifetimes);
    }
}
