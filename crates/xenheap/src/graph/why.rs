//! `xenheap graph why`: the shortest paths between two functions, with what says that each step exists.

use std::io::{self, Write};

use clap::Args;
use serde_json::json;
use xenheap_callgraph::FunctionId;
use xenheap_output::Escaped;
use xenheap_paths::{Path, Shape, shortest};

use super::{
    Given,
    asking::{Asked, Selecting, word},
    stats::Format,
};
use crate::{
    failure::{Exit, Failure},
    output,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  xenheap graph why graph --from do_memory_op --to alloc_domheap_pages --limit 3")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// The function that paths start from; repeatable
    #[arg(long, value_name = "FUNCTION", required = true)]
    pub from: Vec<String>,
    /// The function that paths lead to; repeatable
    #[arg(long, value_name = "FUNCTION", required = true)]
    pub to: Vec<String>,
    /// Show at most N paths
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub limit: usize,
    #[command(flatten)]
    pub selecting: Selecting,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What says that a step exists.
struct Evidence {
    /// `flow (resolved)`, or `inlined`.
    says: String,
    place: Option<String>,
    /// For a call through a pointer what is called.
    target: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let graph = arguments.graph.load()?;
    let mut asked = Asked::new(&graph, &arguments.selecting, false)?;
    let sources = asked.functions(&arguments.from)?;
    let targets = asked.functions(&arguments.to)?;
    let paths = asked.paths(&sources, &targets, Shape::default())?;
    let found = shortest(&paths, arguments.limit);
    output::stdout(|out| match arguments.format {
        Format::Text => text(&asked, arguments, &found, out),
        Format::Json => {
            let list = found.iter().map(|path| {
                let steps = path.iter().map(|step| {
                    let evidence = step.edge.map(|edge| evidence(&asked, edge)).unwrap_or_default();
                    let evidence = evidence.iter().map(|evidence| {
                        json!({ "says": evidence.says, "at": evidence.place, "through": evidence.target })
                    });
                    json!({
                        "function": asked.names.show(FunctionId(step.node)),
                        "evidence": evidence.collect::<Vec<_>>(),
                    })
                });
                steps.collect::<Vec<_>>()
            });
            let value = json!({
                "from": arguments.from, "to": arguments.to,
                "paths": list.collect::<Vec<_>>(), "left_out": asked.left_out_json(),
                "part": asked.view.graph().part_of(),
            });
            super::paths::json::write_line(&value, out)
        }
    })?;
    Ok(Exit::Done)
}

/// One for each place, with all that speaks for it.
fn evidence(asked: &Asked, edge: u32) -> Vec<Evidence> {
    let mut found: Vec<Evidence> = Vec::new();
    for reason in asked.view.reasons(edge) {
        let says = match reason.edge {
            Some(edge) => format!("{} ({})", word(&edge.evidence), word(&edge.certainty)),
            None => "inlined".to_owned(),
        };
        let place = reason.location.map(|place| format!("{}:{}", place.file, place.line));
        match found.iter_mut().find(|other| other.place == place) {
            Some(other) if other.says.contains(&says) => {}
            Some(other) => other.says = format!("{}, {says}", other.says),
            None => {
                let target = reason.edge.and_then(|_| reason.site.target.clone());
                found.push(Evidence { says, place, target });
            }
        }
    }
    found
}

fn text(asked: &Asked, arguments: &Arguments, found: &[Path], out: &mut dyn Write) -> io::Result<()> {
    let (from, to) = (Escaped(arguments.from.join(", ")), Escaped(arguments.to.join(", ")));
    match found.len() {
        0 => writeln!(out, "// no path from {from} to {to}{}", asked.limits())?,
        1 => writeln!(out, "// the shortest path from {from} to {to}, and what says that each step exists")?,
        number => {
            writeln!(
                out,
                "// the {number} shortest paths from {from} to {to}, and what says that each step exists"
            )?;
        }
    }
    for line in asked.left_out() {
        writeln!(out, "// {}", Escaped(line))?;
    }
    for path in found {
        writeln!(out)?;
        for (depth, step) in path.iter().enumerate() {
            write!(
                out,
                "{:indent$}{}",
                "",
                Escaped(asked.names.show(FunctionId(step.node))),
                indent = 2 * depth
            )?;
            let evidence = step.edge.map(|edge| evidence(asked, edge)).unwrap_or_default();
            for one in evidence.iter().take(1) {
                let place = one.place.as_deref().unwrap_or("?");
                let through =
                    one.target.as_ref().map_or(String::new(), |target| format!(" through {target}"));
                write!(out, "  {}", Escaped(format!("{place}{through}  {}", one.says)))?;
            }
            match evidence.len() {
                0 | 1 => writeln!(out)?,
                more => writeln!(out, ", and {} more places", more - 1)?,
            }
        }
    }
    Ok(())
}
