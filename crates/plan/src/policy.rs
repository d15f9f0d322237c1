//! Who would pay.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use xenheap_judge::{Decisions, Key};
use xenheap_model::{Domain, DomainId, Op};
use xenheap_verdicts::ChargeTo;

use crate::trace::Allocation;

/// A way to choose who pays for anonymous memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// The domain whose call is served.
    Current,
    /// The domain that it is for, if that is known when it is allocated; else the one whose call is
    /// served.
    Owner,
    /// Whom the verdict file names for the stack.
    Rules,
}

impl Policy {
    /// All of them.
    pub const ALL: [Policy; 3] = [Policy::Current, Policy::Owner, Policy::Rules];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Policy::Current => "current",
            Policy::Owner => "owner",
            Policy::Rules => "rules",
        }
    }

    /// What it does, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Policy::Current => "the domain that is running pays",
            Policy::Owner => {
                "the domain pays that it is for, if that is known when it is allocated; else the one that is running"
            }
            Policy::Rules => "whom the verdict file names for the stack pays",
        }
    }
}

/// Who pays, or why nobody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// A domain.
    Domain(DomainId),
    /// The system as a whole: a rule says so.
    System,
    /// Nobody, because it is shared: a rule says so.
    Never,
    /// The policy finds nobody.
    Nobody(Why),
}

/// Why a policy finds nobody who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// No guest is running (Xen is idle), or it is for one of Xen's pseudo domains.
    NoDomain,
    /// No guest's call was served: what ran there only stood on a guest's stack.
    OutsideCall,
    /// Nothing says for whom it is.
    OwnerUnknown,
    /// It turned out only when it was freed, in the destruction of a domain.
    OwnerLate,
    /// Pages taken from a domain, which has paid for them before.
    Taken,
    /// Pages that a domain gets which is being built, and that it pays for as its own then.
    Bound,
    /// No entry of the verdict file says whom to charge.
    NoRule,
}

impl Why {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::NoDomain => "no-domain",
            Why::OutsideCall => "outside-call",
            Why::OwnerUnknown => "owner-unknown",
            Why::OwnerLate => "owner-late",
            Why::Taken => "taken",
            Why::Bound => "bound",
            Why::NoRule => "no-rule",
        }
    }

    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Why::NoDomain => "no guest: Xen was idle, or it is for a pseudo domain",
            Why::OutsideCall => "no call of a guest was served: a timer, a softirq or the like",
            Why::OwnerUnknown => "nothing says for whom it is",
            Why::OwnerLate => "for whom it is was known only when it was freed",
            Why::Taken => "taken from a domain that had paid for it",
            Why::Bound => "on its way to a domain that is being built",
            Why::NoRule => "no rule matches its stack",
        }
    }
}

impl Payer {
    /// A domain whatever its generation: an id is what several runs have in common.
    pub fn without_generation(self) -> Self {
        match self {
            Payer::Domain(id) => Payer::Domain(DomainId::unknown(id.domain)),
            other => other,
        }
    }
}

impl fmt::Display for Payer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payer::Domain(id) => id.domain.fmt(f),
            Payer::System => f.write_str("system"),
            Payer::Never => f.write_str("never"),
            Payer::Nobody(why) => f.write_str(why.as_str()),
        }
    }
}

/// Whom to charge, by stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(BTreeMap<Key, ChargeTo>);

impl From<&Decisions> for Rules {
    fn from(decisions: &Decisions) -> Self {
        let charge = |(key, decision): (&Key, &xenheap_judge::Decision)| {
            Some((*key, decision.entry.as_ref()?.charge?))
        };
        Rules(decisions.by_key.iter().filter_map(charge).collect())
    }
}

impl FromIterator<(Key, ChargeTo)> for Rules {
    fn from_iter<I: IntoIterator<Item = (Key, ChargeTo)>>(rules: I) -> Self {
        Rules(rules.into_iter().collect())
    }
}

/// Who pays for an allocation.
pub(crate) fn payer(policy: Policy, allocation: &Allocation, rules: &Rules) -> Payer {
    let Allocation { owner, late, op, key, .. } = *allocation;
    if op == Op::Take {
        return Payer::Nobody(Why::Taken);
    }
    if allocation.bound {
        return Payer::Nobody(Why::Bound);
    }
    match policy {
        Policy::Current => caller(allocation),
        Policy::Owner => match (owner, late) {
            (Some(owner), _) if !allocation.cannot_pay => domain(owner),
            (None, _) if !allocation.cannot_pay && allocation.in_call => caller(allocation),
            (_, Some(_)) => Payer::Nobody(Why::OwnerLate),
            (_, None) => Payer::Nobody(Why::OwnerUnknown),
        },
        Policy::Rules => match rules.0.get(&key) {
            None => Payer::Nobody(Why::NoRule),
            Some(ChargeTo::Current) => caller(allocation),
            Some(ChargeTo::System) => Payer::System,
            Some(ChargeTo::Never) => Payer::Never,
            // Whoever writes such a rule means that the code there will say for whom it is.
            Some(ChargeTo::Owner) => owner
                .filter(|_| !allocation.cannot_pay)
                .or(late)
                .map_or(Payer::Nobody(Why::OwnerUnknown), domain),
        },
    }
}

/// The domain whose call is served.
fn caller(allocation: &Allocation) -> Payer {
    match domain(allocation.current) {
        Payer::Domain(_) if !allocation.in_call => Payer::Nobody(Why::OutsideCall),
        payer => payer,
    }
}

fn domain(id: DomainId) -> Payer {
    match id.domain {
        Domain::Id(_) => Payer::Domain(id),
        _ => Payer::Nobody(Why::NoDomain),
    }
}
