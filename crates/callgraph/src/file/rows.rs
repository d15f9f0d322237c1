//! The rows of the tables: arrays, in which a string is its position in the table of strings.

use serde::{Deserialize, Serialize};

use super::Counts;
use crate::graph::{
    Allocation, Anonymity, Code, Entry, EntryClass, Function, FunctionId, InlinedFrame, Location, Open,
    Owner, Piece, Section, Site, SiteId, SiteKind, StackUse, Who,
};

/// A string's position.
pub(super) type Text = u32;

/// The table of strings.
#[derive(Clone, Copy)]
pub(super) struct Strings<'a>(pub(super) &'a [String]);

impl Strings<'_> {
    pub(super) fn get(self, at: Text) -> Option<String> {
        self.0.get(usize::try_from(at).ok()?).cloned()
    }

    /// Nothing stays nothing; a position that does not exist is an error.
    fn perhaps(self, at: Option<Text>) -> Option<Option<String>> {
        match at {
            Some(at) => self.get(at).map(Some),
            None => Some(None),
        }
    }

    fn place(self, row: Option<LocationRow>) -> Option<Option<Location>> {
        match row {
            Some(LocationRow(file, line, column)) => {
                Some(Some(Location { file: self.get(file)?, line, column }))
            }
            None => Some(None),
        }
    }
}

/// File, line, column.
#[derive(Serialize, Deserialize)]
pub(super) struct LocationRow(Text, u32, u32);

impl LocationRow {
    fn new(location: &Location, at: &impl Fn(&str) -> Text) -> Self {
        LocationRow(at(&location.file), location.line, location.column)
    }
}

/// Symbol, start, size, section, landing.
#[derive(Serialize, Deserialize)]
pub(super) struct PieceRow(Text, u64, u64, Section, bool);

/// Name, unit, static, place, code, pieces, bytes and dynamic of the stack, parameter and struct of
/// the owner, noreturn.
#[derive(Serialize, Deserialize)]
pub(super) struct FunctionRow(
    Text,
    Option<Text>,
    bool,
    Option<LocationRow>,
    Code,
    Vec<PieceRow>,
    Option<(u32, bool)>,
    Option<(Text, Text)>,
    bool,
);

impl FunctionRow {
    pub(super) fn new(function: &Function, at: &impl Fn(&str) -> Text) -> Self {
        let piece = |piece: &Piece| {
            PieceRow(at(&piece.symbol), piece.start, piece.size, piece.section, piece.landing)
        };
        FunctionRow(
            at(&function.name),
            function.unit.as_deref().map(at),
            function.is_static,
            function.location.as_ref().map(|place| LocationRow::new(place, at)),
            function.code,
            function.pieces.iter().map(piece).collect(),
            function.stack.map(|stack| (stack.bytes, stack.dynamic)),
            function.owner.as_ref().map(|owner| (at(&owner.parameter), at(&owner.holds))),
            function.noreturn,
        )
    }

    pub(super) fn into(self, strings: Strings<'_>) -> Option<Function> {
        let FunctionRow(name, unit, is_static, place, code, pieces, stack, owner, noreturn) = self;
        let piece = |PieceRow(symbol, start, size, section, landing)| {
            Some(Piece { symbol: strings.get(symbol)?, start, size, section, landing })
        };
        let owner = match owner {
            Some((parameter, holds)) => {
                Some(Owner { parameter: strings.get(parameter)?, holds: strings.get(holds)? })
            }
            None => None,
        };
        Some(Function {
            name: strings.get(name)?,
            unit: strings.perhaps(unit)?,
            is_static,
            location: strings.place(place)?,
            code,
            pieces: pieces.into_iter().map(piece).collect::<Option<_>>()?,
            stack: stack.map(|(bytes, dynamic)| StackUse { bytes, dynamic }),
            owner,
            noreturn,
        })
    }
}

/// Caller, address, place, kind, inlined frames, target, why it is open.
#[derive(Serialize, Deserialize)]
pub(super) struct SiteRow(
    FunctionId,
    Option<u64>,
    Option<LocationRow>,
    SiteKind,
    Vec<(FunctionId, Option<LocationRow>)>,
    Option<Text>,
    Option<Open>,
);

impl SiteRow {
    pub(super) fn new(site: &Site, at: &impl Fn(&str) -> Text) -> Self {
        let place = |place: &Option<Location>| place.as_ref().map(|place| LocationRow::new(place, at));
        let frame = |frame: &InlinedFrame| (frame.function, place(&frame.location));
        SiteRow(
            site.caller,
            site.address,
            place(&site.location),
            site.kind,
            site.inlined.iter().map(frame).collect(),
            site.target.as_deref().map(at),
            site.open,
        )
    }

    pub(super) fn into(self, strings: Strings<'_>, counts: &Counts) -> Option<Site> {
        let SiteRow(caller, address, place, kind, inlined, target, open) = self;
        let frame = |(function, place)| {
            Some(InlinedFrame { function: counts.function(function)?, location: strings.place(place)? })
        };
        Some(Site {
            caller: counts.function(caller)?,
            address,
            location: strings.place(place)?,
            kind,
            inlined: inlined.into_iter().map(frame).collect::<Option<_>>()?,
            target: strings.perhaps(target)?,
            open,
        })
    }
}

/// Function, class, operation, who, source.
#[derive(Serialize, Deserialize)]
pub(super) struct EntryRow(FunctionId, EntryClass, Text, Who, Text);

impl EntryRow {
    pub(super) fn new(entry: &Entry, at: &impl Fn(&str) -> Text) -> Self {
        EntryRow(entry.function, entry.class, at(&entry.operation), entry.who, at(&entry.source))
    }

    pub(super) fn into(self, strings: Strings<'_>, counts: &Counts) -> Option<Entry> {
        let EntryRow(function, class, operation, who, source) = self;
        Some(Entry {
            function: counts.function(function)?,
            class,
            operation: strings.get(operation)?,
            who,
            source: strings.get(source)?,
        })
    }
}

/// Site, callee, anonymity, evidence, condition.
#[derive(Serialize, Deserialize)]
pub(super) struct AllocationRow(SiteId, FunctionId, Anonymity, Text, Option<Text>);

impl AllocationRow {
    pub(super) fn new(allocation: &Allocation, at: &impl Fn(&str) -> Text) -> Self {
        AllocationRow(
            allocation.site,
            allocation.callee,
            allocation.anonymity,
            at(&allocation.evidence),
            allocation.condition.as_deref().map(at),
        )
    }

    pub(super) fn into(self, strings: Strings<'_>, counts: &Counts) -> Option<Allocation> {
        let AllocationRow(site, callee, anonymity, evidence, condition) = self;
        Some(Allocation {
            site: counts.site(site)?,
            callee: counts.function(callee)?,
            anonymity,
            evidence: strings.get(evidence)?,
            condition: strings.perhaps(condition)?,
        })
    }
}
