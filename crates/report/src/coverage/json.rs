//! For programs; `docs/coverage.md` documents it.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_judge::coverage::Coverage;
use xenheap_output::write_json;

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
    coverage: &'a Coverage,
}

impl Render<Coverage> for CoverageJson {
    fn render(&self, coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
        write_json(&View { schema: SCHEMA, coverage }, out)
    }
}
