//! The report for programs; `docs/json-format.md` documents it.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_judge::{Decision, EntryPoint, Key, Lifetime};
use xenheap_model::{
    Amount, Arch, Bill, Charge, Check, Clock, Counters, Domain, DomainAccount, Experiment, Facts, Kind,
    KindTotals, LogFormat, Machine, Owner, Refused, Rise, RowKey, Source, Stack, Tables, Totals, Uncertain,
    Verdict, View,
};
use xenheap_output::{size::Date, write_json};

use crate::{Calls, Filter, Finding, LeftOut, Render, Report, guest::guest};

/// The version of the schema. It rises when something is renamed, removed or means something else;
/// additions leave it.
const SCHEMA: u32 = 1;

/// The report for programs: an object for one run, an array for several.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Render<[Report]> for Json {
    fn render(&self, reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
        let views: Vec<ReportView<'_>> = reports.iter().map(ReportView::new).collect();
        match views.as_slice() {
            [one] => write_json(one, out),
            all => write_json(all, out),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ReportView<'a> {
    schema: u32,
    name: &'a str,
    facts: FactsView<'a>,
    totals: &'a Totals,
    checks: &'a [Check],
    refused: &'a Refused,
    hypervisor: Option<DumpView<'a>>,
    filter: Option<FilterView<'a>>,
    leftovers: LeftoversView<'a>,
    domains: Vec<DomainView<'a>>,
    unowned: Option<UnownedView>,
    charged: Option<ChargedView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bills: Option<&'a [Bill]>,
    calls: Vec<CallsView<'a>>,
    findings: Vec<FindingView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct FactsView<'a> {
    format: LogFormat,
    arch: Arch,
    xen: Option<&'a str>,
    build_id: Option<&'a str>,
    tag: Option<&'a str>,
    text: Option<[String; 2]>,
    modes: &'a [View],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    lacks: &'a [String],
    tables: Option<Tables>,
    view: Option<View>,
    boot: u32,
    boots: u32,
    lines: u64,
    log_bytes: u64,
    events: u64,
    first_time: Option<u64>,
    last_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    experiment: Option<&'a Experiment>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DumpView<'a> {
    number: u64,
    why: &'a str,
    seq: u64,
    totals: &'a Totals,
    machine: &'a Machine,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct FilterView<'a> {
    exclude: Vec<String>,
    current: &'a [Domain],
    owner: &'a [Domain],
    kind: &'a [Kind],
    charge: &'a [Charge],
    min_bytes: u64,
    left_out: &'a LeftOut,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct LeftoversView<'a> {
    leaks: bool,
    doubt: Option<String>,
    domains_ended: usize,
    cycles: u64,
    cycles_missed: u64,
    paths: Vec<LeftoverView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct LeftoverView<'a> {
    kind: Kind,
    charge: Charge,
    left: Vec<LeftView>,
    growing: Option<GrowingView>,
    stack: StackView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct LeftView {
    owner: Owner,
    live: Amount,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct GrowingView {
    rises: u64,
    bytes: Rise,
    allocs: Rise,
    live: Amount,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DomainView<'a> {
    guest: &'static str,
    #[serde(flatten)]
    account: &'a DomainAccount,
    left: Amount,
}

/// What was allocated for none of the domains.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct UnownedView {
    allocated: Amount,
    taken: Amount,
    freed: Amount,
    given: Amount,
    live: Amount,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ChargedView<'a> {
    domain_pool: KindTotals,
    no_refcount: KindTotals,
    rows: Vec<FindingView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct CallsView<'a> {
    #[serde(flatten)]
    point: EntryPoint,
    left: Amount,
    most: Amount,
    most_whole: Amount,
    paths: Vec<PathView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct PathView<'a> {
    kind: Kind,
    calls: u64,
    leaving: u64,
    left: Amount,
    most: Amount,
    most_whole: Amount,
    stack: StackView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct FindingView<'a> {
    #[serde(flatten)]
    point: EntryPoint,
    kind: Kind,
    charge: Charge,
    current: Domain,
    owner: Owner,
    counters: Counters,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime: Option<Lifetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionView<'a>>,
    stack: StackView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DecisionView<'a> {
    verdict: Verdict,
    accepted: bool,
    id: Option<&'a str>,
    by: Option<&'a str>,
    assumption: Option<&'a str>,
    comment: &'a str,
    remarks: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct StackView<'a> {
    hash: Option<String>,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    uncertain: Option<Uncertain>,
    frames: Vec<FrameView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct FrameView<'a> {
    function: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    inlined: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addr: Option<String>,
}

/// Numbers of more than 53 bits are lost on many readers of JSON, so addresses are text.
fn hex(addr: u64) -> String {
    format!("{addr:#x}")
}

impl<'a> ReportView<'a> {
    fn new(report: &'a Report) -> Self {
        let run = report.run();
        ReportView {
            schema: SCHEMA,
            name: report.name(),
            facts: FactsView::new(&run.facts),
            totals: &run.totals,
            checks: &run.checks,
            refused: &run.refused,
            hypervisor: run.dump.as_ref().map(|dump| DumpView {
                number: dump.number,
                why: dump.why.as_str(),
                seq: dump.seq,
                totals: &dump.totals,
                machine: &dump.machine,
            }),
            filter: report.filter().map(|filter| FilterView::new(filter, report.left_out())),
            leftovers: LeftoversView::new(report),
            domains: report.domains().into_iter().map(|domain| DomainView::new(domain, &run.facts)).collect(),
            unowned: report.unowned(|_| true).map(UnownedView::new),
            charged: run.charged().map(|charged| ChargedView {
                domain_pool: charged.domain_pool,
                no_refcount: charged.no_refcount,
                rows: report.charged().into_iter().map(|finding| FindingView::new(finding, report)).collect(),
            }),
            bills: run.dump.as_ref().map(|dump| dump.bills.as_slice()).filter(|bills| !bills.is_empty()),
            calls: report.calls().into_iter().map(CallsView::new).collect(),
            findings: report
                .findings()
                .into_iter()
                .map(|finding| FindingView::new(finding, report))
                .collect(),
        }
    }
}

impl<'a> FactsView<'a> {
    fn new(facts: &'a Facts) -> Self {
        let (first, last) = (facts.first_time, facts.last_time);
        let ((first_time, last_time), (first_date, last_date)) = match facts.clock {
            Clock::Boot => ((first, last), (None, None)),
            Clock::Calendar => ((None, None), (first, last)),
        };
        FactsView {
            format: facts.format,
            arch: facts.arch,
            xen: facts.xen.as_deref(),
            build_id: facts.build_id.as_deref(),
            tag: facts.tag.as_deref(),
            text: facts.text.map(|(start, end)| [hex(start), hex(end)]),
            modes: &facts.modes,
            lacks: &facts.lacks,
            tables: facts.tables,
            view: facts.view,
            boot: facts.boot,
            boots: facts.boots,
            lines: facts.lines,
            log_bytes: facts.log_bytes,
            events: facts.events,
            first_time,
            last_time,
            first_date: first_date.map(date),
            last_date: last_date.map(date),
            experiment: Some(&facts.experiment).filter(|experiment| !experiment.is_none()),
        }
    }
}

impl<'a> FilterView<'a> {
    fn new(filter: &'a Filter, left_out: &'a LeftOut) -> Self {
        FilterView {
            exclude: filter.exclude.iter().map(ToString::to_string).collect(),
            current: &filter.current,
            owner: &filter.owner,
            kind: &filter.kinds,
            charge: &filter.charges,
            min_bytes: filter.min_bytes,
            left_out,
        }
    }
}

impl<'a> LeftoversView<'a> {
    fn new(report: &'a Report) -> Self {
        let run = report.run();
        let paths = report.leftovers().into_iter().map(|leftover| LeftoverView {
            kind: leftover.kind,
            charge: leftover.charge,
            left: leftover.left.iter().map(|left| LeftView { owner: left.owner, live: left.live }).collect(),
            growing: leftover.growing.map(|growing| GrowingView {
                rises: growing.rises,
                bytes: growing.bytes,
                allocs: growing.allocs,
                live: growing.live,
            }),
            stack: StackView::new(leftover.stack),
        });
        let doubt = run.doubt();
        LeftoversView {
            leaks: doubt.is_none(),
            doubt,
            domains_ended: run.domains.iter().filter(|domain| domain.ended.is_some()).count(),
            cycles: run.cycles.completed,
            cycles_missed: run.cycles.missed,
            paths: paths.collect(),
        }
    }
}

impl<'a> DomainView<'a> {
    fn new(account: &'a DomainAccount, facts: &Facts) -> Self {
        DomainView { guest: guest(account.flags, facts.arch), account, left: account.left() }
    }
}

impl UnownedView {
    fn new(sums: DomainAccount) -> Self {
        let DomainAccount { allocated, taken, freed, given, live, .. } = sums;
        UnownedView { allocated, taken, freed, given, live }
    }
}

impl<'a> CallsView<'a> {
    fn new(calls: Calls<'a>) -> Self {
        let Calls { point, total: left, most, most_whole, paths } = calls;
        let paths = paths.into_iter().map(|(stack, service)| PathView {
            kind: service.kind,
            calls: service.calls,
            leaving: service.leaving,
            left: service.total,
            most: service.most,
            most_whole: service.most_whole,
            stack: StackView::new(stack),
        });
        CallsView { point, left, most, most_whole, paths: paths.collect() }
    }
}

impl<'a> FindingView<'a> {
    fn new(finding: Finding<'a>, report: &'a Report) -> Self {
        let RowKey { stack, kind, charge, current, owner } = finding.key;
        let key = Key { stack, kind, charge };
        FindingView {
            point: EntryPoint::of(finding.stack),
            kind,
            charge,
            current,
            owner,
            counters: finding.counters,
            lifetime: report.judgement(key).map(|judgement| judgement.lifetime),
            decision: report.decision(key).map(DecisionView::new),
            stack: StackView::new(finding.stack),
        }
    }
}

impl<'a> DecisionView<'a> {
    fn new(decision: &'a Decision) -> Self {
        let entry = decision.entry.as_ref();
        DecisionView {
            verdict: decision.verdict,
            accepted: decision.is_accepted(),
            id: entry.map(|entry| entry.id.as_str()),
            by: entry.and_then(|entry| entry.by.as_deref()),
            assumption: entry.and_then(|entry| entry.assumption.as_deref()),
            comment: entry.map_or("", |entry| entry.comment.as_str()),
            remarks: decision.remarks.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Nanoseconds since 1970 as in RFC 3339.
fn date(time: u64) -> String {
    Date(time).to_string()
}

impl<'a> StackView<'a> {
    fn new(stack: &'a Stack) -> Self {
        let frames = stack.frames.iter().map(|frame| FrameView {
            function: &frame.function,
            file: frame.file.as_deref(),
            inlined: frame.inlined,
            source: frame.source.as_ref(),
            addr: frame.addr.map(hex),
        });
        StackView {
            hash: stack.hash.map(|hash| format!("{hash:016x}")),
            truncated: stack.truncated,
            uncertain: stack.uncertain,
            frames: frames.collect(),
        }
    }
}
