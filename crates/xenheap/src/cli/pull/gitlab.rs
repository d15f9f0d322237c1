//! `xenheap pull gitlab`: its arguments.

use std::path::PathBuf;

use clap::Args;
use xenheap_gitlab::{Project, Retry, Selection, Site, Token};

use crate::{
    failure::Failure,
    run::pull::gitlab::{Config, failure},
};

#[derive(Debug, Args)]
#[command(after_help = "\
The token is taken from XENHEAP_GITLAB_TOKEN, GITLAB_TOKEN or CI_JOB_TOKEN; what is public needs none (docs/gitlab.md).
Run the command again after an interruption: it continues where it stopped.

Examples:
  xenheap pull gitlab xen-project/people/me/xen 1719843201 --out-dir results
  xenheap pull gitlab 7084 4711 --url https://gitlab.example.com --jobs 'qemu-*'")]
pub struct Arguments {
    /// The project: its path, or its number
    #[arg(value_name = "PROJECT")]
    project: String,
    /// The pipeline's number, as in the address of its page
    #[arg(value_name = "PIPELINE")]
    pipeline: u64,
    /// The GitLab
    #[arg(long, value_name = "URL", default_value = "https://gitlab.com")]
    url: String,
    /// Where the folder PIPELINE is made, with the downloads, `parsed/ARCH/JOB` and `summary.txt`
    #[arg(long, value_name = "DIR", default_value = ".")]
    out_dir: PathBuf,
    /// How many downloads run at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    parallel: u16,
    /// Exit with 1 if a job has no log with records, for instance because its Xen was not
    /// instrumented
    #[arg(long)]
    strict: bool,
    /// Only the logs of these jobs (`*` and `?` as in a shell); without it those of all stages but
    /// `*build*`; repeatable
    #[arg(long, value_name = "GLOB", help_heading = "Jobs")]
    jobs: Vec<String>,
    /// Leave these jobs alone; repeatable
    #[arg(long, value_name = "GLOB", help_heading = "Jobs")]
    exclude: Vec<String>,
    /// Look for images in the artifacts of these jobs; without it in those of stages `*build*`;
    /// repeatable
    #[arg(long, value_name = "GLOB", help_heading = "Jobs")]
    images: Vec<String>,
}

impl Arguments {
    pub fn lower(self) -> Result<Config, Failure> {
        Ok(Config {
            project: Project::new(&self.project).map_err(failure)?,
            client: xenheap_gitlab::Config {
                site: Site::new(&self.url).map_err(failure)?,
                token: Token::from_environment(|name| std::env::var(name).ok()).map_err(failure)?,
                retry: Retry::default(),
            },
            pipeline: self.pipeline,
            out_dir: self.out_dir,
            parallel: usize::from(self.parallel),
            strict: self.strict,
            selection: Selection { jobs: self.jobs, exclude: self.exclude, images: self.images },
        })
    }
}
