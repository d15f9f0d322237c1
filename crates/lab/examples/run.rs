//! A whole lab run from a program:
//! `cargo run -p xenheap-lab --example run -- debian:4.17 trace OUT`.

use std::path::PathBuf;

use xenheap_lab::{Cache, Progress, RunConfig, Stage, default_jobs, run};

/// Shows each stage's beginning and end.
struct Plain;

impl Progress for Plain {
    fn start(&self, stage: Stage, what: &str) {
        eprintln!("{}: {what}", stage.name());
    }
    fn finish(&self, stage: Stage, result: &str) {
        eprintln!("{}: {result}", stage.name());
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| arguments.next().ok_or(format!("no {what} given"));
    let config = RunConfig {
        xen: next("source")?.parse()?,
        arch: xenheap_model::BuildArch::X86_64,
        options: Vec::new(),
        workload: "boot".to_owned(),
        parameters: Vec::new(),
        guest_programs: Vec::new(),
        dtb: None,
        loads: Vec::new(),
        mode: Some(next("mode")?.parse()?),
        toolstack: None,
        xen_args: Vec::new(),
        out_dir: PathBuf::from(next("folder")?),
        install: false,
        timeout: None,
        deterministic: arguments.next().is_some(),
        jobs: default_jobs(),
        cache: Cache::from_environment(),
    };
    match run(&config, &Plain) {
        Ok(folder) => {
            println!("{}", folder.path.display());
            Ok(())
        }
        Err(error) => {
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                eprintln!("because: {inner}");
                cause = inner.source();
            }
            Err(error.to_string().into())
        }
    }
}
