//! What is kept of each view, and compared with the hypervisor's dumps.

use xenheap_model::{Dump, DumpWhy, Row, View};

use crate::{agree::Agreement, growth::Growth, view::EventView};

/// What is compared of a view with events.
pub(crate) struct ViewBooks {
    pub events: EventView,
    /// With the dumps' totals.
    pub totals: Agreement,
    /// With the dumps' rows.
    pub rows: Agreement,
    /// With the domains that exist.
    pub domains: Agreement,
    pub cycling: Cycling,
    /// Dumps whose moment had passed when they came.
    pub missed: u64,
}

/// The cycles that dumps end.
#[derive(Debug, Default)]
pub(crate) struct Cycling {
    pub growth: Growth,
    /// The number of the last dump.
    last: u64,
}

impl Cycling {
    /// A complete dump. `rows`: what is live at it, if that is known.
    pub fn dump(&mut self, dump: &Dump, rows: Option<&Vec<Row>>) {
        // A dump between that was not complete can have ended a cycle.
        if self.last != 0 && dump.number != self.last.saturating_add(1) {
            self.growth.missed();
        }
        self.last = dump.number;
        match rows {
            _ if dump.why != DumpWhy::Key => {}
            Some(rows) => self.growth.cycle(dump.seq, rows),
            None => self.growth.missed(),
        }
    }
}

impl ViewBooks {
    pub fn new() -> Self {
        ViewBooks {
            events: EventView::new(),
            totals: Agreement::default(),
            rows: Agreement::default(),
            domains: Agreement::default(),
            cycling: Cycling::default(),
            missed: 0,
        }
    }

    pub fn compare(&mut self, view: View, dump: &Dump, has_rows: bool) {
        let snapshot = self.events.snapshot(dump.seq);
        self.cycling.dump(dump, snapshot.map(|snapshot| &snapshot.rows));
        let Some(snapshot) = snapshot else {
            self.missed += 1;
            return;
        };
        if dump.charged.is_some() {
            self.domains.domains(dump.number, &snapshot.domains, &dump.domains);
        }
        let theirs = format!("dump {}", dump.number);
        self.totals.totals([view.as_str(), &theirs], &snapshot.totals, &dump.totals);
        if has_rows {
            self.rows.rows([view.as_str(), &theirs], &snapshot.rows, &dump.rows);
        }
    }
}
