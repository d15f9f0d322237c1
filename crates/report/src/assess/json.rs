//! For programs; `docs/coverage.md` documents it.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_judge::Assessment;
use xenheap_output::write_json;

use crate::Render;

/// The version of the schema. It rises when something is renamed, removed or means something else;
/// additions leave it.
const SCHEMA: u32 = 1;

/// All of it, as one object.
#[derive(Clone, Copy, Debug, Default)]
pub struct AssessmentJson;

#[derive(Serialize)]
struct View<'a> {
    schema: u32,
    result: String,
    #[serde(flatten)]
    assessment: &'a Assessment,
}

impl Render<Assessment> for AssessmentJson {
    fn render(&self, assessment: &Assessment, out: &mut dyn Write) -> io::Result<()> {
        write_json(&View { schema: SCHEMA, result: assessment.result(), assessment }, out)
    }
}
