//! `xenheap plan`: its arguments.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use xenheap_model::Domain;
use xenheap_plan::{Margin, Policy};

use crate::{failure::Failure, format::PlanFormat, run::plan::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
docs/plan.md describes what is charged and how the xmalloc pool is modelled. Domains with the same id in several runs count as one.

Examples:
  xenheap plan run
  xenheap plan run-1 run-2 --margin 50 --memory d1=256 --out-dir plan
  xenheap plan run --verdicts verdicts.toml --format svg > curves.svg")]
pub struct Arguments {
    /// Lab folders, console logs or saved runs; of one architecture
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Percent added to the largest value of any run
    #[arg(long, value_name = "PERCENT", default_value_t = 25)]
    margin: u32,
    /// Who pays, in the settings and curves; without it rules with --verdicts, else owner
    #[arg(long, value_enum, value_name = "WHO")]
    payer: Option<PolicyName>,
    /// The verdict file; its key `charge` says who pays (--payer rules)
    #[arg(long, value_name = "FILE")]
    verdicts: Option<PathBuf>,
    /// Memory that a domain has now, in MiB, such as d1=256; repeatable
    #[arg(long, value_name = "DOMAIN=MIB", value_parser = memory)]
    memory: Vec<(Domain, u64)>,
    /// How the plan is written
    #[arg(long, value_enum, default_value_t)]
    format: PlanFormat,
    /// Write everything into this folder: plan.txt, plan.json, plan.svg and the files with settings
    #[arg(long, value_name = "DIR", conflicts_with_all = ["format", "output"])]
    out_dir: Option<PathBuf>,
    /// Write this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
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

impl Arguments {
    pub fn lower(self) -> Result<Config, Failure> {
        let policy = match (self.payer, &self.verdicts) {
            (Some(PolicyName::Rules), None) => {
                return Err(Failure::usage("--payer rules is what a verdict file says")
                    .help("name it with --verdicts FILE"));
            }
            (Some(policy), _) => policy.into(),
            (None, Some(_)) => Policy::Rules,
            (None, None) => Policy::Owner,
        };
        Ok(Config {
            runs: self.runs,
            margin: Margin(self.margin),
            policy,
            verdicts: self.verdicts,
            memory: self.memory.into_iter().collect(),
            format: self.format,
            out_dir: self.out_dir,
            output: self.output,
        })
    }
}

fn memory(text: &str) -> Result<(Domain, u64), String> {
    let (domain, mib) = text.split_once('=').ok_or("use DOMAIN=MIB, such as d1=256")?;
    let domain = domain.parse().map_err(|error: xenheap_model::ParseDomainError| error.to_string())?;
    mib.parse().map(|mib| (domain, mib)).map_err(|_| format!("{mib:?} is no number of MiB"))
}
