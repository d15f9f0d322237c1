//! For programs: `summary.json`.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_output::write_json;

use super::Summary;
use crate::Render;

/// Version of `summary.json`.
const SCHEMA: u32 = 1;

/// All of it, as one object.
#[derive(Clone, Copy, Debug, Default)]
pub struct SummaryJson;

#[derive(Serialize)]
struct View<'a> {
    schema: u32,
    #[serde(flatten)]
    summary: &'a Summary,
}

impl Render<Summary> for SummaryJson {
    fn render(&self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        write_json(&View { schema: SCHEMA, summary }, out)
    }
}
