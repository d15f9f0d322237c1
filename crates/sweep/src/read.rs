//! What the log of a boot says.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use xenheap_ledger::{EventSink, Matched};
use xenheap_model::{
    Amount, Domain, Event, Facts, Kind, OnPurpose, Op, RawStack, Run, StackId, Untried, sweep::Crash,
};
use xenheap_runs::Silent;

use crate::SweepError;

/// Amounts by the stack's hash and the level.
pub(crate) type Amounts = BTreeMap<(u64, Kind), Amount>;

/// One boot.
#[derive(Debug, Default)]
pub(crate) struct BootLog {
    pub facts: Facts,
    /// Why the numbers of it prove nothing, if so.
    pub doubt: Option<String>,
    /// What is live at the end.
    pub live: Amounts,
    /// What of it was for domains that are gone.
    pub left: Amounts,
    /// What of it was allocated in the call in which an allocation failed on purpose, before that.
    pub of_call: Amounts,
    pub stacks: BTreeMap<u64, RawStack>,
    /// Hashes by the numbers of this boot.
    pub ids: BTreeMap<StackId, u64>,
    /// The number of the first event of each stack.
    pub first: BTreeMap<u64, u64>,
    /// Domains that Xen says have crashed.
    pub crashes: Vec<Crash>,
    /// What the workload and its tools say went wrong.
    pub said: Vec<String>,
}

impl BootLog {
    /// The allocation that failed on purpose.
    pub fn failed(&self) -> Option<&OnPurpose> {
        self.facts.experiment.failed.as_ref()
    }
}

/// Reads a log, and hands out the run, which has no names.
pub(crate) fn read(log: &Path) -> Result<(BootLog, Run), SweepError> {
    let mut calls = Calls::default();
    let mut account = xenheap_runs::account(log, Some(&mut calls), &Silent)
        .map_err(|source| SweepError::Log { path: log.to_owned(), source })?;

    let hashes: BTreeMap<StackId, u64> = account
        .stacks
        .iter()
        .filter_map(|(id, raw)| match raw {
            RawStack::Addresses { hash, .. } => Some((*id, *hash)),
            RawStack::Trace { .. } => None,
        })
        .collect();
    let add = |to: &mut Amounts, stack: StackId, kind: Kind, live: Amount| {
        // Pages of the xmalloc pool come and go with what is in them.
        if let (Some(hash), true) = (hashes.get(&stack), kind != Kind::PoolGrowth && !live.is_zero()) {
            to.entry((*hash, kind)).or_default().add(live.count, live.bytes);
        }
    };
    let mut seen = BootLog::default();
    for row in &account.profile {
        let live = Amount { count: row.counters.live, bytes: row.counters.live_bytes };
        add(&mut seen.live, row.key.stack, row.key.kind, live);
    }
    for left in &account.left {
        add(&mut seen.left, left.stack, left.kind, left.live);
    }
    let of_call: BTreeSet<u64> = calls.failed.iter().flatten().copied().collect();
    for live in account.live.iter().filter(|live| of_call.contains(&live.seq)) {
        let amount = Amount { count: 1, bytes: live.bytes };
        add(&mut seen.of_call, live.key.stack, live.key.kind, amount);
    }
    seen.stacks =
        account.stacks.iter().filter_map(|(id, raw)| Some((*hashes.get(id)?, raw.clone()))).collect();
    for (id, seq) in &calls.first {
        if let Some(hash) = hashes.get(id) {
            seen.first.entry(*hash).and_modify(|first| *first = (*first).min(*seq)).or_insert(*seq);
        }
    }
    seen.ids = hashes;
    account.live.clear();
    let run = account.into_run(BTreeMap::new());
    seen.facts = run.facts.clone();
    seen.doubt = run.doubt();
    let text = std::fs::read(log).map_err(SweepError::io("read", log))?;
    (seen.crashes, seen.said) = complaints(&text);
    Ok((seen, run))
}

/// Collects what the call allocated in which an allocation fails on purpose, and when each stack
/// first came up.
#[derive(Default)]
struct Calls {
    /// By CPU, the call that it is in and what that allocated.
    current: BTreeMap<u32, (u64, Vec<u64>)>,
    failed: Option<Vec<u64>>,
    first: BTreeMap<StackId, u64>,
}

impl EventSink for Calls {
    fn event(&mut self, event: &Event, _: Option<&Matched>) {
        let (epoch, allocs) = self.current.entry(event.cpu).or_default();
        if *epoch != event.epoch {
            (*epoch, *allocs) = (event.epoch, Vec::new());
        }
        if event.op == Op::Alloc {
            self.first.entry(event.stack).or_insert(event.seq);
        }
        match event.op {
            Op::Alloc if event.epoch > 0 => allocs.push(event.seq),
            Op::Fail if event.untried == Some(Untried::OnPurpose) => {
                self.failed.get_or_insert_with(|| std::mem::take(allocs));
            }
            _ => {}
        }
    }
}

/// How many of the workload's complaints are kept, from the end.
const SAID: usize = 4;

/// Which domains have crashed, and what the workload complains of.
fn complaints(log: &[u8]) -> (Vec<Crash>, Vec<String>) {
    let (mut crashes, mut said) = (Vec::new(), Vec::new());
    let mut called_from = None;
    for line in log.split(|byte| *byte == b'\n') {
        let text = xenheap_lab::escape(line.trim_ascii());
        if let Some(message) = text.find("(XEN) ").and_then(|at| text.get(at + 6..)) {
            // What follows a guest's mark is the guest's.
            if text.starts_with("(d") || message.contains("HA1 ") {
                continue;
            }
            if let Some(at) = message.find("domain_crash called from ") {
                called_from = message.get(at + "domain_crash called from ".len()..).map(str::to_owned);
            } else if let Some(domain) = crashed(message) {
                let crash = Crash { domain, at: called_from.take() };
                if !crashes.contains(&crash) {
                    crashes.push(crash);
                }
            }
        } else if ["dom0: FAILED: ", "libxl: error: ", "xc: error: "]
            .iter()
            .any(|start| text.starts_with(start))
            && !said.contains(&text)
        {
            said.push(text);
        }
    }
    said.drain(..said.len().saturating_sub(SAID));
    (crashes, said)
}

/// `Domain 3 (vcpu#0) crashed on cpu#1:`, `Domain 3 reported crashed by domain 0 on cpu#1:`
fn crashed(message: &str) -> Option<Domain> {
    let at = message.find("Domain ")?;
    let (id, rest) = message.get(at + 7..)?.split_once(' ')?;
    let crashed = rest.starts_with("reported crashed by ")
        || (rest.starts_with("(vcpu#") && rest.contains(" crashed on cpu#"));
    crashed.then(|| id.parse().ok().map(Domain::from_id)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_xens_and_the_workloads() {
        let log = b"(XEN) [   12.1] domain_crash called from common/memory.c:12\r\n\
            (XEN) [   12.1] Domain 3 (vcpu#0) crashed on cpu#1:\r\n\
            (XEN) Domain 4 reported crashed by domain 0 on cpu#1:\r\n\
            (XEN) Domain 4 reported crashed by domain 0 on cpu#1:\r\n\
            (d1) (XEN) Domain 5 (vcpu#0) crashed on cpu#1:\r\n\
            (XEN) Domain 6 (vcpu#0) is fine\r\n\
            (XEN) Domain x (vcpu#0) crashed on cpu#1:\r\n\
            libxl: error: libxl_create.c:707: domain creation fail: No memory\r\n\
            dom0: FAILED: xl create ended with status 3\r\n\
            I say dom0: FAILED: nothing\r\n";
        let (crashes, said) = complaints(log);
        assert_eq!(
            crashes,
            [
                Crash { domain: Domain::Id(3), at: Some("common/memory.c:12".into()) },
                Crash { domain: Domain::Id(4), at: None },
            ]
        );
        assert_eq!(
            said,
            [
                "libxl: error: libxl_create.c:707: domain creation fail: No memory",
                "dom0: FAILED: xl create ended with status 3",
            ]
        );
    }

    #[test]
    fn what_a_call_allocated_before_it_failed() {
        let event = |seq, op, cpu, epoch, untried| Event {
            seq,
            op,
            kind: Kind::Xmalloc,
            addr: 0,
            size: Some(8),
            used: None,
            stack: StackId(1),
            current: Domain::Id(0),
            passed: None,
            charge: xenheap_model::Charge::Nobody,
            memflags: 0,
            layer: 0,
            cpu,
            time: 0,
            unknown: false,
            epoch,
            bracketed: false,
            subject: None,
            untried,
        };
        let mut calls = Calls::default();
        for event in [
            event(1, Op::Alloc, 0, 7, None),
            event(2, Op::Alloc, 0, 8, None),
            event(3, Op::Alloc, 1, 8, None),
            event(4, Op::Alloc, 0, 8, None),
            event(5, Op::Fail, 0, 8, None),
            event(6, Op::Fail, 0, 8, Some(Untried::OnPurpose)),
            event(7, Op::Alloc, 0, 8, None),
        ] {
            calls.event(&event, None);
        }
        assert_eq!(calls.failed, Some(vec![2, 4]));
        assert_eq!(calls.first, BTreeMap::from([(StackId(1), 1)]));
    }
}
