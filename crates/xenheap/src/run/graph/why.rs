//! `xenheap graph why`: the shortest paths between two functions, with what says that each step
//! exists.

use xenheap_output::word;
use xenheap_paths::{Path, Shape, shortest};
use xenheap_report::{
    Render,
    graph::{JsonLine, Shortest, ShortestText, Step, StepEvidence},
};

use super::query::{GraphQuery, Selecting};
use crate::{
    failure::{Exit, Failure},
    format::Format,
    graph_file::GraphFile,
    output,
};

/// Between which functions.
#[derive(Debug)]
pub struct Config {
    pub graph: GraphFile,
    pub from: Vec<String>,
    pub to: Vec<String>,
    /// How many paths.
    pub limit: usize,
    pub selecting: Selecting,
    pub format: Format,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let graph = config.graph.load()?;
    let mut query = GraphQuery::new(&graph, &config.selecting, false)?;
    let sources = query.functions(&config.from)?;
    let targets = query.functions(&config.to)?;
    let paths = query.paths(&sources, &targets, Shape::default())?;
    let found = Shortest {
        from: &config.from,
        to: &config.to,
        paths: shortest(&paths, config.limit).iter().map(|path| steps(&query, path)).collect(),
        left_out: query.left_out(),
    };
    let renderer: &dyn Render<Shortest<'_>> = match config.format {
        Format::Text => &ShortestText,
        Format::Json => &JsonLine,
    };
    output::stdout(|out| renderer.render(&found, out))?;
    Ok(Exit::Done)
}

fn steps<'a>(query: &'a GraphQuery, path: &Path) -> Vec<Step<'a>> {
    let step = |step: &xenheap_paths::Step| Step {
        function: query.name(step.node),
        evidence: step.edge.map(|edge| evidence(query, edge)).unwrap_or_default(),
    };
    path.iter().map(step).collect()
}

/// One for each place, with all that speaks for it.
fn evidence(query: &GraphQuery, edge: u32) -> Vec<StepEvidence> {
    let mut found: Vec<StepEvidence> = Vec::new();
    for reason in query.view.reasons(edge) {
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
                found.push(StepEvidence { says, place, target });
            }
        }
    }
    found
}
