//! What a run was made to do that the machine would not have done by itself.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Domain, DomainId, Kind, Subject};

/// What was made different in a run. Nothing, in most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Experiment {
    /// The allocation that was to fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail: Option<Target>,
    /// That it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<OnPurpose>,
    /// How domains paid for what was allocated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charging>,
}

impl Experiment {
    /// Whether the run was left alone.
    pub fn is_none(&self) -> bool {
        *self == Experiment::default()
    }
}

/// Why an allocation failed without being tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Untried {
    /// It was the one that the run was to fail.
    OnPurpose,
    /// Who would have paid had reached its limit.
    Limit,
}

/// A text does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseExperimentError {
    given: String,
    wanted: &'static str,
}

impl fmt::Display for ParseExperimentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not {}", self.given, self.wanted)
    }
}

impl std::error::Error for ParseExperimentError {}

/// The `nth` allocation of the stack with this hash, which is the same in every boot of an image.
/// Written `HASH:K`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The stack's.
    pub hash: u64,
    /// From 1.
    pub nth: u64,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}:{}", self.hash, self.nth)
    }
}

impl FromStr for Target {
    type Err = ParseExperimentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (hash, nth) = text.split_once(':')?;
            Some(Target { hash: stack_hash(hash)?, nth: whole(nth).filter(|nth| *nth > 0)? })
        };
        let wanted = "a stack's hash of 16 digits and a number from 1, with a colon between";
        read().ok_or_else(|| ParseExperimentError { given: text.to_owned(), wanted })
    }
}

/// Whom an experiment charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// The domain that was running.
    Current,
    /// The domain that it is for, where that is known at the moment of allocation.
    Owner,
}

impl Payer {
    /// As in the boot option.
    pub fn as_str(self) -> &'static str {
        match self {
            Payer::Current => "current",
            Payer::Owner => "owner",
        }
    }
}

/// How domains pay. Written `current` or `owner`, `:BYTES` with a limit for each, which can end in
/// K, M or G, and `,no-hwdom` if the hardware domain pays for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Charging {
    /// Who.
    pub payer: Payer,
    /// The most that each may have, in bytes.
    pub limit: Option<u64>,
    /// Whether the hardware domain pays for nothing.
    pub no_hwdom: bool,
}

/// What exempts the hardware domain.
const NO_HWDOM: &str = ",no-hwdom";

impl Charging {
    /// The value of Xen's boot option: a size without a unit would be in KiB there.
    pub fn option(&self) -> String {
        self.written("B")
    }

    fn written(&self, unit: &str) -> String {
        let limit = self.limit.map_or(String::new(), |limit| format!(":{limit}{unit}"));
        let exempt = if self.no_hwdom { NO_HWDOM } else { "" };
        format!("{}{limit}{exempt}", self.payer.as_str())
    }
}

impl fmt::Display for Charging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(""))
    }
}

impl FromStr for Charging {
    type Err = ParseExperimentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let who = text.strip_suffix(NO_HWDOM);
            let no_hwdom = who.is_some();
            let text = who.unwrap_or(text);
            let (payer, limit) = text.split_once(':').map_or((text, None), |(who, limit)| (who, Some(limit)));
            let payer = [Payer::Current, Payer::Owner].into_iter().find(|known| known.as_str() == payer)?;
            let limit = limit.map_or(Some(None), |limit| bytes(limit).map(Some))?;
            Some(Charging { payer, limit, no_hwdom })
        };
        let wanted =
            "current or owner, or one of them with a limit such as current:4M; ,no-hwdom may stand behind it";
        read().ok_or_else(|| ParseExperimentError { given: text.to_owned(), wanted })
    }
}

/// A stack's hash as reports and Xen's boot option have it: 16 hexadecimal digits.
pub fn stack_hash(text: &str) -> Option<u64> {
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// Digits only: `from_str` would take a sign.
fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn bytes(text: &str) -> Option<u64> {
    let units = [('K', 10), ('M', 20), ('G', 30)];
    let (number, shift) = units
        .into_iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))
        .unwrap_or((text, 0));
    whole(number)?.checked_mul(1 << shift).filter(|limit| *limit > 0)
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
as_text!(Target);
as_text!(Charging);

/// The allocation that was failed on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnPurpose {
    /// Which.
    pub target: Target,
    /// Its number in sequence.
    pub seq: u64,
    /// At which level.
    pub kind: Kind,
    /// How much was asked for.
    pub bytes: u64,
    /// The domain that was running.
    pub current: Domain,
    /// Physical CPU.
    pub cpu: u32,
    /// The domain that Xen was working on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
}

/// What one domain was charged, or what nobody was: what the recorder counted itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// Who; none: what nobody pays for (`docs/record-format.md`, `D -`).
    pub payer: Option<DomainId>,
    /// Allocations that it was charged for.
    pub allocs: u64,
    /// Bytes that live xmallocs take, with their blocks' headers. Before format 2 of the records:
    /// as asked for.
    pub bytes: u64,
    /// The most they were.
    pub bytes_peak: u64,
    /// Live pages of the Xen heap, the domain heap and vmallocs.
    pub pages: u64,
    /// The most they were.
    pub pages_peak: u64,
    /// The most that both were together, in bytes: what the limit is for.
    pub peak: u64,
    /// Allocations refused because of the limit.
    pub refused: u64,
    /// Bytes of them.
    pub refused_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_written_as_they_are_read() {
        let target = Target { hash: 0x9be1_c0ff_ee12_3456, nth: 3 };
        assert_eq!(target.to_string(), "9be1c0ffee123456:3");
        assert_eq!(target.to_string().parse(), Ok(target));
        for bad in [
            "",
            "9be1c0ffee123456",
            "9be1c0ffee123456:0",
            "9be1c0ffee123456:+1",
            "9be1:1",
            "+be1c0ffee123456:1",
        ] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_have_units() {
        for (text, payer, limit, written) in [
            ("current", Payer::Current, None, "current"),
            ("owner:4M", Payer::Owner, Some(4 << 20), "owner:4194304"),
            ("owner:100", Payer::Owner, Some(100), "owner:100"),
            ("current:2G", Payer::Current, Some(2 << 30), "current:2147483648"),
        ] {
            for (no_hwdom, behind) in [(false, ""), (true, ",no-hwdom")] {
                let charging = Charging { payer, limit, no_hwdom };
                assert_eq!(format!("{text}{behind}").parse(), Ok(charging));
                assert_eq!(charging.to_string(), format!("{written}{behind}"));
                assert_eq!(charging.to_string().parse(), Ok(charging));
                let unit = if limit.is_some() { "B" } else { "" };
                assert_eq!(charging.option(), format!("{written}{unit}{behind}"));
            }
        }
        for bad in [
            "",
            "nobody",
            ",no-hwdom",
            "current,no-hwdom:4M",
            "current:",
            "current:0",
            "current:-1",
            "current:4T",
            "owner:99999999999G",
        ] {
            assert!(bad.parse::<Charging>().is_err(), "{bad}");
        }
    }
}
