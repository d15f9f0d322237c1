//! For programs; `docs/coverage.md` documents it.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_judge::{Assessment, Standing};
use xenheap_output::write_json;

use super::blocker::{Open, open};
use crate::{Render, coverage::CoverageView};

/// The version of the schema. It rises when something is renamed, removed or means something else;
/// additions leave it.
const SCHEMA: u32 = 1;

/// All of it, as one object.
#[derive(Clone, Copy, Debug, Default)]
pub struct AssessmentJson;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct View<'a> {
    schema: u32,
    result: String,
    supported: bool,
    blockers: Vec<Open<'a>>,
    standings: &'a [Standing],
    unused: &'a [String],
    coverage: CoverageView<'a>,
}

impl Render<Assessment> for AssessmentJson {
    fn render(&self, assessment: &Assessment, out: &mut dyn Write) -> io::Result<()> {
        let view = View {
            schema: SCHEMA,
            result: assessment.result(),
            supported: assessment.supported,
            blockers: open(assessment),
            standings: &assessment.standings,
            unused: &assessment.unused,
            coverage: CoverageView::from(&assessment.coverage),
        };
        write_json(&view, out)
    }
}
