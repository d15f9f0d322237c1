use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something in a log was not believed or not counted. Reports and JSON use the names, which
/// are stable, as keys; their order is the alphabet's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalReason {
    /// The beginning of the log is base64. Fails the check `intact` if no record can be read.
    Base64,
    /// A record that came before with other bytes. The first one counts. Fails the check `unique`.
    Conflict,
    /// A record of this boot whose check does not fit. Fails the check `intact`.
    Damaged,
    /// The same with another tag, or with none that can be read.
    DamagedOther,
    /// The same among records that come again: a copy, if nothing is missing. Fails the check
    /// `intact` if something is.
    DamagedReplay,
    /// A record with a number far beyond its neighbours'. Fails the check `intact`.
    FarAhead,
    /// On a line that is marked as a guest's.
    Guest,
    /// A record that came so late that its number had been given up as missing.
    Late,
    /// A record of this boot with a good check and a content that makes no sense. Fails the check
    /// `intact`.
    Malformed,
    /// The same with another tag, or with none that can be read.
    MalformedOther,
    /// A record of another boot than the one that was chosen.
    OtherBoot,
    /// A record of another recorder than the one the report is made from. Never summed: it can be
    /// the same event.
    OtherFormat,
    /// A line of a dump outside of any dump.
    OutsideDump,
    /// A record that came before with the same bytes. It counted once. Fails the check `unique`
    /// where it stands alone.
    Replayed,
    /// A record with a number so old that its bytes are not remembered any more. Not counted;
    /// otherwise as [`RefusalReason::Replayed`].
    ReplayedOld,
    /// A record of the RFC's recorder that could not be read.
    RfcDamaged,
    /// A record of the RFC's recorder that tells the inner half of a layered pair: the outer one
    /// counts.
    RfcLayered,
    /// A whole record of the RFC's recorder without Xen's mark before it: its line was broken up,
    /// or somebody took the mark off, or it is somebody's text. Fails the check `intact` of an RFC
    /// log.
    RfcUnmarked,
    /// More stacks or rows than a recorder can have.
    TooMany,
    /// A header with one more tag than boots are told apart.
    TooManyBoots,
    /// A record with a tag that no header brought: an imitation, or the rest of a boot whose header
    /// is not in the log.
    WrongTag,
}

impl RefusalReason {
    /// All reasons, in the order of their names.
    pub const ALL: [RefusalReason; 21] = [
        RefusalReason::Base64,
        RefusalReason::Conflict,
        RefusalReason::Damaged,
        RefusalReason::DamagedOther,
        RefusalReason::DamagedReplay,
        RefusalReason::FarAhead,
        RefusalReason::Guest,
        RefusalReason::Late,
        RefusalReason::Malformed,
        RefusalReason::MalformedOther,
        RefusalReason::OtherBoot,
        RefusalReason::OtherFormat,
        RefusalReason::OutsideDump,
        RefusalReason::Replayed,
        RefusalReason::ReplayedOld,
        RefusalReason::RfcDamaged,
        RefusalReason::RfcLayered,
        RefusalReason::RfcUnmarked,
        RefusalReason::TooMany,
        RefusalReason::TooManyBoots,
        RefusalReason::WrongTag,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalReason::Base64 => "base64",
            RefusalReason::Conflict => "conflict",
            RefusalReason::Damaged => "damaged",
            RefusalReason::DamagedOther => "damaged-other",
            RefusalReason::DamagedReplay => "damaged-replay",
            RefusalReason::FarAhead => "far-ahead",
            RefusalReason::Guest => "guest",
            RefusalReason::Late => "late",
            RefusalReason::Malformed => "malformed",
            RefusalReason::MalformedOther => "malformed-other",
            RefusalReason::OtherBoot => "other-boot",
            RefusalReason::OtherFormat => "other-format",
            RefusalReason::OutsideDump => "outside-dump",
            RefusalReason::Replayed => "replayed",
            RefusalReason::ReplayedOld => "replayed-old",
            RefusalReason::RfcDamaged => "rfc-damaged",
            RefusalReason::RfcLayered => "rfc-layered",
            RefusalReason::RfcUnmarked => "rfc-unmarked",
            RefusalReason::TooMany => "too-many",
            RefusalReason::TooManyBoots => "too-many-boots",
            RefusalReason::WrongTag => "wrong-tag",
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_those_of_files() {
        assert!(RefusalReason::ALL.is_sorted_by_key(|reason| reason.as_str()));
        assert!(RefusalReason::ALL.is_sorted());
        for reason in RefusalReason::ALL {
            let name: String = serde_json::from_value(serde_json::json!(reason)).expect("a word");
            assert_eq!(name, reason.as_str());
        }
    }
}
