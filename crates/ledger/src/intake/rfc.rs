//! The conclusion from the records of the RFC's recorder.

use xenheap_model::LogFormat;

use super::Intake;
use crate::{
    Account,
    checks::{self, RfcEvidence},
};

impl Intake<'_> {
    pub(super) fn rfc(self) -> Account {
        let mut facts = self.facts(LogFormat::Rfc);
        let applied = &self.rfc.applied;
        facts.events = applied.events;
        if let Some((clock, first, last)) = self.rfc.times.span() {
            (facts.clock, facts.first_time, facts.last_time) = (clock, Some(first), Some(last));
        }
        let checks = checks::rfc(&RfcEvidence { rfc: &self.rfc, refused: &self.refused, first: &self.first });
        Account {
            facts,
            profile: applied.book.rows(),
            totals: applied.book.totals(),
            live: applied.book.live(),
            checks,
            refused: self.refused.clone(),
            names: self.names.into_map(),
            streamed: self.outlet.streamed,
            stacks: self.rfc.into_stacks(),
            ..Account::default()
        }
    }
}
