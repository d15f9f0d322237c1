use std::collections::BTreeMap;

use xenheap_model::{Frame, TraceFrame};

/// Names that a log itself contains, from Xen's own call traces: what is known of addresses without
/// an image.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// By start address: end (exclusive) and name.
    functions: BTreeMap<u64, (u64, String)>,
    /// Addresses whose frame names a function without saying where in it.
    exact: BTreeMap<u64, String>,
}

impl Hints {
    /// Takes a frame in. One frame tells the extent of its function, so it names every address in
    /// that function.
    pub fn add(&mut self, frame: &TraceFrame) {
        let Some(addr) = frame.addr else { return };
        if frame.name.is_empty() {
            return;
        }
        match frame.offset {
            Some((offset, size)) if size > 0 && offset <= size => {
                let start = addr.wrapping_sub(offset);
                if let Some(end) = start.checked_add(size) {
                    self.functions.entry(start).or_insert_with(|| (end, frame.name.clone()));
                }
            }
            _ => {
                self.exact.entry(addr).or_insert_with(|| frame.name.clone());
            }
        }
    }

    /// The function around `probe`; `addr` is the address as the trace has it.
    pub(crate) fn name(&self, addr: u64, probe: u64) -> Option<&str> {
        if let Some((_, (end, name))) = self.functions.range(..=probe).next_back()
            && probe < *end
        {
            return Some(name);
        }
        self.exact.get(&addr).map(String::as_str)
    }
}

impl<'a> FromIterator<&'a TraceFrame> for Hints {
    fn from_iter<I: IntoIterator<Item = &'a TraceFrame>>(frames: I) -> Self {
        let mut hints = Hints::default();
        frames.into_iter().for_each(|frame| hints.add(frame));
        hints
    }
}

/// A frame of the name that Xen printed, `file.c#function` or `function`.
pub(crate) fn named_frame(name: &str, addr: Option<u64>) -> Frame {
    let (file, function) = match name.split_once('#') {
        Some((file, function)) if !file.is_empty() => (Some(file.to_owned()), function),
        _ => (None, name),
    };
    Frame { function: function.to_owned(), file, inlined: false, source: None, addr }
}

/// A frame of which nothing but the address is known.
pub(crate) fn nameless_frame(addr: Option<u64>) -> Frame {
    let function = addr.map_or_else(|| "?".to_owned(), |addr| format!("{addr:#x}"));
    Frame { function, file: None, inlined: false, source: None, addr }
}

#[cfg(test)]
mod tests {
    use xenheap_model::Mark;

    use super::*;

    fn frame(addr: u64, name: &str, offset: Option<(u64, u64)>) -> TraceFrame {
        TraceFrame { addr: Some(addr), name: name.to_owned(), offset, mark: Mark::F }
    }

    #[test]
    fn one_frame_names_the_whole_function() {
        let hints: Hints =
            [&frame(0x1010, "a.c#f", Some((0x10, 0x40))), &frame(0x2000, "g", None)].into_iter().collect();
        assert_eq!(hints.name(0x1000, 0xfff), None);
        assert_eq!(hints.name(0x1001, 0x1000), Some("a.c#f"));
        assert_eq!(hints.name(0x1040, 0x103f), Some("a.c#f"), "a return address behind a final call");
        assert_eq!(hints.name(0x1041, 0x1040), None);
        assert_eq!(hints.name(0x2000, 0x1fff), Some("g"));
    }

    #[test]
    fn senseless_offsets_are_harmless() {
        let hints: Hints =
            [&frame(5, "low", Some((10, 20))), &frame(u64::MAX, "high", Some((0, 20)))].into_iter().collect();
        assert_eq!(hints.name(5, 4), None);
        assert_eq!(hints.name(u64::MAX, u64::MAX), None);
    }

    #[test]
    fn the_file_of_a_static_function_is_split_off() {
        let frame = named_frame("x86_64/entry.S#restore_all_guest", None);
        assert_eq!(frame.file.as_deref(), Some("x86_64/entry.S"));
        assert_eq!(frame.function, "restore_all_guest");
        assert_eq!(frame.name(), "x86_64/entry.S#restore_all_guest");
    }
}
