use serde::{Deserialize, Serialize};

/// The self-checks. Their names are stable: `--allow NAME` and JSON use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckId {
    /// The log has the recorder's header.
    Header,
    /// No number of the sequence is missing.
    Sequence,
    /// No record of this boot is damaged, but for copies in a replay of which nothing is missing.
    Intact,
    /// No record came again with other bytes, and none alone (`xl dmesg` replays many).
    Unique,
    /// The recorder's tables were large enough.
    Tables,
    /// Every stack that a record names was printed.
    Stacks,
    /// No two live allocations overlap.
    Overlap,
    /// Every free is explained by an allocation, or was made before recording began.
    Frees,
    /// The log has complete totals of the hypervisor that hold at its end, and it ends there. Not
    /// applicable where these are by the debug key: then nothing tells whether there was more.
    Ended,
    /// Our counts per kind are the hypervisor's.
    Totals,
    /// The views of the log agree on every number.
    Views,
    /// Domains begin and end once, and exist when the hypervisor says so.
    Domains,
    /// Free heap pages balance.
    BalanceFree,
    /// The pages of all domains balance.
    BalanceDomains,
    /// Pages and bytes of the xmalloc pool balance.
    BalancePool,
}

impl CheckId {
    /// All checks, in the order of reports.
    pub const ALL: [CheckId; 15] = [
        CheckId::Header,
        CheckId::Sequence,
        CheckId::Intact,
        CheckId::Unique,
        CheckId::Tables,
        CheckId::Stacks,
        CheckId::Overlap,
        CheckId::Frees,
        CheckId::Ended,
        CheckId::Totals,
        CheckId::Views,
        CheckId::Domains,
        CheckId::BalanceFree,
        CheckId::BalanceDomains,
        CheckId::BalancePool,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckId::Header => "header",
            CheckId::Sequence => "sequence",
            CheckId::Intact => "intact",
            CheckId::Unique => "unique",
            CheckId::Tables => "tables",
            CheckId::Stacks => "stacks",
            CheckId::Overlap => "overlap",
            CheckId::Frees => "frees",
            CheckId::Ended => "ended",
            CheckId::Totals => "totals",
            CheckId::Views => "views",
            CheckId::Domains => "domains",
            CheckId::BalanceFree => "balance-free",
            CheckId::BalanceDomains => "balance-domains",
            CheckId::BalancePool => "balance-pool",
        }
    }
}

/// What may be wrong where these checks failed: the words of each message about that.
pub fn in_doubt(failed: impl IntoIterator<Item = CheckId>) -> &'static str {
    let mut failed = failed.into_iter().peekable();
    let only_stacks = failed.peek().is_some() && failed.all(|id| id == CheckId::Stacks);
    if only_stacks { "stacks" } else { "numbers" }
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// It holds.
    Ok,
    /// It does not hold.
    Failed,
    /// This log cannot say (an RFC log has no numbers, one view has no other to agree with).
    NotApplicable,
}

/// One self-check of a run, with the numbers behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which.
    pub id: CheckId,
    /// What it found.
    pub outcome: CheckOutcome,
    /// One sentence with the numbers and, where it failed, the first place and what to do. Plain
    /// ASCII.
    pub detail: String,
}
