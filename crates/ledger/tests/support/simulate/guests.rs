//! The part of the machine that has domains: they come and go, their ids are used again, and calls
//! begin and end.

use std::collections::BTreeMap;

use xenheap_console::{Counted, KindLine, Record, RowLine};
use xenheap_model::{
    Amount, Charge, Counters, Domain, DomainAccount, DomainEvent, DomainId, DomainState, Event, How, Kind,
    KindTotals, Left, Life, Moment, Owner, PAGE_SIZE, Pool, Row, RowKey, Service, StackId, Subject, View,
};

use super::{
    Plan, Story,
    machine::{Block, Call, STACKS, Sim, stack_line},
};

/// What was made in a call and did not leave in it.
type Made = BTreeMap<(StackId, Kind), Amount>;

/// What is true of domains and calls.
#[derive(Debug, Default)]
pub(super) struct Guests {
    known: Vec<DomainAccount>,
    alive: Vec<DomainId>,
    /// The call that each CPU serves.
    epochs: [u64; 4],
    calls: BTreeMap<Call, Made>,
    /// Charged memory.
    charged: BTreeMap<RowKey, Counters>,
}

impl Guests {
    fn latest(&self, domain: Domain) -> DomainId {
        let latest = self.alive.iter().rev().find(|id| id.domain == domain);
        latest.copied().unwrap_or(DomainId::unknown(domain))
    }

    pub(super) fn owner(&self, event: &Event) -> Owner {
        let subject = event.subject.map(|subject| subject.id);
        if let Some(passed) = event.passed {
            return Owner::Passed(subject.filter(|id| id.domain == passed).unwrap_or(self.latest(passed)));
        }
        match event.subject {
            _ if event.kind == Kind::PoolGrowth => Owner::Unknown,
            Some(Subject { how: How::Create, id }) => Owner::Created(id),
            Some(Subject { how: How::Domctl, id }) => Owner::Domctl(id),
            _ => Owner::Unknown,
        }
    }

    pub(super) fn is_open(&self, (cpu, epoch): Call) -> bool {
        epoch != 0 && self.epochs.get(cpu as usize) == Some(&epoch)
    }

    pub(super) fn made(&mut self, event: &Event, count: u64, bytes: u64) {
        if event.epoch != 0 {
            let made = self.calls.entry((event.cpu, event.epoch)).or_default();
            made.entry((event.stack, event.kind)).or_default().add(count, bytes);
        }
    }

    /// What was given away in a call and was not taken.
    pub(super) fn made_by(&mut self, call: Call, key: &RowKey, count: u64, bytes: u64) {
        if let Some(amount) = self.of(call, key) {
            amount.add(count, bytes);
        }
    }

    pub(super) fn unmade(&mut self, call: Call, key: &RowKey, count: u64, bytes: u64) {
        if let Some(amount) = self.of(call, key) {
            // What another call gave back, of what this one gave, does not come back into it.
            amount.count = amount.count.saturating_sub(count);
            amount.bytes = amount.bytes.saturating_sub(bytes);
        }
    }

    fn of(&mut self, call: Call, key: &RowKey) -> Option<&mut Amount> {
        self.calls.get_mut(&call)?.get_mut(&(key.stack, key.kind))
    }

    pub(super) fn services(&self) -> Vec<Service> {
        let mut services: BTreeMap<(StackId, Kind), Service> = BTreeMap::new();
        for (made, (&(stack, kind), left)) in
            self.calls.values().flat_map(|made| made.iter().map(move |one| (made, one)))
        {
            let service = services.entry((stack, kind)).or_insert(Service::new(stack, kind));
            service.calls += 1;
            service.leaving += u64::from(left.bytes > 0 || left.count > 0);
            service.most.count = service.most.count.max(left.count);
            service.most.bytes = service.most.bytes.max(left.bytes);
            service.total.add(left.count, left.bytes);
            if left.bytes > 0 || left.count > 0 {
                let whole = made.iter().filter(|((_, kind), _)| *kind != Kind::PoolGrowth);
                let bytes = whole.clone().map(|(_, left)| left.bytes).sum();
                let count = whole.map(|(_, left)| left.count).sum();
                service.most_whole.count = service.most_whole.count.max(count);
                service.most_whole.bytes = service.most_whole.bytes.max(bytes);
            }
        }
        services.into_values().collect()
    }

    pub(super) fn accounts(&self, profile: &[Row]) -> Vec<DomainAccount> {
        let mut accounts = self.known.clone();
        for account in &mut accounts {
            for row in profile.iter().filter(|row| row.key.owner.id() == Some(account.id)) {
                let c = &row.counters;
                account.allocated.add(c.allocs, c.bytes);
                account.refused += c.failed;
                account.taken.add(c.taken, c.taken_bytes);
                account.freed.add(c.freed, c.freed_bytes);
                account.given.add(c.given, c.given_bytes);
                account.live.add(c.live, c.live_bytes);
            }
        }
        accounts
    }

    pub(super) fn left(&self, profile: &[Row]) -> Vec<Left> {
        let mut left: Vec<Left> = Vec::new();
        for row in profile.iter().filter(|row| row.counters.live > 0) {
            let RowKey { stack, kind, charge, owner, .. } = row.key;
            if owner.id().is_none_or(|id| !id.is_known() || self.alive.contains(&id)) {
                continue;
            }
            let (count, bytes) = (row.counters.live, row.counters.live_bytes);
            match left
                .iter_mut()
                .find(|of| (of.stack, of.kind, of.charge, of.owner) == (stack, kind, charge, owner))
            {
                Some(of) => of.live.add(count, bytes),
                None => left.push(Left { stack, kind, charge, owner, live: Amount { count, bytes } }),
            }
        }
        left.sort();
        left
    }
}

impl Sim {
    /// Calls end and others begin.
    pub(super) fn turn(&mut self) {
        if self.plan.domains {
            for epoch in &mut self.guests.epochs {
                *epoch += u64::from(*epoch == 0 || self.rng.chance(20));
            }
        }
    }

    /// In which call something happens, and for whom.
    pub(super) fn circumstances(&mut self, cpu: u32) -> (u64, Option<Subject>) {
        if !self.plan.domains {
            return (0, None);
        }
        let epoch = self.guests.epochs.get(cpu as usize).copied().unwrap_or(0);
        let epoch = if self.rng.chance(10) { 0 } else { epoch };
        let how = if self.rng.chance(50) { How::Create } else { How::Domctl };
        let id = self.rng.pick(&self.guests.alive).copied().filter(|_| self.rng.chance(40));
        (epoch, id.map(|id| Subject { how, id }))
    }

    /// A domain comes, or one goes.
    pub(super) fn life(&mut self) {
        self.pool();
        let going = 1 + self.rng.below(self.guests.alive.len().max(1));
        match self.guests.alive.get(going).copied() {
            Some(id) if self.guests.alive.len() > 5 || self.rng.chance(50) => self.destroy(id),
            _ => {
                let domain = Domain::Id(1 + self.rng.below(6) as u16);
                let id = self.create(domain);
                if self.rng.chance(20) {
                    self.end(id, true);
                }
            }
        }
    }

    pub(super) fn create(&mut self, domain: Domain) -> DomainId {
        let generation = self.guests.known.len() as u32 + 1;
        let id = DomainId { domain, generation };
        let flags = self.rng.bits() % 8;
        let event = self.tell(id, Life::Created { flags });
        let mut account = DomainAccount::new(id);
        account.flags = Some(flags);
        account.created = Some(Moment { seq: event.seq, time: event.time });
        self.guests.known.push(account);
        self.guests.alive.push(id);
        id
    }

    /// Some of what is known to be a domain's, and of what nobody knows whose it is, is freed in
    /// its destruction.
    fn destroy(&mut self, id: DomainId) {
        let blocks: Vec<(u64, Block)> =
            self.blocks.iter().map(|(addr, block)| (*addr, block.clone())).collect();
        for (addr, block) in blocks {
            let chance = match block.key.owner {
                Owner::Unknown => 5,
                owner if owner.id() == Some(id) => 80,
                _ => 0,
            };
            if self.rng.chance(chance) {
                self.xfree_at(addr, block, Some(id));
            }
        }
        self.end(id, false);
    }

    fn end(&mut self, id: DomainId, failed: bool) {
        let pool = self.pool_of(id);
        let event = self.tell(id, Life::Ended { failed, pool });
        self.guests.alive.retain(|alive| *alive != id);
        for account in self.guests.known.iter_mut().filter(|account| account.id == id) {
            account.ended = Some(Moment { seq: event.seq, time: event.time });
            account.failed = failed;
            account.pool = Some(pool);
        }
    }

    fn tell(&mut self, id: DomainId, life: Life) -> DomainEvent {
        self.seq += 1;
        let (seq, current, cpu) = (self.seq, self.domain(), self.rng.below(4) as u32);
        let event = DomainEvent { seq, life, id, current, cpu, time: seq * 1000 };
        for view in [View::Trace, View::Warn] {
            if self.plan.modes.contains(&view) {
                self.push(seq, Record::Domain { view, event: event.clone() });
            }
        }
        event
    }

    /// Nothing here depends on a pool's numbers, they are only told.
    fn pool_of(&mut self, id: DomainId) -> Pool {
        let takes = u64::from(id.generation) * 7;
        Pool { size: 256, low: 256 - takes.min(200), takes, backs: takes / 2, failed: 0, extra: 1 }
    }

    /// What was nobody's turns out to be a domain's.
    pub(super) fn own(&mut self, key: RowKey, id: DomainId, one: Counters) -> RowKey {
        if key.owner != Owner::Unknown {
            return key;
        }
        if let Some(from) = self.owned.get_mut(&key) {
            from.allocs -= one.allocs;
            from.bytes -= one.bytes;
            from.live -= one.live;
            from.live_bytes -= one.live_bytes;
        }
        let key = RowKey { owner: Owner::Destroyed(id), ..key };
        let to = self.owned.entry(key).or_default();
        to.min = if to.allocs == 0 { one.bytes } else { to.min.min(one.bytes) };
        to.max = to.max.max(one.bytes);
        to.allocs += one.allocs;
        to.bytes += one.bytes;
        to.live += one.live;
        to.live_bytes += one.live_bytes;
        to.peak = to.peak.max(to.live_bytes);
        key
    }

    /// Charged memory comes and goes.
    fn pool(&mut self) {
        let (kind, charge) = match self.rng.chance(60) {
            true => (Kind::DomainPool, Charge::Domain),
            false => (Kind::Domheap, Charge::NoRefcount),
        };
        let stack = StackId(STACKS + 1 + self.rng.below(3) as u32);
        let key = RowKey { stack, kind, charge, current: self.domain(), owner: Owner::Unknown };
        let count = 1 + self.rng.below(30) as u64;
        let c = self.guests.charged.entry(key).or_default();
        c.allocs += count;
        c.bytes += count * PAGE_SIZE;
        let freed = c.live / 2;
        c.freed += freed;
        c.freed_bytes += freed * PAGE_SIZE;
        c.live = c.allocs - c.freed;
        c.live_bytes = c.live * PAGE_SIZE;
        c.peak = c.peak.max(c.live_bytes);
        (c.min, c.max, c.bracketed) = (PAGE_SIZE, PAGE_SIZE, Some(0));
    }

    /// A dump's lines of charged memory and of domains; how many stacks and rows.
    pub(super) fn charged(&mut self, seq: u64) -> (u64, u64) {
        let rows: Vec<(RowKey, Counters)> = self.guests.charged.iter().map(|(key, c)| (*key, *c)).collect();
        let mut stacks: Vec<StackId> = rows.iter().map(|(key, _)| key.stack).collect();
        stacks.sort();
        stacks.dedup();
        for id in &stacks {
            self.push(seq, Record::Stack(stack_line(*id)));
        }
        for (key, counters) in &rows {
            self.push(seq, Record::Row(RowLine { key: *key, counters: *counters }));
        }
        for (of, charge) in [(Counted::DomainPool, Charge::Domain), (Counted::NoRefcount, Charge::NoRefcount)]
        {
            let mut sum = Counters { bracketed: Some(0), ..Counters::default() };
            for (_, c) in rows.iter().filter(|(key, _)| key.charge == charge) {
                sum.allocs += c.allocs;
                sum.bytes += c.bytes;
                sum.freed += c.freed;
                sum.freed_bytes += c.freed_bytes;
                sum.live += c.live;
                sum.live_bytes += c.live_bytes;
                sum.peak += c.peak;
            }
            let totals = KindTotals { counters: sum, ..KindTotals::default() };
            self.push(seq, Record::Kind(KindLine { of, totals }));
        }
        for id in self.guests.alive.clone() {
            let pool = self.pool_of(id);
            for account in self.guests.known.iter_mut().filter(|account| account.id == id) {
                account.pool = Some(pool);
            }
            self.push(seq, Record::State(DomainState { id, pool }));
        }
        (stacks.len() as u64, rows.len() as u64)
    }
}

/// A workload that creates, uses and destroys the same guest again and again.
#[derive(Clone, Debug)]
pub struct Churn {
    /// For everything that is random.
    pub seed: u64,
    /// How many times; after each the debug key is pressed.
    pub cycles: usize,
    /// The recorder's modes.
    pub modes: Vec<View>,
    /// Bytes that are lost each time, as one xmalloc.
    pub leak: Option<u64>,
}

/// The stack whose allocations are lost.
pub const LEAKING: StackId = StackId(STACKS + 7);

/// Simulates a [`Churn`]: after some boot, everything but the leak is freed, some of it only in the
/// next cycle.
pub fn churn(churn: &Churn) -> Story {
    let plan = Plan { keys: 0, ..Plan::new(churn.seed, 60, &churn.modes) };
    let mut sim = Sim::begun(&plan);
    for _ in 0..plan.steps {
        sim.step();
    }
    let mut late: Vec<u64> = Vec::new();
    for cycle in 0..churn.cycles {
        sim.turn();
        let id = sim.create(Domain::Id(10 + cycle as u16));
        let mut mine = Vec::new();
        for n in 0..8u32 {
            let how = if n % 2 == 0 { How::Create } else { How::Domctl };
            let stack = StackId(1 + n);
            mine.extend(sim.xmalloc_for(stack, 40 + u64::from(n), Some(Subject { how, id })));
        }
        // A cache that one cycle leaves behind and the next one gives back: freed late, but freed.
        let kept = mine.pop();
        if let Some(bytes) = churn.leak {
            sim.xmalloc_for(LEAKING, bytes, Some(Subject { how: How::Domctl, id }));
        }
        for addr in mine.into_iter().chain(late.drain(..)) {
            if let Some(block) = sim.blocks.get(&addr).cloned() {
                sim.xfree_at(addr, block, Some(id));
            }
        }
        late.extend(kept);
        sim.end(id, false);
        sim.dump("key");
    }
    for addr in late {
        if let Some(block) = sim.blocks.get(&addr).cloned() {
            sim.xfree_at(addr, block, None);
        }
    }
    sim.dump("shutdown");
    sim.story()
}
