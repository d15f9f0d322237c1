use std::collections::{BTreeMap, VecDeque};

use xenheap_console::RfcRecord;
use xenheap_model::{Clock, Domain, Mark, PAGE_SIZE, RfcOp, TraceFrame};

use super::Rng;

const BASE: u64 = 0xffff_8301_0000_0000;
const CPUS: usize = 4;
const TEXT: u64 = 0xffff_82d0_4020_0000;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct RfcPlan {
    /// For everything that is random.
    pub seed: u64,
    /// How many operations.
    pub steps: usize,
    /// Of 100 records, how many have no trace.
    pub without_trace: usize,
    /// Traces as Arm prints them, with the doubled first frame.
    pub arm: bool,
}

/// What really happened, by domain. Pages of all kinds together: without a trace nobody can tell
/// them apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RfcTruth {
    /// xmalloc: calls, bytes, calls of `xfree`, live ones, live bytes.
    pub xmalloc: BTreeMap<Domain, [u64; 5]>,
    /// The same of pages that were asked for as pages, or fetched for the pool.
    pub pages: BTreeMap<Domain, [u64; 5]>,
    /// Frees without an allocation.
    pub orphans: u64,
}

/// A simulated log of the RFC's recorder.
#[derive(Clone, Debug)]
pub struct RfcStory {
    /// In the order in which they are printed.
    pub records: Vec<RfcRecord>,
    /// What is true at the end.
    pub truth: RfcTruth,
}

struct Sim {
    rng: Rng,
    plan: RfcPlan,
    truth: RfcTruth,
    next_page: u64,
    free_pages: Vec<(u64, u64)>,
    blocks: BTreeMap<u64, (Domain, u64, u64)>,
    pages: BTreeMap<u64, (Domain, u64)>,
    /// Of each CPU: where in a page of the pool there is room, and how much.
    room: Vec<(u64, u64)>,
    /// What the calls under way make: nobody can free it before they return.
    made: Vec<Made>,
    cpu: usize,
    time: u64,
}

enum Made {
    Block(usize, u64, (Domain, u64, u64)),
    Pages(usize, u64, (Domain, u64)),
}

/// Simulates.
pub fn rfc_story(plan: &RfcPlan) -> RfcStory {
    let mut sim = Sim {
        rng: Rng::new(plan.seed),
        plan: plan.clone(),
        truth: RfcTruth::default(),
        next_page: BASE,
        free_pages: Vec::new(),
        blocks: BTreeMap::new(),
        pages: BTreeMap::new(),
        room: vec![(0, 0); CPUS],
        made: Vec::new(),
        cpu: 0,
        time: 0,
    };
    // Each CPU prints the records of one call one after the other; those of other CPUs come
    // between. Memory that a call frees is used again only when it is done.
    let mut cpus: Vec<VecDeque<RfcRecord>> = vec![VecDeque::new(); CPUS];
    let mut freed: Vec<(usize, u64, u64)> = Vec::new();
    let mut records = Vec::new();
    let mut steps = plan.steps;
    // Until every call has been printed.
    while steps > 0 || cpus.iter().any(|cpu| !cpu.is_empty()) {
        let n = sim.rng.below(cpus.len());
        let Some(cpu) = cpus.get_mut(n) else { break };
        if cpu.is_empty() {
            for (_, addr, len) in freed.extract_if(.., |(owner, ..)| *owner == n) {
                sim.free_pages.push((addr, len));
            }
            sim.returned(n);
            if steps > 0 {
                steps -= 1;
                sim.cpu = n;
                let (call, gone) = sim.call();
                cpu.extend(call);
                freed.extend(gone.map(|(addr, len)| (n, addr, len)));
            }
        }
        records.extend(cpu.pop_front());
    }
    RfcStory { records, truth: sim.truth }
}

impl Sim {
    /// A call of this CPU has returned: what it made can be used.
    fn returned(&mut self, cpu: usize) {
        for made in std::mem::take(&mut self.made) {
            match made {
                Made::Block(owner, ptr, block) if owner == cpu => drop(self.blocks.insert(ptr, block)),
                Made::Pages(owner, ptr, pages) if owner == cpu => drop(self.pages.insert(ptr, pages)),
                other => self.made.push(other),
            }
        }
    }

    fn record(
        &mut self,
        op: RfcOp,
        domain: Domain,
        size: Option<u64>,
        ptr: u64,
        through: &[&str],
    ) -> RfcRecord {
        self.time += 700_000;
        let mut trace = Vec::new();
        if !self.rng.chance(self.plan.without_trace) {
            let entry = ["pv_hypercall", "do_softirq", "hvm_hypercall"][self.rng.below(3)];
            let middle = format!("domain.c#service_{}", self.rng.below(6));
            let names = through.iter().copied().chain([middle.as_str(), entry]);
            for (i, name) in names.enumerate() {
                let addr =
                    TEXT + name.bytes().fold(0u64, |sum, byte| (sum * 31 + u64::from(byte)) % 0x10_0000);
                let mark = match (self.plan.arm, i) {
                    (false, 0) => Mark::R,
                    (false, _) => Mark::F,
                    (true, 0) => Mark::Pc,
                    (true, _) => Mark::None,
                };
                let frame =
                    TraceFrame { addr: Some(addr), name: name.to_owned(), offset: Some((0x10, 0x80)), mark };
                if self.plan.arm && i == 0 {
                    trace.push(frame.clone());
                    trace.push(TraceFrame { mark: Mark::Lr, ..frame });
                } else {
                    trace.push(frame);
                }
            }
        }
        RfcRecord {
            op,
            domain,
            size,
            ptr: Some(ptr),
            trace,
            time: Some((Clock::Boot, self.time)),
            uncertain: None,
        }
    }

    fn domain(&mut self) -> Domain {
        [Domain::Id(0), Domain::Id(0), Domain::Id(1), Domain::Id(2), Domain::Idle, Domain::Null]
            [self.rng.below(6)]
    }

    /// An aligned piece of 2^order pages.
    fn find(&mut self, order: u32) -> u64 {
        let len = PAGE_SIZE << order;
        let fits = |(addr, have): &(u64, u64)| *have == len && addr.is_multiple_of(len);
        if self.rng.chance(70)
            && let Some(index) = self.free_pages.iter().position(fits)
        {
            return self.free_pages.swap_remove(index).0;
        }
        let addr = self.next_page.next_multiple_of(len);
        self.next_page = addr + len;
        addr
    }

    fn came(table: &mut BTreeMap<Domain, [u64; 5]>, domain: Domain, size: u64) {
        let [calls, bytes, _, live, live_bytes] = table.entry(domain).or_default();
        *calls += 1;
        *bytes += size;
        *live += 1;
        *live_bytes += size;
    }

    fn gone(table: &mut BTreeMap<Domain, [u64; 5]>, domain: Domain, size: u64) {
        let [_, _, freed, live, live_bytes] = table.entry(domain).or_default();
        *freed += 1;
        *live -= 1;
        *live_bytes -= size;
    }

    /// One call of an allocator: its records, and the memory that is free after it.
    fn call(&mut self) -> (Vec<RfcRecord>, Option<(u64, u64)>) {
        match self.rng.below(100) {
            0..40 => (self.pool(), None),
            40..50 => (self.whole_pages(), None),
            50..75 => self.xfree(),
            75..86 => (self.alloc_pages(), None),
            86..97 => self.free_pages(),
            _ => {
                self.truth.orphans += 1;
                let domain = self.domain();
                let ptr = BASE - 0x100_0000 + 16 * self.rng.below(1000) as u64;
                let op = if ptr.is_multiple_of(PAGE_SIZE) { RfcOp::FreeDomheapPages } else { RfcOp::Xfree };
                (vec![self.record(op, domain, None, ptr, &[op.as_str()])], None)
            }
        }
    }

    fn pool(&mut self) -> Vec<RfcRecord> {
        let mut records = Vec::new();
        let domain = self.domain();
        let size = 1 + self.rng.below(900) as u64;
        let mut room = self.room[self.cpu];
        if room.1 < size + 32 {
            let page = self.find(0);
            room = (page, PAGE_SIZE);
            let through = [
                "alloc_domheap_pages",
                "alloc_xenheap_pages",
                "xmalloc_tlsf.c#xmalloc_pool_get",
                "xmem_pool_alloc",
                "_xmalloc",
            ];
            records.push(self.record(RfcOp::AllocDomheapPages, domain, Some(PAGE_SIZE), page, &through));
            Self::came(&mut self.truth.pages, domain, PAGE_SIZE);
            self.made.push(Made::Pages(self.cpu, page, (domain, PAGE_SIZE)));
        }
        let ptr = room.0 + 16;
        let taken = size.next_multiple_of(16) + 16;
        self.room[self.cpu] = (room.0 + taken, room.1 - taken);
        records.push(self.record(RfcOp::XmemPoolAlloc, domain, Some(size), ptr, &["_xmalloc"]));
        Self::came(&mut self.truth.xmalloc, domain, size);
        self.made.push(Made::Block(self.cpu, ptr, (domain, size, 0)));
        records
    }

    fn whole_pages(&mut self) -> Vec<RfcRecord> {
        let domain = self.domain();
        let order = self.rng.below(4) as u32;
        let len = PAGE_SIZE << order;
        let ptr = self.find(order);
        let size =
            (if order == 0 { len } else { len / 2 + 1 + self.rng.below(len as usize / 2) as u64 }).min(len);
        let inside = ["xmalloc_tlsf.c#xmalloc_whole_pages", "_xmalloc"];
        let through = [&["alloc_domheap_pages", "alloc_xenheap_pages"], &inside[..]].concat();
        let mut records = vec![self.record(RfcOp::AllocDomheapPages, domain, Some(len), ptr, &through)];
        let end = size.next_multiple_of(PAGE_SIZE);
        let mut tail = end;
        while tail < len {
            let piece = 1 << tail.trailing_zeros();
            let through = [&["free_xenheap_pages"], &inside[..]].concat();
            records.push(self.record(RfcOp::FreeXenheapPages, domain, None, ptr + tail, &through));
            tail += piece;
        }
        records.push(self.record(RfcOp::XmallocWholePages, domain, Some(size), ptr, &["_xmalloc"]));
        Self::came(&mut self.truth.xmalloc, domain, size);
        self.made.push(Made::Block(self.cpu, ptr, (domain, size, end)));
        records
    }

    fn xfree(&mut self) -> (Vec<RfcRecord>, Option<(u64, u64)>) {
        let index = self.rng.below(self.blocks.len());
        let Some((ptr, (owner, size, end))) =
            self.blocks.iter().nth(index).map(|(ptr, block)| (*ptr, *block))
        else {
            return (Vec::new(), None);
        };
        self.blocks.remove(&ptr);
        Self::gone(&mut self.truth.xmalloc, owner, size);
        let domain = self.domain();
        let mut records = vec![self.record(RfcOp::Xfree, domain, None, ptr, &["xfree"])];
        let mut at = 0;
        while at < end {
            let piece = PAGE_SIZE << self.rng.below(2);
            records.push(self.record(
                RfcOp::FreeXenheapPages,
                domain,
                None,
                ptr + at,
                &["free_xenheap_pages", "xfree"],
            ));
            at += piece;
        }
        let freed = (end > 0 && end.is_power_of_two()).then_some((ptr, end));
        (records, freed)
    }

    fn alloc_pages(&mut self) -> Vec<RfcRecord> {
        let domain = self.domain();
        let order = [0, 0, 1, 2][self.rng.below(4)];
        let len = PAGE_SIZE << order;
        let ptr = self.find(order);
        let xenheap = ["alloc_domheap_pages", "alloc_xenheap_pages"];
        let through = if self.rng.chance(50) { &xenheap[..] } else { &xenheap[..1] };
        let record = self.record(RfcOp::AllocDomheapPages, domain, Some(len), ptr, through);
        Self::came(&mut self.truth.pages, domain, len);
        self.made.push(Made::Pages(self.cpu, ptr, (domain, len)));
        vec![record]
    }

    fn free_pages(&mut self) -> (Vec<RfcRecord>, Option<(u64, u64)>) {
        let index = self.rng.below(self.pages.len());
        let Some((ptr, (owner, len))) = self.pages.iter().nth(index).map(|(ptr, pages)| (*ptr, *pages))
        else {
            return (Vec::new(), None);
        };
        // A page of the pool goes when nothing is in it.
        let range = ptr..ptr + len;
        let is_new = |made: &Made| matches!(made, Made::Block(_, ptr, _) if range.contains(ptr));
        if self.blocks.range(range.clone()).next().is_some()
            || self.room.iter().any(|room| range.contains(&room.0))
            || self.made.iter().any(is_new)
        {
            return (Vec::new(), None);
        }
        self.pages.remove(&ptr);
        Self::gone(&mut self.truth.pages, owner, len);
        let domain = self.domain();
        let op = if self.rng.chance(50) { RfcOp::FreeDomheapPages } else { RfcOp::FreeXenheapPages };
        (vec![self.record(op, domain, None, ptr, &[op.as_str()])], Some((ptr, len)))
    }
}
