//! A picture.

use std::io::{self, Write};

use xenheap_plan::Plan;

use super::{PlanRenderer, Question};

/// A picture of each domain's curve.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanSvg;

impl PlanRenderer for PlanSvg {
    fn render(&self, _plan: &Plan, _question: &Question, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)
    }
}
