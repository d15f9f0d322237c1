//! The conclusion from the records of our recorder.

use xenheap_model::{DomainAccount, LogFormat, View};

use super::Intake;
use crate::{
    Account, LedgerError,
    account::{add_pools, without_calls},
    checks::{self, Evidence},
    growth::Growth,
};

impl Intake<'_> {
    /// The view that the profile is made from.
    fn choose_view(&self, have: &[View]) -> Result<Option<View>, LedgerError> {
        if let Some(asked) = self.config.view {
            return if have.contains(&asked) {
                Ok(Some(asked))
            } else {
                Err(LedgerError::NoView { asked, have: have.to_vec() })
            };
        }
        let missing = |view: &View| self.views.get(view).map(|books| books.events.sequence.gaps.missing);
        // In the order trace, warn, summary.
        if let Some(view) = have.iter().find(|view| missing(view) == Some(0)) {
            return Ok(Some(*view));
        }
        if have.contains(&View::Summary) && self.dumps.last().is_some() {
            return Ok(Some(View::Summary));
        }
        let best = have.iter().filter_map(|view| Some((missing(view)?, *view))).min();
        Ok(best.map(|(_, view)| view).or(have.first().copied()))
    }

    pub(super) fn ha1(self) -> Result<Account, LedgerError> {
        let mut facts = self.facts(LogFormat::Ha1);
        let mut have: Vec<View> = self.views.keys().copied().collect();
        if self.has_summary() || self.dumps.last().is_some_and(|dump| !dump.rows.is_empty()) {
            have.push(View::Summary);
        }
        facts.view = self.choose_view(&have)?;
        let refused = self.refused.clone();
        let chosen = facts.view.and_then(|view| self.views.get(&view));
        let checks = checks::ha1(&Evidence {
            facts: &facts,
            header: self.header.is_some(),
            views: &self.views,
            chosen,
            has_summary: have.contains(&View::Summary),
            sums: &self.sums,
            earlier: &self.earlier,
            stacks: &self.stacks,
            dumps: &self.dumps,
            replays: &self.replays,
            refused: &self.refused,
            first: &self.first,
        });
        let (mut profile, mut totals, mut live) = Default::default();
        let (mut domains, mut left, mut services): (Vec<DomainAccount>, _, _) = Default::default();
        let mut growth = None;
        let states = self.dumps.last().map_or(&[][..], |dump| &dump.domains);
        if let Some(books) = chosen {
            let applied = &books.events.applied;
            facts.events = applied.events;
            facts.first_time = applied.first_time;
            facts.last_time = applied.last_time;
            profile = applied.book.rows();
            totals = applied.book.totals();
            without_calls(&facts, &mut profile, &mut totals);
            live = applied.book.live();
            domains = applied.book.domains();
            add_pools(&mut domains, states);
            left = applied.book.left();
            services = applied.book.services();
            growth = Some(&books.cycling.growth);
        } else if let Some(dump) = self.dumps.last()
            && facts.view == Some(View::Summary)
        {
            profile = dump.rows.clone();
            totals = dump.totals;
            domains = states.iter().map(|state| DomainAccount::new(state.id)).collect();
            domains.sort_unstable_by_key(|account| account.id.generation);
            add_pools(&mut domains, states);
            growth = Some(&self.summary.growth);
        }
        let cycles = growth.map(Growth::cycles).unwrap_or_default();
        let cycle_ends = growth.map(|growth| growth.ends().to_vec()).unwrap_or_default();
        Ok(Account {
            facts,
            stacks: self.stacks.into_map(),
            names: self.names.into_map(),
            profile,
            totals,
            dump: self.dumps.into_last(),
            checks,
            refused,
            live,
            views: have,
            streamed: self.outlet.streamed,
            domains,
            cycles,
            left,
            services,
            cycle_ends,
        })
    }
}
