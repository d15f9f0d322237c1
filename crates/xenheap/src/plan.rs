//! `xenheap plan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use xenheap_model::Domain;
use xenheap_plan::{Margin, Plan as Planned, Policy, Rules, RunPlan};
use xenheap_report::{
    Render,
    plan::{Answer, PlanJson, PlanSvg, PlanText, Question, files},
};
use xenheap_runs::{Loaded, Options};

use crate::{
    failure::{Exit, Failure, warn},
    format::PlanFormat,
    output, runs,
    verdict::Store,
};

#[derive(Debug, Args)]
#[command(after_help = "\
docs/plan.md describes what is charged and how the xmalloc pool is modelled. Domains with the same id in several runs count as one.

Examples:
  xenheap plan run
  xenheap plan run-1 run-2 --margin 50 --memory d1=256 --out-dir plan
  xenheap plan run --verdicts verdicts.toml --format svg > curves.svg")]
pub struct Plan {
    /// Lab folders, console logs or saved runs; of one architecture
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Percent added to the largest value of any run
    #[arg(long, value_name = "PERCENT", default_value_t = 25)]
    pub margin: u32,
    /// Who pays, in the settings and curves; without it rules with --verdicts, else owner
    #[arg(long, value_enum, value_name = "WHO")]
    pub payer: Option<PolicyName>,
    /// The verdict file; its key `charge` says who pays (--payer rules)
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
    /// Memory that a domain has now, in MiB, such as d1=256; repeatable
    #[arg(long, value_name = "DOMAIN=MIB", value_parser = memory)]
    pub memory: Vec<(Domain, u64)>,
    /// How the plan is written
    #[arg(long, value_enum, default_value_t)]
    pub format: PlanFormat,
    /// Write everything into this folder: plan.txt, plan.json, plan.svg and the files with settings
    #[arg(long, value_name = "DIR", conflicts_with_all = ["format", "output"])]
    pub out_dir: Option<PathBuf>,
    /// Write this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PolicyName {
    /// The domain that is running
    Current,
    /// The domain that it is for, if that is known when it is allocated
    Owner,
    /// Whom the verdict file names
    Rules,
}

impl From<PolicyName> for Policy {
    fn from(name: PolicyName) -> Self {
        match name {
            PolicyName::Current => Policy::Current,
            PolicyName::Owner => Policy::Owner,
            PolicyName::Rules => Policy::Rules,
        }
    }
}

fn memory(text: &str) -> Result<(Domain, u64), String> {
    let (domain, mib) = text.split_once('=').ok_or("use DOMAIN=MIB, such as d1=256")?;
    let domain = domain.parse().map_err(|error: xenheap_model::ParseDomainError| error.to_string())?;
    mib.parse().map(|mib| (domain, mib)).map_err(|_| format!("{mib:?} is no number of MiB"))
}

pub fn run(arguments: &Plan) -> Result<Exit, Failure> {
    let verdicts = arguments.verdicts.as_ref().map(|path| Store::open(path)).transpose()?;
    let policy = match (arguments.payer, &verdicts) {
        (Some(PolicyName::Rules), None) => {
            return Err(Failure::usage("--payer rules is what a verdict file says")
                .help("name it with --verdicts FILE"));
        }
        (Some(policy), _) => policy.into(),
        (None, Some(_)) => Policy::Rules,
        (None, None) => Policy::Owner,
    };
    let mut runs: Vec<RunPlan> = Vec::with_capacity(arguments.runs.len());
    for (path, name) in arguments.runs.iter().zip(runs::names(&arguments.runs)?) {
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
    let plan = Planned { runs, margin: Margin(arguments.margin), policies };
    let question = Question { policy, memory: arguments.memory.iter().copied().collect() };
    let answer = Answer { plan: &plan, question: &question };
    match &arguments.out_dir {
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
            let renderer: &dyn Render<Answer<'_>> = match arguments.format {
                PlanFormat::Text => &PlanText,
                PlanFormat::Json => &PlanJson,
                PlanFormat::Svg => &PlanSvg,
            };
            output::to(arguments.output.as_deref(), |out| renderer.render(&answer, out))?;
        }
    }
    Ok(Exit::Done)
}
