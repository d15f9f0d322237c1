//! Numbers for people.

use std::{
    fmt,
    time::{Duration, UNIX_EPOCH},
};

/// A count with separated thousands: `1,676`.
#[derive(Clone, Copy, Debug)]
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut out = String::with_capacity(digits.len() * 4 / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        f.pad(&out)
    }
}

/// `1 allocation`, `2 allocations`.
#[derive(Clone, Copy, Debug)]
pub struct Several<'a>(pub u64, pub &'a str);

impl fmt::Display for Several<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", Count(self.0), self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// Bytes, exact, and in a unit that one can imagine: `128 B`, `1.5 KiB (1,536 B)`.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match human(self.0) {
            Some(text) => f.pad(&format!("{text} ({} B)", Count(self.0))),
            None => f.pad(&format!("{} B", self.0)),
        }
    }
}

/// Only the unit that one can imagine.
#[derive(Clone, Copy, Debug)]
pub struct Rough(pub u64);

impl fmt::Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&human(self.0).unwrap_or_else(|| format!("{} B", self.0)))
    }
}

/// `None` for less than a KiB. Whole numbers of a unit are written without a fraction, so that
/// `4 KiB` is exact.
fn human(bytes: u64) -> Option<String> {
    let units = [(60, "EiB"), (50, "PiB"), (40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let (shift, unit) = units.into_iter().find(|(shift, _)| bytes >> shift > 0)?;
    if bytes.is_multiple_of(1 << shift) {
        return Some(format!("{} {unit}", bytes >> shift));
    }
    // Tenths, rounded down: a size is never shown larger than it is.
    let tenths = (u128::from(bytes) * 10) >> shift;
    Some(format!("{}.{} {unit}", tenths / 10, tenths % 10))
}

/// Nanoseconds as seconds: `12.044 s`.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1_000_000)
    }
}

/// Nanoseconds since 1970 as a date: `2024-12-19T06:36:26.101Z`.
#[derive(Clone, Copy, Debug)]
pub struct Date(pub u64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + Duration::from_nanos(self.0);
        humantime::format_rfc3339_millis(time).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB (1,024 B)"),
            (1536, "1.5 KiB (1,536 B)"),
            (4095, "3.9 KiB (4,095 B)"),
            (1 << 26, "64 MiB (67,108,864 B)"),
            (u64::MAX, "15.9 EiB (18,446,744,073,709,551,615 B)"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), expected);
        }
    }

    #[test]
    fn counts_and_times() {
        assert_eq!(Count(999).to_string(), "999");
        assert_eq!(Count(1_234_567).to_string(), "1,234,567");
        assert_eq!(format!("{:>7}", Count(1000)), "  1,000");
        assert_eq!(Several(1, "time").to_string(), "1 time");
        assert_eq!(Several(0, "time").to_string(), "0 times");
        assert_eq!(Seconds(12_044_900_000).to_string(), "12.044 s");
        assert_eq!(Date(1_734_590_186_101_000_000).to_string(), "2024-12-19T06:36:26.101Z");
        assert_eq!(Date(u64::MAX).to_string(), "2554-07-21T23:34:33.709Z");
    }
}
