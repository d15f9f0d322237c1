//! What Xen's console puts in front of a message: whose it is, and when it was.

use xenheap_model::Clock;

use crate::number::decimal;

/// Xen's own mark. `text` begins at a `(`. Gives what follows.
///
/// The space is missing where something stripped the end of an empty line.
pub(crate) fn xen_mark(text: &[u8]) -> Option<&[u8]> {
    match text.strip_prefix(b"(XEN)")? {
        [b' ', rest @ ..] => Some(rest),
        [] => Some(&[]),
        _ => None,
    }
}

/// Whether `text`, which begins at a `(`, begins with the mark `(dN) ` that Xen puts before a
/// guest's output.
pub(crate) fn guest_mark(text: &[u8]) -> bool {
    text.strip_prefix(b"(d").is_some_and(|id| {
        let digits = id.iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0 && id.get(digits..).is_some_and(|rest| rest.starts_with(b") "))
    })
}

/// Whether a message of Xen's is the output of a guest that was started without a toolstack:
/// `DOM1: text`.
pub(crate) fn dom_mark(message: &[u8]) -> bool {
    message.strip_prefix(b"DOM").is_some_and(|id| {
        let digits = id.iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0 && id.get(digits) == Some(&b':')
    })
}

/// Takes a time stamp of any style from the front of what follows Xen's mark, and gives its text
/// and the message. A log can change its style on the way, so every line is asked anew.
#[inline]
pub(crate) fn split_stamp(text: &[u8]) -> (&[u8], &[u8]) {
    const NONE: &[u8] = &[];
    // The longest is `2025-03-17 18:48:59.123`, and Xen pads the shortest to twelve.
    const LONGEST: usize = 32;
    let Some(inner) = text.strip_prefix(b"[") else { return (NONE, text) };
    // The characters alone tell a stamp from a word in brackets; only a line with an RFC record
    // needs the value.
    let inside =
        |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b' ' | b'.' | b'-' | b':');
    let length = inner.iter().take(LONGEST).take_while(|byte| inside(byte)).count();
    let Some((stamp, rest)) = inner.split_at_checked(length) else { return (NONE, text) };
    let message = match rest {
        [b']', b' ', message @ ..] => message,
        [b']'] => NONE,
        _ => return (NONE, text),
    };
    let is_stamp = length >= 8 && stamp.last().is_some_and(u8::is_ascii_hexdigit);
    if is_stamp { (stamp, message) } else { (NONE, text) }
}

/// The time of a stamp in nanoseconds: since boot (`12.345678`), or since 1970
/// (`2025-03-17 18:48:59.123`). Raw stamps count cycles of an unknown clock and give nothing.
pub(crate) fn stamp_time(stamp: &[u8]) -> Option<(Clock, u64)> {
    if let Some(time) = calendar(stamp) {
        return Some((Clock::Calendar, time));
    }
    let (seconds, rest) = decimal(stamp.trim_ascii())?;
    let rest = rest.strip_prefix(b".")?;
    let time = seconds.checked_mul(1_000_000_000)?.checked_add(fraction(rest)?)?;
    Some((Clock::Boot, time))
}

/// `345678` behind a decimal point, in nanoseconds.
fn fraction(digits: &[u8]) -> Option<u64> {
    let (value, rest) = decimal(digits)?;
    let missing = 9u32.checked_sub(u32::try_from(digits.len()).ok()?)?;
    rest.is_empty().then_some(())?;
    value.checked_mul(10u64.pow(missing))
}

fn calendar(stamp: &[u8]) -> Option<u64> {
    let (year, rest) = decimal(stamp)?;
    let (month, rest) = decimal(rest.strip_prefix(b"-")?)?;
    let (day, rest) = decimal(rest.strip_prefix(b"-")?)?;
    let (hour, rest) = decimal(rest.strip_prefix(b" ")?)?;
    let (minute, rest) = decimal(rest.strip_prefix(b":")?)?;
    let (second, rest) = decimal(rest.strip_prefix(b":")?)?;
    let nanos = match rest {
        [] => 0,
        [b'.', digits @ ..] => fraction(digits)?,
        _ => return None,
    };
    let possible = (1970..=2500).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if !possible {
        return None;
    }
    // Days since 1970 in a calendar whose year begins in March, so that the leap day is the last of
    // its year.
    let (march_year, march_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let days = 365 * march_year + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year;
    let since = days.checked_sub(719_468)?;
    let seconds = ((since * 24 + hour) * 60 + minute) * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case = (&'static [u8], Option<(Clock, u64)>);

    #[test]
    fn stamps_of_every_style() {
        let (boot, date) = (|time| Some((Clock::Boot, time)), |time| Some((Clock::Calendar, time)));
        let cases: [Case; 5] = [
            (b"   12.345678", boot(12_345_678_000)),
            (b"1234567.000001", boot(1_234_567_000_001_000)),
            (b"2025-03-17 18:48:59", date(1_742_237_339_000_000_000)),
            (b"2025-03-17 18:48:59.123", date(1_742_237_339_123_000_000)),
            (b"0000001d2c5a6f00", None),
        ];
        for (stamp, time) in cases {
            let mut text = b"[".to_vec();
            text.extend_from_slice(stamp);
            text.extend_from_slice(b"] message");
            assert_eq!(split_stamp(&text), (stamp, &b"message"[..]));
            assert_eq!(stamp_time(stamp), time, "{}", stamp.escape_ascii());
        }
    }

    #[test]
    fn what_is_not_a_stamp_stays_in_the_message() {
        for text in [
            &b"   [<ffff82d040230090>] R x"[..],
            b"[<ffff82d040230090>] R x",
            b"[VT-D] on",
            b"[0] x",
            b"[",
            b"",
        ] {
            assert_eq!(split_stamp(text), (&b""[..], text));
        }
        assert_eq!(split_stamp(b"[   12.009503]"), (&b"   12.009503"[..], &b""[..]));
    }

    #[test]
    fn marks() {
        assert!(guest_mark(b"(d1) "));
        assert!(guest_mark(b"(d32767) x"));
        for text in [&b"(d1v0) "[..], b"(d) ", b"(d1)", b"(dx) ", b"(XEN) "] {
            assert!(!guest_mark(text), "{}", text.escape_ascii());
        }
        assert!(dom_mark(b"DOM1: x"));
        assert!(dom_mark(b"DOM12:"));
        for text in [&b"DOM: x"[..], b"DOM1 x", b"Dom1: x", b""] {
            assert!(!dom_mark(text), "{}", text.escape_ascii());
        }
        assert_eq!(xen_mark(b"(XEN) a"), Some(&b"a"[..]));
        assert_eq!(xen_mark(b"(XEN)"), Some(&b""[..]));
        assert_eq!(xen_mark(b"(XEN)a"), None);
    }
}
