//! The numbers of a report by sort, and which self-checks speak of which sort.

use xenheap_ledger::Account;
use xenheap_model::{CheckId, DomainAccount, LogFormat, Outcome};

/// A sort of numbers. Together they are all that a report shows, but for names of functions, which Xen's own traces
/// give and nothing secures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Version, build, image, modes, sizes of tables: what ran.
    Machine,
    /// How many events there are, and when the first and the last were.
    Events,
    /// Totals by kind.
    Totals,
    /// Per finding: calls, bytes, freed, given, live, peak.
    Findings,
    /// Each live block.
    Live,
    /// Domains, and what was allocated for each.
    Domains,
    /// Domains' pools, and charged memory.
    Pools,
    /// What is left of domains that are gone.
    Left,
    /// What calls leave behind.
    Calls,
    /// Cycles, and what grows.
    Cycles,
    /// The hypervisor's own totals, rows and machine figures.
    Hypervisor,
    /// The addresses of stacks, or their frames.
    Stacks,
}

/// The sorts of which two reports have other numbers.
pub fn differing(a: &Account, b: &Account) -> Vec<Sort> {
    let mut sorts = Vec::new();
    let mut compare = |sort, same: bool| {
        if !same {
            sorts.push(sort);
        }
    };
    let machine = |of: &Account| {
        let facts = &of.facts;
        let what = (facts.format, facts.arch, facts.text, facts.tables);
        let words = (facts.xen.clone(), facts.build_id.clone(), facts.modes.clone(), facts.lacks.clone());
        (what, words, facts.experiment.clone())
    };
    compare(Sort::Machine, machine(a) == machine(b));
    let events = |of: &Account| {
        let facts = &of.facts;
        (facts.events, facts.first_time, facts.last_time, facts.clock, facts.view)
    };
    compare(Sort::Events, events(a) == events(b));
    compare(Sort::Totals, a.totals == b.totals);
    compare(Sort::Findings, a.profile == b.profile);
    compare(Sort::Live, a.live == b.live);
    let without_pools = |of: &Account| -> Vec<DomainAccount> {
        of.domains.iter().map(|domain| DomainAccount { pool: None, ..domain.clone() }).collect()
    };
    compare(Sort::Domains, without_pools(a) == without_pools(b));
    let pools = |of: &Account| {
        let dump = of.dump.as_ref().map(|dump| (dump.charged.clone(), dump.domains.clone(), dump.bills.clone()));
        (dump, of.domains.iter().map(|domain| (domain.id, domain.pool)).collect::<Vec<_>>())
    };
    compare(Sort::Pools, pools(a) == pools(b));
    compare(Sort::Left, a.left == b.left);
    compare(Sort::Calls, a.services == b.services);
    compare(Sort::Cycles, (&a.cycles, &a.cycle_ends) == (&b.cycles, &b.cycle_ends));
    let hypervisor = |of: &Account| {
        let dump = of.dump.as_ref()?;
        let head = (dump.number, dump.why.clone(), dump.seq);
        Some((head, dump.totals, dump.machine, dump.rows.clone()))
    };
    compare(Sort::Hypervisor, hypervisor(a) == hypervisor(b));
    compare(Sort::Stacks, a.stacks == b.stacks);
    sorts
}

/// What the self-checks of a report say of numbers that are not right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    Nothing,
    /// Only that this log cannot tell.
    NotApplicable,
    Failed,
}

/// Whether the checks name a sort of numbers.
///
/// `intact` names nothing in a log of ours: a damaged record that was needed must be missed by another check, which says
/// what it is that is missing.
pub fn said(account: &Account, sort: Sort) -> Said {
    let of = |id: CheckId| account.checks.iter().find(|check| check.id == id).map(|check| check.outcome);
    let any = |ids: &[CheckId], outcome| ids.iter().any(|id| of(*id) == Some(outcome));
    let (failed, not_applicable) = naming(account.facts.format, sort);
    if any(&failed, Outcome::Failed) {
        Said::Failed
    } else if any(&not_applicable, Outcome::NotApplicable) {
        Said::NotApplicable
    } else {
        Said::Nothing
    }
}

/// The checks that name a sort when they fail, and those that name it when they are not applicable.
fn naming(format: LogFormat, sort: Sort) -> (Vec<CheckId>, Vec<CheckId>) {
    use CheckId::*;
    match format {
        // "The log has no record of any recorder" is said of everything.
        LogFormat::None => (vec![Header], vec![]),
        LogFormat::Rfc => match sort {
            Sort::Machine => (vec![], vec![Header]),
            Sort::Stacks => (vec![Stacks, Intact], vec![Sequence, Unique]),
            // Lines that were lost or came twice, and values that nothing adds up.
            _ => (vec![Intact, Stacks, Overlap], vec![Sequence, Unique, Totals]),
        },
        LogFormat::Ha1 => match sort {
            Sort::Machine => (vec![Header], vec![]),
            Sort::Events => (vec![Sequence, Ended], vec![Sequence]),
            Sort::Totals | Sort::Findings | Sort::Live | Sort::Left | Sort::Calls => {
                (vec![Sequence, Ended, Totals, Views, Overlap, Frees], vec![])
            }
            Sort::Domains => (vec![Domains, Sequence, Ended], vec![Domains]),
            Sort::Pools => (vec![Ended, Domains], vec![Domains]),
            Sort::Cycles | Sort::Hypervisor => (vec![Ended], vec![]),
            Sort::Stacks => (vec![Stacks, Ended], vec![]),
        },
    }
}
