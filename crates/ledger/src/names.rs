use std::collections::BTreeMap;

use xenheap_model::TraceFrame;

/// A log can name any number of addresses; an image of Xen has fewer call sites than this.
const MOST: usize = 1 << 16;

/// What Xen's own traces call addresses: hints for logs without an image.
#[derive(Debug, Default)]
pub(crate) struct Names {
    frames: BTreeMap<u64, TraceFrame>,
}

impl Names {
    /// The first name of an address stays.
    pub(crate) fn add(&mut self, frame: &TraceFrame) {
        if let Some(addr) = frame.addr
            && !frame.name.is_empty()
            && !self.frames.contains_key(&addr)
            && self.frames.len() < MOST
        {
            self.frames.insert(addr, frame.clone());
        }
    }

    pub(crate) fn into_map(self) -> BTreeMap<u64, TraceFrame> {
        self.frames
    }
}
