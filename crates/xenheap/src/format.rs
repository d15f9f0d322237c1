//! The names that `--format` has. A name means the same everywhere; each type is the subset that
//! some commands have.

use clap::ValueEnum;

/// Of most answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Of answers that others are to read, too: the gate's, differences, statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// For merge requests and documents
    Markdown,
}

/// Of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    #[default]
    Text,
    /// The format of the RFC on xen-devel (docs/rfc-format.md)
    Rfc,
    /// For programs (docs/json-format.md)
    Json,
}

/// Of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people
    #[default]
    Text,
    /// For programs (docs/plan.md)
    Json,
    /// A picture of each domain's curve
    Svg,
}

/// Of paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PathsFormat {
    /// As the RFC writes stacks: root first, two spaces a level
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Of a graph for other programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// For Graphviz
    #[default]
    Dot,
    /// One JSON object
    Json,
    /// For Gephi, yEd, networkx
    Graphml,
    /// functions.csv, edges.csv and metadata.json in a folder (docs/graph-csv.md); needs --out-dir
    Csv,
    /// A smaller graph file for xenheap itself (docs/graph-file.md)
    Graph,
}
