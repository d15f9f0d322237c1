//! Hashing for tables whose keys the recorder makes (numbers, row keys): quick, and the same in
//! every run.

use std::hash::{BuildHasherDefault, Hasher};

const K: u64 = 0x9e37_79b9_7f4a_7c15;

/// Multiplies and folds, a word at a time.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fold(u64);

impl Fold {
    fn add(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ K).wrapping_mul(u128::from(K) | 1);
        self.0 = (product as u64) ^ ((product >> 64) as u64) ^ self.0.rotate_left(23);
    }
}

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.add(u64::from_le_bytes(last) ^ (bytes.len() as u64).rotate_left(56));
    }

    fn write_u8(&mut self, n: u8) {
        self.add(n.into());
    }

    fn write_u16(&mut self, n: u16) {
        self.add(n.into());
    }

    fn write_u32(&mut self, n: u32) {
        self.add(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.add(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.add(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.add(n as u64);
    }
}

/// For tables that are never iterated in their own order.
pub(crate) type BuildFold = BuildHasherDefault<Fold>;

/// A hash map with [`Fold`].
pub(crate) type FoldMap<K, V> = std::collections::HashMap<K, V, BuildFold>;

/// A hash set with [`Fold`].
pub(crate) type FoldSet<K> = std::collections::HashSet<K, BuildFold>;

/// What is remembered of a record's bytes, to tell a replay from a forgery. Never 0.
pub(crate) fn of_bytes(bytes: &[u8]) -> u32 {
    let mut fold = Fold::default();
    fold.write(bytes);
    let hash = fold.finish();
    ((hash ^ (hash >> 32)) as u32).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_changed_byte_is_another_hash() {
        let line = b"HA1 3f9a2c41 18 A x ffff83007c4d2010 392 s12 d0 c1 t2cb417800 u416 5d10";
        let hash = of_bytes(line);
        for i in 0..line.len() {
            let mut other = line.to_vec();
            other[i] ^= 1;
            assert_ne!(of_bytes(&other), hash, "byte {i}");
        }
        assert_ne!(of_bytes(&line[..line.len() - 1]), hash);
        assert_ne!(of_bytes(b""), 0);
    }
}
