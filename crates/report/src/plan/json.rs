//! For programs; `docs/plan.md` documents it.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use xenheap_model::{Arch, Charge, Domain, Kind, Untold};
use xenheap_output::write_json;
use xenheap_plan::{Axis, Charged, High, Limit, Of, POINTS, Payer, Plan, Policy, RunPlan, Usage};

use super::{Answer, files, path, when};
use crate::Render;
use crate::guest::guest;

/// The version of the schema. It rises when something is renamed, removed or means something else.
const SCHEMA: u32 = 2;

/// For programs.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanJson;

impl Render<Answer<'_>> for PlanJson {
    fn render(&self, Answer { plan, question }: &Answer<'_>, out: &mut dyn Write) -> io::Result<()> {
        let view = PlanView {
            schema: SCHEMA,
            margin_percent: plan.margin.0,
            policy: question.policy,
            untold: plan.untold(),
            runs: plan.runs.iter().map(|run| RunView::new(run, plan)).collect(),
            worst: plan
                .worst()
                .into_iter()
                .filter(|((policy, _), _)| plan.policies.contains(policy))
                .map(|((policy, payer), worst)| WorstView {
                    policy,
                    payer: PayerView(payer),
                    peak: worst.peak,
                    planned_heap: plan.margin.on(worst.peak.heap),
                    run: worst.run,
                })
                .collect(),
            files: files(plan, question)
                .into_iter()
                .map(|file| FileView {
                    name: file.name,
                    lines: file.text.lines().map(str::to_owned).collect(),
                })
                .collect(),
        };
        write_json(&view, out)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct PlanView<'a> {
    schema: u32,
    margin_percent: u32,
    policy: Policy,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    untold: Vec<Untold>,
    runs: Vec<RunView<'a>>,
    worst: Vec<WorstView>,
    files: Vec<FileView>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RunView<'a> {
    name: &'a str,
    arch: Arch,
    doubt: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    lacks: &'a [String],
    time: TimeView,
    all: Option<ChargedView>,
    beyond: Option<ChargedView>,
    policies: Vec<PolicyView>,
    limits: Vec<LimitView>,
}

#[derive(Serialize)]
struct TimeView {
    unit: &'static str,
    start: u64,
    end: u64,
    parts: usize,
}

#[derive(Serialize)]
struct PolicyView {
    policy: Policy,
    domains: Vec<DomainView>,
    system: Option<ChargedView>,
    never: Option<ChargedView>,
    unattributed: Vec<NobodyView>,
}

#[derive(Serialize)]
struct DomainView {
    domain: Domain,
    generation: u32,
    guest: &'static str,
    #[serde(flatten)]
    charged: ChargedView,
}

#[derive(Serialize)]
struct NobodyView {
    why: &'static str,
    #[serde(flatten)]
    charged: ChargedView,
}

#[derive(Serialize)]
struct ChargedView {
    now: Usage,
    peak: Usage,
    fullest: FullestView,
    causes: Vec<CauseView>,
    curve: Vec<(usize, u64, u64)>,
}

#[derive(Serialize)]
struct FullestView {
    seq: u64,
    /// Of Xen's clock; a date is the other.
    time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(flatten)]
    usage: Usage,
}

impl FullestView {
    fn new(high: &High, axis: Axis) -> Self {
        let High { moment, usage } = *high;
        FullestView {
            seq: moment.seq,
            time: (axis == Axis::SinceBoot).then_some(moment.time),
            date: (axis == Axis::Dates).then(|| when(axis, moment.time)),
            usage,
        }
    }
}

#[derive(Serialize)]
struct CauseView {
    kind: Kind,
    charge: Charge,
    bytes: u64,
    path: String,
    hash: Option<String>,
}

#[derive(Serialize)]
struct LimitView {
    domain: Domain,
    generation: u32,
    limit: Limit,
    most: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct WorstView {
    policy: Policy,
    payer: PayerView,
    peak: Usage,
    planned_heap: u64,
    run: String,
}

#[derive(Serialize)]
struct FileView {
    name: String,
    lines: Vec<String>,
}

struct PayerView(Payer);

impl Serialize for PayerView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'a> RunView<'a> {
    fn new(run: &'a RunPlan, plan: &Plan) -> Self {
        let of = |of: Of| run.charged.get(&of).map(|charged| ChargedView::new(charged, run));
        RunView {
            name: &run.name,
            arch: run.arch,
            doubt: run.doubt.as_deref(),
            lacks: &run.lacks,
            time: TimeView {
                unit: match run.axis {
                    Axis::Events => "events",
                    Axis::SinceBoot => "ns",
                    Axis::Dates => "ns-since-1970",
                },
                start: run.span.0,
                end: run.span.1,
                parts: POINTS,
            },
            all: of(Of::All),
            beyond: of(Of::Beyond),
            policies: plan.policies.iter().map(|policy| PolicyView::new(run, *policy)).collect(),
            limits: run
                .limits
                .iter()
                .map(|((limit, id), most)| LimitView {
                    domain: id.domain,
                    generation: id.generation,
                    limit: *limit,
                    most: *most,
                })
                .collect(),
        }
    }
}

impl PolicyView {
    fn new(run: &RunPlan, policy: Policy) -> Self {
        let mut view =
            PolicyView { policy, domains: Vec::new(), system: None, never: None, unattributed: Vec::new() };
        for (payer, charged) in run.under(policy) {
            let charged = ChargedView::new(charged, run);
            match payer {
                Payer::Domain(id) => {
                    let account = run.domains.iter().find(|domain| domain.id == id);
                    view.domains.push(DomainView {
                        domain: id.domain,
                        generation: id.generation,
                        guest: guest(account.and_then(|account| account.flags), run.arch),
                        charged,
                    });
                }
                Payer::System => view.system = Some(charged),
                Payer::Never => view.never = Some(charged),
                Payer::Nobody(why) => view.unattributed.push(NobodyView { why: why.as_str(), charged }),
            }
        }
        view
    }
}

impl ChargedView {
    fn new(charged: &Charged, run: &RunPlan) -> Self {
        let causes = charged.causes.iter().map(|cause| CauseView {
            kind: cause.key.kind,
            charge: cause.key.charge,
            bytes: cause.bytes,
            path: path(run, cause.key.stack),
            hash: run.stacks.get(&cause.key.stack).and_then(|stack| Some(format!("{:016x}", stack.hash?))),
        });
        // Only where it changes.
        let mut curve = Vec::new();
        let mut last = None;
        for (part, point) in charged.curve.iter().enumerate() {
            if last != Some(point) {
                curve.push((part, point.asked, point.heap));
            }
            last = Some(point);
        }
        ChargedView {
            now: charged.now,
            peak: charged.peak,
            fullest: FullestView::new(&charged.high, run.axis),
            causes: causes.collect(),
            curve,
        }
    }
}
