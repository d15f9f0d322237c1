//! The settings as files: fragments of `xl`'s configuration, of the device tree, and of Xen's
//! command line.

use std::{collections::BTreeMap, fmt::Write};

use xenheap_model::Domain;
use xenheap_output::Escaped;
use xenheap_plan::{File, Limit, Line, Plan, Setting, Value};

use super::{Question, guests};

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFile {
    /// Its name.
    pub name: String,
    /// What it contains.
    pub text: String,
}

/// The settings that follow, each with its reason above it.
pub fn files(plan: &Plan, question: &Question) -> Vec<PlanFile> {
    let mut by_file: BTreeMap<File, Vec<Line>> = BTreeMap::new();
    for line in plan.configuration(question.policy, &question.memory) {
        by_file.entry(line.file).or_default().push(line);
    }
    let untold: Vec<String> =
        plan.untold().iter().map(|untold| format!("the recorder lacks {}", untold.line())).collect();
    let head = format!(
        "xenheap plan: policy {}, {} % more than {} showed",
        question.policy.as_str(),
        plan.margin.0,
        if plan.runs.len() == 1 { "the run".to_owned() } else { format!("{} runs", plan.runs.len()) }
    );
    by_file
        .into_iter()
        .map(|(file, lines)| match file {
            File::CommandLine => PlanFile {
                name: "xen-command-line".to_owned(),
                text: hashed(&head, &untold, &lines, command_line),
            },
            File::Xl(domain) => {
                let kind = guests(plan, domain);
                let kind = if kind.is_empty() { kind } else { format!(" ({kind})") };
                let head = format!("{domain}{kind}, {head}");
                PlanFile { name: format!("{domain}.cfg"), text: hashed(&head, &untold, &lines, xl) }
            }
            File::DeviceTree => {
                PlanFile { name: "dom0less.dts".to_owned(), text: device_tree(&head, &untold, &lines) }
            }
        })
        .collect()
}

/// Text that ends no comment, whatever a run is called.
fn harmless(text: &str) -> String {
    Escaped(text).to_string().replace("*/", "* /")
}

/// A setting a line, comments behind `#`.
fn hashed(head: &str, untold: &[String], lines: &[Line], write: impl Fn(&Line) -> String) -> String {
    let mut text = format!("# {}\n", harmless(head));
    for one in untold {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# {}", harmless(one));
    }
    for line in lines {
        let _ = write!(text, "\n# {}\n{}\n", harmless(&line.reason), write(line));
    }
    text
}

/// What `xl` calls a setting.
fn name(setting: Setting) -> &'static str {
    match setting {
        Setting::Memory => "memory",
        Setting::Paging => "shadow_memory",
        Setting::Limit(Limit::GrantFrames) => "max_grant_frames",
        Setting::Limit(Limit::MaptrackFrames) => "max_maptrack_frames",
        Setting::Limit(Limit::EventChannels) => "max_event_channels",
    }
}

fn xl(line: &Line) -> String {
    let name = name(line.setting);
    match line.value {
        Value::MiB(value) | Value::Number(value) => format!("{name} = {value}"),
        Value::More(more) => format!("# {name} = what it has + {more}"),
    }
}

fn command_line(line: &Line) -> String {
    match (line.setting, line.value) {
        (Setting::Memory, Value::MiB(value)) => format!("dom0_mem={value}M,max:{value}M"),
        (Setting::Memory, Value::More(more)) => format!("# dom0_mem=what it has + {more}M"),
        (Setting::Limit(Limit::MaptrackFrames), Value::Number(value)) => {
            format!("gnttab_max_maptrack_frames={value}")
        }
        (setting, _) => format!("# Xen has no option for {} of dom0", name(setting)),
    }
}

fn device_tree(head: &str, untold: &[String], lines: &[Line]) -> String {
    let mut by_domain: BTreeMap<Domain, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        by_domain.entry(line.domain).or_default().push(line);
    }
    let mut text = format!("/* {} */\n", harmless(head));
    for one in untold {
        let _ = writeln!(text, "/* {} */", harmless(one));
    }
    text.push_str("/dts-v1/;\n\n/ {\n\tchosen {\n");
    for (domain, lines) in by_domain {
        let number = if let Domain::Id(id) = domain { id.to_string() } else { String::new() };
        let _ = write!(text, "\t\tdomU{number} {{\n\t\t\tcompatible = \"xen,domain\";\n");
        for line in lines {
            let _ = write!(text, "\n\t\t\t/* {} */\n", harmless(&line.reason));
            let _ = match (line.setting, line.value) {
                // Two cells of 32 bits, in KiB.
                (Setting::Memory, Value::MiB(value)) => {
                    let kib = value.saturating_mul(1024);
                    writeln!(text, "\t\t\tmemory = <{:#x} {:#x}>;", kib >> 32, kib & 0xffff_ffff)
                }
                (Setting::Memory, Value::More(more)) => {
                    writeln!(text, "\t\t\t/* memory = what it has + {} KiB */", more.saturating_mul(1024))
                }
                (Setting::Paging, Value::MiB(value)) => {
                    writeln!(text, "\t\t\txen,domain-p2m-mem-mb = <{value}>;")
                }
                (Setting::Limit(Limit::GrantFrames), Value::Number(value)) => {
                    writeln!(text, "\t\t\tmax_grant_frames = <{value}>;")
                }
                (Setting::Limit(Limit::MaptrackFrames), Value::Number(value)) => {
                    writeln!(text, "\t\t\tmax_maptrack_frames = <{value}>;")
                }
                // Xen gives such guests 1023 event channels, and has no property for it.
                (setting, _) => writeln!(text, "\t\t\t/* there is no property for {} */", name(setting)),
            };
        }
        text.push_str("\t\t};\n");
    }
    text.push_str("\t};\n};\n");
    text
}
