use xenheap_ledger::{EventSink, Live, Matched};
use xenheap_model::{DomainEvent, Event, RowKey, Run};
use xenheap_plan::Trace;
use xenheap_report::{
    rfc::{self, EventLog},
    runfile::Writer,
};

use crate::{Options, RunError};

/// Who writes run files, for messages about them.
const TOOL: &str = concat!("xenheap ", env!("CARGO_PKG_VERSION"));

/// Who wants to see single events.
#[derive(Default)]
pub(crate) struct Sinks {
    rfc: Option<EventLog>,
    save: Option<Writer>,
    trace: Option<Trace>,
}

impl Sinks {
    pub(crate) fn new(options: &Options) -> Result<Self, RunError> {
        let save = options.save.as_ref().map(|path| Writer::create(path)).transpose();
        Ok(Sinks {
            rfc: options.events.then(EventLog::new),
            save: save.map_err(RunError::Save)?,
            trace: options.trace.then(Trace::new),
        })
    }

    /// The last event was seen.
    pub(crate) fn finish(
        self,
        run: &Run,
        live: &[Live],
    ) -> Result<(Option<EventLog>, Option<Trace>), RunError> {
        if let Some(writer) = self.save {
            writer.finish(run, TOOL).map_err(RunError::Save)?;
        }
        let events = self.rfc.map(|mut log| {
            let live = live.iter().map(|live| rfc::Live {
                seq: live.seq,
                addr: live.addr,
                bytes: live.bytes,
                key: live.key,
            });
            log.set_live(live.collect());
            log
        });
        Ok((events, self.trace))
    }
}

impl EventSink for Sinks {
    fn event(&mut self, event: &Event, matched: Option<&Matched>) {
        if let Some(log) = &mut self.rfc {
            let freed = matched.map(|matched| {
                let Matched { kind, stack, current, charge, owner, size, .. } = *matched;
                rfc::Freed { key: RowKey { stack, kind, charge, current, owner }, size }
            });
            log.event(event, freed);
        }
        if let Some(writer) = &mut self.save {
            writer.event(event);
        }
        if let Some(trace) = &mut self.trace {
            trace.event(event, matched);
        }
    }

    fn domain(&mut self, event: &DomainEvent) {
        if let Some(writer) = &mut self.save {
            writer.domain(event);
        }
        if let Some(trace) = &mut self.trace {
            trace.domain(event);
        }
    }
}
