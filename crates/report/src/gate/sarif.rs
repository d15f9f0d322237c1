//! SARIF 2.1.0, for code scanning.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde_sarif::sarif::{
    ArtifactLocation, Invocation, Location, LogicalLocation, Message, MultiformatMessageString, Notification,
    PhysicalLocation, Region, ReportingDescriptor, Result as SarifResult, ResultLevel, Run,
    Sarif as Document, Tool, ToolComponent,
};
use xenheap_judge::{Code, Gate};
use xenheap_output::write_json;

use super::{Problem, UNCERTAIN, doubtful, problems, refusal::describe};
use crate::Render;

/// For code scanning on GitHub and elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sarif;

impl Render<Gate> for Sarif {
    fn render(&self, gate: &Gate, out: &mut dyn Write) -> io::Result<()> {
        let rules: Vec<ReportingDescriptor> = Code::ALL
            .iter()
            .map(|code| {
                let text = MultiformatMessageString::builder().text(describe(*code)).build();
                ReportingDescriptor::builder().id(code.as_str()).short_description(text).build()
            })
            .collect();
        let driver =
            ToolComponent::builder().name("xenheap").version(env!("CARGO_PKG_VERSION")).rules(rules).build();
        let results: Vec<SarifResult> = problems(gate).iter().map(result).collect();
        let mut run = Run::builder().tool(Tool::builder().driver(driver).build()).results(results).build();
        let notes = gate.untold.iter().map(|untold| ("note", untold.line()));
        // Those that are refused say so in their results.
        let passing = doubtful(gate).into_iter().filter(|one| one.passes());
        let passing: Vec<_> =
            passing.map(|one| ("warning", format!("{UNCERTAIN}: {}", one.line()))).collect();
        let notes = notes.chain(passing).map(|(level, text)| {
            let message = Message::builder().text(text).build();
            Notification::builder().level(serde_json::Value::from(level)).message(message).build()
        });
        let notes: Vec<_> = notes.collect();
        if !notes.is_empty() {
            let invocation = Invocation::builder().execution_successful(true);
            let invocation = invocation.tool_execution_notifications(notes).build();
            run.invocations = Some(vec![invocation]);
        }
        let document = Document::builder().version("2.1.0").runs(vec![run]).build();
        let document = serde_json::to_value(&document)?;
        write_json(&document, out)
    }
}

fn result(problem: &Problem<'_>) -> SarifResult {
    let (file, line) = problem.place();
    let artifact = ArtifactLocation::builder().uri(file).build();
    let region = Region::builder().start_line(i64::from(line)).build();
    let physical = PhysicalLocation::builder().artifact_location(artifact).region(region).build();
    let frames = problem.case.into_iter().flat_map(|case| case.frames.0.iter().rev());
    let logical: Vec<LogicalLocation> = frames
        .map(|frame| LogicalLocation::builder().name(frame.function.as_str()).kind("function").build())
        .collect();
    let location = Location::builder().physical_location(physical).logical_locations(logical).build();
    let print = problem.fingerprint();
    let prints = BTreeMap::from([
        // GitHub tells results apart by this one only, and makes it of the line's text if it is
        // missing:
        // <https://docs.github.com/en/code-security/reference/code-scanning/sarif-support-for-code-scanning>.
        ("primaryLocationLineHash".to_owned(), format!("{}:1", print.get(..16).unwrap_or_default())),
        ("xenheap/v1".to_owned(), print),
    ]);
    let level = match problem.code() {
        Code::Coverage => ResultLevel::Warning,
        _ => ResultLevel::Error,
    };
    let text = format!("{}. What to do: {}", problem.describe(), problem.next);
    SarifResult::builder()
        .rule_id(problem.code().as_str())
        .level(level)
        .message(Message::builder().text(text).build())
        .locations(vec![location])
        .partial_fingerprints(prints)
        .build()
}
