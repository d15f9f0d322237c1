//! CRC-16/IBM-3740, the check at the end of every record.

const POLY: u16 = 0x1021;
const SLICES: usize = 16;

/// `TABLES[k][b]`: what byte `b` contributes when `k` more bytes follow it.
static TABLES: [[u16; 256]; SLICES] = tables();

const fn tables() -> [[u16; 256]; SLICES] {
    let mut tables = [[0; 256]; SLICES];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ POLY };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut slice = 1;
    while slice < SLICES {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[slice - 1][byte];
            tables[slice][byte] = (before << 8) ^ tables[0][(before >> 8) as usize];
            byte += 1;
        }
        slice += 1;
    }
    tables
}

/// The value before the first byte.
pub(crate) const INIT: u16 = 0xffff;

/// One more byte.
pub(crate) fn step(crc: u16, byte: u8) -> u16 {
    (crc << 8) ^ TABLES[0][usize::from((crc >> 8) as u8 ^ byte)]
}

fn at(table: &[u16; 256], byte: u8) -> u16 {
    table[usize::from(byte)]
}

/// What the last fourteen of sixteen bytes contribute. The sums of a linear code can be looked up
/// one by one, in any order.
#[inline]
fn tail(bytes: &[u8; SLICES]) -> u16 {
    let [_, _, b2, b3, b4, b5, b6, b7, b8, b9, ba, bb, bc, bd, be, bf] = *bytes;
    let [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, ta, tb, tc, td, _, _] = &TABLES;
    let near = (at(td, b2) ^ at(tc, b3)) ^ (at(tb, b4) ^ at(ta, b5)) ^ (at(t9, b6) ^ at(t8, b7));
    let far = (at(t7, b8) ^ at(t6, b9)) ^ (at(t5, ba) ^ at(t4, bb)) ^ (at(t3, bc) ^ at(t2, bd));
    near ^ far ^ (at(t1, be) ^ at(t0, bf))
}

/// What the first two bytes contribute, to which the register is added.
#[inline]
fn head(crc: u16, bytes: &[u8; SLICES]) -> u16 {
    let [b0, b1, ..] = *bytes;
    let [.., te, tf] = &TABLES;
    let [high, low] = crc.to_be_bytes();
    at(tf, b0 ^ high) ^ at(te, b1 ^ low)
}

/// The check of `bytes`.
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    // Bytes of zero in front change nothing if the register starts at zero, and starting at INIT is
    // the same as starting at zero with the first two bytes inverted. So the odd bytes go to the
    // front, into one padded block.
    let (odd, blocks) = bytes.split_at(bytes.len() % SLICES);
    let mut crc = match odd {
        [] => INIT,
        [one] => step(INIT, *one),
        _ => {
            let mut first = [0; SLICES];
            for (to, from) in first.iter_mut().rev().zip(odd.iter().rev()) {
                *to = *from;
            }
            for to in first.iter_mut().skip(SLICES - odd.len()).take(2) {
                *to ^= 0xff;
            }
            head(0, &first) ^ tail(&first)
        }
    };
    // Only the heads depend on the block before. All tails first: the processor does several at a
    // time.
    for group in blocks.as_chunks::<SLICES>().0.chunks(8) {
        let mut tails = [0; 8];
        for (to, block) in tails.iter_mut().zip(group) {
            *to = tail(block);
        }
        for (tail, block) in tails.iter().zip(group) {
            crc = head(crc, block) ^ tail;
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_check_value() {
        assert_eq!(crc16(b"123456789"), 0x29b1);
        assert_eq!(crc16(b""), INIT);
    }

    #[test]
    fn blocks_and_bytes_agree_at_every_length() {
        let bytes: Vec<u8> = (0..300u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for from in 0..20 {
            for to in from..bytes.len() {
                let part = &bytes[from..to];
                assert_eq!(crc16(part), part.iter().fold(INIT, |crc, &byte| step(crc, byte)), "{from}..{to}");
            }
        }
    }
}
