//! `xenheap plan`.

use std::path::PathBuf;

use xenheap_plan::{Margin, Memory, Plan as Planned, Policy, Rules, RunPlan};
use xenheap_report::{
    Render,
    plan::{Answer, PlanJson, PlanSvg, PlanText, Question, files},
};
use xenheap_runs::{Loaded, Options};

use crate::{
    failure::{Exit, Failure, warn},
    format::PlanFormat,
    output, runs,
    store::Store,
};

/// What is planned from, who pays, and where the plan goes.
#[derive(Debug)]
pub struct Config {
    pub runs: Vec<PathBuf>,
    /// Added to the largest value of any run.
    pub margin: Margin,
    /// Who pays, in the settings and curves.
    pub policy: Policy,
    pub verdicts: Option<PathBuf>,
    /// What domains have now, in MiB.
    pub memory: Memory,
    pub format: PlanFormat,
    pub out_dir: Option<PathBuf>,
    pub output: Option<PathBuf>,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let verdicts = config.verdicts.as_ref().map(|path| Store::open(path)).transpose()?;
    let mut runs: Vec<RunPlan> = Vec::with_capacity(config.runs.len());
    for (path, name) in config.runs.iter().zip(runs::names(&config.runs)?) {
        let options = Options { trace: true, ..Options::default() };
        let Loaded { run, trace, .. } = runs::load(path, &options)?;
        let trace = trace.unwrap_or_default();
        let rules = verdicts.as_ref().map(|store| Rules::from(&xenheap_judge::decide(&run, &store.file)));
        let planned = RunPlan::new(name, &run, &trace, rules.as_ref());
        if let Some(doubt) = &planned.doubt {
            warn(format_args!("{}: its numbers may be wrong: {doubt}", planned.name));
        }
        if planned.charged.is_empty() {
            warn(format_args!("{}: no event of anonymous memory: a summary has none", planned.name));
        }
        if let Some(first) = runs.first()
            && first.arch != planned.arch
        {
            let (a, b) = (first.arch.as_str(), planned.arch.as_str());
            return Err(Failure::new(
                Exit::Input,
                format!("{} is of {a}, {} of {b}", first.name, planned.name),
            )
            .help("architectures are not mixed: plan for each of them"));
        }
        runs.push(planned);
    }
    runs.sort_by(|a, b| a.name.cmp(&b.name));
    let policies =
        Policy::ALL.into_iter().filter(|policy| *policy != Policy::Rules || verdicts.is_some()).collect();
    let plan = Planned { runs, margin: config.margin, policies };
    let question = Question { policy: config.policy, memory: config.memory.clone() };
    let answer = Answer { plan: &plan, question: &question };
    match &config.out_dir {
        Some(folder) => {
            let forms: [(&str, &dyn Render<Answer<'_>>); 3] =
                [("plan.txt", &PlanText), ("plan.json", &PlanJson), ("plan.svg", &PlanSvg)];
            for (name, renderer) in forms {
                output::file(&folder.join(name), |out| renderer.render(&answer, out))?;
            }
            for file in files(&plan, &question) {
                output::file(&folder.join(&file.name), |out| out.write_all(file.text.as_bytes()))?;
            }
        }
        None => {
            let renderer: &dyn Render<Answer<'_>> = match config.format {
                PlanFormat::Text => &PlanText,
                PlanFormat::Json => &PlanJson,
                PlanFormat::Svg => &PlanSvg,
            };
            output::to(config.output.as_deref(), |out| renderer.render(&answer, out))?;
        }
    }
    Ok(Exit::Done)
}
