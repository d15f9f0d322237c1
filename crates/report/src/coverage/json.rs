//! For programs; `docs/coverage.md` documents it.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_judge::coverage::Coverage;

use super::CoverageRenderer;
use crate::AsciiJson;

/// The version of the schema. It rises when something is renamed, removed or means something else; additions leave it.
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

impl CoverageRenderer for CoverageJson {
    fn render(&self, coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
        let mut json = serde_json::Serializer::with_formatter(&mut *out, AsciiJson::default());
        View { schema: SCHEMA, coverage }.serialize(&mut json)?;
        writeln!(out)
    }
}
