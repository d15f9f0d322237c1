//! Several runs, and the worst of them.

use std::collections::BTreeMap;

use xenheap_model::{Arch, Clock, Domain, DomainAccount, DomainId, Question, Run, Stack, StackId, Untold};

use crate::{Charged, Limit, Of, Payer, Policy, Rules, Trace, Usage, charge, limits};

/// What a run shows.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// What people call it.
    pub name: String,
    /// Architecture.
    pub arch: Arch,
    /// Why its numbers may be wrong, if so.
    pub doubt: Option<String>,
    /// Parts of the recorder that its Xen had nothing for.
    pub lacks: Vec<String>,
    /// Where its time begins and ends.
    pub span: (u64, u64),
    /// What its time is measured in.
    pub axis: Axis,
    /// What was charged.
    pub charged: BTreeMap<Of, Charged>,
    /// The most that each domain had of what has a limit of its own.
    pub limits: BTreeMap<(Limit, DomainId), u64>,
    /// The domains that were seen.
    pub domains: Vec<DomainAccount>,
    /// Pages of all domains when recording started, if dom0 alone existed then.
    pub dom0_pages: Option<u64>,
    /// Stacks of causes.
    pub stacks: BTreeMap<StackId, Stack>,
}

/// What the time of a run is measured in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Axis {
    /// Numbers of events: the log has no times.
    #[default]
    Events,
    /// Nanoseconds of Xen's clock.
    SinceBoot,
    /// Nanoseconds since 1970.
    Dates,
}

impl RunPlan {
    /// Charges a run.
    pub fn new(name: impl Into<String>, run: &Run, trace: &Trace, rules: Option<&Rules>) -> Self {
        let charged = charge(trace, rules);
        let causes = charged.values().flat_map(|charged| &charged.causes);
        let stacks = causes
            .filter_map(|cause| Some((cause.key.stack, run.stacks.get(&cause.key.stack)?.clone())))
            .collect();
        // Memory is recorded from the beginning of run time on, domains before.
        let begin = trace.steps.first().map_or(0, |step| step.seq);
        let mut at_begin =
            run.domains.iter().filter(|domain| domain.created.is_none_or(|moment| moment.seq < begin));
        let alone = at_begin.next().is_some_and(|first| first.id.domain == Domain::Id(0))
            && at_begin.next().is_none();
        let pages = run.dump.as_ref().map(|dump| dump.machine.dompages.start);
        RunPlan {
            name: name.into(),
            arch: run.facts.arch,
            doubt: run.doubt(),
            lacks: run.facts.lacks.clone(),
            span: trace.span(),
            axis: match run.facts.clock {
                _ if !trace.has_times() => Axis::Events,
                Clock::Boot => Axis::SinceBoot,
                Clock::Calendar => Axis::Dates,
            },
            limits: limits(trace, &run.stacks),
            domains: run.domains.clone(),
            dom0_pages: pages.filter(|pages| alone && *pages > 0),
            charged,
            stacks,
        }
    }

    /// What was charged under a policy, in order of payers.
    pub fn under(&self, policy: Policy) -> impl Iterator<Item = (Payer, &Charged)> {
        self.charged.iter().filter_map(move |(of, charged)| match of {
            Of::By(by, payer) if *by == policy => Some((*payer, charged)),
            _ => None,
        })
    }
}

/// How much more than was seen is planned for, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margin(pub u32);

impl Margin {
    /// An amount with the margin, rounded up.
    pub fn on(self, amount: u64) -> u64 {
        let percent = u128::from(self.0) + 100;
        u64::try_from((u128::from(amount) * percent).div_ceil(100)).unwrap_or(u64::MAX)
    }
}

/// The most that one payer needed in any run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worst {
    /// The most of each.
    pub peak: Usage,
    /// The run in which its heap was largest; of equal ones, the first by name.
    pub run: String,
}

/// Runs together.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The runs.
    pub runs: Vec<RunPlan>,
    /// The margin for what follows.
    pub margin: Margin,
    /// The policies that were asked for.
    pub policies: Vec<Policy>,
}

impl Plan {
    /// Parts of the recorder that runs lack, and what is therefore not known of who pays for what.
    pub fn untold(&self) -> Vec<Untold> {
        let lacks = self.runs.iter().map(|run| (run.name.as_str(), run.lacks.as_slice()));
        Untold::of(Question::Payers, lacks)
    }

    /// The worst of all runs, by policy and payer [without generation](Payer::without_generation).
    pub fn worst(&self) -> BTreeMap<(Policy, Payer), Worst> {
        let mut worst: BTreeMap<(Policy, Payer), Worst> = BTreeMap::new();
        for run in &self.runs {
            for (of, charged) in &run.charged {
                let Of::By(policy, payer) = *of else { continue };
                let payer = payer.without_generation();
                let first = || Worst { peak: Usage::default(), run: run.name.clone() };
                let worst = worst.entry((policy, payer)).or_insert_with(first);
                let by_heap = charged.peak.heap.cmp(&worst.peak.heap);
                if by_heap.then_with(|| worst.run.cmp(&run.name)).is_gt() {
                    worst.run.clone_from(&run.name);
                }
                worst.peak.raise(charged.peak);
            }
        }
        worst
    }
}
