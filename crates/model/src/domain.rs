use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A Xen domain, or one of the pseudo domains that Xen numbers above all guests.
///
/// The order is the one in which reports list domains: numeric, then the idle domain, then the
/// other pseudo domains, then *none*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// A guest or dom0.
    Id(u16),
    /// `DOMID_IDLE`: the CPU had nothing to run. Written `d[IDLE]`.
    Idle,
    /// `DOMID_IO`.
    Io,
    /// `DOMID_XEN`.
    Xen,
    /// `DOMID_COW`.
    Cow,
    /// No domain at all. Written `NULL`.
    Null,
}

impl Domain {
    /// The domain of a numeric id, as in Xen's public header `xen.h`.
    pub fn from_id(id: u16) -> Self {
        match id {
            0x7ff1 => Domain::Io,
            0x7ff2 => Domain::Xen,
            0x7ff3 => Domain::Cow,
            0x7fff => Domain::Idle,
            id => Domain::Id(id),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Domain::Id(id) => write!(f, "d{id}"),
            Domain::Idle => f.write_str("d[IDLE]"),
            Domain::Io => f.write_str("d[IO]"),
            Domain::Xen => f.write_str("d[XEN]"),
            Domain::Cow => f.write_str("d[COW]"),
            Domain::Null => f.write_str("NULL"),
        }
    }
}

/// The text is no domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseDomainError(pub String);

impl fmt::Display for ParseDomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a domain: write d0, d7, d[IDLE] or NULL", self.0)
    }
}

impl std::error::Error for ParseDomainError {}

impl FromStr for Domain {
    type Err = ParseDomainError;

    /// Reads what [`Display`](fmt::Display) writes, and a bare number.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let id = s.strip_prefix('d').unwrap_or(s);
        match id {
            "[IDLE]" => Ok(Domain::Idle),
            "[IO]" => Ok(Domain::Io),
            "[XEN]" => Ok(Domain::Xen),
            "[COW]" => Ok(Domain::Cow),
            "NULL" => Ok(Domain::Null),
            _ if id.bytes().all(|b| b.is_ascii_digit()) => {
                id.parse().map(Domain::from_id).map_err(|_| ParseDomainError(s.to_owned()))
            }
            _ => Err(ParseDomainError(s.to_owned())),
        }
    }
}

impl Serialize for Domain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Domain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_survives_text() {
        for id in 0..=u16::MAX {
            let domain = Domain::from_id(id);
            assert_eq!(domain.to_string().parse(), Ok(domain));
        }
        assert_eq!("NULL".parse(), Ok(Domain::Null));
        for bad in ["", "d", "d-1", "d+1", "d65536", "dom0", "d[IDLE"] {
            assert!(bad.parse::<Domain>().is_err(), "{bad}");
        }
    }

    #[test]
    fn reports_list_numbers_then_idle_then_null() {
        let mut all = [Domain::Null, Domain::Idle, Domain::Id(10), Domain::Id(2)];
        all.sort();
        assert_eq!(all, [Domain::Id(2), Domain::Id(10), Domain::Idle, Domain::Null]);
    }
}
