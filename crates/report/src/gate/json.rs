//! The gate's answer for programs.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_judge::{Case, Code, Gate};
use xenheap_model::{Charge, Kind, Uncertain, Untold};
use xenheap_output::write_json;

use super::{doubtful, problems};
use crate::Render;

/// For programs; `docs/json-format.md` documents it.
#[derive(Clone, Copy, Debug, Default)]
pub struct GateJson;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct View<'a> {
    schema: u32,
    passes: bool,
    runs: Vec<RunView<'a>>,
    problems: Vec<ProblemView<'a>>,
    unused: Vec<UnusedView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    untold: &'a [Untold],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    uncertain: Vec<DoubtfulView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DoubtfulView<'a> {
    run: &'a str,
    passes: bool,
    #[serde(flatten)]
    finding: FindingView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RunView<'a> {
    name: &'a str,
    findings: usize,
    refused: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ProblemView<'a> {
    code: Code,
    run: Option<&'a str>,
    what: &'a str,
    next: &'a str,
    fingerprint: String,
    finding: Option<FindingView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct FindingView<'a> {
    kind: Kind,
    charge: Charge,
    function: &'a str,
    stack: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uncertain: Option<Uncertain>,
}

impl<'a> FindingView<'a> {
    fn new(case: &'a Case) -> Self {
        FindingView {
            kind: case.kind,
            charge: case.charge,
            function: &case.judgement.point.function,
            stack: case.frames.0.iter().map(|frame| frame.function.as_str()).collect(),
            uncertain: case.uncertain,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct UnusedView<'a> {
    id: &'a str,
    against: &'a [String],
}

impl Render<Gate> for GateJson {
    fn render(&self, gate: &Gate, out: &mut dyn Write) -> io::Result<()> {
        let problems = problems(gate);
        let runs = gate.runs.iter().map(|run| RunView {
            name: &run.name,
            findings: run.cases.len(),
            refused: run.cases.iter().filter(|case| !case.refusals.is_empty()).count(),
        });
        let view = View {
            schema: 1,
            passes: gate.passes(),
            runs: runs.collect(),
            problems: problems
                .iter()
                .map(|problem| ProblemView {
                    code: problem.code(),
                    run: problem.run,
                    what: &problem.what,
                    next: &problem.next,
                    fingerprint: problem.fingerprint(),
                    finding: problem.case.map(FindingView::new),
                })
                .collect(),
            unused: gate
                .unused
                .iter()
                .map(|entry| UnusedView { id: &entry.id, against: &entry.against })
                .collect(),
            untold: &gate.untold,
            uncertain: doubtful(gate)
                .iter()
                .map(|one| DoubtfulView {
                    run: one.run,
                    passes: one.passes(),
                    finding: FindingView::new(one.case),
                })
                .collect(),
        };
        write_json(&view, out)
    }
}
