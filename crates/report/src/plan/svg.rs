//! A picture of each heap over time.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use xenheap_model::PAGE_SIZE;
use xenheap_output::{Escaped, size::Rough};
use xenheap_plan::{Charged, POINTS, Payer, Plan, Point, Policy, RunPlan};

use super::{Answer, Question, payer_name, when};
use crate::{
    Render,
    guest::guest,
    untold::{TITLE as LACKS, lines},
};

/// Heaps of each run that are drawn: the largest, in the order of payers.
const PANELS: usize = 16;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 20.0;
/// Above the first panel of a run.
const HEAD: f64 = 44.0;
/// A panel's title, its plot, and what is below it.
const TITLE: f64 = 22.0;
const PLOT: f64 = 96.0;
const BELOW: f64 = 30.0;
/// A line above the first run.
const LINE: f64 = 15.0;

/// A picture of each heap over time: pages it would have (an area), and bytes asked for (a line).
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanSvg;

impl Render<Answer<'_>> for PlanSvg {
    fn render(&self, Answer { plan, question }: &Answer<'_>, out: &mut dyn Write) -> io::Result<()> {
        let runs: Vec<(&RunPlan, Vec<(Payer, &Charged)>)> =
            plan.runs.iter().map(|run| (run, panels(run, question))).collect();
        let panel = TITLE + PLOT + BELOW;
        let untold = untold(plan)?;
        let first = 66.0 + LINE * untold.len() as f64;
        let height = runs.iter().fold(first, |sum, (_, panels)| sum + HEAD + panel * panels.len() as f64);
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
        )?;
        let title =
            format!("What heaps of their own would hold under the policy {}", question.policy.as_str());
        text(out, 16.0, 26.0, "font-size=\"15\" font-weight=\"bold\"", &title)?;
        legend(plan, out)?;
        let mut y = 66.0;
        for line in untold {
            y += LINE;
            text(out, 16.0, y, "font-size=\"11\"", &line)?;
        }
        for (run, panels) in runs {
            let name = format!("run {} ({})", run.name, run.arch.as_str());
            text(out, 16.0, y + 24.0, "font-size=\"14\" font-weight=\"bold\"", &name)?;
            y += HEAD;
            for (payer, charged) in panels {
                draw(plan, run, payer, charged, y, question.policy, out)?;
                y += panel;
            }
        }
        writeln!(out, "</svg>")
    }
}

/// What runs cannot tell, in lines that fit into the picture.
fn untold(plan: &Plan) -> io::Result<Vec<String>> {
    let untold = plan.untold();
    if untold.is_empty() {
        return Ok(Vec::new());
    }
    let mut said = Vec::new();
    lines(&untold, &mut said)?;
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(std::iter::once(format!("{LACKS}:")).chain(said.lines().map(str::to_owned)).collect())
}

/// The largest heaps.
fn panels<'a>(run: &'a RunPlan, question: &Question) -> Vec<(Payer, &'a Charged)> {
    let mut all: Vec<(Payer, &Charged)> = run.under(question.policy).collect();
    all.sort_by_key(|(payer, charged)| (std::cmp::Reverse(charged.peak.heap), *payer));
    all.truncate(PANELS);
    all.sort_by_key(|(payer, _)| *payer);
    all
}

/// XML text, which must not be markup.
fn text(out: &mut dyn Write, x: f64, y: f64, style: &str, text: &str) -> io::Result<()> {
    let text = Escaped(text).to_string().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{text}</text>")
}

fn legend(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<rect x=\"16\" y=\"42\" width=\"14\" height=\"12\" fill=\"#9ecae1\" stroke=\"#3182bd\"/>\n\
         <line x1=\"290\" y1=\"48\" x2=\"312\" y2=\"48\" stroke=\"#e6550d\" stroke-width=\"1.5\"/>\n\
         <line x1=\"460\" y1=\"48\" x2=\"482\" y2=\"48\" stroke=\"#555\" stroke-dasharray=\"5 3\"/>"
    )?;
    text(out, 36.0, 52.0, "", "pages of a heap of its own, in bytes")?;
    text(out, 318.0, 52.0, "", "bytes asked for")?;
    text(out, 488.0, 52.0, "", &format!("the most of any run, with {} % more", plan.margin.0))
}

/// Where the axis ends: a power of two of bytes, or three quarters of one, that is not smaller.
fn top(bytes: u64) -> u64 {
    let power = bytes.max(4 * PAGE_SIZE).checked_next_power_of_two().unwrap_or(u64::MAX);
    let less = power / 4 * 3;
    if less >= bytes { less } else { power }
}

/// One panel: its axes turn parts of the run and bytes into places.
struct Panel {
    top: u64,
    /// Where 0 bytes are.
    floor: f64,
}

impl Panel {
    fn x(&self, part: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * part / POINTS as f64
    }

    fn y(&self, bytes: u64) -> f64 {
        self.floor - PLOT * (bytes as f64 / self.top as f64).min(1.0)
    }

    /// Steps: each part of the run has one height.
    fn steps(&self, curve: &[Point], of: impl Fn(&Point) -> u64) -> String {
        let mut path = String::new();
        let mut last = None;
        for (part, point) in curve.iter().enumerate() {
            let y = self.y(of(point));
            if last != Some(y) {
                let x = self.x(part as f64);
                // Writing into a string cannot fail.
                let _ = match last {
                    None => write!(path, "M{x:.1} {y:.1}"),
                    Some(_) => write!(path, "H{x:.1}V{y:.1}"),
                };
            }
            last = Some(y);
        }
        let _ = write!(path, "H{:.1}", self.x(POINTS as f64));
        path
    }
}

fn draw(
    plan: &Plan,
    run: &RunPlan,
    payer: Payer,
    charged: &Charged,
    y: f64,
    policy: Policy,
    out: &mut dyn Write,
) -> io::Result<()> {
    let worst = plan.worst().get(&(policy, payer.without_generation())).map_or(0, |worst| worst.peak.heap);
    let planned = plan.margin.on(worst).saturating_mul(PAGE_SIZE);
    let panel = Panel { top: top(planned.max(charged.peak.asked)), floor: y + TITLE + PLOT };
    let account = run.domains.iter().find(|account| payer == Payer::Domain(account.id));
    let what = match (payer, account) {
        (Payer::Domain(_), Some(account)) => guest(account.flags, run.arch),
        (Payer::Domain(_), None) | (Payer::System, _) => "",
        (Payer::Never, _) => "shared",
        (Payer::Nobody(why), _) => why.describe(),
    };
    text(out, LEFT, y + 14.0, "font-weight=\"bold\"", &payer_name(run, payer))?;
    let most = format!(
        "{what}; at most {}, planned {}",
        Rough(charged.peak.heap.saturating_mul(PAGE_SIZE)),
        Rough(planned)
    );
    text(out, WIDTH - RIGHT, y + 14.0, "fill=\"#555\" text-anchor=\"end\"", &most)?;
    let (left, right, floor) = (panel.x(0.0), panel.x(POINTS as f64), panel.floor);
    for part in 0..=2 {
        let bytes = panel.top / 2 * part;
        let y = panel.y(bytes);
        writeln!(out, "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"#ddd\"/>")?;
        text(out, left - 6.0, y + 4.0, "fill=\"#555\" text-anchor=\"end\"", &Rough(bytes).to_string())?;
    }
    let (start, end) = run.span;
    for quarter in 0..=4u64 {
        let x = panel.x(POINTS as f64 * quarter as f64 / 4.0);
        let at = start + (end - start) / 4 * quarter;
        let label = when(run.axis, at);
        let anchor =
            ["start", "middle", "middle", "middle", "end"].get(quarter as usize).unwrap_or(&"middle");
        text(out, x, floor + 15.0, &format!("fill=\"#555\" text-anchor=\"{anchor}\""), &label)?;
    }
    let heap = panel.steps(&charged.curve, |point| point.heap.saturating_mul(PAGE_SIZE));
    writeln!(out, "<path d=\"{heap}V{floor:.1}H{left:.1}Z\" fill=\"#9ecae1\"/>")?;
    writeln!(out, "<path d=\"{heap}\" fill=\"none\" stroke=\"#3182bd\"/>")?;
    let asked = panel.steps(&charged.curve, |point| point.asked);
    writeln!(out, "<path d=\"{asked}\" fill=\"none\" stroke=\"#e6550d\" stroke-width=\"1.5\"/>")?;
    let y = panel.y(planned);
    writeln!(out, "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"#555\" stroke-dasharray=\"5 3\"/>")
}
