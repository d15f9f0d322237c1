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

/// 1 to 16 lower-case hex digits.
#[inline]
pub(crate) fn hex(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    let mut digits = 0;
    for &byte in text {
        let digit = HEX[usize::from(byte)];
        if digit > 15 {
            break;
        }
        value = value << 4 | u64::from(digit);
        digits += 1;
    }
    if digits == 0 || digits > 16 {
        return None;
    }
    Some((value, text.get(digits..)?))
}

/// Exactly `digits` lower-case hex digits.
#[inline]
pub(crate) fn hex_of(text: &[u8], digits: usize) -> Option<(u64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let mut value = 0u64;
    for &byte in number {
        let digit = HEX[usize::from(byte)];
        if digit > 15 {
            return None;
        }
        value = value << 4 | u64::from(digit);
    }
    Some((value, rest))
}

/// A decimal number. Leading zeros are allowed, a number above `u64::MAX` is not.
#[inline]
pub(crate) fn decimal(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    let mut digits = 0;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        // Eighteen digits cannot overflow; beyond that, look.
        value = if digits < 18 {
            value * 10 + u64::from(digit)
        } else {
            value.checked_mul(10)?.checked_add(u64::from(digit))?
        };
        digits += 1;
    }
    if digits == 0 {
        return None;
    }
    Some((value, text.get(digits..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

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
