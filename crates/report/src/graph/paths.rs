//! The ways that calls can take, counted and listed.

mod json;
mod text;

use xenheap_callgraph::{Names, View};
use xenheap_paths::{Count, Paths};

pub use json::PathsJson;
pub use text::PathsText;

use super::LeftOut;

/// Paths, not listed yet: real ones are too many to be kept.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    /// The paths.
    pub paths: &'a Paths,
    /// The view that they are of.
    pub view: &'a View<'a>,
    /// How its functions are called.
    pub names: &'a Names<'a>,
    /// Names of the functions that they start from; none: where nothing calls.
    pub from: &'a [String],
    /// Names of the functions that they lead to; none: what calls nothing.
    pub to: &'a [String],
    /// How many there are.
    pub count: &'a Count,
    /// Functions that lead there though no path starts before them.
    pub unrooted: usize,
    /// What this does not cover.
    pub left_out: LeftOut<'a>,
    /// So many are shown; 0: all.
    pub limit: u64,
}

/// What a path takes of the stack, function by function.
#[derive(Default)]
struct Used {
    bytes: u64,
    /// Whether it can be more: a function's use is not known, or depends on what happens.
    open: bool,
}

impl Used {
    fn add(&mut self, view: &View<'_>, node: u32) {
        match view.function(node).and_then(|function| function.stack) {
            Some(stack) => {
                self.bytes += u64::from(stack.bytes);
                self.open |= stack.dynamic;
            }
            None => self.open = true,
        }
    }
}
