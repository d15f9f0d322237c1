//! Lines of the RFC's recorder: `DEBUG: d1: xmem_pool_alloc - size 712 p=00008000fbe4a010`.

use xenheap_model::{Domain, RfcOp};

use crate::{
    number::{decimal, hex},
    record::RfcRecord,
};

/// How a record begins. The space belongs to it.
pub(crate) const MAGIC: &[u8] = b"DEBUG: ";

/// Whether `function` is where the trace of a record of `op` begins.
pub(crate) fn begins_in(op: RfcOp, function: &str) -> bool {
    let function = function.rsplit('#').next().unwrap_or(function);
    let function = function.split('.').next().unwrap_or(function);
    // Of an xmalloc, the function that prints may be inlined.
    (op.is_xmalloc() && function == "_xmalloc") || function == op.as_str()
}

/// Whether what begins with [`MAGIC`] is meant to be a record: a domain follows. Xen prints other
/// lines with this word.
pub(crate) fn is_candidate(text: &[u8]) -> bool {
    text.strip_prefix(MAGIC).map(<[u8]>::trim_ascii_start).is_some_and(begins_with_domain)
}

/// Whether a record's domain is at the start of `text`.
pub(crate) fn begins_with_domain(text: &[u8]) -> bool {
    match text {
        [b'd', b'0'..=b'9' | b'[', ..] => true,
        _ => text.starts_with(b"NULL"),
    }
}

/// Reads the record at the start of `text`, which begins with [`MAGIC`]. The trace is still to
/// come.
///
/// `narrow`: pointers of eight digits are possible (a 32-bit Xen).
pub(crate) fn parse(text: &[u8], narrow: bool) -> Option<RfcRecord> {
    let text = text.strip_prefix(MAGIC)?;
    let (domain, text) = text.split_at_checked(memchr::memmem::find(text, b": ")?)?;
    let domain: Domain = std::str::from_utf8(domain).ok()?.parse().ok()?;
    let text = text.strip_prefix(b": ")?;
    let end = text.iter().position(|&byte| byte == b' ')?;
    let (name, text) = text.split_at_checked(end)?;
    let op = RfcOp::ALL.into_iter().find(|op| op.as_str().as_bytes() == name)?;
    let mut words = text.strip_prefix(b" - ")?.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());

    let (mut size, mut ptr) = (None, None);
    while let Some(word) = words.next() {
        let (key, value) = match memchr::memchr(b'=', word) {
            Some(at) => (word.get(..at)?, word.get(at + 1..)?),
            None => (word, words.next()?),
        };
        // A parameter that is there must be right: what it was before the line was damaged nobody
        // knows.
        match key {
            b"size" if size.is_none() => size = Some(size_of(value)?),
            b"p" if ptr.is_none() => ptr = Some(pointer(value, narrow)?),
            b"size" | b"p" => return None,
            _ => {}
        }
    }
    // Every operation has a pointer, and it is what a free is matched by.
    ptr?;
    Some(RfcRecord { op, domain, size, ptr, trace: Vec::new(), time: None, uncertain: None })
}

/// Hex with or without `0x`.
fn pointer(text: &[u8], narrow: bool) -> Option<u64> {
    let (digits, whole) = match text.strip_prefix(b"0x") {
        Some(digits) => (digits, true),
        // Xen prints pointers at full width, so a shorter one was cut.
        None => (text, text.len() == 16 || (narrow && text.len() == 8)),
    };
    hex(digits).and_then(|(value, rest)| (whole && rest.is_empty()).then_some(value))
}

/// Decimal, or hex with `0x`.
fn size_of(text: &[u8]) -> Option<u64> {
    let (value, rest) = match text.strip_prefix(b"0x") {
        Some(digits) => hex(digits)?,
        None => decimal(text)?,
    };
    rest.is_empty().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(RfcOp, Domain, Option<u64>, Option<u64>)> {
        parse(text.as_bytes(), true).map(|record| (record.op, record.domain, record.size, record.ptr))
    }

    #[test]
    fn parameters_in_both_spellings() {
        let p = 0x8000_fbe4_a010;
        assert_eq!(
            read("DEBUG: d1: xmem_pool_alloc - size 712 p=00008000fbe4a010"),
            Some((RfcOp::XmemPoolAlloc, Domain::Id(1), Some(712), Some(p)))
        );
        assert_eq!(
            read("DEBUG: d[IDLE]: alloc_domheap_pages - p 00008000fbe4a010 order=0 size=0x1000"),
            Some((RfcOp::AllocDomheapPages, Domain::Idle, Some(4096), Some(p)))
        );
        assert_eq!(
            read("DEBUG: NULL: xfree - p=0x8000fbe4a010 "),
            Some((RfcOp::Xfree, Domain::Null, None, Some(p)))
        );
        assert_eq!(
            read("DEBUG: d32767: free_xenheap_pages - p=0022f784"),
            Some((RfcOp::FreeXenheapPages, Domain::Idle, None, Some(0x22_f784)))
        );
        assert_eq!(parse(b"DEBUG: d0: xfree - p=0022f784", false), None);
    }

    #[test]
    fn every_cut_is_noticed() {
        let whole = "DEBUG: d1: xmem_pool_alloc - size 712 p=ffff8000fbe4a010";
        for end in 0..whole.len() {
            assert_eq!(parse(&whole.as_bytes()[..end], false), None, "{}", &whole[..end]);
        }
        for text in [
            "DEBUG: d1: xmalloc - size 1 p=ffff8000fbe4a010",
            "DEBUG: d65536: xfree - p=ffff8000fbe4a010",
            "DEBUG: d1: xfree - p=ffff8000fbe4a010 p=ffff8000fbe4a010",
            "DEBUG: d1: xfree - p=ffff8000fbe4a0100",
            "DEBUG: d1: xfree - size x p=ffff8000fbe4a010",
            "DEBUG: d1: xfree p=ffff8000fbe4a010",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
