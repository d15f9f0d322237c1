use std::collections::BTreeMap;

use xenheap_model::{
    Check, Cycles, DomainAccount, DomainState, Dump, Facts, Kind, Left, LogFormat, RawStack, Refused, Row,
    Run, Service, Stack, StackId, Totals, TraceFrame, View,
};

use crate::Live;

/// Everything that a log says of one boot, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What ran. Lines and bytes of the log are the reader's to fill in.
    pub facts: Facts,
    /// Stacks as the log has them.
    pub stacks: BTreeMap<StackId, RawStack>,
    /// What Xen's own traces call addresses.
    pub names: BTreeMap<u64, TraceFrame>,
    /// The profile, sorted by key.
    pub profile: Vec<Row>,
    /// Totals per kind.
    pub totals: Totals,
    /// The hypervisor's last complete dump.
    pub dump: Option<Dump>,
    /// The self-checks, in the order of [`CheckId::ALL`](xenheap_model::CheckId::ALL).
    pub checks: Vec<Check>,
    /// What was refused or replayed, by reason.
    pub refused: Refused,
    /// What is live at the end, in order of its numbers. The summary view does not know addresses:
    /// empty there.
    pub live: Vec<Live>,
    /// The domains that were seen, by generation.
    pub domains: Vec<DomainAccount>,
    /// What the cycles of a workload show.
    pub cycles: Cycles,
    /// What is left of domains that are gone, sorted.
    pub left: Vec<Left>,
    /// What calls leave behind, by stack.
    pub services: Vec<Service>,
    /// Numbers at which cycles ended.
    pub cycle_ends: Vec<u64>,
    /// The views that the log has.
    pub views: Vec<View>,
    /// What the event sink was given, if anything.
    pub streamed: Option<Stream>,
}

/// The events that a sink was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Which recorder's.
    pub format: LogFormat,
    /// Of which view; an RFC log has none.
    pub view: Option<View>,
}

/// What domains that exist have of their own, only a dump tells.
pub(crate) fn add_pools(accounts: &mut [DomainAccount], states: &[DomainState]) {
    for account in accounts.iter_mut().filter(|account| account.ended.is_none()) {
        let state = states.iter().find(|state| state.id == account.id);
        account.pool = state.map(|state| state.pool);
    }
}

/// Where the recorder cannot mark calls, nothing is known to have been freed in one: not even that
/// nothing was.
pub(crate) fn without_calls(facts: &Facts, rows: &mut [Row], totals: &mut Totals) {
    if facts.lacks("calls") {
        rows.iter_mut().for_each(|row| row.counters.bracketed = None);
        for kind in Kind::ANONYMOUS {
            if let Some(of) = totals.of_mut(kind) {
                of.counters.bracketed = None;
            }
        }
    }
}

impl Account {
    /// The run, once the stacks have names.
    pub fn into_run(self, stacks: BTreeMap<StackId, Stack>) -> Run {
        let Account {
            facts,
            profile,
            totals,
            dump,
            checks,
            refused,
            domains,
            cycles,
            left,
            services,
            cycle_ends,
            ..
        } = self;
        Run {
            facts,
            stacks,
            profile,
            totals,
            dump,
            checks,
            refused,
            domains,
            cycles,
            left,
            services,
            cycle_ends,
        }
    }

    /// Whether the sink was given the events that this account is made from. If not, the log has to
    /// be read again with [`Config::format`](crate::Config::format) and
    /// [`Config::view`](crate::Config::view) fixed to what [`facts`](Account::facts) say.
    pub fn streamed_the_chosen(&self) -> bool {
        self.streamed.is_none_or(|stream| {
            stream.format == self.facts.format
                && (stream.format == LogFormat::Rfc || stream.view == self.facts.view)
        })
    }
}
