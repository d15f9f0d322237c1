use std::collections::HashMap;

use xenheap_model::{Arch, Frame, Mark, Pc, RawStack, Source, Stack, TraceFrame};

use crate::{
    Hints, Image, clean,
    hints::{named_frame, nameless_frame},
};

/// Makes stacks with names, remembering what it looked up.
#[derive(Debug)]
pub struct Symbolizer {
    image: Option<Image>,
    hints: Hints,
    /// What to subtract from an address of the run to get that of the image.
    slide: u64,
    known: HashMap<Pc, Vec<Frame>>,
}

impl Symbolizer {
    /// `text` is where the log's header says that Xen's text is; an image that is linked elsewhere
    /// is moved there.
    pub fn new(image: Option<Image>, hints: Hints, text: Option<(u64, u64)>) -> Self {
        let linked = image.as_ref().and_then(Image::text);
        let slide = match (text, linked) {
            (Some((run, _)), Some((image, _))) => run.wrapping_sub(image),
            _ => 0,
        };
        Symbolizer { image, hints, slide, known: HashMap::new() }
    }

    /// The image, if there is one.
    pub fn image(&self) -> Option<&Image> {
        self.image.as_ref()
    }

    /// The architecture, if an image tells it.
    pub fn arch(&self) -> Option<Arch> {
        self.image.as_ref().map(Image::arch)
    }

    /// The stack with names, root first.
    pub fn stack(&mut self, raw: &RawStack) -> Stack {
        let (frames, truncated, hash, uncertain) = match raw {
            RawStack::Addresses { hash, pcs, truncated } => {
                let frames = pcs.iter().rev().flat_map(|pc| self.frames(*pc)).collect();
                (frames, *truncated, Some(*hash), None)
            }
            RawStack::Trace { frames, uncertain } => {
                let frames = frames.iter().rev().flat_map(|frame| self.printed(frame)).collect();
                (frames, false, None, *uncertain)
            }
        };
        let file = |source: &Source| self.image.as_ref()?.file(&source.file).map(str::to_owned);
        Stack { frames: clean::recorder_frames(frames, file), truncated, hash, uncertain }
    }

    fn frames(&mut self, pc: Pc) -> Vec<Frame> {
        if let Some(frames) = self.known.get(&pc) {
            return frames.clone();
        }
        let frames = match &self.image {
            Some(image) => {
                let linked = Pc { addr: pc.addr.wrapping_sub(self.slide), exact: pc.exact };
                let mut frames = image.frames(linked);
                // Reports and later look-ups speak of the addresses of the run.
                frames.iter_mut().for_each(|frame| frame.addr = Some(pc.addr));
                match frames.as_slice() {
                    [only] if only.function.starts_with("0x") => vec![nameless_frame(Some(pc.addr))],
                    _ => frames,
                }
            }
            None => {
                let probe = if pc.exact { pc.addr } else { pc.addr.wrapping_sub(1) };
                vec![match self.hints.name(pc.addr, probe) {
                    Some(name) => named_frame(name, Some(pc.addr)),
                    None => nameless_frame(Some(pc.addr)),
                }]
            }
        };
        self.known.insert(pc, frames.clone());
        frames
    }

    /// A frame that Xen printed with a name. An image adds lines and inlined functions, but only
    /// where it agrees with the name in the log: such logs do not say which image made them.
    fn printed(&mut self, frame: &TraceFrame) -> Vec<Frame> {
        let Some(addr) = frame.addr else {
            return vec![if frame.name.is_empty() {
                nameless_frame(None)
            } else {
                named_frame(&frame.name, None)
            }];
        };
        if let Some(image) = &self.image {
            let printed = image.name(addr.wrapping_sub(self.slide));
            if frame.name.is_empty() || printed.as_deref() == Some(frame.name.as_str()) {
                return self.frames(Pc { addr, exact: matches!(frame.mark, Mark::R | Mark::Pc) });
            }
        }
        if frame.name.is_empty() {
            return self.frames(Pc { addr, exact: matches!(frame.mark, Mark::R | Mark::Pc) });
        }
        vec![named_frame(&frame.name, Some(addr))]
    }
}
