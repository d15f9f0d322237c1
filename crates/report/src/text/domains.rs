//! What was allocated for each domain, and many domains in few words.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use xenheap_model::{Amount, Arch, Domain, DomainAccount, DomainId, Moment, View};
use xenheap_output::{
    layout::{Paint, hanging, legend, table},
    size::{Count, Rough, Seconds, Several},
};

use super::overview::pair;
use crate::{Report, guest::guest};

/// More lines than these are not read: domains that are alike in less become one.
pub(super) const LINES: usize = 30;

/// Which names tell domains apart in a run.
pub(super) struct Names {
    /// Ids that several domains had, one after the other.
    reused: BTreeSet<Domain>,
}

impl Names {
    pub(super) fn of(report: &Report) -> Self {
        let mut seen = BTreeSet::new();
        let ids = report.run().domains.iter().map(|account| account.id.domain);
        Names { reused: ids.filter(|id| !seen.insert(*id)).collect() }
    }

    /// `d5`; or `d5.7`, with the generation, where several domains had the id.
    pub(super) fn of_one(&self, id: DomainId) -> String {
        if id.is_known() && self.reused.contains(&id.domain) {
            format!("{}.{}", id.domain, id.generation)
        } else {
            id.domain.to_string()
        }
    }

    /// `d1 to d9`; or `d1 to d9 (12 domains)`, where several of them had one id.
    pub(super) fn of_all(&self, ids: impl IntoIterator<Item = DomainId>) -> String {
        let ids: BTreeSet<DomainId> = ids.into_iter().collect();
        if let (Some(only), 1) = (ids.first(), ids.len()) {
            return self.of_one(*only);
        }
        let domains: BTreeSet<Domain> = ids.iter().map(|id| id.domain).collect();
        if domains.len() == ids.len() {
            list(domains)
        } else {
            format!("{} ({})", list(domains), Several(ids.len() as u64, "domain"))
        }
    }
}

pub(super) fn write(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let domains = report.domains();
    if domains.is_empty() {
        return Ok(());
    }
    let title = paint.bold("DOMAINS, AND WHAT WAS ALLOCATED FOR THEM");
    if report.run().facts.view == Some(View::Summary) {
        let text = "The summary shows neither which domains came and went nor which domain memory is for.";
        return writeln!(out, "{title}: not in this view\n\n  {text}\n");
    }
    let arch = report.run().facts.arch;
    let exact = |d: &DomainAccount| {
        (guest(d.flags, arch), d.failed, d.ended.is_some(), d.allocated, d.taken, d.freed, d.given, d.live)
    };
    let rough = |d: &DomainAccount| {
        let none = Amount::default();
        let left = Amount { count: u64::from(!d.left().is_zero()), bytes: 0 };
        (guest(d.flags, arch), d.failed, d.ended.is_some(), none, none, none, none, left)
    };
    let mut alike = together(&domains, exact);
    if alike.len() > LINES {
        alike = together(&domains, rough);
    }
    let ended = domains.iter().filter(|domain| domain.ended.is_some()).count() as u64;
    let of_all = match report.run().domains.len() - domains.len() {
        0 => String::new(),
        others => format!(" ({} left out by --owner)", Count(others as u64)),
    };
    let count = Several(domains.len() as u64, "domain");
    writeln!(out, "{title}: {count}, {} ended{of_all}\n", Count(ended))?;
    let names = Names::of(report);
    let mut lines: Vec<_> = alike.iter().map(|domains| line(domains, arch, &names)).collect();
    let unowned = report.unowned(|_| true).filter(|_| report.shows_unowned());
    lines.extend(unowned.as_ref().map(|sums| {
        let [.., allocated, freed, live] = line(&[sums], arch, &names);
        ["owner unknown".to_owned(), String::new(), String::new(), String::new(), allocated, freed, live]
    }));
    table(out, ["domain", "guest", "from", "to", "allocated", "freed", "live or left"], 2, &lines)?;
    let mut moved: Vec<_> = alike.iter().filter_map(|domains| moves(domains, &names)).collect();
    moved.extend(unowned.as_ref().and_then(|sums| moves(&[sums], &names)));
    for text in &moved {
        hanging(out, "  ", 4, text)?;
    }
    if !moved.is_empty() {
        writeln!(out)?;
    }
    let mut words = Vec::new();
    if alike.len() < domains.len() {
        words.push("Lines of several domains have their sums.");
    }
    if report.filter().is_none() && unowned.is_some() {
        words.push(
            "All kinds together, pages of the xmalloc pool too: the lines add up to the totals by kind.",
        );
    }
    if !moved.is_empty() {
        words.push("Live is allocated + taken - freed - given.");
    }
    if lines.iter().any(|[_, guest, ..]| guest.starts_with("HVM/PVH")) {
        words.push("The record does not tell HVM from PVH.");
    }
    legend(out, &words)
}

/// Pages that were a domain's before or became one's after: neither allocated nor freed.
fn moves(domains: &[&DomainAccount], names: &Names) -> Option<String> {
    let taken = sum(domains, |domain| domain.taken);
    let given = sum(domains, |domain| domain.given);
    let parts = [("taken", taken), ("given", given)].map(|(what, amount)| match amount.is_zero() {
        true => None,
        false => Some(format!("{what} {}", pair(amount.count, amount.bytes))),
    });
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let name = match domains {
        [one] if one.id.domain == Domain::Null => "owner unknown".to_owned(),
        _ => names.of_all(domains.iter().map(|domain| domain.id)),
    };
    (!parts.is_empty()).then(|| format!("{name}: {}", parts.join(", ")))
}

fn sum(domains: &[&DomainAccount], amount: fn(&DomainAccount) -> Amount) -> Amount {
    domains.iter().map(|domain| amount(domain)).sum()
}

/// Puts domains together that have the same key, in the order of the first of each.
fn together<'a, K: Ord>(
    domains: &[&'a DomainAccount],
    key: impl Fn(&DomainAccount) -> K,
) -> Vec<Vec<&'a DomainAccount>> {
    let mut places: BTreeMap<K, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<&DomainAccount>> = Vec::new();
    for domain in domains {
        let at = *places.entry(key(domain)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.push(domain),
            None => groups.push(vec![domain]),
        }
    }
    groups
}

fn line(domains: &[&DomainAccount], arch: Arch, names: &Names) -> [String; 7] {
    let rough = |amount: Amount| Rough(amount.bytes).to_string();
    let first = domains.first();
    let to = domains.iter().filter_map(|domain| domain.ended).max();
    let time = |moment: Option<Moment>| {
        moment.map_or_else(|| "-".to_owned(), |moment| Seconds(moment.time).to_string())
    };
    let live = sum(domains, |domain| domain.live);
    let live = match (live.count, to) {
        (0, _) if first.is_some_and(|domain| domain.failed) => "0, not created".to_owned(),
        (0, _) => "0".to_owned(),
        (_, None) => format!("{} live", pair(live.count, live.bytes)),
        (_, Some(_)) => format!("{} LEFT", pair(live.count, live.bytes)),
    };
    let mut name = names.of_all(domains.iter().map(|domain| domain.id));
    if domains.len() > 1 && !name.ends_with(')') {
        name.push_str(&format!(" ({})", domains.len()));
    }
    [
        name,
        first.map_or("unknown", |domain| guest(domain.flags, arch)).to_owned(),
        time(domains.iter().filter_map(|domain| domain.created).min()),
        time(to),
        rough(sum(domains, |domain| domain.allocated)),
        rough(sum(domains, |domain| domain.freed)),
        live,
    ]
}

/// `d1 to d9, d12, d[IDLE]`.
pub(super) fn list(domains: impl IntoIterator<Item = Domain>) -> String {
    let domains: BTreeSet<Domain> = domains.into_iter().collect();
    let mut runs: Vec<(Domain, Domain)> = Vec::new();
    for domain in domains {
        match (runs.last_mut(), domain) {
            (Some((_, last @ Domain::Id(_))), Domain::Id(id)) if id > 0 && *last == Domain::Id(id - 1) => {
                *last = domain;
            }
            _ => runs.push((domain, domain)),
        }
    }
    let texts = runs.into_iter().map(|run| match run {
        (first, last) if first == last => first.to_string(),
        (Domain::Id(first), Domain::Id(last)) if last - first == 1 => format!("d{first}, d{last}"),
        (first, last) => format!("{first} to {last}"),
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one() {
        let ids = |ids: &[u16]| list(ids.iter().map(|id| Domain::Id(*id)));
        assert_eq!(ids(&[]), "");
        assert_eq!(ids(&[4]), "d4");
        assert_eq!(ids(&[2, 1]), "d1, d2");
        assert_eq!(ids(&[3, 1, 2, 7, 3]), "d1 to d3, d7");
        assert_eq!(ids(&[0, u16::MAX]), "d0, d65535");
        assert_eq!(list([Domain::Idle, Domain::Id(0), Domain::Null]), "d0, d[IDLE], NULL");
    }
}
