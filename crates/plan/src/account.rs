//! What one payer pays for, over time.

use std::collections::BTreeMap;

use serde::Serialize;
use xenheap_judge::Key;
use xenheap_model::{Kind, Moment, PAGE_SIZE};

use crate::pool::{Block, Pool, STRUCTURE, block_for};

/// What is charged at one moment; or the most of each, which need not have been at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// Bytes that xmallocs take, with their blocks' headers.
    pub bytes: u64,
    /// Pages of the Xen heap, of the domain heap and of vmallocs.
    pub pages: u64,
    /// Both in bytes: what is charged.
    pub used: u64,
    /// Bytes asked for.
    pub asked: u64,
    /// Pages that a heap of its own would have to have: those pages, xmallocs of whole pages, and a
    /// pool of its own for other xmallocs.
    pub heap: u64,
}

impl Usage {
    /// The larger one of each.
    pub(crate) fn raise(&mut self, other: Usage) {
        self.bytes = self.bytes.max(other.bytes);
        self.pages = self.pages.max(other.pages);
        self.used = self.used.max(other.used);
        self.asked = self.asked.max(other.asked);
        self.heap = self.heap.max(other.heap);
    }
}

/// A heap at its fullest: the first moment at which no other has more pages, and of those none has
/// more bytes asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct High {
    /// When.
    #[serde(flatten)]
    pub moment: Moment,
    /// What was charged.
    #[serde(flatten)]
    pub usage: Usage,
}

/// The most that was charged within one of the equal parts of a run's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Bytes asked for.
    pub asked: u64,
    /// Pages of a heap of its own.
    pub heap: u64,
}

/// How many parts of a run's time a curve has.
pub const POINTS: usize = 400;

/// What one stack has allocated of what was charged at the fullest moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// By which stack, at which level.
    pub key: Key,
    /// Bytes asked for.
    pub bytes: u64,
}

/// What is allocated, or goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Bytes asked for.
    pub asked: u64,
    /// An xmalloc: bytes that it takes.
    pub xmalloc: Option<u64>,
    /// Pages, of all but xmallocs.
    pub pages: u64,
    /// Pages that come from the heap at once: those, and xmallocs of whole pages.
    pub direct: u64,
}

impl Memory {
    /// Pages of a heap.
    pub(crate) fn pages(bytes: u64) -> Self {
        let pages = bytes.div_ceil(PAGE_SIZE);
        Memory { asked: bytes, xmalloc: None, pages, direct: pages }
    }

    /// An xmalloc or a vmalloc. Blocks of the pool never start on a page boundary, because their
    /// header stands before them.
    pub(crate) fn block(kind: Kind, addr: u64, asked: u64, used: Option<u64>) -> Self {
        let is_whole = addr.is_multiple_of(PAGE_SIZE);
        let whole = || used.unwrap_or(asked).div_ceil(PAGE_SIZE);
        match (kind, is_whole) {
            (Kind::Xmalloc, true) => {
                Memory { asked, xmalloc: Some(whole().saturating_mul(PAGE_SIZE)), pages: 0, direct: whole() }
            }
            (Kind::Xmalloc, false) => {
                let block = used.or_else(|| block_for(asked)).unwrap_or(asked);
                Memory { asked, xmalloc: Some(block), ..Memory::default() }
            }
            _ => Memory { asked, ..Memory::pages(whole().saturating_mul(PAGE_SIZE)) },
        }
    }
}

/// What one payer pays for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    now: Usage,
    /// Pages of the heap without the pool's.
    direct: u64,
    pool: Option<Pool>,
    peak: Usage,
    high: High,
    curve: Vec<Point>,
    /// What is charged now, by stack: only while causes are looked for.
    parts: BTreeMap<Key, u64>,
    causes: Vec<Cause>,
}

/// What was charged to one payer in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Charged {
    /// When the run ends.
    pub now: Usage,
    /// The most of each.
    pub peak: Usage,
    /// When its heap was fullest.
    pub high: High,
    /// What it consisted of then, most bytes first.
    pub causes: Vec<Cause>,
    /// Over time: [`POINTS`] equal parts of the run.
    pub curve: Vec<Point>,
}

impl Account {
    /// Takes a block of the pool for an xmalloc.
    pub(crate) fn pool_alloc(&mut self, request: u64) -> Option<Block> {
        self.pool.get_or_insert_default().alloc(request)
    }

    /// Gives it back.
    pub(crate) fn pool_free(&mut self, block: Block) {
        if let Some(pool) = &mut self.pool {
            pool.free(block);
        }
    }

    /// Something came, or went (`plus` is false).
    pub(crate) fn change(&mut self, plus: bool, memory: Memory) {
        let add = |to: &mut u64, what: u64| {
            *to = if plus { to.saturating_add(what) } else { to.saturating_sub(what) };
        };
        add(&mut self.now.asked, memory.asked);
        add(&mut self.now.pages, memory.pages);
        add(&mut self.direct, memory.direct);
        if let Some(bytes) = memory.xmalloc {
            add(&mut self.now.bytes, bytes);
            // Xen makes its pool with the first xmalloc.
            self.pool.get_or_insert_default();
        }
        let pool = self.pool.as_ref().map_or(0, |pool| pool.pages().saturating_add(STRUCTURE));
        self.now.used = self.now.pages.saturating_mul(PAGE_SIZE).saturating_add(self.now.bytes);
        self.now.heap = self.direct.saturating_add(pool);
    }

    /// The same for a stack.
    pub(crate) fn change_part(&mut self, plus: bool, key: Key, bytes: u64) {
        let part = self.parts.entry(key).or_default();
        *part = if plus { part.saturating_add(bytes) } else { part.saturating_sub(bytes) };
        if *part == 0 {
            self.parts.remove(&key);
        }
    }

    /// Time passes up to this part of the run, without a change.
    pub(crate) fn until(&mut self, part: usize) {
        let Usage { asked, heap, .. } = self.now;
        while self.curve.len() <= part && self.curve.len() < POINTS {
            self.curve.push(Point { asked, heap });
        }
    }

    /// Something has changed in this part of the run.
    pub(crate) fn note(&mut self, moment: Moment) {
        self.peak.raise(self.now);
        let rank = |usage: Usage| (usage.heap, usage.asked);
        if rank(self.now) > rank(self.high.usage) {
            self.high = High { moment, usage: self.now };
        }
        if let Some(point) = self.curve.last_mut() {
            point.asked = point.asked.max(self.now.asked);
            point.heap = point.heap.max(self.now.heap);
        }
    }

    /// What is charged now are the causes.
    pub(crate) fn take_causes(&mut self) {
        self.causes = self.parts.iter().map(|(key, bytes)| Cause { key: *key, bytes: *bytes }).collect();
        self.causes.sort_by_key(|cause| (std::cmp::Reverse(cause.bytes), cause.key));
    }

    pub(crate) fn high(&self) -> High {
        self.high
    }

    pub(crate) fn finish(mut self) -> Charged {
        self.until(POINTS - 1);
        let Account { now, peak, high, curve, causes, .. } = self;
        Charged { now, peak, high, causes, curve }
    }
}
