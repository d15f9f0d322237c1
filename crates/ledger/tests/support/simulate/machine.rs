use std::collections::{BTreeMap, BTreeSet};

use xenheap_console::{Counted, DumpBegin, DumpEnd, Header, KindLine, Record, RowLine, StackLine, Tag};
use xenheap_model::{
    Beside, Charge, Counters, Domain, DomainAccount, DomainId, Event, How, Kind, Left, Machine, Op, Owner,
    PAGE_SIZE, Pair, Pc, Row, RowKey, Service, StackId, Subject, Tables, Totals, View,
};

use super::{Rng, guests::Guests};

const PAGES: usize = 2048;
const MADDR: u64 = 0x1_0000_0000;
const VIRT: u64 = 0xffff_8300_0000_0000;
/// Where vmallocs are mapped, and how far apart they begin.
const VMAP: u64 = 0xffff_82c0_0000_0000;
const VMAP_STEP: u64 = 16 * PAGE_SIZE;
const TEXT: u64 = 0xffff_82d0_4020_0000;
pub(super) const STACKS: u32 = 40;
const POOL_HEADER: u64 = 64;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Plan {
    /// For everything that is random.
    pub seed: u64,
    /// How many operations.
    pub steps: usize,
    /// The recorder's modes.
    pub modes: Vec<View>,
    /// How many times the debug key is pressed.
    pub keys: usize,
    /// A dump at the end.
    pub shutdown: bool,
    /// The recorder tells of domains, subjects, calls and charged memory.
    pub domains: bool,
}

impl Plan {
    /// A run that ends properly.
    pub fn new(seed: u64, steps: usize, modes: &[View]) -> Self {
        Plan { seed, steps, modes: modes.to_vec(), keys: 1, shutdown: true, domains: true }
    }
}

/// A line of the recorder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub seq: u64,
    /// What it says.
    pub record: Record,
}

/// What really happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// By row, sorted by key.
    pub profile: Vec<Row>,
    /// The same by the hypervisor's keys.
    pub whole: Vec<Row>,
    /// By kind.
    pub totals: Totals,
    /// Number, first address and live bytes of everything that is live.
    pub live: Vec<(u64, u64, u64)>,
    /// How many events there were.
    pub events: u64,
    /// Each domain.
    pub domains: Vec<DomainAccount>,
    /// What is left of those that are gone.
    pub left: Vec<Left>,
    /// What calls left behind.
    pub services: Vec<Service>,
}

/// A simulated boot.
#[derive(Clone, Debug)]
pub struct Story {
    /// The boot's tag.
    pub tag: Tag,
    /// What was printed, in order.
    pub lines: Vec<Line>,
    /// What is true at the end.
    pub truth: Truth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Free,
    Boot,
    Pool,
    Whole,
    Anonymous(usize),
    Domain,
}

/// A call of a guest: CPU and epoch.
pub(super) type Call = (u32, u64);

#[derive(Clone, Debug)]
struct Pages {
    call: Call,
    key: RowKey,
    seq: u64,
    /// The first page of the event that made it.
    event: usize,
    first: usize,
    count: usize,
    live: usize,
    is_virtual: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) call: Call,
    pub(super) key: RowKey,
    seq: u64,
    size: u64,
    used: u64,
}

pub(super) struct Sim {
    pub(super) rng: Rng,
    pub(super) plan: Plan,
    pub(super) seq: u64,
    tag: Tag,
    pub(super) guests: Guests,
    pages: Vec<Page>,
    allocations: Vec<Pages>,
    pub(super) blocks: BTreeMap<u64, Block>,
    boot_blocks: BTreeMap<u64, u64>,
    /// The pages of each vmalloc.
    vmap: BTreeMap<u64, Vec<usize>>,
    /// Free places in the pool, by address.
    holes: BTreeMap<u64, u64>,
    /// By the hypervisor's keys.
    rows: BTreeMap<RowKey, Counters>,
    /// By ours.
    pub(super) owned: BTreeMap<RowKey, Counters>,
    order: Vec<RowKey>,
    totals: Totals,
    machine: Machine,
    printed: BTreeSet<StackId>,
    seen: BTreeSet<StackId>,
    lines: Vec<Line>,
    dumps: u64,
}

/// Simulates.
pub fn story(plan: &Plan) -> Story {
    let mut sim = Sim::begun(plan);
    for step in 0..plan.steps {
        sim.step();
        let presses = (1..=plan.keys).filter(|key| key * plan.steps / (plan.keys + 1) == step);
        for _ in presses {
            sim.dump("key");
        }
    }
    if plan.shutdown {
        sim.dump("shutdown");
    }
    sim.story()
}

/// The key of the hypervisor's row.
fn whole(key: RowKey) -> RowKey {
    let owner = match key.owner {
        Owner::Passed(id) => Owner::Passed(DomainId::unknown(id.domain)),
        _ => Owner::Unknown,
    };
    RowKey { owner, ..key }
}

pub(super) fn stack_line(id: StackId) -> StackLine {
    let mut rng = Rng::new(u64::from(id.0) * 77);
    let depth = 1 + rng.below(12);
    let pcs = (0..depth)
        .map(|i| Pc { addr: TEXT + rng.bits() % 0x20_0000, exact: i > 0 && rng.chance(5) })
        .collect();
    StackLine { id, hash: rng.bits(), pcs, truncated: rng.chance(5) }
}

impl Sim {
    fn new(plan: Plan) -> Self {
        let mut rng = Rng::new(plan.seed);
        let mut pages = vec![Page::Free; PAGES];
        let mut boot_blocks = BTreeMap::new();
        for (i, page) in pages.iter_mut().enumerate() {
            if i < 64 {
                *page = if i < 8 { Page::Pool } else { Page::Boot };
            } else if rng.chance(10) {
                *page = Page::Domain;
            }
        }
        for i in 0..8u64 {
            for block in 0..4u64 {
                boot_blocks.insert(VIRT + MADDR + i * PAGE_SIZE + 16 + block * 512, 256);
            }
        }
        let free = pages.iter().filter(|page| **page == Page::Free).count() as u64;
        let dompages = pages.iter().filter(|page| **page == Page::Domain).count() as u64;
        let same = |n| Pair { start: n, now: n };
        let machine = Machine {
            free: same(free),
            dompages: same(dompages),
            pooltotal: same(8 * PAGE_SIZE),
            poolused: same(8 * POOL_HEADER + 32 * 256),
            poolhdr: POOL_HEADER,
            beside: plan.domains.then(Beside::default),
            lost_domains: plan.domains.then_some(0),
            ..Machine::default()
        };
        let mut totals = Totals::default();
        for kind in Kind::ANONYMOUS {
            if let Some(of_kind) = totals.of_mut(kind) {
                of_kind.counters.bracketed = plan.domains.then_some(0);
            }
        }
        Sim {
            rng,
            plan,
            seq: 0,
            tag: Tag(0),
            guests: Guests::default(),
            pages,
            allocations: Vec::new(),
            blocks: BTreeMap::new(),
            boot_blocks,
            vmap: BTreeMap::new(),
            holes: BTreeMap::new(),
            rows: BTreeMap::new(),
            owned: BTreeMap::new(),
            order: Vec::new(),
            totals,
            machine,
            printed: BTreeSet::new(),
            seen: BTreeSet::new(),
            lines: Vec::new(),
            dumps: 0,
        }
    }

    /// A boot with its first lines.
    pub(super) fn begun(plan: &Plan) -> Self {
        let mut sim = Sim::new(plan.clone());
        sim.tag = Tag(sim.rng.bits() as u32);
        sim.header();
        if plan.domains {
            sim.create(Domain::Id(0));
        }
        sim
    }

    pub(super) fn story(self) -> Story {
        let truth = self.truth();
        Story { tag: self.tag, lines: self.lines, truth }
    }

    pub(super) fn push(&mut self, seq: u64, record: Record) {
        self.lines.push(Line { seq, record });
    }

    fn header(&mut self) {
        let header = Header {
            format: 2,
            xen: "4.17.5".to_owned(),
            arch: "x86_64".to_owned(),
            build_id: Some("a1b2c3d4e5f60718293a4b5c6d7e8f9001122334".to_owned()),
            text: Some((TEXT, TEXT + 0x20_0000)),
            modes: self.plan.modes.clone(),
            tables: Tables {
                depth: 32,
                stacks: 2048,
                rows: 4096,
                live: 65536,
                ring: 4096,
                domains: self.plan.domains.then_some(64),
            },
            fail: None,
            accounts: None,
            charge: None,
            lacks: Vec::new(),
        };
        self.push(0, Record::Header(header));
    }

    pub(super) fn domain(&mut self) -> Domain {
        let domains = [Domain::Id(0), Domain::Id(0), Domain::Id(1), Domain::Id(2), Domain::Idle];
        self.rng.pick(&domains).copied().unwrap_or(Domain::Idle)
    }

    fn addr(first: usize, is_virtual: bool) -> u64 {
        let maddr = MADDR + first as u64 * PAGE_SIZE;
        if is_virtual { VIRT + maddr } else { maddr }
    }

    /// An event with what is random of every event.
    pub(super) fn event(&mut self, op: Op, kind: Kind, addr: u64, size: u64) -> Event {
        self.seq += 1;
        let cpu = self.rng.below(4) as u32;
        let (epoch, subject) = self.circumstances(cpu);
        Event {
            seq: self.seq,
            op,
            kind,
            addr,
            size: Some(size),
            used: None,
            stack: StackId(1 + self.rng.below(STACKS as usize) as u32),
            current: self.domain(),
            passed: None,
            charge: Charge::Nobody,
            memflags: 0,
            layer: u32::from(kind == Kind::PoolGrowth),
            cpu,
            time: self.seq * 1000 + self.rng.below(900) as u64,
            unknown: false,
            epoch,
            bracketed: false,
            subject,
            untried: None,
        }
    }

    pub(super) fn print(&mut self, event: Event) {
        self.seen.insert(event.stack);
        for view in [View::Trace, View::Warn] {
            if !self.plan.modes.contains(&view) {
                continue;
            }
            if self.printed.insert(event.stack) {
                self.push(event.seq, Record::Stack(stack_line(event.stack)));
            }
            self.push(event.seq, Record::Event { view, event: event.clone() });
        }
    }

    /// The counters of a row, of its kind, both.
    fn count(&mut self, key: RowKey, change: impl Fn(&mut Counters)) {
        let whole = whole(key);
        if !self.rows.contains_key(&whole) {
            self.order.push(whole);
        }
        let row = self.rows.entry(whole).or_default();
        let owned = self.owned.entry(key).or_default();
        let kind = self.totals.of_mut(key.kind).map(|totals| &mut totals.counters);
        let marks = self.plan.domains;
        for c in [row, owned].into_iter().chain(kind) {
            if marks {
                c.bracketed.get_or_insert(0);
            }
            change(c);
            c.live = c.allocs + c.taken - c.freed - c.given;
            c.live_bytes = c.bytes + c.taken_bytes - c.freed_bytes - c.given_bytes;
            c.peak = c.peak.max(c.live_bytes);
        }
    }

    pub(super) fn allocated(&mut self, event: &Event) -> RowKey {
        let key = RowKey {
            stack: event.stack,
            kind: event.kind,
            charge: event.charge,
            current: event.current,
            owner: self.guests.owner(event),
        };
        let size = event.size.unwrap_or(0);
        let op = event.op;
        self.count(key, |c| match op {
            Op::Alloc => {
                c.allocs += 1;
                c.bytes += size;
            }
            Op::Take => {
                c.taken += size / PAGE_SIZE;
                c.taken_bytes += size;
            }
            _ => c.failed += 1,
        });
        if op == Op::Alloc {
            let rows = [self.rows.get_mut(&whole(key)), self.owned.get_mut(&key)];
            for c in rows.into_iter().flatten() {
                c.min = if c.min == 0 { size } else { c.min.min(size) };
                c.max = c.max.max(size);
            }
        }
        match op {
            Op::Alloc => self.guests.made(event, 1, size),
            Op::Take => self.guests.made(event, size / PAGE_SIZE, size),
            _ => {}
        }
        key
    }

    /// A part of an allocation of `call` leaves, in `event`.
    pub(super) fn gone(&mut self, key: RowKey, call: Call, event: &Event, last: bool, bytes: u64) {
        let given = event.op == Op::Give;
        let within = if given { (event.cpu, event.epoch) == call } else { event.bracketed };
        if within {
            self.guests.unmade(call, &key, u64::from(last), bytes);
        }
        let bracketed = event.bracketed;
        self.count(key, |c| {
            if bracketed && last {
                c.bracketed = c.bracketed.map(|count| count + 1);
            }
            if given {
                c.given += u64::from(last);
                c.given_bytes += bytes;
            } else {
                c.freed += u64::from(last);
                c.freed_bytes += bytes;
            }
        });
    }

    /// A place for 2^order pages.
    fn find(&mut self, order: u32) -> Option<usize> {
        let count = 1 << order;
        let slots = PAGES / count;
        let start = self.rng.below(slots);
        (0..slots.min(64)).map(|i| (start + i) % slots * count).find(|&first| {
            self.pages.get(first..first + count).is_some_and(|p| p.iter().all(|page| *page == Page::Free))
        })
    }

    fn set(&mut self, first: usize, count: usize, to: Page) {
        for page in self.pages.iter_mut().skip(first).take(count) {
            *page = to;
        }
    }

    pub(super) fn step(&mut self) {
        self.turn();
        if self.plan.domains && self.rng.chance(6) {
            return self.life();
        }
        match self.rng.below(100) {
            0..30 => self.xmalloc(),
            30..35 => self.vmalloc(),
            35..58 => self.xfree(),
            58..70 => self.alloc_pages(),
            70..80 => self.free_pages(),
            80..84 => self.fail(),
            84..89 => self.give(),
            89..92 => self.take(),
            92..95 => self.orphan(),
            95..97 => self.free_run(),
            _ => self.domain_pages(),
        }
    }

    fn fail(&mut self) {
        let kind = *self.rng.pick(&Kind::ANONYMOUS).unwrap_or(&Kind::Xmalloc);
        let order = self.rng.below(4);
        let mut event = self.event(Op::Fail, kind, 0, PAGE_SIZE << order);
        if kind == Kind::Domheap && self.rng.chance(30) {
            event.passed = Some(Domain::Id(3));
            event.charge = Charge::NoOwner;
        }
        self.allocated(&event);
        self.print(event);
    }

    fn xmalloc(&mut self) {
        if self.rng.chance(8) {
            return self.whole_pages();
        }
        let size = 1 + self.rng.below(700) as u64;
        self.pool_block(size, |_| {});
    }

    /// An xmalloc, for a domain.
    pub(super) fn xmalloc_for(&mut self, stack: StackId, size: u64, subject: Option<Subject>) -> Option<u64> {
        self.pool_block(size, |event| {
            event.stack = stack;
            event.subject = subject;
        })
    }

    /// A block of the pool. `detail`: what is not left to chance.
    fn pool_block(&mut self, size: u64, detail: impl FnOnce(&mut Event)) -> Option<u64> {
        let used = size.next_multiple_of(16) + 16;
        let mut hole = self.holes.iter().find(|(_, len)| **len >= used).map(|(at, len)| (*at, *len));
        if hole.is_none() {
            let first = self.find(0)?;
            self.set(first, 1, Page::Pool);
            let addr = Self::addr(first, true);
            let event = self.event(Op::Alloc, Kind::PoolGrowth, addr, PAGE_SIZE);
            let key = self.allocated(&event);
            let growth = &mut self.totals.pool_growth;
            growth.pages += 1;
            self.machine.free.now -= 1;
            self.machine.pooltotal.now += PAGE_SIZE;
            self.machine.poolused.now += POOL_HEADER;
            let index = self.allocations.len();
            self.allocations.push(Pages {
                call: (event.cpu, event.epoch),
                key,
                seq: event.seq,
                event: first,
                first,
                count: 1,
                live: 1,
                is_virtual: true,
            });
            // A page of the pool is live as growth; it is found by its index when it shrinks.
            self.set(first, 1, Page::Anonymous(index));
            self.print(event);
            let (at, len) = (addr + POOL_HEADER / 2, PAGE_SIZE - POOL_HEADER);
            self.holes.insert(at, len);
            hole = Some((at, len));
        }
        let (at, len) = hole?;
        self.holes.remove(&at);
        if len > used {
            self.holes.insert(at + used, len - used);
        }
        let mut event = self.event(Op::Alloc, Kind::Xmalloc, at + 16, size);
        event.used = Some(used);
        detail(&mut event);
        let addr = event.addr;
        let key = self.allocated(&event);
        self.totals.xmalloc.pool += used;
        self.machine.poolused.now += used;
        self.blocks
            .insert(event.addr, Block { call: (event.cpu, event.epoch), key, seq: event.seq, size, used });
        self.print(event);
        Some(addr)
    }

    fn whole_pages(&mut self) {
        let Some(first) = self.find(2) else { return };
        let count = 1 + self.rng.below(4);
        self.set(first, count, Page::Whole);
        let used = count as u64 * PAGE_SIZE;
        let size = used - self.rng.below(300) as u64;
        let mut event = self.event(Op::Alloc, Kind::Xmalloc, Self::addr(first, true), size);
        event.used = Some(used);
        let key = self.allocated(&event);
        self.totals.xmalloc.pages += count as u64;
        self.machine.free.now -= count as u64;
        self.blocks
            .insert(event.addr, Block { call: (event.cpu, event.epoch), key, seq: event.seq, size, used });
        self.print(event);
    }

    /// Pages from all over the heap, mapped where the last one was that is free again.
    fn vmalloc(&mut self) {
        let count = 1 + self.rng.below(9);
        let pages: Vec<usize> = (0..count)
            .filter_map(|_| {
                let page = self.find(0)?;
                self.set(page, 1, Page::Whole);
                Some(page)
            })
            .collect();
        let used = pages.len() as u64 * PAGE_SIZE;
        let Some(addr) = (0..512).map(|i| VMAP + i * VMAP_STEP).find(|addr| !self.vmap.contains_key(addr))
        else {
            return pages.iter().for_each(|page| self.set(*page, 1, Page::Free));
        };
        if used == 0 {
            return;
        }
        let size = used - self.rng.below(4000) as u64;
        let mut event = self.event(Op::Alloc, Kind::Vmalloc, addr, size);
        event.used = Some(used);
        let key = self.allocated(&event);
        self.totals.vmalloc.pages += pages.len() as u64;
        self.machine.free.now -= pages.len() as u64;
        self.vmap.insert(addr, pages);
        self.blocks.insert(addr, Block { call: (event.cpu, event.epoch), key, seq: event.seq, size, used });
        self.print(event);
    }

    fn xfree(&mut self) {
        let index = self.rng.below(self.blocks.len());
        let Some((addr, block)) = self.blocks.iter().nth(index).map(|(addr, block)| (*addr, block.clone()))
        else {
            return;
        };
        self.xfree_at(addr, block, None);
    }

    /// Frees a block; in the destruction of a domain, if one is named.
    pub(super) fn xfree_at(&mut self, addr: u64, mut block: Block, dying: Option<DomainId>) {
        self.blocks.remove(&addr);
        let mut event = self.event(Op::Free, block.key.kind, addr, block.size);
        if let Some(id) = dying {
            event.subject = Some(Subject { how: How::Destroy, id });
            let one = Counters {
                allocs: 1,
                bytes: block.size,
                live: 1,
                live_bytes: block.size,
                ..Counters::default()
            };
            block.key = self.own(block.key, id, one);
        }
        event.used = Some(block.used);
        event.bracketed = self.guests.is_open(block.call);
        self.gone(block.key, block.call, &event, true, block.size);
        if let Some(pages) = self.vmap.remove(&addr) {
            let count = pages.len() as u64;
            self.totals.vmalloc.pages_freed += count;
            self.machine.free.now += count;
            pages.into_iter().for_each(|page| self.set(page, 1, Page::Free));
            self.print(event);
        } else if addr.is_multiple_of(PAGE_SIZE) {
            let count = block.used / PAGE_SIZE;
            self.totals.xmalloc.pages_freed += count;
            self.machine.free.now += count;
            self.set(((addr - VIRT - MADDR) / PAGE_SIZE) as usize, count as usize, Page::Free);
            self.print(event);
        } else {
            self.totals.xmalloc.pool_freed += block.used;
            self.machine.poolused.now -= block.used;
            self.holes.insert(addr - 16, block.used);
            self.print(event);
            self.shrink((addr - VIRT - MADDR) / PAGE_SIZE);
        }
    }

    /// Gives a page of the pool back if nothing is in it.
    fn shrink(&mut self, page: u64) {
        let start = VIRT + MADDR + page * PAGE_SIZE;
        let range = start..start + PAGE_SIZE;
        if self.blocks.range(range.clone()).next().is_some() || self.rng.chance(50) {
            return;
        }
        self.holes.retain(|at, _| !range.contains(at));
        self.machine.pooltotal.now -= PAGE_SIZE;
        self.machine.poolused.now -= POOL_HEADER;
        self.leave(Op::Free, page as usize, 1, true, Kind::PoolGrowth);
    }

    fn alloc_pages(&mut self) {
        let order = [0, 0, 0, 1, 2, 3][self.rng.below(6)];
        let Some(first) = self.find(order) else { return };
        let count = 1usize << order;
        let is_virtual = self.rng.chance(40);
        let kind = if is_virtual { Kind::Xenheap } else { Kind::Domheap };
        let mut event = self.event(Op::Alloc, kind, Self::addr(first, is_virtual), count as u64 * PAGE_SIZE);
        if !is_virtual && self.rng.chance(50) {
            event.passed = Some(self.domain());
            event.charge = Charge::NoOwner;
            event.memflags = 1 << 6;
        }
        let key = self.allocated(&event);
        if let Some(totals) = self.totals.of_mut(kind) {
            totals.pages += count as u64;
        }
        self.machine.free.now -= count as u64;
        let index = self.allocations.len();
        self.allocations.push(Pages {
            call: (event.cpu, event.epoch),
            key,
            seq: event.seq,
            event: first,
            first,
            count,
            live: count,
            is_virtual,
        });
        self.set(first, count, Page::Anonymous(index));
        self.print(event);
    }

    /// Pages of a domain, some at once. Each is a block of its own.
    fn take(&mut self) {
        let Some(first) = (0..32).map(|_| self.rng.below(PAGES)).find(|&i| self.pages[i] == Page::Domain)
        else {
            return;
        };
        let most = 1 + self.rng.below(4);
        let count = self.pages[first..].iter().take(most).take_while(|page| **page == Page::Domain).count();
        let size = count as u64 * PAGE_SIZE;
        let mut event = self.event(Op::Take, Kind::Domheap, Self::addr(first, false), size);
        event.passed = Some(Domain::Id(5));
        let key = self.allocated(&event);
        self.machine.dompages.now -= count as u64;
        self.machine.taken_counted += count as u64;
        for page in first..first + count {
            let index = self.allocations.len();
            let pages = Pages {
                call: (event.cpu, event.epoch),
                key,
                seq: event.seq,
                event: first,
                first: page,
                count: 1,
                live: 1,
                is_virtual: false,
            };
            self.allocations.push(pages);
            self.set(page, 1, Page::Anonymous(index));
        }
        self.print(event);
    }

    /// An allocation of pages, of which something is live, and a run of its live pages.
    fn some_run(&mut self) -> Option<(usize, usize, usize)> {
        let live: Vec<usize> = (0..self.allocations.len())
            .filter(|&i| self.allocations[i].live > 0 && self.allocations[i].key.kind != Kind::PoolGrowth)
            .collect();
        let &index = self.rng.pick(&live)?;
        let Pages { first, count, .. } = self.allocations[index];
        let mine = |i: &usize| self.pages[*i] == Page::Anonymous(index);
        let start = (first..first + count).find(mine)?;
        let end = (start..first + count).take_while(|i| mine(i)).last()? + 1;
        if self.rng.chance(60) {
            return Some((index, start, end - start));
        }
        let skip = self.rng.below(end - start);
        let from = start + skip;
        Some((index, from, 1 + self.rng.below(end - from)))
    }

    fn free_pages(&mut self) {
        if let Some((index, first, count)) = self.some_run() {
            let Pages { is_virtual, key, .. } = self.allocations[index];
            self.leave(Op::Free, first, count, is_virtual, key.kind);
        }
    }

    /// One free of parts of several allocations.
    fn free_run(&mut self) {
        let Some((index, first, _)) = self.some_run() else { return };
        let Pages { is_virtual, key, .. } = self.allocations[index];
        let fits = |page: &Page| match page {
            Page::Anonymous(i) => {
                self.allocations[*i].is_virtual == is_virtual
                    && self.allocations[*i].key.kind != Kind::PoolGrowth
            }
            _ => false,
        };
        let count = self.pages.iter().skip(first).take_while(|page| fits(page)).count();
        self.leave(Op::Free, first, count, is_virtual, key.kind);
    }

    /// Pages leave the books, one by one in truth, in one record.
    fn leave(&mut self, op: Op, first: usize, count: usize, is_virtual: bool, kind: Kind) {
        // What agrees in all but the address is one record.
        let bracketed = |page: &Page| match *page {
            Page::Anonymous(index) if op == Op::Free => self.guests.is_open(self.allocations[index].call),
            _ => false,
        };
        let pages = &self.pages[first..first + count];
        let begins = bracketed(&pages[0]);
        let run = pages.iter().take_while(|page| bracketed(page) == begins).count();
        let mut event = self.event(op, kind, Self::addr(first, is_virtual), run as u64 * PAGE_SIZE);
        event.bracketed = begins;
        for page in first..first + run {
            let Page::Anonymous(index) = self.pages[page] else { continue };
            self.allocations[index].live -= 1;
            let Pages { key, live, call, .. } = self.allocations[index];
            self.gone(key, call, &event, live == 0, PAGE_SIZE);
            if op == Op::Give {
                self.pages[page] = Page::Domain;
                self.machine.dompages.now += 1;
                self.machine.given_counted += 1;
            } else {
                self.pages[page] = Page::Free;
                if let Some(totals) = self.totals.of_mut(key.kind) {
                    totals.pages_freed += 1;
                }
                self.machine.free.now += 1;
            }
        }
        self.print(event);
        if run < count {
            self.leave(op, first + run, count - run, is_virtual, kind);
        }
    }

    fn give(&mut self) {
        let Some((index, first, count)) = self.some_run() else { return };
        let Pages { is_virtual, key, .. } = self.allocations[index];
        let before: Vec<Page> = self.pages[first..first + count].to_vec();
        self.leave(Op::Give, first, count, is_virtual, key.kind);
        if self.rng.chance(60) {
            return;
        }
        // The domain was dying, say. Another CPU may do something else first.
        if self.rng.chance(30) {
            self.xmalloc();
        }
        let event =
            self.event(Op::GiveBack, key.kind, Self::addr(first, is_virtual), count as u64 * PAGE_SIZE);
        for (page, was) in (first..).zip(before) {
            self.pages[page] = was;
            self.machine.dompages.now -= 1;
            self.machine.given_counted -= 1;
            let Page::Anonymous(index) = was else { continue };
            let closed = self.allocations[index].live == 0;
            self.allocations[index].live += 1;
            let Pages { key, call, .. } = self.allocations[index];
            if (event.cpu, event.epoch) == call {
                self.guests.made_by(call, &key, u64::from(closed), PAGE_SIZE);
            }
            self.count(key, |c| {
                c.given -= u64::from(closed);
                c.given_bytes -= PAGE_SIZE;
            });
        }
        self.print(event);
    }

    /// A free of something from before run time.
    fn orphan(&mut self) {
        if self.rng.chance(50) {
            let Some((addr, used)) = self.boot_blocks.pop_first() else { return };
            let mut event = self.event(Op::Free, Kind::Xmalloc, addr, 0);
            event.size = None;
            event.used = Some(used);
            event.unknown = true;
            self.totals.xmalloc.orphans += 1;
            self.totals.xmalloc.pool_freed += used;
            self.machine.poolused.now -= used;
            self.print(event);
            return;
        }
        let Some(first) = (0..64).find(|&i| self.pages[i] == Page::Boot) else { return };
        let most = 1 + self.rng.below(3);
        let count = self.pages[first..].iter().take(most).take_while(|page| **page == Page::Boot).count();
        self.set(first, count, Page::Free);
        let size = count as u64 * PAGE_SIZE;
        if self.rng.chance(30) {
            // Of a vmalloc: what was asked for nobody knows.
            let mut event = self.event(Op::Free, Kind::Vmalloc, VMAP - VMAP_STEP, 0);
            event.size = None;
            event.used = Some(size);
            event.unknown = true;
            let totals = &mut self.totals.vmalloc;
            totals.orphans += 1;
            totals.pages_freed += count as u64;
            self.machine.free.now += count as u64;
            self.print(event);
            return;
        }
        let mut event = self.event(Op::Free, Kind::Domheap, Self::addr(first, false), size);
        event.unknown = true;
        let totals = &mut self.totals.domheap;
        totals.orphans += count as u64;
        totals.orphan_bytes += size;
        totals.pages_freed += count as u64;
        self.machine.free.now += count as u64;
        self.print(event);
    }

    /// What no record tells: pages of domains, and of the heap itself.
    fn domain_pages(&mut self) {
        if let Some(first) = self.find(0) {
            self.set(first, 1, Page::Domain);
            self.machine.owned_alloc += 1;
            self.machine.free.now -= 1;
            self.machine.dompages.now += 1;
        }
        if self.rng.chance(50)
            && let Some(first) = self.pages.iter().position(|page| *page == Page::Domain)
        {
            self.set(first, 1, Page::Free);
            self.machine.owned_freed += 1;
            self.machine.free.now += 1;
            self.machine.dompages.now -= 1;
        }
        if self.rng.chance(5)
            && let Some(first) = (8..64).find(|&i| self.pages[i] == Page::Boot)
        {
            self.set(first, 1, Page::Free);
            self.machine.heapadd += 1;
            self.machine.free.now += 1;
        }
        if self.rng.chance(20) {
            self.beside();
        }
    }

    /// What moves the numbers although no page is allocated, freed, given or taken.
    fn beside(&mut self) {
        let Machine { beside: Some(beside), free, dompages, owned_alloc, owned_freed, .. } =
            &mut self.machine
        else {
            return;
        };
        match self.rng.below(6) {
            0 => (beside.adjusted_up, dompages.now) = (beside.adjusted_up + 3, dompages.now + 3),
            1 if beside.adjusted_down + 2 <= beside.adjusted_up => {
                beside.adjusted_down += 2;
                dompages.now -= 2;
            }
            2 => (beside.offlined, free.now) = (beside.offlined + 1, free.now - 1),
            3 if beside.onlined < beside.offlined => {
                (beside.onlined, free.now) = (beside.onlined + 1, free.now + 1);
            }
            // A page with a colour comes from elsewhere, and goes back there.
            4 => {
                (beside.colored_alloc, *owned_alloc) = (beside.colored_alloc + 1, *owned_alloc + 1);
                dompages.now += 1;
            }
            5 if beside.colored_freed < beside.colored_alloc => {
                (beside.colored_freed, *owned_freed) = (beside.colored_freed + 1, *owned_freed + 1);
                dompages.now -= 1;
            }
            _ => {}
        }
    }

    pub(super) fn dump(&mut self, why: &str) {
        self.dumps += 1;
        let (seq, number) = (self.seq, self.dumps);
        self.push(seq, Record::DumpBegin(DumpBegin { number, why: why.to_owned().into() }));
        let (mut stacks, mut rows) = (0, 0);
        if self.plan.modes.contains(&View::Summary) {
            for id in self.seen.clone() {
                stacks += 1;
                self.push(seq, Record::Stack(stack_line(id)));
            }
            for key in self.order.clone() {
                rows += 1;
                let counters = self.rows[&key];
                self.push(seq, Record::Row(RowLine { key, counters }));
            }
        }
        for kind in Kind::ANONYMOUS {
            self.push(
                seq,
                Record::Kind(KindLine { of: Counted::Anonymous(kind), totals: self.totals.of(kind) }),
            );
        }
        if self.plan.domains {
            let (more_stacks, more_rows) = self.charged(seq);
            stacks += more_stacks;
            rows += more_rows;
        }
        self.push(seq, Record::Machine(self.machine));
        self.push(seq, Record::DumpEnd(DumpEnd { number, stacks, rows, bills: 0, cut: false }));
    }

    fn truth(&self) -> Truth {
        let mut live: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        for pages in self.allocations.iter().filter(|pages| pages.live > 0) {
            let addr = Self::addr(pages.event, pages.is_virtual);
            *live.entry((pages.seq, addr)).or_default() += pages.live as u64 * PAGE_SIZE;
        }
        live.extend(self.blocks.iter().map(|(addr, block)| ((block.seq, *addr), block.size)));
        let live = live.into_iter().map(|((seq, addr), bytes)| (seq, addr, bytes)).collect();
        let rows = self.owned.iter().filter(|(_, c)| c.allocs + c.failed + c.taken > 0);
        let profile: Vec<Row> = rows.map(|(&key, &counters)| Row { key, counters }).collect();
        Truth {
            domains: self.guests.accounts(&profile),
            left: self.guests.left(&profile),
            services: self.guests.services(),
            profile,
            whole: self.rows.iter().map(|(&key, &counters)| Row { key, counters }).collect(),
            totals: self.totals,
            live,
            events: self.seq,
        }
    }
}
