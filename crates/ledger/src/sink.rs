use xenheap_model::{Charge, Domain, DomainEvent, Event, Kind, Owner, StackId};

/// The allocation that an event makes, frees or gives away, or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched {
    /// Number of the event that made it.
    pub seq: u64,
    /// Its first address.
    pub addr: u64,
    /// Bytes of the whole allocation, as asked.
    pub size: u64,
    /// Bytes of it that this event made, freed or gave.
    pub bytes: u64,
    /// Nothing of it is live any more.
    pub last: bool,
    /// At which level it was made.
    pub kind: Kind,
    /// How it came about.
    pub stack: StackId,
    /// The domain that was running then.
    pub current: Domain,
    /// Whom it was charged to.
    pub charge: Charge,
    /// The domain it was for.
    pub owner: Owner,
}

/// Who receives the accepted events of one view, in order of their numbers.
pub trait EventSink {
    /// One event of memory. `matched`: for [`Op::Alloc`](xenheap_model::Op::Alloc) and
    /// [`Op::Take`](xenheap_model::Op::Take) what it made, for
    /// [`Op::Free`](xenheap_model::Op::Free) and [`Op::Give`](xenheap_model::Op::Give) the
    /// allocation that it met (the one at the lowest address, if there are several); for other
    /// events nothing.
    fn event(&mut self, event: &Event, matched: Option<&Matched>);

    /// One event of a domain, in the same sequence.
    fn domain(&mut self, event: &DomainEvent) {
        let _ = event;
    }
}
