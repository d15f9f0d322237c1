//! What is bounded by a setting of its own, and how much of it was needed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use xenheap_ledger::Intervals;
use xenheap_model::{Domain, DomainId, Kind, Op, PAGE_SIZE, Stack, StackId};

use crate::trace::Trace;

/// Something that a setting bounds for each domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Frames of a domain's grant table.
    GrantFrames,
    /// Frames in which a domain's mappings of others' grants are kept.
    MaptrackFrames,
    /// Event channels.
    EventChannels,
}

impl Limit {
    /// All of them.
    pub const ALL: [Limit; 3] = [Limit::GrantFrames, Limit::MaptrackFrames, Limit::EventChannels];

    /// The function of Xen that allocates for it, and for nothing else.
    pub fn function(self) -> &'static str {
        match self {
            Limit::GrantFrames => "gnttab_grow_table",
            Limit::MaptrackFrames => "get_maptrack_handle",
            Limit::EventChannels => "alloc_evtchn_bucket",
        }
    }

    /// How many of it so much memory can be: `pages`, and `blocks` of xmalloc.
    fn at_most(self, pages: u64, blocks: u64) -> u64 {
        match self {
            // With each frame come one or more in which Xen notes what of it is in use.
            Limit::GrantFrames => pages / 2,
            Limit::MaptrackFrames => pages,
            // A bucket is at most a page, and a channel takes more than 32 bytes, rounded up to a power of two.
            Limit::EventChannels => blocks * (PAGE_SIZE / 64),
        }
    }
}

/// The most that each domain had of each at one time, as far as allocations at run time tell.
pub fn limits(trace: &Trace, stacks: &BTreeMap<StackId, Stack>) -> BTreeMap<(Limit, DomainId), u64> {
    let of_stack: BTreeMap<StackId, Limit> = stacks
        .iter()
        .filter_map(|(id, stack)| {
            let called: BTreeSet<&str> =
                stack.frames.iter().map(|frame| xenheap_model::clean(&frame.function)).collect();
            Some((*id, Limit::ALL.into_iter().find(|limit| called.contains(limit.function()))?))
        })
        .collect();
    let mut blocks: BTreeMap<u64, (Limit, DomainId)> = BTreeMap::new();
    let mut pages: Intervals<(Limit, DomainId)> = Intervals::default();
    let mut now: BTreeMap<(Limit, DomainId), (u64, u64)> = BTreeMap::new();
    let mut most: BTreeMap<(Limit, DomainId), u64> = BTreeMap::new();
    for step in &trace.steps {
        let end = step.addr.saturating_add(step.size.unwrap_or(PAGE_SIZE));
        match (step.op, step.key.kind) {
            (Op::Free, Kind::Xmalloc) => {
                if let Some(of) = blocks.remove(&step.addr)
                    && let Some((_, blocks)) = now.get_mut(&of)
                {
                    *blocks = blocks.saturating_sub(1);
                }
            }
            (Op::Free, _) => {
                let mut cuts = Vec::new();
                pages.cut(step.addr, end, &mut cuts);
                for cut in cuts {
                    if let Some((pages, _)) = now.get_mut(&cut.value) {
                        *pages = pages.saturating_sub(cut.len / PAGE_SIZE);
                    }
                }
            }
            (Op::Alloc, kind) => {
                let Some(limit) = of_stack.get(&step.key.stack) else { continue };
                let allocation = trace.allocation(step);
                let domain = allocation.owner.or(allocation.late).unwrap_or(allocation.current);
                if !matches!(domain.domain, Domain::Id(_)) {
                    continue;
                }
                let of = (*limit, domain);
                let (of_pages, of_blocks) = now.entry(of).or_default();
                if kind == Kind::Xmalloc {
                    blocks.insert(step.addr, of);
                    *of_blocks += 1;
                } else {
                    pages.insert(step.addr, end - step.addr, of);
                    *of_pages += (end - step.addr) / PAGE_SIZE;
                }
                let at_most = limit.at_most(*of_pages, *of_blocks);
                let most = most.entry(of).or_default();
                *most = at_most.max(*most);
            }
            _ => {}
        }
    }
    most
}
