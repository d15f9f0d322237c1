//! Takes the records of a log in the order of the log. Each format has its conclusion in a file of
//! its own.

mod ha1;
mod rfc;

use std::collections::BTreeMap;

use xenheap_console::{Header, Place, Record, RecordSink, Refusal, RfcRecord, StackLine, Tag, XenSays};
use xenheap_model::{
    AnyEvent, Arch, Dump, Experiment, Facts, LogFormat, OnPurpose, RawStack, RefusalReason, Refused, StackId,
    TraceFrame, View,
};

use crate::{
    Account, EventSink, LedgerError, Stream,
    agree::Agreement,
    books::{Cycling, ViewBooks},
    boots::{Boots, Held, Whose},
    checks::{self, Unbalanced},
    dumps::{self, Dumps},
    hash,
    names::Names,
    replays::{Damaged, Replays},
    rfc::Rfc,
    sequence::Accepted,
    stacks::{self, Stacks},
};

/// Complete dumps that wait for events which belong before them.
const WAITING_DUMPS: usize = 16;

/// A record cannot name a number that is further ahead of its events than this.
const AHEAD: u64 = 1 << 20;

/// What to take from a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Which boot, from 1; none: the first.
    pub boot: Option<u32>,
    /// Which view; none: the most complete.
    pub view: Option<View>,
    /// Which recorder's records; none: ours, if there is a boot of ours, else the RFC's.
    pub format: Option<LogFormat>,
}

/// Takes the records of a log, in the order of the log, and makes an [`Account`] of them.
///
/// With a sink, the accepted events are handed out in order of their numbers while the log is read.
/// Which view is the most complete is known only at its end, so these are the events of the view
/// that [`Config::view`] names; without one, of the trace if the header says that there is one,
/// else of the view that comes first. [`Account::streamed_the_chosen`] tells whether that was the
/// right one.
pub struct Intake<'s> {
    config: Config,
    outlet: Outlet<'s>,
    boots: Boots,
    header: Option<(u32, Header)>,
    purpose: Option<OnPurpose>,
    stacks: Stacks,
    dumps: Dumps,
    waiting_dumps: Vec<Dump>,
    views: BTreeMap<View, ViewBooks>,
    sums: Agreement,
    /// By the dumps' own rows.
    summary: Cycling,
    earlier: Unbalanced,
    names: Names,
    rfc: Rfc,
    other_format: u64,
    refused: Refused,
    first: BTreeMap<RefusalReason, Place>,
    /// The highest number that a line other than an event names.
    named: u64,
    replays: Replays,
    says: Says,
    damaged_undecided: BTreeMap<(Option<Tag>, bool), (u64, Place)>,
}

/// Where events go.
pub(crate) struct Outlet<'s> {
    sink: Option<&'s mut dyn EventSink>,
    /// The view that is to go there, if that is known.
    view: Option<View>,
    /// What has gone there: with the first event it is decided.
    streamed: Option<Stream>,
}

impl Outlet<'_> {
    /// For a batch of events.
    fn of(&mut self, format: LogFormat, view: Option<View>) -> Option<&mut dyn EventSink> {
        let sink = self.sink.as_deref_mut()?;
        let wanted = match format {
            LogFormat::Ha1 => self.view.or(view),
            _ => None,
        };
        let stream = *self.streamed.get_or_insert(Stream { format, view: wanted });
        (stream == Stream { format, view }).then_some(sink)
    }
}

#[derive(Default)]
struct Says {
    version: Option<String>,
    arch: Option<Arch>,
    build_id: Option<String>,
}

impl<'s> Intake<'s> {
    /// For one log.
    pub fn new(config: Config) -> Self {
        Intake {
            config,
            outlet: Outlet { sink: None, view: config.view, streamed: None },
            boots: Boots::new(config.boot.unwrap_or(1)),
            header: None,
            purpose: None,
            stacks: Stacks::default(),
            dumps: Dumps::default(),
            waiting_dumps: Vec::new(),
            views: BTreeMap::new(),
            sums: Agreement::default(),
            summary: Cycling::default(),
            earlier: Unbalanced::default(),
            names: Names::default(),
            rfc: Rfc::default(),
            other_format: 0,
            refused: BTreeMap::new(),
            first: BTreeMap::new(),
            named: 0,
            replays: Replays::default(),
            says: Says::default(),
            damaged_undecided: BTreeMap::new(),
        }
    }

    /// For one log, with somebody who receives its events.
    pub fn with_sink(config: Config, sink: &'s mut dyn EventSink) -> Self {
        let mut intake = Intake::new(config);
        intake.outlet.sink = Some(sink);
        intake
    }

    fn refuse(&mut self, at: Place, why: RefusalReason, count: u64) {
        let n = self.refused.entry(why).or_insert(0);
        *n = n.saturating_add(count);
        self.first.entry(why).or_insert(at);
    }

    /// A record of the chosen boot.
    fn ours(&mut self, held: Held) {
        let Held { at, seq, hash, record, .. } = held;
        let why = match record {
            Record::Event { view, event } => self.event(view, hash, event.into()),
            Record::Domain { view, event } => self.event(view, hash, event.into()),
            Record::Purpose(purpose) => {
                self.name(seq);
                self.on_purpose(purpose)
            }
            Record::Bill(bill) => refusal(self.dumps.bill(seq, bill)),
            Record::State(state) => refusal(self.dumps.state(seq, state)),
            Record::Header(header) => self.our_header(hash, header),
            Record::Stack(line) => {
                self.name(seq);
                self.stack(seq, line)
            }
            Record::DumpBegin(begin) => {
                self.name(seq);
                let line = self.dumps.begin(seq, begin);
                if line == dumps::Line::Accepted {
                    self.want(seq);
                }
                refusal(line)
            }
            Record::Row(row) => refusal(self.dumps.row(seq, row)),
            Record::Kind(kind) => refusal(self.dumps.kind(seq, kind)),
            Record::Machine(machine) => refusal(self.dumps.machine(seq, machine)),
            Record::DumpEnd(end) => {
                let line = self.dumps.end(seq, end);
                if line == dumps::Line::Completed {
                    self.completed();
                }
                refusal(line)
            }
        };
        if let Some(why) = why {
            self.refuse(at, why, 1);
        }
        let again = matches!(why, Some(RefusalReason::Replayed | RefusalReason::ReplayedOld));
        let damaged = self.replays.record(at, again);
        self.damaged(damaged);
    }

    /// Damaged records of which it is decided now where they stand.
    fn damaged(&mut self, damaged: Option<Damaged>) {
        if let Some(Damaged { at, count, in_replay }) = damaged {
            let why = if in_replay { RefusalReason::DamagedReplay } else { RefusalReason::Damaged };
            self.refuse(at, why, count);
        }
    }

    /// A line that is no event tells how many events there were.
    fn name(&mut self, seq: u64) {
        let newest = self.views.values().map(|view| view.events.sequence.newest()).max().unwrap_or(0);
        if seq.saturating_sub(newest) <= AHEAD {
            self.named = self.named.max(seq);
        }
    }

    fn our_header(&mut self, hash: u32, header: Header) -> Option<RefusalReason> {
        if let Some((known, _)) = &self.header {
            return Some(if *known == hash { RefusalReason::Replayed } else { RefusalReason::Conflict });
        }
        for &view in header.modes.iter().filter(|&&view| view != View::Summary) {
            self.views.entry(view).or_insert_with(ViewBooks::new);
        }
        if self.outlet.view.is_none() {
            self.outlet.view = self.views.keys().next().copied();
        }
        self.dumps.format = header.format;
        self.header = Some((hash, header));
        None
    }

    /// It happens once in a boot.
    fn on_purpose(&mut self, purpose: OnPurpose) -> Option<RefusalReason> {
        match &self.purpose {
            Some(known) if *known == purpose => Some(RefusalReason::Replayed),
            Some(_) => Some(RefusalReason::Conflict),
            None => {
                self.purpose = Some(purpose);
                None
            }
        }
    }

    fn event(&mut self, view: View, hash: u32, event: AnyEvent) -> Option<RefusalReason> {
        if event.seq() == 0 || view == View::Summary {
            return Some(RefusalReason::Malformed);
        }
        let stack = match &event {
            AnyEvent::Memory(event) => event.stack,
            AnyEvent::Domain(_) => StackId::UNKNOWN,
        };
        let books = self.views.entry(view).or_insert_with(ViewBooks::new);
        let accepted = books.events.accept(hash, event, self.outlet.of(LogFormat::Ha1, Some(view)));
        match accepted {
            Accepted::Yes | Accepted::Suspect => {
                self.stacks.named(stack);
                None
            }
            Accepted::Replayed => Some(RefusalReason::Replayed),
            Accepted::ReplayedOld => Some(RefusalReason::ReplayedOld),
            Accepted::Conflict => Some(RefusalReason::Conflict),
            Accepted::Late => Some(RefusalReason::Late),
        }
    }

    fn stack(&mut self, seq: u64, line: StackLine) -> Option<RefusalReason> {
        let StackLine { id, hash, pcs, truncated } = line;
        let in_dump = self.dumps.stack(seq, id, self.stacks.has(id));
        let stack = RawStack::Addresses { hash, pcs, truncated };
        match (self.stacks.line(seq, id, stack, in_dump.is_some()), in_dump) {
            (stacks::Line::Conflict, _) => Some(RefusalReason::Conflict),
            (stacks::Line::OutsideDump, _) => Some(RefusalReason::OutsideDump),
            (stacks::Line::TooMany, _) => Some(RefusalReason::TooMany),
            (stacks::Line::Replayed, _) | (_, Some(dumps::Line::Replayed)) => Some(RefusalReason::Replayed),
            (stacks::Line::Accepted, _) => None,
        }
    }

    fn want(&mut self, seq: u64) {
        for (&view, books) in &mut self.views {
            books.events.want(seq, self.outlet.of(LogFormat::Ha1, Some(view)));
        }
    }

    fn completed(&mut self) {
        let Some(dump) = self.dumps.last() else { return };
        if (!dump.rows.is_empty() || dump.charged.is_some()) && dump.machine.lost_rows == 0 {
            self.sums.sums(dump);
        }
        self.summary.dump(dump, Some(&dump.rows).filter(|rows| !rows.is_empty()));
        self.earlier.add(dump);
        self.waiting_dumps.push(dump.clone());
        self.settle(self.waiting_dumps.len() > WAITING_DUMPS);
    }

    /// Compares complete dumps with the views, oldest first. `now`: those that wait for events wait
    /// no longer.
    fn settle(&mut self, now: bool) {
        let has_summary = self.has_summary();
        while let Some(dump) = self.waiting_dumps.first() {
            if !now && self.views.values().any(|view| view.events.waits_for(dump.seq)) {
                return;
            }
            let dump = self.waiting_dumps.remove(0);
            for (view, books) in &mut self.views {
                books.compare(*view, &dump, has_summary || !dump.rows.is_empty());
                // Without an event between, the next one holds at the same number.
                if self.waiting_dumps.first().is_none_or(|next| next.seq > dump.seq) {
                    books.events.forget(dump.seq);
                }
            }
        }
    }

    fn has_summary(&self) -> bool {
        self.header.as_ref().is_some_and(|(_, header)| header.modes.contains(&View::Summary))
    }

    fn held(&mut self, held: Held) {
        let is_header = matches!(held.record, Record::Header(_));
        match self.boots.whose(held.tag, is_header) {
            Whose::Ours => self.ours(held),
            Whose::OtherBoot => self.refuse(held.at, RefusalReason::OtherBoot, 1),
            Whose::Wrong => self.refuse(held.at, RefusalReason::WrongTag, 1),
            Whose::TooMany => self.refuse(held.at, RefusalReason::TooManyBoots, 1),
            Whose::Undecided => {
                if self.boots.hold(held) {
                    self.boots.settle();
                    self.release();
                }
                return;
            }
        }
        if is_header {
            self.release();
        }
    }

    fn release(&mut self) {
        for held in self.boots.take_held() {
            self.held(held);
        }
    }

    /// Damage of the chosen boot's records is the log's, all other is anybody's.
    fn damage(&mut self, at: Place, tag: Option<Tag>, malformed: bool, count: u64) {
        let why = match (malformed, tag.is_some() && tag == self.boots.tag()) {
            (false, true) => RefusalReason::Damaged,
            (false, false) => RefusalReason::DamagedOther,
            (true, true) => RefusalReason::Malformed,
            (true, false) => RefusalReason::MalformedOther,
        };
        self.refuse(at, why, count);
    }

    fn broken(&mut self, at: Place, tag: Option<Tag>, malformed: bool) {
        const UNDECIDED: usize = 64;
        let known = self.damaged_undecided.contains_key(&(tag, malformed));
        if !malformed && tag.is_some() && tag == self.boots.tag() {
            let damaged = self.replays.damaged(at);
            self.damaged(damaged);
        } else if self.boots.tag().is_some() || (!known && self.damaged_undecided.len() >= UNDECIDED) {
            self.damage(at, tag, malformed, 1);
        } else {
            let (count, _) = self.damaged_undecided.entry((tag, malformed)).or_insert((0, at));
            *count += 1;
        }
    }

    /// The log ends.
    pub fn finish(mut self) -> Result<Account, LedgerError> {
        self.boots.settle();
        self.release();
        for ((tag, malformed), (count, at)) in std::mem::take(&mut self.damaged_undecided) {
            self.damage(at, tag, malformed, count);
        }
        let damaged = self.replays.finish();
        self.damaged(damaged);
        for (&view, books) in &mut self.views {
            books.events.finish(self.named, self.outlet.of(LogFormat::Ha1, Some(view)));
        }
        let far_ahead = self.views.values().map(|view| view.events.sequence.far_ahead).sum();
        if far_ahead > 0 {
            self.refuse(Place::default(), RefusalReason::FarAhead, far_ahead);
        }
        self.dumps.finish();
        self.settle(true);
        if self.rfc.records > 0 {
            self.rfc.finish(self.outlet.of(LogFormat::Rfc, None));
        }

        let format = self.format()?;
        if self.rfc.layered > 0 && format == LogFormat::Rfc {
            self.refuse(Place::default(), RefusalReason::RfcLayered, self.rfc.layered);
        }
        if self.rfc.damaged > 0 {
            self.refuse(Place::default(), RefusalReason::RfcDamaged, self.rfc.damaged);
        }
        let left_out = match format {
            LogFormat::Ha1 => self.other_format.saturating_add(self.rfc.records),
            LogFormat::Rfc => self.other_format.saturating_add(self.replays.records),
            LogFormat::None => 0,
        };
        if left_out > 0 {
            self.refuse(Place::default(), RefusalReason::OtherFormat, left_out);
        }
        match format {
            LogFormat::Ha1 => self.ha1(),
            LogFormat::Rfc => Ok(self.rfc()),
            LogFormat::None => Ok(self.nothing()),
        }
    }

    fn format(&self) -> Result<LogFormat, LedgerError> {
        let (boot, boots) = self.boots.numbers();
        let ours = boot > 0;
        let rfc = self.rfc.records > 0;
        if let Some(asked) = self.config.boot
            && asked != boot
        {
            return Err(LedgerError::NoBoot { asked, have: boots });
        }
        match self.config.format {
            None | Some(LogFormat::None) if ours => Ok(LogFormat::Ha1),
            None | Some(LogFormat::None) if rfc => Ok(LogFormat::Rfc),
            None | Some(LogFormat::None) => Ok(LogFormat::None),
            Some(LogFormat::Ha1) if ours => Ok(LogFormat::Ha1),
            Some(LogFormat::Rfc) if rfc => Ok(LogFormat::Rfc),
            Some(asked) => Err(LedgerError::NoFormat { asked }),
        }
    }

    fn facts(&self, format: LogFormat) -> Facts {
        let (boot, boots) = self.boots.numbers();
        let mut facts = Facts {
            format,
            arch: self.says.arch.unwrap_or_default(),
            xen: self.says.version.clone(),
            build_id: self.says.build_id.clone(),
            ..Facts::default()
        };
        if format != LogFormat::Ha1 {
            return facts;
        }
        facts.boot = boot;
        facts.boots = boots;
        facts.tag = self.boots.tag().map(|tag| tag.to_string());
        if let Some((_, header)) = &self.header {
            facts.arch = match Arch::named(&header.arch) {
                Arch::Unknown => facts.arch,
                known => known,
            };
            facts.xen = Some(header.xen.clone());
            facts.build_id = header.build_id.clone();
            facts.text = header.text;
            facts.modes = header.modes.clone();
            facts.lacks = header.lacks.clone();
            facts.tables = Some(header.tables);
            facts.experiment = Experiment { fail: header.fail, failed: self.purpose, charge: header.charge };
        }
        facts
    }

    fn nothing(self) -> Account {
        Account {
            facts: self.facts(LogFormat::None),
            checks: checks::nothing(&self.refused, &self.first),
            refused: self.refused.clone(),
            names: self.names.into_map(),
            ..Account::default()
        }
    }
}

/// As what a line of a dump is refused.
fn refusal(line: dumps::Line) -> Option<RefusalReason> {
    match line {
        dumps::Line::Accepted | dumps::Line::Completed => None,
        dumps::Line::Replayed => Some(RefusalReason::Replayed),
        dumps::Line::ReplayedOld => Some(RefusalReason::ReplayedOld),
        dumps::Line::Conflict => Some(RefusalReason::Conflict),
        dumps::Line::Outside => Some(RefusalReason::OutsideDump),
        dumps::Line::TooMany => Some(RefusalReason::TooMany),
    }
}

impl RecordSink for Intake<'_> {
    fn record(&mut self, at: Place, tag: Tag, seq: u64, bytes: &[u8], record: Record) {
        self.held(Held { at, tag, seq, hash: hash::of_bytes(bytes), record });
    }

    fn rfc(&mut self, _at: Place, record: RfcRecord) {
        // Beside records of ours these can tell the same events again.
        let ours = self.boots.tag().is_some() && self.config.format != Some(LogFormat::Rfc);
        if ours || self.config.format == Some(LogFormat::Ha1) {
            self.other_format = self.other_format.saturating_add(1);
            return;
        }
        self.rfc.record(record, self.outlet.of(LogFormat::Rfc, None));
    }

    fn refused(&mut self, at: Place, why: Refusal) {
        match why {
            Refusal::Guest => self.refuse(at, RefusalReason::Guest, 1),
            Refusal::Damaged(tag) => self.broken(at, tag, false),
            Refusal::Malformed(tag) => self.broken(at, tag, true),
            Refusal::RfcDamaged => self.refuse(at, RefusalReason::RfcDamaged, 1),
            Refusal::RfcUnmarked => self.refuse(at, RefusalReason::RfcUnmarked, 1),
            Refusal::Base64 => self.refuse(at, RefusalReason::Base64, 1),
        }
    }

    fn symbol(&mut self, frame: &TraceFrame) {
        self.names.add(frame);
    }

    fn xen_says(&mut self, fact: XenSays<'_>) {
        // The first boot's, like everything else.
        match fact {
            XenSays::Version(version) => {
                self.says.version.get_or_insert_with(|| version.to_owned());
            }
            XenSays::Arch(arch) => {
                self.says.arch.get_or_insert(arch);
            }
            XenSays::BuildId(id) => {
                self.says.build_id.get_or_insert_with(|| id.to_owned());
            }
        }
    }
}
