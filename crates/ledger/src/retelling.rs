use std::collections::VecDeque;

use xenheap_model::{AnyEvent, Run};

use crate::{Book, EventSink, growth::Growth};

/// Makes again what a saved run consists of besides its events: profile, totals, domains, and what
/// is left or grows.
#[derive(Debug, Default)]
pub struct Retelling {
    book: Book,
    growth: Growth,
    ends: VecDeque<u64>,
    events: u64,
}

impl Retelling {
    /// Of a run of which the head was read.
    pub fn new(run: &Run) -> Self {
        Retelling { ends: run.cycle_ends.iter().copied().collect(), ..Self::default() }
    }

    /// Applies the next event, and hands it on.
    pub fn event(&mut self, event: &AnyEvent, sink: &mut dyn EventSink) {
        self.cycles_before(event.seq());
        self.events += 1;
        let matched = self.book.any(event);
        match event {
            AnyEvent::Memory(event) => sink.event(event, matched.as_ref()),
            AnyEvent::Domain(event) => sink.domain(event),
        }
    }

    fn cycles_before(&mut self, seq: u64) {
        while let Some(end) = self.ends.pop_front_if(|end| *end < seq) {
            self.growth.cycle(end, &self.book.whole_rows());
        }
    }

    /// After the last event: fills in the run, and gives the book of what is live. A run without
    /// events has its sums from its head.
    pub fn finish(mut self, run: &mut Run) -> Book {
        self.cycles_before(u64::MAX);
        if self.events > 0 {
            // How many cycles there were is the log's to say.
            run.cycles.growing = self.growth.cycles().growing;
            run.profile = self.book.rows();
            run.totals = self.book.totals();
            crate::account::without_calls(&run.facts, &mut run.profile, &mut run.totals);
            run.domains = self.book.domains();
            run.left = self.book.left();
            run.services = self.book.services();
            if let Some(dump) = &run.dump {
                crate::account::add_pools(&mut run.domains, &dump.domains);
            }
        }
        self.book
    }
}
