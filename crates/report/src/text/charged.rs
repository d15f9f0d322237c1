//! Memory that is charged to a domain and can run out all the same.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    io::{self, Write},
};

use xenheap_model::{Charge, Counters, DomainAccount, DomainId, Kind, Pool, untold};
use xenheap_output::{
    layout::{Paint, hanging, legend, table},
    size::{Bytes, Count, Several},
};

use super::{
    domains::{LINES, Names},
    findings::path,
    overview::bytes_in,
};
use crate::{Finding, Report};

pub(super) fn write(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let domains = report.domains();
    let names = Names::of(report);
    let (of_pools, others): (Vec<_>, Vec<_>) =
        report.charged().into_iter().partition(|finding| finding.key.kind == Kind::DomainPool);

    let pools = alike(&domains, |pool| {
        let used = pool.size > 0 || pool.takes > 0 || pool.failed > 0;
        used.then_some((Reverse(pool.failed), share(pool), Pool { extra: 0, ..*pool }))
    });
    let lacks = report.run().facts.lacks.iter().filter(|part| part.starts_with("pools-"));
    let lacks: Vec<&str> = lacks.filter_map(|part| untold(part)).collect();
    if !pools.is_empty() || !of_pools.is_empty() || !lacks.is_empty() {
        writeln!(out, "{} (charged to the domain; in pages)\n", paint.bold("P2M AND PAGING POOLS"))?;
        for untold in lacks {
            hanging(
                out,
                "  ",
                2,
                &format!("Unknown, because this Xen lacks a function that the recorder hooks: {untold}."),
            )?;
            writeln!(out)?;
        }
        let line = |((_, share, pool), ids): &(_, Vec<DomainId>)| pool_line(pool, *share, ids, &names);
        let lines: Vec<_> = pools.iter().map(line).collect();
        few(out, ["domain", "size", "fewest left", "taken", "given back", "refused"], &lines)?;
        if !lines.is_empty() {
            let words = [
                "Size: when the smallest share of it was left.",
                "A shadow pool refuses nothing: when it is empty, Xen takes pages back from the guest's page tables.",
            ];
            legend(out, &words)?;
        }
        paths(of_pools, out)?;
    }

    let extra = alike(&domains, |pool| (pool.extra > 0).then_some(Reverse(pool.extra)));
    let others: Vec<_> =
        others.into_iter().filter(|finding| finding.key.charge == Charge::NoRefcount).collect();
    if !extra.is_empty() || !others.is_empty() {
        let title = "NO-REFCOUNT PAGES";
        let what = "a domain's, and they do not count against its limit";
        let at_end = match domains.iter().any(|domain| domain.ended.is_some()) {
            true => "; if it ended, the most",
            false => "",
        };
        writeln!(out, "{} ({what}{at_end})\n", paint.bold(title))?;
        let lines: Vec<_> = extra
            .iter()
            .map(|(Reverse(pages), ids)| [names.of_all(ids.iter().copied()), Count(*pages).to_string()])
            .collect();
        few(out, ["domain", "pages"], &lines)?;
        paths(others, out)?;
    }
    Ok(())
}

/// Domains of which the same is to be said, the worst first.
fn alike<K: Ord>(domains: &[&DomainAccount], what: impl Fn(&Pool) -> Option<K>) -> Vec<(K, Vec<DomainId>)> {
    let mut groups: BTreeMap<K, Vec<DomainId>> = BTreeMap::new();
    for domain in domains {
        if let Some(key) = domain.pool.as_ref().and_then(&what) {
            groups.entry(key).or_default().push(domain.id);
        }
    }
    groups.into_iter().collect()
}

/// How many percent of a pool were left when the fewest were; `None` if nobody knows.
fn share(pool: &Pool) -> Option<u64> {
    let low = u128::from(pool.low) * 100;
    let share = (pool.takes > 0).then(|| low.checked_div(u128::from(pool.size)))??;
    u64::try_from(share).ok()
}

fn pool_line(pool: &Pool, share: Option<u64>, ids: &[DomainId], names: &Names) -> [String; 6] {
    let low = match share {
        Some(share) => format!("{} ({share} %)", Count(pool.low)),
        None if pool.takes == 0 => "all".to_owned(),
        None => Count(pool.low).to_string(),
    };
    [
        names.of_all(ids.iter().copied()),
        if pool.size == 0 { "unknown".to_owned() } else { Count(pool.size).to_string() },
        low,
        Count(pool.takes).to_string(),
        Count(pool.backs).to_string(),
        Count(pool.failed).to_string(),
    ]
}

/// A table that does not fill pages.
fn few<const N: usize>(out: &mut dyn Write, titles: [&str; N], lines: &[[String; N]]) -> io::Result<()> {
    match lines.len() {
        0 => return Ok(()),
        count => table(out, titles, 1, lines.get(..count.min(LINES)).unwrap_or(lines))?,
    }
    match lines.len().saturating_sub(LINES) {
        0 => Ok(()),
        more => writeln!(out, "  {} of less concern are not shown.\n", Several(more as u64, "line")),
    }
}

/// More paths than these are not read.
const PATHS: usize = 10;

/// By which paths, in short. What looks the same in short is one.
fn paths(findings: Vec<Finding<'_>>, out: &mut dyn Write) -> io::Result<()> {
    let mut sums: BTreeMap<String, Counters> = BTreeMap::new();
    for finding in findings {
        sums.entry(path(finding.stack, None)).or_default().add(&finding.counters);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    // The sort is stable: equal ones stay in the order of their text.
    sums.sort_by_key(|(_, counters)| Reverse((counters.failed, counters.live_bytes, counters.bytes)));
    for (path, counters) in sums.iter().take(PATHS) {
        let mut text = bytes_in(counters.bytes, counters.allocs);
        if counters.failed > 0 {
            text.push_str(&format!(", FAILED {}", Count(counters.failed)));
        }
        let live = match counters.live {
            0 => "nothing live".to_owned(),
            live => format!("{} live in {}", Bytes(counters.live_bytes), Several(live, "allocation")),
        };
        hanging(out, "  ", 4, &format!("{text}; {live}"))?;
        hanging(out, "      ", 8, path)?;
    }
    if let Some(more) = sums.len().checked_sub(PATHS).filter(|more| *more > 0) {
        writeln!(out, "  and {} with less", Several(more as u64, "path"))?;
    }
    if sums.is_empty() { Ok(()) } else { writeln!(out) }
}
