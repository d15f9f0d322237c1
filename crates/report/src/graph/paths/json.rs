//! Paths as one JSON object a line: first what is known of all of them.

use std::io::{self, Write};

use serde_json::{Value, json};
use xenheap_callgraph::FunctionId;
use xenheap_paths::Step;

use super::{Listing, Used};
use crate::{Render, graph::JsonLine};

/// One object a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathsJson {
    /// Show where each function calls the next.
    pub locations: bool,
    /// Show how much of the stack is used up to each function.
    pub stack: bool,
}

impl Render<Listing<'_>> for PathsJson {
    fn render(&self, listing: &Listing<'_>, out: &mut dyn Write) -> io::Result<()> {
        JsonLine.render(&head(listing), out)?;
        let mut stream = listing.paths.stream();
        let mut shown = 0;
        let mut more = false;
        while let Some(path) = stream.advance() {
            more = listing.limit > 0 && shown == listing.limit;
            if more {
                break;
            }
            JsonLine.render(&self.path(listing, path), out)?;
            shown += 1;
        }
        JsonLine.render(&json!({ "shown": shown, "more": more }), out)
    }
}

fn head(listing: &Listing<'_>) -> Value {
    let name = |node: &u32| listing.names.show(FunctionId(*node));
    let count = listing.count;
    let collapsed: Vec<Vec<&str>> =
        count.collapsed.iter().map(|cycle| cycle.nodes.iter().map(name).collect()).collect();
    // Numbers that no other program's integers can hold are text.
    json!({
        "from": listing.from,
        "to": listing.to,
        "paths": count.exact().map(ToString::to_string),
        "at_least": count.lower.to_string(),
        "at_most": count.upper.to_string(),
        "collapsed": collapsed,
        "unrooted": listing.unrooted,
        "left_out": listing.left_out.taken_out,
        "part": listing.left_out.part,
    })
}

impl PathsJson {
    fn path(&self, listing: &Listing<'_>, path: &[Step]) -> Value {
        let mut used = Used::default();
        let steps = path.iter().enumerate().map(|(depth, step)| {
            let mut object = json!({ "function": listing.names.show(FunctionId(step.node)) });
            if self.locations {
                let next = path.get(depth + 1).and_then(|next| next.edge);
                let place = next.and_then(|edge| listing.view.location(edge));
                object["calls_at"] = json!(place);
            }
            if self.stack {
                used.add(listing.view, step.node);
                object["stack"] = json!(used.bytes);
                object["stack_open"] = json!(used.open);
            }
            object
        });
        json!({ "path": steps.collect::<Vec<Value>>() })
    }
}
