//! How long what a stack allocates lives, as the machine sees it. It stands beside a verdict, never
//! instead.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use xenheap_model::{DomainAccount, DomainId, Frame, Left, Owner, Row, Run, clean};

use crate::{
    EntryPoint, Key,
    tally::{by_key, sum},
};

/// How long allocations of a stack live. The order is that of concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifetime {
    /// Always freed before the call that allocated it returned to the guest, by the recorder's
    /// marks.
    Bracketed,
    /// Freed, or given to a domain, within the run.
    Returned,
    /// Lives with the domain that it is for, and was gone with each one that ended.
    Held,
    /// It cannot be told from this run.
    Unknown,
    /// Live although the domain that it was for is gone.
    Left,
    /// Rises from cycle to cycle.
    Growing,
}

impl Lifetime {
    /// All of them.
    pub const ALL: [Lifetime; 6] = [
        Lifetime::Bracketed,
        Lifetime::Returned,
        Lifetime::Held,
        Lifetime::Unknown,
        Lifetime::Left,
        Lifetime::Growing,
    ];

    /// The word that reports and policies use.
    pub fn as_str(self) -> &'static str {
        match self {
            Lifetime::Bracketed => "bracketed",
            Lifetime::Returned => "returned",
            Lifetime::Held => "held",
            Lifetime::Unknown => "unknown",
            Lifetime::Left => "left",
            Lifetime::Growing => "growing",
        }
    }

    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Lifetime::Bracketed => "always freed before the call returned",
            Lifetime::Returned => "freed within the run",
            Lifetime::Held => "as long as its domain",
            Lifetime::Unknown => "not known",
            Lifetime::Left => "longer than its domain",
            Lifetime::Growing => "grows from cycle to cycle",
        }
    }

    /// Whether, in a run without a gap, it is a leak.
    pub fn is_leak(self) -> bool {
        matches!(self, Lifetime::Left | Lifetime::Growing)
    }
}

impl std::fmt::Display for Lifetime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the machine concludes of one stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Judgement {
    /// How long it lives.
    pub lifetime: Lifetime,
    /// How the outside came in.
    #[serde(flatten)]
    pub point: EntryPoint,
}

/// Judges everything of a run. In a run that stopped early or has a gap no lifetime is known.
pub fn judgements(run: &Run) -> BTreeMap<Key, Judgement> {
    judgements_without(run, &BTreeSet::new())
}

/// The same, as if the recorder had lacked these parts: what one run cannot tell is not to be
/// compared with what another one does.
pub(crate) fn judgements_without(run: &Run, parts: &BTreeSet<&str>) -> BTreeMap<Key, Judgement> {
    let lost = |part: &str| parts.contains(part);
    // Without these nothing of a run may be called a leak: `Run::doubt`.
    let doubt = lost("given") || lost("taken") || run.doubt().is_some();
    let knows = |owner: &Owner| match owner {
        Owner::Created(_) => !lost("owners"),
        Owner::Domctl(_) => !lost("owners") && !lost("domctls"),
        Owner::Moved(_) => !lost("owners") && !lost("moves"),
        // What is not known to be of a domain when it is allocated is when the domain's end frees
        // it.
        Owner::Destroyed(_) => !lost("owners") && !lost("domctls") && !lost("moves"),
        Owner::Unknown | Owner::Passed(_) => true,
    };
    // Without owners nobody knows that a domain has ended.
    let is_left = |left: &&Left| !lost("owners") && knows(&left.owner);
    let left = run.left.iter().filter(is_left);
    let left: BTreeSet<Key> =
        left.map(|left| Key { stack: left.stack, kind: left.kind, charge: left.charge }).collect();
    let growing: BTreeSet<Key> = run
        .cycles
        .growing
        .iter()
        .map(|growing| Key { stack: growing.stack, kind: growing.kind, charge: growing.charge })
        .collect();
    let has_ended = |domain: &&DomainAccount| domain.ended.is_some() && !lost("owners");
    let ended: BTreeSet<DomainId> = run.domains.iter().filter(has_ended).map(|domain| domain.id).collect();
    let unread = xenheap_model::Stack::default();
    by_key(run)
        .into_iter()
        .map(|(key, rows)| {
            let stack = run.stacks.get(&key.stack).unwrap_or(&unread);
            // Memory of a check of permissions is the domain's that the domctl around it names.
            let is_check = lost("security") && stack.frames.iter().any(is_check_of_permissions);
            let lifetime = match () {
                () if doubt => Lifetime::Unknown,
                () if growing.contains(&key) => Lifetime::Growing,
                () if left.contains(&key) && !is_check => Lifetime::Left,
                () if parts.is_empty() => of_rows(&rows, &ended),
                () => {
                    let knows = |owner: &Owner| !is_check && knows(owner);
                    let rows = rows.iter().map(|row| reduced(row, knows, !lost("calls")));
                    let rows: Vec<Row> = rows.collect();
                    of_rows(&rows.iter().collect::<Vec<_>>(), &ended)
                }
            };
            (key, Judgement { lifetime, point: EntryPoint::of(stack) })
        })
        .collect()
}

fn is_check_of_permissions(frame: &Frame) -> bool {
    clean(&frame.function).starts_with("avc_has_perm")
}

/// A row without what is not known.
fn reduced(row: &Row, knows: impl Fn(&Owner) -> bool, knows_calls: bool) -> Row {
    let mut row = *row;
    if !knows(&row.key.owner) {
        row.key.owner = Owner::Unknown;
    }
    if !knows_calls {
        row.counters.bracketed = None;
    }
    row
}

fn of_rows(rows: &[&Row], ended: &BTreeSet<DomainId>) -> Lifetime {
    let all = sum(rows.iter().copied());
    if all.live == 0 && all.live_bytes == 0 {
        let got = all.allocs.saturating_add(all.taken);
        let with_its_domain = |row: &&Row| matches!(row.key.owner, Owner::Destroyed(_));
        return match all.bracketed {
            _ if got == 0 => Lifetime::Unknown,
            Some(bracketed) if bracketed == all.freed && all.freed == got => Lifetime::Bracketed,
            _ if rows.iter().any(with_its_domain) => Lifetime::Held,
            _ => Lifetime::Returned,
        };
    }
    // Live: only of domains that still exist, and gone with one that does not.
    let lives_with = |row: &&Row| match row.key.owner.id() {
        Some(id) => row.counters.live == 0 || !ended.contains(&id),
        None => row.counters.live == 0,
    };
    let gone_with =
        |row: &&Row| row.counters.live == 0 && row.key.owner.id().is_some_and(|id| ended.contains(&id));
    if rows.iter().all(lives_with) && rows.iter().any(gone_with) { Lifetime::Held } else { Lifetime::Unknown }
}

#[cfg(test)]
mod tests {
    use xenheap_model::{
        Charge, Check, CheckId, CheckOutcome, Counters, Domain, Kind, Moment, RowKey, StackId,
    };

    use super::*;

    fn d(number: u16) -> DomainId {
        DomainId { domain: Domain::Id(number), generation: u32::from(number) }
    }

    fn row(stack: u32, owner: Owner, counters: Counters) -> Row {
        let key = RowKey {
            stack: StackId(stack),
            kind: Kind::Xmalloc,
            charge: Charge::Nobody,
            current: Domain::Id(0),
            owner,
        };
        Row { key, counters }
    }

    fn got(allocs: u64, freed: u64, bracketed: u64) -> Counters {
        let live = allocs - freed;
        Counters { allocs, freed, live, live_bytes: live, bracketed: Some(bracketed), ..Counters::default() }
    }

    fn run(profile: Vec<Row>) -> Run {
        let ended = Check { id: CheckId::Ended, outcome: CheckOutcome::Ok, detail: String::new() };
        let domains = [1, 2].map(|number| DomainAccount {
            ended: (number == 1).then(Moment::default),
            ..DomainAccount::new(d(number))
        });
        Run { profile, checks: vec![ended], domains: domains.into(), ..Run::default() }
    }

    fn lifetimes(run: &Run) -> Vec<Lifetime> {
        judgements(run).into_values().map(|judgement| judgement.lifetime).collect()
    }

    #[test]
    fn each_lifetime() {
        let mut run = run(vec![
            row(1, Owner::Unknown, got(3, 3, 3)),
            row(2, Owner::Unknown, got(3, 3, 2)),
            row(3, Owner::Destroyed(d(1)), got(3, 3, 0)),
            row(4, Owner::Created(d(1)), got(1, 1, 0)),
            row(4, Owner::Created(d(2)), got(1, 0, 0)),
            row(5, Owner::Created(d(2)), got(1, 0, 0)),
            row(6, Owner::Created(d(1)), got(1, 0, 0)),
            row(7, Owner::Unknown, got(2, 2, 0)),
        ]);
        run.left.push(xenheap_model::Left {
            stack: StackId(6),
            kind: Kind::Xmalloc,
            charge: Charge::Nobody,
            owner: Owner::Created(d(1)),
            live: xenheap_model::Amount { count: 1, bytes: 1 },
        });
        use Lifetime::*;
        assert_eq!(lifetimes(&run), [Bracketed, Returned, Held, Held, Unknown, Left, Returned]);
        // As if the recorder had had nothing to hook into.
        let without = |parts: &[&str]| -> Vec<Lifetime> {
            let judged = judgements_without(&run, &parts.iter().copied().collect());
            judged.into_values().map(|judgement| judgement.lifetime).collect()
        };
        assert_eq!(without(&["calls"]), [Returned, Returned, Held, Held, Unknown, Left, Returned]);
        let untold = [Bracketed, Returned, Returned, Unknown, Unknown, Unknown, Returned];
        assert_eq!(without(&["owners"]), untold);
        assert_eq!(without(&["taken"]), [Unknown; 7]);
        // The third is freed in a domain's destruction, as memory is that a domctl allocated.
        let untold = [Bracketed, Returned, Returned, Held, Unknown, Left, Returned];
        assert_eq!(without(&["domctls"]), untold);
        assert_eq!(without(&["security", "vmalloc"]), lifetimes(&run));
        // Without marks it is not known that it was freed in the call.
        for row in &mut run.profile {
            row.counters.bracketed = None;
        }
        assert_eq!(lifetimes(&run).first(), Some(&Returned));
        // A run with a gap says nothing of lifetimes.
        run.checks.clear();
        assert!(lifetimes(&run).iter().all(|lifetime| *lifetime == Unknown));
    }
}
