use std::io::{self, Write};

use serde::Serialize;
use xenheap_judge::{Change, EntryPoint, Side};
use xenheap_model::{Charge, Kind, Untold};
use xenheap_output::write_json;

use super::Compared;
use crate::Render;

/// For programs; `docs/json-format.md` documents it.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiffJson;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct View<'a> {
    schema: u32,
    old: &'a str,
    new: &'a str,
    same: usize,
    #[serde(skip_serializing_if = "is_zero")]
    apart: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    untold: &'a [Untold],
    #[serde(skip_serializing_if = "is_certain")]
    uncertain: UncertainView,
    changed: Vec<ChangedView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ChangedView<'a> {
    changes: &'a [Change],
    #[serde(flatten)]
    point: &'a EntryPoint,
    kind: Kind,
    charge: Charge,
    old: Option<Side>,
    new: Option<Side>,
    stack: &'a [String],
}

/// How many paths of each run may not be what happened.
#[derive(Serialize)]
struct UncertainView {
    old: usize,
    new: usize,
}

fn is_certain(uncertain: &UncertainView) -> bool {
    (uncertain.old, uncertain.new) == (0, 0)
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Render<Compared<'_>> for DiffJson {
    fn render(&self, compared: &Compared<'_>, out: &mut dyn Write) -> io::Result<()> {
        let Compared { names: [old, new], diff } = *compared;
        let changed = diff.changed.iter().map(|one| ChangedView {
            changes: &one.changes,
            point: &one.point,
            kind: one.kind,
            charge: one.charge,
            old: one.old,
            new: one.new,
            stack: &one.stack,
        });
        let [uncertain_old, uncertain_new] = diff.uncertain;
        let view = View {
            schema: 1,
            old,
            new,
            same: diff.same,
            apart: diff.apart,
            untold: &diff.untold,
            uncertain: UncertainView { old: uncertain_old, new: uncertain_new },
            changed: changed.collect(),
        };
        write_json(&view, out)
    }
}
