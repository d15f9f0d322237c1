//! A run again, with everybody paying.

use std::collections::BTreeMap;

use xenheap_judge::Key;
use xenheap_ledger::{Cut, Intervals};
use xenheap_model::{Kind, Moment, Op, PAGE_SIZE};

use crate::{
    account::{Account, Charged, Memory, POINTS},
    policy::{Payer, Policy, Rules, payer},
    pool::{Block, request},
    trace::{Step, Trace},
};

/// Of what an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Of {
    /// Of everything, as if there was one heap.
    All,
    /// Of what no policy finds a payer for.
    Beyond,
    /// Of what one pays under a policy.
    By(Policy, Payer),
}

/// Accounts that an allocation is in: everything, one for each policy, and what is beyond them.
type Shares = [Option<usize>; 5];

/// Something that is live.
#[derive(Clone, Copy, Debug)]
struct Held {
    shares: Shares,
    key: Key,
}

/// An xmalloc, with its block in the pool of each account; or a vmalloc.
#[derive(Clone, Copy, Debug)]
struct Whole {
    held: Held,
    memory: Memory,
    blocks: [Option<Block>; 5],
}

/// Charges a run under each policy. `rules`: what the verdict file says, if there is one.
pub fn charge(trace: &Trace, rules: Option<&Rules>) -> BTreeMap<Of, Charged> {
    // What a heap consists of when it is fullest is known only once it is known when that is.
    let first = Replay::new(trace, rules).run(&BTreeMap::new());
    let mut watched: BTreeMap<u64, Vec<Of>> = BTreeMap::new();
    for (of, account) in first {
        watched.entry(account.high().moment.seq).or_default().push(of);
    }
    let second = Replay::new(trace, rules).run(&watched);
    second.into_iter().map(|(of, account)| (of, account.finish())).collect()
}

struct Replay<'a> {
    trace: &'a Trace,
    rules: Option<&'a Rules>,
    index: BTreeMap<Of, usize>,
    accounts: Vec<Account>,
    /// What is matched by its address.
    wholes: BTreeMap<(Kind, u64), Whole>,
    pages: Intervals<Held>,
    /// Pages that were given to a domain, in case that it does not take them.
    given: Intervals<Held>,
    causes: bool,
    moment: Moment,
    /// The part of the run's time that has come.
    part: usize,
}

impl<'a> Replay<'a> {
    fn new(trace: &'a Trace, rules: Option<&'a Rules>) -> Self {
        Replay {
            trace,
            rules,
            index: BTreeMap::new(),
            accounts: Vec::new(),
            wholes: BTreeMap::new(),
            pages: Intervals::default(),
            given: Intervals::default(),
            causes: false,
            moment: Moment::default(),
            part: 0,
        }
    }

    /// `watched`: of which accounts the causes are wanted after the event of that number.
    fn run(mut self, watched: &BTreeMap<u64, Vec<Of>>) -> Vec<(Of, Account)> {
        self.causes = !watched.is_empty();
        let (start, end) = self.trace.span();
        for step in &self.trace.steps {
            let at = self.trace.at(step).saturating_sub(start);
            let length = u128::from(end.saturating_sub(start)).saturating_add(1);
            let part = usize::try_from(u128::from(at) * POINTS as u128 / length).unwrap_or(POINTS - 1);
            // Events of several CPUs are numbered in an order that is not exactly that of their
            // times.
            self.part = self.part.max(part);
            self.moment = Moment { seq: step.seq, time: step.time };
            self.step(step);
            for of in watched.get(&step.seq).into_iter().flatten() {
                if let Some(account) = self.index.get(of).and_then(|index| self.accounts.get_mut(*index)) {
                    account.take_causes();
                }
            }
        }
        let mut accounts = self.accounts;
        self.index
            .into_iter()
            .filter_map(|(of, index)| Some((of, std::mem::take(accounts.get_mut(index)?))))
            .collect()
    }

    fn step(&mut self, step: &Step) {
        let size = step.size.unwrap_or(0);
        let (start, end) = (step.addr, step.addr.saturating_add(size));
        match (step.op, step.key.kind) {
            (Op::Alloc, kind) if kind.is_block() => self.whole(step, size),
            (Op::Free, kind) if kind.is_block() => self.whole_leaves((kind, step.addr)),
            (Op::Alloc | Op::Take, _) => {
                // A free was missed, if anything is there.
                self.leave(start, end);
                self.given.cut(start, end, &mut Vec::new());
                let held = self.held(step);
                self.pages.insert(start, size, held);
                self.pages_change(true, held, size);
            }
            (Op::Free, _) => {
                let end = if step.size.is_some() { end } else { self.end_at(start) };
                self.leave(start, end);
            }
            (Op::Give, _) => {
                for Cut { start, len, value } in self.leave(start, end) {
                    self.given.cut(start, start.saturating_add(len), &mut Vec::new());
                    self.given.insert(start, len, value);
                }
            }
            (Op::GiveBack, _) => {
                let mut cuts = Vec::new();
                self.given.cut(start, end, &mut cuts);
                for Cut { start, len, value } in cuts {
                    self.pages.insert(start, len, value);
                    self.pages_change(true, value, len);
                }
            }
            (Op::Fail, _) => {}
        }
    }

    fn whole(&mut self, step: &Step, bytes: u64) {
        let at = (step.key.kind, step.addr);
        self.whole_leaves(at);
        let held = self.held(step);
        let memory = Memory::block(at.0, at.1, bytes, step.used);
        let asked = request(bytes, step.addr, step.used);
        let blocks = held.shares.map(|share| {
            let account = self.accounts.get_mut(share?).filter(|_| memory.direct == 0)?;
            account.pool_alloc(asked)
        });
        self.wholes.insert(at, Whole { held, memory, blocks });
        self.change(true, held, memory);
    }

    fn whole_leaves(&mut self, at: (Kind, u64)) {
        let Some(Whole { held, memory, blocks }) = self.wholes.remove(&at) else { return };
        for (share, block) in held.shares.into_iter().zip(blocks) {
            if let Some(account) = share.and_then(|share| self.accounts.get_mut(share))
                && let Some(block) = block
            {
                account.pool_free(block);
            }
        }
        self.change(false, held, memory);
    }

    /// Where the pages end that are freed without saying how many: what starts there, or one page
    /// out of the middle.
    fn end_at(&self, start: u64) -> u64 {
        match self.pages.at(start) {
            Some(piece) if piece.start == start => start.saturating_add(piece.len),
            Some(_) => start.saturating_add(PAGE_SIZE),
            None => start,
        }
    }

    /// Pages go.
    fn leave(&mut self, start: u64, end: u64) -> Vec<Cut<Held>> {
        let mut cuts = Vec::new();
        self.pages.cut(start, end, &mut cuts);
        for cut in &cuts {
            self.pages_change(false, cut.value, cut.len);
        }
        cuts
    }

    fn pages_change(&mut self, plus: bool, held: Held, bytes: u64) {
        self.change(plus, held, Memory::pages(bytes));
    }

    fn change(&mut self, plus: bool, held: Held, memory: Memory) {
        for share in held.shares.into_iter().flatten() {
            let Some(account) = self.accounts.get_mut(share) else { continue };
            account.until(self.part);
            account.change(plus, memory);
            if self.causes {
                account.change_part(plus, held.key, memory.asked);
            }
            account.note(self.moment);
        }
    }

    /// In which accounts an allocation is.
    fn held(&mut self, step: &Step) -> Held {
        let allocation = self.trace.allocation(step);
        let none = Rules::default();
        let rules = self.rules.unwrap_or(&none);
        let payers = Policy::ALL.map(|policy| {
            let used = policy != Policy::Rules || self.rules.is_some();
            used.then(|| (policy, payer(policy, &allocation, rules)))
        });
        // Taken pages were paid for by the domain that they were taken from, and others will be by
        // who gets them.
        let beyond = step.op != Op::Take
            && !allocation.bound
            && payers.iter().flatten().all(|(_, payer)| matches!(payer, Payer::Nobody(_)));
        let [a, b, c] = payers.map(|by| by.map(|(policy, payer)| self.account(Of::By(policy, payer))));
        let shares = [Some(self.account(Of::All)), a, b, c, beyond.then(|| self.account(Of::Beyond))];
        Held { shares, key: step.key }
    }

    fn account(&mut self, of: Of) -> usize {
        *self.index.entry(of).or_insert_with(|| {
            self.accounts.push(Account::default());
            self.accounts.len() - 1
        })
    }
}
