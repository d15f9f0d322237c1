//! Which settings follow.

use std::collections::{BTreeMap, BTreeSet};

use xenheap_model::{Arch, Domain, PAGE_SIZE, Pool};

use crate::{Limit, Payer, Plan, Policy, RunPlan};

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// What domains have of their own, in MiB, as the user says.
pub type Memory = BTreeMap<Domain, u64>;

/// A file with settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum File {
    /// The command line of Xen.
    CommandLine,
    /// A guest's file for `xl`.
    Xl(Domain),
    /// The nodes of guests of Xen's own in the device tree.
    DeviceTree,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it goes.
    pub file: File,
    /// Of which domain.
    pub domain: Domain,
    /// What is set.
    pub setting: Setting,
    /// To what.
    pub value: Value,
    /// Why.
    pub reason: String,
}

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// `memory`, `dom0_mem`.
    Memory,
    /// `shadow_memory`, `xen,domain-p2m-mem-mb`.
    Paging,
    /// `max_grant_frames`, `max_maptrack_frames`, `max_event_channels`.
    Limit(Limit),
}

/// What it is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// MiB.
    MiB(u64),
    /// So many MiB more than it has now, which nobody said.
    More(u64),
    /// A number.
    Number(u64),
}

/// `1 page`, `2 pages`.
fn pages(count: u64) -> String {
    format!("{count} page{}", if count == 1 { "" } else { "s" })
}

fn mib(pages: u64) -> u64 {
    pages.saturating_mul(PAGE_SIZE).div_ceil(MIB)
}

impl Plan {
    /// The settings that follow from what domains need under a policy.
    pub fn configuration(&self, policy: Policy, memory: &Memory) -> Vec<Line> {
        let margin = format!("{} %", self.margin.0);
        let mut lines = Vec::new();
        let arm = self.runs.iter().any(|run| matches!(run.arch, Arch::Arm64 | Arch::Arm32));
        let mut domains: BTreeSet<Domain> =
            self.runs.iter().flat_map(|run| &run.domains).map(|domain| domain.id.domain).collect();
        let worst = self.worst();
        domains.extend(worst.keys().filter_map(|(_, payer)| match payer {
            Payer::Domain(id) => Some(id.domain),
            _ => None,
        }));
        for domain in domains {
            let files: &[File] = match domain {
                Domain::Id(0) => &[File::CommandLine],
                _ if arm => &[File::Xl(domain), File::DeviceTree],
                _ => &[File::Xl(domain)],
            };
            let mut add = |setting: Setting, value: Value, reason: String| {
                for file in files {
                    lines.push(Line { file: *file, domain, setting, value, reason: reason.clone() });
                }
            };
            let payer = Payer::Domain(xenheap_model::DomainId::unknown(domain));
            if let Some(worst) = worst.get(&(policy, payer)) {
                let (seen, planned) = (worst.peak.heap, self.margin.on(worst.peak.heap));
                let heap = format!(
                    "a heap of its own had at most {} (run {}), with {margin} more {planned}: {} MiB",
                    pages(seen),
                    worst.run,
                    mib(planned)
                );
                let own = memory.get(&domain).copied().or_else(|| self.dom0_memory(domain));
                let (value, reason) = match own {
                    Some(own) => {
                        (Value::MiB(own.saturating_add(mib(planned))), format!("{own} MiB, and {heap}"))
                    }
                    None => (Value::More(mib(planned)), heap),
                };
                add(Setting::Memory, value, reason);
            }
            if let Some((value, reason)) = self.paging(domain) {
                add(Setting::Paging, value, reason);
            }
            for limit in Limit::ALL {
                if let Some((value, reason)) = self.limit(limit, domain) {
                    add(Setting::Limit(limit), value, reason);
                }
            }
        }
        lines.sort_by_key(|line| (line.file, line.domain, line.setting));
        lines
    }

    /// What dom0 has, in MiB, by the pages of all domains when it was the only one.
    fn dom0_memory(&self, domain: Domain) -> Option<u64> {
        let pages = self.runs.iter().filter_map(|run| run.dom0_pages).max();
        pages.filter(|_| domain == Domain::Id(0)).map(mib)
    }

    /// The pool of a domain's page tables.
    fn paging(&self, domain: Domain) -> Option<(Value, String)> {
        // Where nobody saw what is taken from a pool, that none was taken says nothing.
        let unseen = |run: &RunPlan, pool: &Pool| {
            pool.takes == 0 && run.lacks.iter().any(|part| part.starts_with("pools-"))
        };
        let pools: Vec<Pool> = self
            .runs
            .iter()
            .flat_map(|run| run.domains.iter().map(move |account| (run, account)))
            .filter(|(_, account)| account.id.domain == domain)
            .filter_map(|(run, account)| account.pool.filter(|pool| pool.size > 0 && !unseen(run, pool)))
            .collect();
        // The pool can have been smaller when the fewest were left in it: never more were in use
        // than were ever taken.
        let used = |pool: &Pool| pool.takes.min(pool.size.saturating_sub(pool.low));
        let most = pools.iter().map(used).max()?;
        let size = pools.iter().map(|pool| pool.size).max()?;
        let failed: u64 = pools.iter().map(|pool| pool.failed).sum();
        let base = if failed > 0 { size } else { most };
        let planned = self.margin.on(base);
        let had = format!("its pool of page tables had {}", pages(size));
        let reason = match failed {
            0 => {
                format!("{had}, of which at most {most} were in use; with {} % more {planned}", self.margin.0)
            }
            _ => format!(
                "{had}, and {failed} requests found it empty; with {} % more {planned}",
                self.margin.0
            ),
        };
        Some((Value::MiB(mib(planned).max(1)), reason))
    }

    fn limit(&self, limit: Limit, domain: Domain) -> Option<(Value, String)> {
        let seen = |of: &&(Limit, xenheap_model::DomainId)| of.0 == limit && of.1.domain == domain;
        let all = self.runs.iter().flat_map(|run| run.limits.iter());
        let most = all.filter(|(of, _)| seen(of)).map(|(_, most)| *most).max();
        let (what, most) = match (limit, most, domain) {
            // Those of dom0 are for all domains, and its own frames were made before recording.
            (Limit::GrantFrames | Limit::EventChannels, _, Domain::Id(0)) => return None,
            (Limit::GrantFrames, most, _) => ("grant frames: so many can its pages be", most?),
            (Limit::EventChannels, most, _) => ("event channels: so many can its buckets hold", most?),
            // A domain that was seen to be created, and maps nothing, needs none.
            (Limit::MaptrackFrames, None, Domain::Id(0)) => return None,
            (Limit::MaptrackFrames, None, _) => {
                self.runs.iter().flat_map(|run| &run.domains).find(|account| account.id.domain == domain)?;
                return Some((Value::Number(0), "it mapped no grant of another domain".to_owned()));
            }
            (Limit::MaptrackFrames, Some(most), _) => ("frames for the grants that it mapped", most),
        };
        let planned = self.margin.on(most);
        Some((Value::Number(planned), format!("at most {most} {what}; with {} % more", self.margin.0)))
    }
}
