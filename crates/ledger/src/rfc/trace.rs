use std::collections::BTreeMap;

use xenheap_model::{AllocatorRole, Doubt, Mark, RawStack, RfcOp, StackId, TraceFrame, Uncertain};

use crate::hash::FoldMap;

/// A log without tags can hold any number of imitated stacks: more than these are not told apart.
const MOST: usize = 1 << 20;

/// The distinct traces of a log. A trace that is in doubt is another one than the same without
/// doubt.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    ids: FoldMap<(Vec<TraceFrame>, Option<Doubt>), (StackId, u64)>,
}

impl Traces {
    /// The number of a trace, [`StackId::UNKNOWN`] for an empty one.
    pub(crate) fn id_of(&mut self, trace: Vec<TraceFrame>, uncertain: Option<Uncertain>) -> StackId {
        let key = (trace, uncertain.map(|uncertain| uncertain.why));
        if let Some(&(id, _)) = self.ids.get(&key) {
            return id;
        }
        if key.0.is_empty() || self.ids.len() >= MOST {
            return StackId::UNKNOWN;
        }
        let id = StackId(self.ids.len() as u32 + 1);
        self.ids.insert(key, (id, uncertain.map_or(0, |uncertain| uncertain.line)));
        id
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn into_map(self) -> BTreeMap<StackId, RawStack> {
        let stack = |((frames, why), (id, line)): ((_, Option<Doubt>), _)| {
            (id, RawStack::Trace { frames, uncertain: why.map(|why| Uncertain { why, line }) })
        };
        self.ids.into_iter().map(stack).collect()
    }
}

/// On Arm the first two lines of a trace are the program counter and the link register. After the
/// function made a call of its own, the link register still points into it; before, it is often
/// what the function saved first as well. Either way the same frame is told twice.
pub(crate) fn without_double(mut trace: Vec<TraceFrame>) -> Vec<TraceFrame> {
    let double = match trace.as_slice() {
        [pc, lr, rest @ ..] if pc.mark == Mark::Pc && lr.mark == Mark::Lr => {
            let stays = if pc.name.is_empty() { pc.addr == lr.addr } else { pc.name == lr.name };
            let saved = |first: &TraceFrame| {
                first.mark == Mark::None
                    && first.addr.is_some()
                    && (first.addr, &first.name) == (lr.addr, &lr.name)
            };
            stays || rest.first().is_some_and(saved)
        }
        _ => false,
    };
    if double {
        trace.remove(1);
    }
    trace
}

/// The allocators that a trace goes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Through {
    pub xenheap: bool,
    pub xmalloc: bool,
    pub whole_pages: bool,
    pub pool_grows: bool,
    pub xfree: bool,
    pub pool_shrinks: bool,
    pub xenheap_free: bool,
}

impl Through {
    pub(crate) fn of(trace: &[TraceFrame]) -> Self {
        let mut through = Through::default();
        for frame in trace {
            let name = function(&frame.name);
            match AllocatorRole::of(name) {
                Some(AllocatorRole::Xenheap) => through.xenheap = true,
                Some(AllocatorRole::Xmalloc) => through.xmalloc = true,
                Some(AllocatorRole::XmallocStep) if name == RfcOp::XmallocWholePages.as_str() => {
                    through.whole_pages = true;
                }
                Some(AllocatorRole::XmallocStep) => through.pool_grows = true,
                Some(AllocatorRole::XmallocFree) => through.xfree = true,
                Some(AllocatorRole::XmallocFreeStep) => through.pool_shrinks = true,
                Some(AllocatorRole::XenheapFree) => through.xenheap_free = true,
                _ => {}
            }
        }
        through
    }
}

/// `xmalloc_tlsf.c#xmalloc_whole_pages.isra.0` is `xmalloc_whole_pages`.
fn function(name: &str) -> &str {
    let name = name.rsplit_once('#').map_or(name, |(_, function)| function);
    name.split_once('.').map_or(name, |(function, _)| function)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str, addr: u64, mark: Mark) -> TraceFrame {
        TraceFrame { addr: Some(addr), name: name.to_owned(), offset: None, mark }
    }

    #[test]
    fn arm_tells_its_last_frame_twice() {
        let caller = frame("_xzalloc", 9, Mark::None);
        let pc = frame("_xmalloc", 1, Mark::Pc);
        for lr in [frame("_xmalloc", 1, Mark::Lr), frame("_xmalloc", 5, Mark::Lr)] {
            assert_eq!(without_double(vec![pc.clone(), lr, caller.clone()]), [pc.clone(), caller.clone()]);
        }
        let saved = frame("_xzalloc", 9, Mark::Lr);
        assert_eq!(without_double(vec![pc.clone(), saved, caller.clone()]), [pc.clone(), caller.clone()]);
        let recursive = [pc.clone(), frame("_xzalloc", 8, Mark::Lr), caller];
        assert_eq!(without_double(recursive.to_vec()), recursive);
        let other = frame("xmem_pool_alloc", 3, Mark::Lr);
        assert_eq!(without_double(vec![pc.clone(), other.clone()]), [pc, other]);
        let recursive = [frame("f", 1, Mark::R), frame("f", 1, Mark::F)];
        assert_eq!(without_double(recursive.to_vec()), recursive);
        let nameless = [frame("", 1, Mark::Pc), frame("", 2, Mark::Lr)];
        assert_eq!(without_double(nameless.to_vec()), nameless);
    }

    #[test]
    fn names_are_compared_without_file_and_suffix() {
        assert_eq!(function("xmalloc_tlsf.c#xmalloc_whole_pages.isra.0"), "xmalloc_whole_pages");
        assert_eq!(function("xfree.part.0"), "xfree");
        assert_eq!(function("xfree"), "xfree");
    }

    #[test]
    fn equal_traces_are_one_stack() {
        let mut traces = Traces::default();
        let trace = vec![frame("f", 1, Mark::R)];
        let mixed = |line| Some(Uncertain { why: Doubt::Mixed, line });
        assert_eq!(traces.id_of(Vec::new(), mixed(3)), StackId::UNKNOWN);
        assert_eq!(traces.id_of(trace.clone(), None), StackId(1));
        assert_eq!(traces.id_of(trace.clone(), None), StackId(1));
        assert_eq!(traces.id_of(vec![frame("f", 2, Mark::R)], None), StackId(2));
        assert_eq!(traces.id_of(trace.clone(), mixed(7)), StackId(3));
        assert_eq!(traces.id_of(trace.clone(), mixed(9)), StackId(3));
        let stacks = traces.into_map();
        let first = RawStack::Trace { frames: trace.clone(), uncertain: None };
        assert_eq!(stacks.get(&StackId(1)), Some(&first));
        assert_eq!(stacks.get(&StackId(3)), Some(&RawStack::Trace { frames: trace, uncertain: mixed(7) }));
    }
}
