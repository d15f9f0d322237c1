//! For programs.

use std::io::{self, Write};

use xenheap_model::sweep::Sweep;
use xenheap_output::write_json;

use crate::Render;

/// All of it, as one object.
#[derive(Clone, Copy, Debug, Default)]
pub struct SweepJson;

impl Render<Sweep> for SweepJson {
    fn render(&self, sweep: &Sweep, out: &mut dyn Write) -> io::Result<()> {
        write_json(sweep, out)
    }
}
