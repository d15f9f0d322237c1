//! Numbers at the front of a byte string. Each function gives the number and what follows it.

/// Value of a lower-case hex digit; above 15 for everything else.
static HEX: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut digit = 0;
    while digit < 10 {
        table[b'0' as usize + digit] = digit as u8;
        digit += 1;
    }
    while digit < 16 {
        table[b'a' as usize + digit - 10] = digit as u8;
        digit += 1;
    }
    table
};

/// Whether `byte` is one of `0-9a-f`.
pub(crate) fn is_hex(byte: u8) -> bool {
    HEX[usize::from(byte)] < 16
}

/// The same byte eight times.
const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// For eight bytes, first one lowest: the highest bit of each that is at least `low` and below
/// `end`, both ASCII.
#[inline]
fn within(bytes: u64, low: u8, end: u8) -> u64 {
    // With the highest bit set beforehand, no byte borrows from its neighbour.
    let high = bytes | all(0x80);
    high.wrapping_sub(all(low)) & !high.wrapping_sub(all(end)) & !bytes & all(0x80)
}

/// How many of eight bytes, from the first, have their highest bit set.
#[inline]
fn leading(marks: u64) -> u32 {
    (!marks & all(0x80)).trailing_zeros() / 8
}

/// Eight digits' values with zeros put in front, so that the `digits` first ones are the last.
#[inline]
fn align(values: u64, digits: u32) -> u64 {
    values.checked_shl(64 - 8 * digits).unwrap_or(0)
}

/// The lower-case hex digits at the front of eight bytes: their value, and how many. All at once:
/// numbers of changing length, digit by digit, cost a wrongly predicted branch each.
#[inline]
fn hex8(bytes: [u8; 8]) -> (u64, u32) {
    let bytes = u64::from_le_bytes(bytes);
    let letters = within(bytes, b'a', b'g');
    let digits = leading(within(bytes, b'0', b':') | letters);
    let values = align((bytes & all(0x0f)) + (letters >> 7) * 9, digits);
    let pairs = (values << 4 | values >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs << 8 | pairs >> 16) & 0x0000_ffff_0000_ffff;
    ((fours << 16 | fours >> 32) & 0xffff_ffff, digits)
}

/// The decimal digits at the front of eight bytes: their value, and how many.
#[inline]
fn decimal8(bytes: [u8; 8]) -> (u64, u32) {
    let bytes = u64::from_le_bytes(bytes);
    let digits = leading(within(bytes, b'0', b':'));
    let values = align(bytes & all(0x0f), digits);
    let pairs = (values * 10 + (values >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    ((fours * 10_000 + (fours >> 32)) & 0xffff_ffff, digits)
}

/// 1 to 16 lower-case hex digits.
#[inline]
pub(crate) fn hex(text: &[u8]) -> Option<(u64, &[u8])> {
    let Some((first, after)) = text.split_first_chunk::<8>() else { return hex_short(text) };
    match hex8(*first) {
        (_, 0) => None,
        (value, 8) => match after.split_first_chunk::<8>() {
            None => match hex_short(after) {
                Some((low, rest)) => Some((value << (4 * (after.len() - rest.len())) | low, rest)),
                None => Some((value, after)),
            },
            Some((second, rest)) => match hex8(*second) {
                (low, 8) => (!rest.first().copied().is_some_and(is_hex)).then_some((value << 32 | low, rest)),
                (low, digits) => Some((value << (4 * digits) | low, after.get(digits as usize..)?)),
            },
        },
        (value, digits) => Some((value, text.get(digits as usize..)?)),
    }
}

/// [`hex`] of less than eight bytes.
fn hex_short(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|&&byte| is_hex(byte)).count();
    let (number, rest) = text.split_at_checked(digits)?;
    let value = number.iter().fold(0, |value, &byte| value << 4 | u64::from(HEX[usize::from(byte)]));
    (digits > 0).then_some((value, rest))
}

/// Exactly `digits` lower-case hex digits, at most 16; whatever follows them.
#[inline]
pub(crate) fn hex_of(text: &[u8], digits: usize) -> Option<(u64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let (value, none) = hex(number)?;
    none.is_empty().then_some((value, rest))
}

/// A decimal number. Leading zeros are allowed, a number above `u64::MAX` is not.
#[inline]
pub(crate) fn decimal(text: &[u8]) -> Option<(u64, &[u8])> {
    match text.first_chunk::<8>().map(|first| decimal8(*first)) {
        Some((_, 0)) => None,
        Some((value, digits @ 1..8)) => Some((value, text.get(digits as usize..)?)),
        _ => decimal_any(text),
    }
}

/// [`decimal`] of any length.
fn decimal_any(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    let mut value = 0u64;
    for &byte in number {
        value = value.checked_mul(10)?.checked_add(u64::from(byte.wrapping_sub(b'0')))?;
    }
    (digits > 0).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every length, every neighbour, at the end of the text and before it.
    #[test]
    fn numbers_of_every_length() {
        let digits = "fedcba9876543210";
        for length in 1..=16 {
            let number = &digits[..length];
            for tail in
                ["", " ", "/x", "g", "G", "`", "@:;", "\u{e1}", " 0123456789abcdef", "-ffffffffffffffff"]
            {
                let text = format!("{number}{tail}");
                let expected = u64::from_str_radix(number, 16).unwrap();
                assert_eq!(hex(text.as_bytes()), Some((expected, tail.as_bytes())), "{text}");
                let decimals = number.replace(|c: char| !c.is_ascii_digit(), "7");
                let text = format!("{decimals}{tail}");
                let expected = decimals.parse().unwrap();
                assert_eq!(decimal(text.as_bytes()), Some((expected, tail.as_bytes())), "{text}");
            }
        }
        for byte in 0..=u8::MAX {
            let text = [byte; 8];
            assert_eq!(hex(&text).is_some(), is_hex(byte), "{byte}");
            assert_eq!(decimal(&text).is_some(), byte.is_ascii_digit(), "{byte}");
        }
    }

    #[test]
    fn numbers_end_where_they_end() {
        assert_eq!(hex(b"ff g"), Some((255, &b" g"[..])));
        assert_eq!(hex(b"ffffffffffffffff"), Some((u64::MAX, &b""[..])));
        assert_eq!(hex(b"0ffffffffffffffff"), None);
        assert_eq!(hex(b"FF"), None);
        assert_eq!(hex_of(b"12345678 x", 8), Some((0x1234_5678, &b" x"[..])));
        assert_eq!(hex_of(b"1234567 x", 8), None);
        assert_eq!(hex_of(b"123", 4), None);
        assert_eq!(decimal(b"18446744073709551615/"), Some((u64::MAX, &b"/"[..])));
        assert_eq!(decimal(b"18446744073709551616"), None);
        assert_eq!(decimal(b"99999999999999999999999"), None);
        assert_eq!(decimal(b"-1"), None);
    }
}
