//! Takes the recorder's own traces out of a stack.

use xenheap_model::Frame;

/// What the recorder puts before the name of an original that it wraps.
const RENAMED: &str = "heap_audited_";

/// Gives renamed originals their public names back, and makes the pair of a wrapper and its original one frame (that of
/// the original, which is where the reader knows the code). `frames` are root first.
pub(crate) fn recorder_frames(frames: Vec<Frame>) -> Vec<Frame> {
    if !frames.iter().any(|frame| frame.function.starts_with(RENAMED)) {
        return frames;
    }
    let mut out: Vec<Frame> = Vec::with_capacity(frames.len());
    for mut frame in frames {
        if let Some(public) = frame.function.strip_prefix(RENAMED) {
            let public = public.to_owned();
            let wrapper = out.iter().rposition(|frame| !frame.inlined);
            if let Some(at) = wrapper
                && !frame.inlined
                && out.get(at).is_some_and(|wrapper| base(&wrapper.function) == base(&public))
            {
                out.truncate(at);
            }
            frame.function = public;
        }
        out.push(frame);
    }
    out
}

/// The name without what the compiler adds to clones (`.constprop.0`, `.cold`).
fn base(name: &str) -> &str {
    name.split_once('.').map_or(name, |(base, _)| base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(names: &[&str]) -> Vec<Frame> {
        names
            .iter()
            .map(|name| Frame {
                function: name.trim_start_matches('+').to_owned(),
                file: None,
                inlined: name.starts_with('+'),
                source: None,
                addr: None,
            })
            .collect()
    }

    #[track_caller]
    fn check(before: &[&str], after: &[&str]) {
        assert_eq!(recorder_frames(frames(before)), frames(after));
    }

    #[test]
    fn a_wrapper_and_its_original_are_one_frame() {
        check(&["do_domctl", "assign_pages", "heap_audited_assign_pages"], &["do_domctl", "assign_pages"]);
        check(
            &["a", "domain_create", "+audit", "heap_audited_domain_create.part.0", "b"],
            &["a", "domain_create.part.0", "b"],
        );
    }

    #[test]
    fn other_frames_stay() {
        check(&["a", "heap_audited_xfree"], &["a", "xfree"]);
        check(&["f", "f", "g"], &["f", "f", "g"]);
        check(&["xfree", "x", "heap_audited_xfree"], &["xfree", "x", "xfree"]);
    }
}
