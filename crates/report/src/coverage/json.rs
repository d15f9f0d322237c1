//! For programs; `docs/coverage.md` documents it.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_judge::coverage::{
    Calls, Configuration, Counts, Coverage, CoveredEntry, Funnel, Next, Pairs, RunSummary, Site,
};
use xenheap_model::Untold;
use xenheap_output::write_json;

use super::{NoteText, note_texts};
use crate::Render;

/// The version of the schema. It rises when something is renamed, removed or means something else;
/// additions leave it.
const SCHEMA: u32 = 1;

/// All of it, as one object.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoverageJson;

#[derive(Serialize)]
struct View<'a> {
    schema: u32,
    #[serde(flatten)]
    coverage: CoverageView<'a>,
}

/// What runs show of a graph.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct CoverageView<'a> {
    configuration: &'a Configuration,
    runs: &'a [RunSummary],
    notes: Vec<NoteText>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    untold: &'a [Untold],
    pairs: &'a Pairs,
    counts: &'a Counts,
    sites: &'a [Site],
    entries: &'a [CoveredEntry],
    funnels: &'a [Funnel],
    calls: &'a Calls,
    next: &'a [Next],
    assumptions: &'a [String],
}

impl<'a> From<&'a Coverage> for CoverageView<'a> {
    fn from(coverage: &'a Coverage) -> Self {
        CoverageView {
            configuration: &coverage.configuration,
            runs: &coverage.runs,
            notes: note_texts(&coverage.notes),
            untold: &coverage.untold,
            pairs: &coverage.pairs,
            counts: &coverage.counts,
            sites: &coverage.sites,
            entries: &coverage.entries,
            funnels: &coverage.funnels,
            calls: &coverage.calls,
            next: &coverage.next,
            assumptions: &coverage.assumptions,
        }
    }
}

impl Render<Coverage> for CoverageJson {
    fn render(&self, coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
        write_json(&View { schema: SCHEMA, coverage: coverage.into() }, out)
    }
}
