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

/// Sixteen bytes at once: the sums of a linear code can be looked up one by one.
fn block(crc: u16, bytes: &[u8; SLICES]) -> u16 {
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, ba, bb, bc, bd, be, bf] = *bytes;
    let [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, ta, tb, tc, td, te, tf] = &TABLES;
    let at = |table: &[u16; 256], byte: u8| table[usize::from(byte)];
    let [high, low] = crc.to_be_bytes();
    at(tf, b0 ^ high)
        ^ at(te, b1 ^ low)
        ^ at(td, b2)
        ^ at(tc, b3)
        ^ at(tb, b4)
        ^ at(ta, b5)
        ^ at(t9, b6)
        ^ at(t8, b7)
        ^ at(t7, b8)
        ^ at(t6, b9)
        ^ at(t5, ba)
        ^ at(t4, bb)
        ^ at(t3, bc)
        ^ at(t2, bd)
        ^ at(t1, be)
        ^ at(t0, bf)
}

/// The check of `bytes`.
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    // Bytes of zero in front change nothing if the register starts at zero, and starting at INIT is the same as starting
    // at zero with the first two bytes inverted. So the odd bytes go to the front, into one padded block.
    let (head, blocks) = bytes.split_at(bytes.len() % SLICES);
    let mut crc = match head {
        [] => INIT,
        [one] => step(INIT, *one),
        _ => {
            let mut first = [0; SLICES];
            for (to, from) in first.iter_mut().rev().zip(head.iter().rev()) {
                *to = *from;
            }
            for to in first.iter_mut().skip(SLICES - head.len()).take(2) {
                *to ^= 0xff;
            }
            block(0, &first)
        }
    };
    for chunk in blocks.as_chunks::<SLICES>().0 {
        crc = block(crc, chunk);
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
