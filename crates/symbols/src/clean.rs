//! Takes the recorder's own traces out of a stack.
//!
//! The recorder renames a function that it watches to `heap_audited_NAME` and defines NAME itself,
//! so a stack has two frames where the source has one call. A reader sees the function once, as if
//! there were no recorder.

use xenheap_model::{Frame, RENAMED, Source, is_recorders, is_static_in_xen};

/// Gives renamed originals their public names back, and makes the pair of a wrapper and its
/// original one frame (that of the original, which is where the reader knows the code). `frames`
/// are root first; `file` tells how the image calls the file of a static function.
pub(crate) fn recorder_frames(frames: Vec<Frame>, file: impl Fn(&Source) -> Option<String>) -> Vec<Frame> {
    if !frames.iter().any(|frame| frame.function.starts_with(RENAMED)) {
        return frames;
    }
    let mut out: Vec<Frame> = Vec::with_capacity(frames.len());
    // Only what stands behind this can be a wrapper: before it originals were found.
    let mut settled = 0;
    for mut frame in frames {
        let Some(public) = frame.function.strip_prefix(RENAMED).map(str::to_owned) else {
            out.push(frame);
            continue;
        };
        if !frame.inlined
            && let Some(at) = wrapper(&out, base(&public)).filter(|at| *at >= settled)
        {
            out.truncate(at);
        }
        if frame.file.is_none() && is_static_in_xen(&public) {
            frame.file = frame.source.as_ref().and_then(&file);
        }
        frame.function = public;
        out.push(frame);
        settled = out.len();
    }
    out
}

/// Where the wrapper of `public` is, if the last frames are those of it: it can have called the
/// original through other functions of the recorder's, inlined or not.
fn wrapper(frames: &[Frame], public: &str) -> Option<usize> {
    let is_wrapper = |frame: &Frame| !frame.inlined && base(&frame.function) == public;
    let at =
        frames.iter().rposition(|frame| is_wrapper(frame) || !frame.inlined && !is_of_recorder(frame))?;
    frames.get(at).is_some_and(is_wrapper).then_some(at)
}

/// Whether a function is one of the recorder's own.
fn is_of_recorder(frame: &Frame) -> bool {
    let place = frame.file.as_ref().or(frame.source.as_ref().map(|source| &source.file));
    place.is_some_and(|file| is_recorders(file))
}

/// The name without what the compiler adds to clones (`.constprop.0`, `.cold`).
fn base(name: &str) -> &str {
    name.split_once('.').map_or(name, |(base, _)| base)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+function` is inlined, `file.c#function` static, `function @ file.c` has a place.
    fn frames(texts: &[&str]) -> Vec<Frame> {
        texts
            .iter()
            .map(|text| {
                let (name, place) = text.split_once(" @ ").map_or((*text, None), |(a, b)| (a, Some(b)));
                let (file, function) = name.split_once('#').map_or((None, name), |(a, b)| (Some(a), b));
                Frame {
                    function: function.trim_start_matches('+').to_owned(),
                    file: file.map(str::to_owned),
                    inlined: function.starts_with('+'),
                    source: place.map(|file| Source { file: file.to_owned(), line: 7 }),
                    addr: None,
                }
            })
            .collect()
    }

    #[track_caller]
    fn check(before: &[&str], after: &[&str]) {
        assert_eq!(recorder_frames(frames(before), |source| Some(source.file.clone())), frames(after));
    }

    #[test]
    fn a_wrapper_and_its_original_are_one_frame() {
        check(&["do_domctl", "assign_pages", "heap_audited_assign_pages"], &["do_domctl", "assign_pages"]);
        check(
            &["a", "domain_create", "+audit", "heap_audited_domain_create.part.0", "b"],
            &["a", "domain_create.part.0", "b"],
        );
        check(
            &[
                "a",
                "f @ common/heap-audit.c",
                "heap-audit.c#within",
                "+x",
                "heap_audited_f @ common/f.c",
                "b",
            ],
            &["a", "f @ common/f.c", "b"],
        );
    }

    #[test]
    fn each_function_in_which_others_run_is_one_frame() {
        check(
            &[
                "pv_hypercall @ common/heap-audit.c",
                "heap_audited_pv_hypercall @ arch/x86/pv/hypercall.c",
                "do_domctl @ common/heap-audit.c",
                "heap_audited_do_domctl @ common/domctl.c",
                "domain_create @ common/heap-audit.c",
                "heap_audited_domain_create @ common/domain.c",
                "arch_domain_create",
            ],
            &[
                "pv_hypercall @ arch/x86/pv/hypercall.c",
                "do_domctl @ common/domctl.c",
                "domain_create @ common/domain.c",
                "arch_domain_create",
            ],
        );
    }

    #[test]
    fn what_the_compiler_split_off_an_original_is_a_frame_of_its_own() {
        check(&["f", "heap_audited_f", "heap_audited_f.part.0"], &["f", "f.part.0"]);
        check(&["f", "heap_audited_f", "f", "heap_audited_f"], &["f", "f"]);
    }

    #[test]
    fn a_static_function_has_its_file_again() {
        check(
            &[
                "complete_domain_destroy @ common/heap-audit.c",
                "heap_audited_complete_domain_destroy @ common/domain.c",
            ],
            &["common/domain.c#complete_domain_destroy @ common/domain.c"],
        );
        check(&["hap_alloc", "heap_audited_hap_alloc"], &["hap_alloc"]);
    }

    #[test]
    fn other_frames_stay() {
        check(&["a", "heap_audited_xfree"], &["a", "xfree"]);
        check(&["f", "f", "g"], &["f", "f", "g"]);
        check(&["xfree", "x", "heap_audited_xfree"], &["xfree", "x", "xfree"]);
        check(&["heap-audit.c#report", "xfree"], &["heap-audit.c#report", "xfree"]);
    }
}
