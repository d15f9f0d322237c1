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
            // A bucket is at most a page, and a channel takes more than 32 bytes, rounded up to a
            // power of two.
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
    // With the pages that a vmalloc is.
    let mut blocks: BTreeMap<(Kind, u64), ((Limit, DomainId), u64)> = BTreeMap::new();
    let mut pages: Intervals<(Limit, DomainId)> = Intervals::default();
    let mut now: BTreeMap<(Limit, DomainId), (u64, u64)> = BTreeMap::new();
    let mut most: BTreeMap<(Limit, DomainId), u64> = BTreeMap::new();
    for step in &trace.steps {
        let end = step.addr.saturating_add(step.size.unwrap_or(PAGE_SIZE));
        match (step.op, step.key.kind) {
            (Op::Free, kind) if kind.is_block() => {
                if let Some((of, its_pages)) = blocks.remove(&(kind, step.addr))
                    && let Some((pages, blocks)) = now.get_mut(&of)
                {
                    *pages = pages.saturating_sub(its_pages);
                    *blocks = blocks.saturating_sub(u64::from(kind == Kind::Xmalloc));
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
                if kind.is_block() {
                    let is_xmalloc = kind == Kind::Xmalloc;
                    let used = step.used.or(step.size).filter(|_| !is_xmalloc);
                    let its_pages = used.unwrap_or(0).div_ceil(PAGE_SIZE);
                    blocks.insert((kind, step.addr), (of, its_pages));
                    *of_pages = of_pages.saturating_add(its_pages);
                    *of_blocks += u64::from(is_xmalloc);
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

#[cfg(test)]
mod tests {
    use xenheap_judge::Key;
    use xenheap_model::{Charge, Frame};

    use super::*;
    use crate::trace::Step;

    #[test]
    fn the_most_at_one_time_counts() {
        let function = |name: &str| {
            let frame =
                Frame { function: name.to_owned(), file: None, inlined: false, source: None, addr: None };
            Stack { frames: vec![frame], ..Stack::default() }
        };
        let names = ["gnttab_grow_table", "get_maptrack_handle.isra.0", "alloc_evtchn_bucket", "other"];
        let stacks = (1..).map(StackId).zip(names.map(function)).collect();
        let d1 = DomainId { domain: Domain::Id(1), generation: 2 };
        let mut trace = Trace::new();
        let mut step = |op: Op, kind: Kind, stack: u32, page: u64, pages: u64| {
            let seq = trace.steps.len() as u64 + 1;
            trace.steps.push(Step {
                seq,
                time: seq,
                op,
                addr: page * PAGE_SIZE,
                size: Some(pages * PAGE_SIZE),
                used: None,
                key: Key { stack: StackId(stack), kind, charge: Charge::Nobody },
                current: DomainId::unknown(Domain::Id(0)),
                owner: Some(d1),
                in_call: true,
                cannot_pay: false,
                bound: false,
            });
        };
        // A table of one frame, six active ones; all freed in one record, and two frames with two
        // active ones later.
        (0..7).for_each(|page| step(Op::Alloc, Kind::Xenheap, 1, page, 1));
        step(Op::Free, Kind::Xenheap, 4, 0, 7);
        (0..4).for_each(|page| step(Op::Alloc, Kind::Xenheap, 1, page, 1));
        step(Op::Alloc, Kind::Xenheap, 2, 20, 1);
        (30..33).for_each(|page| step(Op::Alloc, Kind::Xmalloc, 3, page, 1));
        step(Op::Free, Kind::Xmalloc, 4, 30, 1);
        step(Op::Alloc, Kind::Xmalloc, 3, 30, 1);
        step(Op::Alloc, Kind::Xmalloc, 4, 40, 1);
        // A vmalloc is its pages.
        step(Op::Alloc, Kind::Vmalloc, 2, 50, 2);
        step(Op::Free, Kind::Vmalloc, 4, 50, 2);
        step(Op::Alloc, Kind::Vmalloc, 2, 50, 1);
        let expected = [(Limit::GrantFrames, 3), (Limit::MaptrackFrames, 3), (Limit::EventChannels, 3 * 64)];
        assert_eq!(limits(&trace, &stacks), expected.map(|(limit, most)| ((limit, d1), most)).into());
    }
}
