//! Paths as one JSON object a line: first what is known of all of them.

use std::io::{self, Write};

use serde_json::{Value, json};
use xenheap_callgraph::FunctionId;
use xenheap_paths::Step;

use super::{Head, Used, Writer};
use crate::graph::asking::Asked;

pub struct JsonLines {
    pub locations: bool,
    pub stack: bool,
}

impl Writer for JsonLines {
    fn head(&mut self, asked: &Asked, head: &Head, out: &mut dyn Write) -> io::Result<()> {
        let name = |node: &u32| asked.names.show(FunctionId(*node));
        let collapsed: Vec<Vec<&str>> =
            head.count.collapsed.iter().map(|cycle| cycle.nodes.iter().map(name).collect()).collect();
        // Numbers that no other program's integers can hold are text.
        let line = json!({
            "from": head.from,
            "to": head.to,
            "paths": head.count.exact().map(ToString::to_string),
            "at_least": head.count.lower.to_string(),
            "at_most": head.count.upper.to_string(),
            "collapsed": collapsed,
            "unrooted": head.unrooted,
            "left_out": asked.left_out_json(),
            "part": asked.view.graph().part_of(),
        });
        write_line(&line, out)
    }

    fn path(&mut self, asked: &Asked, path: &[Step], out: &mut dyn Write) -> io::Result<()> {
        let mut used = Used::default();
        let steps = path.iter().enumerate().map(|(depth, step)| {
            let mut object = json!({ "function": asked.names.show(FunctionId(step.node)) });
            if self.locations {
                let next = path.get(depth + 1).and_then(|next| next.edge);
                let place = next.and_then(|edge| asked.view.location(edge));
                object["calls_at"] = json!(place);
            }
            if self.stack {
                used.add(asked, step.node);
                object["stack"] = json!(used.bytes);
                object["stack_open"] = json!(used.open);
            }
            object
        });
        write_line(&json!({ "path": steps.collect::<Vec<Value>>() }), out)
    }

    fn end(&mut self, shown: u64, more: bool, out: &mut dyn Write) -> io::Result<()> {
        write_line(&json!({ "shown": shown, "more": more }), out)
    }
}

/// In ASCII, as all that goes to a terminal.
pub fn write_line(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    let text = value.to_string();
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return writeln!(out, "{text}");
    }
    for c in text.chars() {
        match c {
            ' '..='~' => write!(out, "{c}")?,
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
    }
    writeln!(out)
}
