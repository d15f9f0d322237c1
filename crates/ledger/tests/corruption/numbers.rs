//! The numbers of a report by sort, and which self-checks speak of which sort.

use std::collections::BTreeSet;

use xenheap_ledger::Account;
use xenheap_model::{CheckId, CheckOutcome, DomainAccount, LogFormat, RawStack, StackId, View};

/// A sort of numbers. Together they are all that a report shows, but for names of functions, which
/// Xen's own traces give and nothing secures.
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
    /// The addresses of the stacks of findings and rows, or their frames.
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
        (what, words, facts.experiment)
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
        let dump =
            of.dump.as_ref().map(|dump| (dump.charged.clone(), dump.domains.clone(), dump.bills.clone()));
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
    // Of a finding that is not there nobody sees the stack.
    let rows = |of: &Account| -> Vec<StackId> {
        let dump = of.dump.iter();
        let theirs =
            dump.flat_map(|dump| dump.rows.iter().chain(dump.charged.iter().flat_map(|of| &of.rows)));
        of.profile.iter().chain(theirs).map(|row| row.key.stack).collect()
    };
    compare(Sort::Stacks, rows(a).iter().all(|id| a.stacks.get(id) == b.stacks.get(id)));
    sorts
}

type Names<'a> = Vec<&'a str>;

/// The functions of a stack of the RFC's, and whether it says that it can be wrong.
fn names(stack: Option<&RawStack>) -> Option<(Names<'_>, bool)> {
    let Some(RawStack::Trace { frames, uncertain }) = stack else { return None };
    Some((frames.iter().map(|frame| frame.name.as_str()).collect(), uncertain.is_some()))
}

/// The first stack of a finding of an RFC log that is none of the original's, and of which nothing
/// says that it can be wrong. Sizes and offsets are not compared: the same names are the same path.
pub fn made_up(account: &Account, original: &Account) -> Option<String> {
    // A trace that was not read to its end in the original is no promise of what it is here.
    let real: BTreeSet<Names<'_>> =
        original.stacks.values().filter_map(|stack| names(Some(stack))).map(|(names, _)| names).collect();
    account.profile.iter().find_map(|row| {
        let (names, is_doubted) = names(account.stacks.get(&row.key.stack))?;
        (!is_doubted && !real.contains(&names)).then(|| names.join(" < "))
    })
}

/// What the self-checks of a report say of numbers that are not right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    Nothing,
    /// That such a log can never tell, damaged or not.
    NeverApplicable,
    /// That this log cannot tell.
    NotApplicable,
    Failed,
}

/// Whether the checks name a sort of numbers.
///
/// `intact` names nothing in a log of ours: a damaged record that was needed must be missed by
/// another check, which says what it is that is missing. A check that failed for the original
/// already says nothing of what was done to it. One that was not applicable already says so of
/// all such logs; in a log of ours only `domains` may, where the summary alone is there, because
/// nothing can tell that a domain is missing in a dump.
pub fn said(account: &Account, original: &Account, sort: Sort) -> Said {
    let outcome =
        |account: &Account, id| account.checks.iter().find(|check| check.id == id).map(|of| of.outcome);
    let is_new = |id: &CheckId| outcome(account, *id) != outcome(original, *id);
    let is = |id: &CheckId, expected| outcome(account, *id) == Some(expected);
    let (failed, not_applicable) = naming(account, sort);
    let never_tells = |id: &CheckId| account.facts.format == LogFormat::Rfc || *id == CheckId::Domains;
    let not_applicable = || not_applicable.iter().filter(|id| is(id, CheckOutcome::NotApplicable));
    if failed.iter().any(|id| is(id, CheckOutcome::Failed) && is_new(id)) {
        Said::Failed
    } else if not_applicable().any(is_new) {
        Said::NotApplicable
    } else if not_applicable().any(never_tells) {
        Said::NeverApplicable
    } else {
        Said::Nothing
    }
}

/// The checks that name a sort when they fail, and those that name it when they are not applicable.
fn naming(account: &Account, sort: Sort) -> (Vec<CheckId>, Vec<CheckId>) {
    use CheckId::*;
    match account.facts.format {
        // "The log has no record of any recorder" is said of everything.
        LogFormat::None => (vec![Header], vec![]),
        LogFormat::Rfc => match sort {
            Sort::Machine => (vec![], vec![Header]),
            Sort::Stacks => (vec![Stacks, Intact], vec![Sequence, Unique]),
            // Lines that were lost or came twice, and values that nothing adds up.
            _ => (vec![Intact, Stacks, Overlap], vec![Sequence, Unique, Totals]),
        },
        // An `ended` that is not applicable says of everything that there can be more.
        LogFormat::Ha1 => match sort {
            Sort::Machine => (vec![Header], vec![]),
            // "The log has no view with events."
            Sort::Events => (vec![Sequence, Ended], vec![Sequence, Ended]),
            Sort::Totals | Sort::Findings => {
                let failed = vec![Sequence, Ended, Totals, Views, Overlap, Frees];
                // The hypervisor's own table is right, but for whom memory is it does not know.
                let is_table = account.facts.view == Some(View::Summary);
                (failed, if is_table { vec![Sequence, Ended] } else { vec![Ended] })
            }
            // The table of the summary has neither addresses nor calls.
            Sort::Live | Sort::Left | Sort::Calls => {
                (vec![Sequence, Ended, Totals, Views, Overlap, Frees], vec![Sequence, Ended])
            }
            Sort::Domains => (vec![Domains, Sequence, Ended], vec![Domains, Ended]),
            // Those of domains that ended are told by events, those of others by dumps.
            Sort::Pools => (vec![Ended, Domains, Sequence], vec![Domains, Ended]),
            // Without a header the log begins late, and nobody knows which dumps it should have.
            Sort::Cycles => (vec![Ended, Header], vec![Ended]),
            Sort::Hypervisor => (vec![Ended], vec![Ended]),
            Sort::Stacks => (vec![Stacks], vec![]),
        },
    }
}
