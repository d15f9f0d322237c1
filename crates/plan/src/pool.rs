//! Xen's xmalloc pool, as far as it decides how many pages it takes.
//!
//! The algorithm is TLSF (Masmano, Ripoll, Crespo, Real: *TLSF: a new dynamic memory allocator for
//! real-time systems*, ECRTS 2004): free blocks in lists by size, powers of two and linear parts of
//! them; a request takes the last freed block of the first list of which every block is large
//! enough, and gets as much as that list's smallest; neighbours join when they are freed. The
//! constants, and what Xen does at the ends of a page, were found by experiments with Xen's own
//! pool (docs/plan.md), against which `tests/real_pool.rs` holds this one.

use std::collections::{BTreeMap, btree_map::Entry};

use xenheap_model::PAGE_SIZE;

/// Before each block. Sizes are multiples of it, and the smallest block is as large.
const HEADER: u64 = 16;

/// Each power of two has so many lists, unless they would be closer together than sizes are.
const LISTS: u64 = 32;

/// What one page holds besides the header of its first block and its end.
const WHOLE: u64 = PAGE_SIZE - 2 * HEADER;

/// Pages of the structure that describes a pool, which is there before its first block.
pub const STRUCTURE: u64 = 2;

/// A block that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block(u64);

#[derive(Clone, Copy, Debug)]
struct Part {
    size: u64,
    /// When it was freed, counted in frees; `None`: it is in use.
    freed: Option<u64>,
}

/// An xmalloc pool that grows by a page whenever it must, and gives back each page that gets empty.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// All blocks, by the address of what is behind their header. Pages are not neighbours.
    parts: BTreeMap<u64, Part>,
    /// Free blocks by the list that they are in, the last freed at the end.
    free: BTreeMap<u64, BTreeMap<u64, u64>>,
    frees: u64,
    /// Pages that were ever taken.
    taken: u64,
    pages: u64,
}

/// How far the lists are apart for blocks of this size.
fn step(size: u64) -> u64 {
    let power = 1u64.checked_shl(size.checked_ilog2().unwrap_or(0)).unwrap_or(1);
    (power / LISTS).max(HEADER)
}

/// How large a block for so many bytes is, if it is cut out of a larger one.
fn rounded(size: u64) -> Option<u64> {
    let size = size.max(1).checked_next_multiple_of(HEADER)?;
    size.checked_next_multiple_of(step(size))
}

/// How large a block for so many bytes is at least, with its header.
pub(crate) fn block_for(size: u64) -> Option<u64> {
    rounded(size)?.checked_add(HEADER)
}

impl Pool {
    /// Pages that it has now, without its structure.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// Takes a block. `None`: it is too large for a page, and Xen's xmalloc takes whole pages.
    pub fn alloc(&mut self, size: u64) -> Option<Block> {
        let size = rounded(size).filter(|size| *size <= WHOLE)?;
        if self.free.range(size..).next().is_none() {
            self.grow();
        }
        let (at, part) = self.unlink_first(size)?;
        let rest = part.size - size;
        let size = match rest.checked_sub(HEADER) {
            Some(rest) if rest >= HEADER => {
                self.link(at + size + HEADER, rest);
                size
            }
            _ => part.size,
        };
        self.parts.insert(at, Part { size, freed: None });
        Some(Block(at))
    }

    /// Gives a block back.
    pub fn free(&mut self, Block(mut at): Block) {
        let Some(Part { mut size, freed: None }) = self.parts.remove(&at) else { return };
        if let Some((&next, &part)) = self.parts.range(at..).next()
            && next == at + size + HEADER
            && self.unlink(next, part)
        {
            size += HEADER + part.size;
        }
        if let Some((&before, &part)) = self.parts.range(..at).next_back()
            && before + part.size + HEADER == at
            && self.unlink(before, part)
        {
            size += HEADER + part.size;
            at = before;
        }
        if size == WHOLE {
            self.pages -= 1;
        } else {
            self.link(at, size);
        }
    }

    fn grow(&mut self) {
        // An unused page between two, so that blocks at their ends are not neighbours.
        let page = self.taken * 2 * PAGE_SIZE;
        self.taken += 1;
        self.pages += 1;
        self.link(page + HEADER, WHOLE);
    }

    fn link(&mut self, at: u64, size: u64) {
        self.frees += 1;
        self.parts.insert(at, Part { size, freed: Some(self.frees) });
        self.free.entry(size - size % step(size)).or_default().insert(self.frees, at);
    }

    /// Takes the last freed block out of the first list from this one on that has any.
    fn unlink_first(&mut self, list: u64) -> Option<(u64, Part)> {
        let (_, blocks) = self.free.range(list..).next()?;
        let (_, &at) = blocks.last_key_value()?;
        let part = *self.parts.get(&at)?;
        self.unlink(at, part).then_some((at, part))
    }

    /// Takes a block out if it is free.
    fn unlink(&mut self, at: u64, part: Part) -> bool {
        let Some(freed) = part.freed else { return false };
        if let Entry::Occupied(mut blocks) = self.free.entry(part.size - part.size % step(part.size)) {
            blocks.get_mut().remove(&freed);
            if blocks.get().is_empty() {
                blocks.remove();
            }
        }
        self.parts.remove(&at);
        true
    }
}

/// What Xen's pool was asked for to serve an xmalloc of `size` bytes at `addr` for which it used
/// `used`: to align more than blocks are aligned anyway, xmalloc asks for more.
pub fn request(size: u64, addr: u64, used: Option<u64>) -> u64 {
    let Some(block) = used.and_then(|used| used.checked_sub(HEADER)) else { return size };
    // The block can also contain a rest that was too small for one of its own.
    let fits = |asked: &u64| {
        rounded(*asked).is_some_and(|least| (least..=least.saturating_add(HEADER)).contains(&block))
    };
    let aligns = (HEADER.ilog2()..PAGE_SIZE.ilog2()).map(|bits| 1u64 << bits);
    let aligns = aligns.filter(|align| addr.is_multiple_of(*align));
    aligns.map(|align| size.saturating_add(align - HEADER)).find(fits).unwrap_or(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_when_needed_and_given_back_when_empty() {
        let mut pool = Pool::default();
        assert_eq!(pool.pages(), 0);
        let blocks: Vec<Block> = (0..128).filter_map(|_| pool.alloc(16)).collect();
        assert_eq!((blocks.len(), pool.pages()), (128, 2));
        let (last, first) = blocks.split_last().expect("there are blocks");
        pool.free(*last);
        assert_eq!(pool.pages(), 1);
        first.iter().for_each(|block| pool.free(*block));
        assert_eq!(pool.pages(), 0);
        assert!(pool.parts.is_empty() && pool.free.is_empty());
    }

    #[test]
    fn what_no_page_can_serve_is_not_the_pools() {
        let mut pool = Pool::default();
        assert!(pool.alloc(4032).is_some());
        assert_eq!(pool.alloc(4033), None);
        assert_eq!(pool.alloc(u64::MAX), None);
    }

    #[test]
    fn a_block_that_is_not_in_use_is_not_freed() {
        let mut pool = Pool::default();
        let block = pool.alloc(100).expect("there is room");
        pool.free(block);
        pool.free(block);
        assert_eq!(pool.pages(), 0);
    }

    #[test]
    fn alignment_is_seen_in_what_was_used() {
        for (size, addr, used, expected) in [
            (100, 0x1010, Some(128), 100),
            (100, 0x1010, None, 100),
            // a rest of 16 bytes
            (100, 0x1010, Some(144), 100),
            // of a list whose smallest block is larger
            (1025, 0x1010, Some(1072), 1025),
            // aligned to 128
            (100, 0x1080, Some(240), 212),
            (100, 0x1080, Some(256), 212),
            // aligned to 64, at an address that is a multiple of more
            (100, 0x1100, Some(176), 148),
            // nothing explains it
            (100, 0x1010, Some(4000), 100),
        ] {
            assert_eq!(request(size, addr, used), expected, "{size} {addr:#x} {used:?}");
        }
    }
}
