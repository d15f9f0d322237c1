//! JUnit's XML: a suite a run, a case a finding.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use xenheap_judge::{Case, Code, Gate, Refusal};
use xenheap_model::Untold;
use xenheap_output::Escaped;

use super::{
    doubt, fingerprint, order, path,
    refusal::{next, what},
    twins,
};
use crate::Render;

/// For CI systems that show tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Junit;

impl Render<Gate> for Junit {
    fn render(&self, gate: &Gate, out: &mut dyn Write) -> io::Result<()> {
        let mut report = Report::new("xenheap check");
        for run in &gate.runs {
            let mut suite = TestSuite::new(Escaped(&run.name).to_string());
            let itself = Escaped(format!("{}: the run itself", run.name)).to_string();
            suite.add_test_case(case("run", &itself, &run.refusals));
            let untold = gate.untold.iter().filter(|untold| untold.runs.contains(&run.name));
            suite.add_test_cases(untold.map(|untold| not_told(&run.name, untold)));
            let alike: Vec<_> = run.cases.iter().map(|finding| (id(finding), order(Some(finding)))).collect();
            for ((finding, twin), (id, _)) in run.cases.iter().zip(twins(&alike)).zip(&alike) {
                let of = if twin == 1 { String::new() } else { format!(" ({twin})") };
                let id = id.get(..8).unwrap_or_default();
                // A case is its class and its name: those of two suites that have both are taken
                // for one.
                let name = format!("{}: {} by {} [{id}]{of}", run.name, finding.kind, path(finding));
                let mut case =
                    case(&finding.judgement.point.function, &Escaped(name).to_string(), &finding.refusals);
                // Not in the name, by which pipelines are compared.
                if let Some(uncertain) = finding.uncertain {
                    case.set_system_out(Escaped(doubt(uncertain)).to_string());
                }
                suite.add_test_case(case);
            }
            report.add_test_suite(suite);
        }
        if !gate.together.is_empty() {
            let mut suite = TestSuite::new("all runs");
            suite.add_test_case(case("coverage", "what the runs must show", &gate.together));
            report.add_test_suite(suite);
        }
        let text = report.to_string().map_err(io::Error::other)?;
        // Jenkins' schema knows this attribute for single suites only.
        out.write_all(text.replacen(&format!(" skipped=\"{}\"", report.skipped), "", 1).as_bytes())
    }
}

/// Names a finding and its twins.
fn id(finding: &Case) -> String {
    fingerprint(Code::Unreviewed.as_str(), finding.kind.as_str(), &finding.frames, "")
}

/// What a part would have told was not tested.
fn not_told(run: &str, untold: &Untold) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message(Escaped(untold.line()).to_string());
    let name = format!("{run}: part {} of the recorder", untold.part);
    let mut case = TestCase::new(Escaped(name).to_string(), status);
    case.set_classname("run");
    case
}

fn case(class: &str, name: &str, refusals: &[Refusal]) -> TestCase {
    let status = match refusals.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(first.code().as_str());
            status.set_message(Escaped(what(first)).to_string());
            let text: Vec<String> = refusals
                .iter()
                .map(|refusal| {
                    format!(
                        "{}: {}\nwhat to do: {}",
                        refusal.code().as_str(),
                        Escaped(what(refusal)),
                        Escaped(next(refusal))
                    )
                })
                .collect();
            status.set_description(text.join("\n"));
            status
        }
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(Escaped(if class.is_empty() { "unknown" } else { class }).to_string());
    case
}
