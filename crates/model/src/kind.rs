use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What was asked for, at the level at which the caller asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Bytes of the xmalloc pool (or whole pages, when the request was too large for it).
    Xmalloc,
    /// Pages of the Xen heap.
    Xenheap,
    /// Pages of the domain heap.
    Domheap,
    /// Bytes of a `vmalloc`: whole pages, mapped one after the other.
    Vmalloc,
    /// A page fetched for the xmalloc pool: nobody's request.
    PoolGrowth,
    /// Pages of a domain's p2m or paging pool. Never anonymous: counted, not traced.
    DomainPool,
}

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Kind; 6] =
        [Kind::Xmalloc, Kind::Xenheap, Kind::Domheap, Kind::Vmalloc, Kind::PoolGrowth, Kind::DomainPool];

    /// Those that anonymous memory can be of: the ones that have events and
    /// [`Totals`](crate::Totals).
    pub const ANONYMOUS: [Kind; 5] =
        [Kind::Xmalloc, Kind::Xenheap, Kind::Domheap, Kind::Vmalloc, Kind::PoolGrowth];

    /// The name used on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Xmalloc => "xmalloc",
            Kind::Xenheap => "xenheap",
            Kind::Domheap => "domheap",
            Kind::Vmalloc => "vmalloc",
            Kind::PoolGrowth => "pool-growth",
            Kind::DomainPool => "domain-pool",
        }
    }

    /// Whether it is matched as a whole, by its address, and takes other than what is asked for.
    /// The others are matched as page intervals.
    pub fn is_block(self) -> bool {
        matches!(self, Kind::Xmalloc | Kind::Vmalloc)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no kind or no charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseKindError {
    text: String,
    known: &'static str,
}

impl fmt::Display for ParseKindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not known: use one of {}", self.text, self.known)
    }
}

impl std::error::Error for ParseKindError {}

impl FromStr for Kind {
    type Err = ParseKindError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == s).ok_or(ParseKindError {
            text: s.to_owned(),
            known: "xmalloc, xenheap, domheap, vmalloc, pool-growth, domain-pool",
        })
    }
}

/// Whom an allocation is charged to. *Anonymous* are `nobody` and `no-owner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charge {
    /// No domain was passed to the allocator.
    Nobody,
    /// A domain was passed with `MEMF_no_owner`: charged to nobody all the same.
    NoOwner,
    /// A domain's with `MEMF_no_refcount`: they do not count against its limit.
    NoRefcount,
    /// To a domain.
    Domain,
}

impl Charge {
    /// All charges, in the order of reports.
    pub const ALL: [Charge; 4] = [Charge::Nobody, Charge::NoOwner, Charge::NoRefcount, Charge::Domain];

    /// Whether no domain pays for it.
    pub fn is_anonymous(self) -> bool {
        matches!(self, Charge::Nobody | Charge::NoOwner)
    }

    /// The name used on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Charge::Nobody => "nobody",
            Charge::NoOwner => "no-owner",
            Charge::NoRefcount => "no-refcount",
            Charge::Domain => "domain",
        }
    }
}

impl fmt::Display for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Charge {
    type Err = ParseKindError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Charge::ALL
            .into_iter()
            .find(|charge| charge.as_str() == s)
            .ok_or(ParseKindError { text: s.to_owned(), known: "nobody, no-owner, no-refcount, domain" })
    }
}

/// One of the ways in which a log can tell the same events. Views are never summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    /// One line an event.
    Trace,
    /// One line an event, with a trace for people.
    Warn,
    /// The hypervisor's own table: counts, no events.
    Summary,
}

impl View {
    /// The name used on the command line, in JSON and in the boot option.
    pub fn as_str(self) -> &'static str {
        match self {
            View::Trace => "trace",
            View::Warn => "warn",
            View::Summary => "summary",
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
