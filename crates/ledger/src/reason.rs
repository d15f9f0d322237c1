//! Names of the reasons for which something in a log was not believed or not counted. They are stable: reports and JSON
//! use them as keys of [`Refused`](xenheap_model::Refused).

/// On a line that is marked as a guest's.
pub const GUEST: &str = "guest";
/// A record of this boot whose check does not fit. Fails the check `intact`.
pub const DAMAGED: &str = "damaged";
/// The same among records that come again: a copy, if nothing is missing. Fails the check `intact` if something is.
pub const DAMAGED_REPLAY: &str = "damaged-replay";
/// The same with another tag, or with none that can be read.
pub const DAMAGED_OTHER: &str = "damaged-other";
/// A record of this boot with a good check and a content that makes no sense. Fails the check `intact`.
pub const MALFORMED: &str = "malformed";
/// The same with another tag, or with none that can be read.
pub const MALFORMED_OTHER: &str = "malformed-other";
/// A record with a tag that no header brought: an imitation, or the rest of a boot whose header is not in the log.
pub const WRONG_TAG: &str = "wrong-tag";
/// A record of another boot than the one that was chosen.
pub const OTHER_BOOT: &str = "other-boot";
/// A header with one more tag than boots are told apart.
pub const TOO_MANY_BOOTS: &str = "too-many-boots";
/// A record that came before with the same bytes. It counted once. Fails the check `unique` where it stands alone.
pub const REPLAYED: &str = "replayed";
/// A record with a number so old that its bytes are not remembered any more. Not counted; otherwise as [`REPLAYED`].
pub const REPLAYED_OLD: &str = "replayed-old";
/// A record that came before with other bytes. The first one counts. Fails the check `unique`.
pub const CONFLICT: &str = "conflict";
/// A record that came so late that its number had been given up as missing.
pub const LATE: &str = "late";
/// A record with a number far beyond its neighbours'. Fails the check `intact`.
pub const FAR_AHEAD: &str = "far-ahead";
/// A line of a dump outside of any dump.
pub const OUTSIDE_DUMP: &str = "outside-dump";
/// More stacks or rows than a recorder can have.
pub const TOO_MANY: &str = "too-many";
/// A record of the RFC's recorder that could not be read.
pub const RFC_DAMAGED: &str = "rfc-damaged";
/// A whole record of the RFC's recorder without Xen's mark before it: its line was broken up, or somebody took the mark
/// off, or it is somebody's text. Fails the check `intact` of an RFC log.
pub const RFC_UNMARKED: &str = "rfc-unmarked";
/// The beginning of the log is base64. Fails the check `intact` if no record can be read.
pub const BASE64: &str = "base64";
/// A record of the RFC's recorder that tells the inner half of a layered pair: the outer one counts.
pub const RFC_LAYERED: &str = "rfc-layered";
/// A record of another recorder than the one the report is made from. Never summed: it can be the same event.
pub const OTHER_FORMAT: &str = "other-format";
