//! Memory that is charged to a domain and can run out all the same.

use std::io::{self, Write};

use xenheap_model::{Charge, DomainAccount, Kind, Pool};

use super::{
    domains::Names,
    findings::path,
    layout::{Paint, hanging, table},
    overview::bytes_in,
};
use crate::{
    Finding, Group, Report,
    size::{Bytes, Count, Several},
};

pub(super) fn write(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let names = Names::of(report);
    let with_pool: Vec<(&DomainAccount, Pool)> =
        report.domains().into_iter().filter_map(|domain| Some((domain, domain.pool?))).collect();
    let charged = report.charged();
    let (pools, others): (Vec<_>, Vec<_>) =
        charged.into_iter().partition(|finding| finding.key.kind == Kind::DomainPool);

    let lines = with_pool.iter().filter(|(_, pool)| pool.size > 0 || pool.takes > 0 || pool.failed > 0);
    let lines: Vec<_> = lines.map(|(domain, pool)| pool_line(domain, pool, &names)).collect();
    if !lines.is_empty() || !pools.is_empty() {
        writeln!(out, "{} (charged to the domain; in pages)\n", paint.bold("P2M AND PAGING POOLS"))?;
        if !lines.is_empty() {
            let titles = ["domain", "size", "fewest left", "taken", "given back", "refused"];
            table(out, titles, 1, &lines)?;
        }
        paths(pools, out)?;
    }

    let lines: Vec<[String; 3]> = with_pool
        .iter()
        .filter(|(_, pool)| pool.extra > 0)
        .map(|(domain, pool)| {
            let when = if domain.ended.is_some() { "at most" } else { "at the end" };
            [names.of_one(domain.id), Count(pool.extra).to_string(), when.to_owned()]
        })
        .collect();
    let others: Vec<_> =
        others.into_iter().filter(|finding| finding.key.charge == Charge::NoRefcount).collect();
    if !lines.is_empty() || !others.is_empty() {
        let title = "NO-REFCOUNT PAGES";
        writeln!(out, "{} (a domain's, but they do not count against its limit)\n", paint.bold(title))?;
        if !lines.is_empty() {
            table(out, ["domain", "pages", ""], 1, &lines)?;
        }
        paths(others, out)?;
    }
    Ok(())
}

fn pool_line(domain: &DomainAccount, pool: &Pool, names: &Names) -> [String; 6] {
    let share = |part: u64| (u128::from(part) * 100).checked_div(u128::from(pool.size)).unwrap_or(0);
    let low = match (pool.takes, pool.size) {
        // Nobody looked at it.
        (0, _) => "-".to_owned(),
        (_, 0) => Count(pool.low).to_string(),
        _ => format!("{} ({} %)", Count(pool.low), share(pool.low)),
    };
    let size = if pool.size == 0 { "unknown".to_owned() } else { Count(pool.size).to_string() };
    [
        names.of_one(domain.id),
        size,
        low,
        Count(pool.takes).to_string(),
        Count(pool.backs).to_string(),
        Count(pool.failed).to_string(),
    ]
}

/// By which paths, in short.
fn paths(findings: Vec<Finding<'_>>, out: &mut dyn Write) -> io::Result<()> {
    let groups = Group::of(findings);
    for group in &groups {
        let counters = &group.counters;
        let mut text = bytes_in(counters.bytes, counters.allocs);
        if counters.failed > 0 {
            text.push_str(&format!(", FAILED {}", Count(counters.failed)));
        }
        let live = match counters.live {
            0 => "nothing live".to_owned(),
            live => format!("{} live in {}", Bytes(counters.live_bytes), Several(live, "page")),
        };
        hanging(out, "  ", 4, &format!("{text}; {live}"))?;
        hanging(out, "      ", 8, &path(group.stack, None))?;
    }
    if groups.is_empty() { Ok(()) } else { writeln!(out) }
}
