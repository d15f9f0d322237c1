use xenheap_model::{Domain, Mark, TraceFrame};

use super::*;

fn record(op: RfcOp, size: Option<u64>, ptr: u64, through: &[&str]) -> RfcRecord {
    let trace = through
        .iter()
        .map(|name| TraceFrame { addr: Some(1), name: (*name).to_owned(), offset: None, mark: Mark::F })
        .collect();
    RfcRecord { op, domain: Domain::Id(1), size, ptr: Some(ptr), trace, time: None, uncertain: None }
}

fn book_of(records: Vec<RfcRecord>) -> Rfc {
    let mut rfc = Rfc::default();
    for record in records {
        rfc.record(record, None);
    }
    rfc.finish(None);
    rfc
}

/// allocations that are live, by kind
fn live(rfc: &Rfc) -> Vec<(Kind, u64, u64)> {
    rfc.applied.book.live().iter().map(|live| (live.key.kind, live.addr, live.bytes)).collect()
}

const PAGES: u64 = 0x10000;
const INNER: &[&str] = &["alloc_domheap_pages", "alloc_xenheap_pages", "xmalloc_whole_pages", "_xmalloc"];

#[test]
fn whole_pages_count_once_with_and_without_traces() {
    for (inner, tail) in
        [(INNER, &["free_xenheap_pages", "x.c#xmalloc_whole_pages.part.0"][..]), (&[][..], &[][..])]
    {
        let rfc = book_of(vec![
            record(RfcOp::AllocDomheapPages, Some(4 * PAGE_SIZE), PAGES, inner),
            record(RfcOp::XmemPoolAlloc, Some(8), 0x530, &[]),
            record(RfcOp::FreeXenheapPages, None, PAGES + 3 * PAGE_SIZE, tail),
            record(RfcOp::XmallocWholePages, Some(10_000), PAGES, &["_xmalloc"]),
        ]);
        assert_eq!(live(&rfc), [(Kind::Xmalloc, 0x530, 8), (Kind::Xmalloc, PAGES, 10_000)]);
        assert_eq!(rfc.layered, 2);
        assert_eq!(rfc.applied.book.findings().unmatched.count, 0);
    }
}

#[test]
fn what_xfree_gives_back_is_its_own_whichever_is_printed_first() {
    for inner_first in [true, false] {
        for trace in [&["free_xenheap_pages", "xfree"][..], &[]] {
            let mut frees = vec![
                record(RfcOp::Xfree, None, PAGES, &["xfree"]),
                record(RfcOp::FreeXenheapPages, None, PAGES, trace),
                record(RfcOp::FreeXenheapPages, None, PAGES + PAGE_SIZE, trace),
            ];
            if inner_first {
                frees.rotate_left(1);
            }
            let mut records = vec![
                record(RfcOp::AllocDomheapPages, Some(2 * PAGE_SIZE), PAGES, INNER),
                record(RfcOp::XmallocWholePages, Some(5000), PAGES, &["_xmalloc"]),
            ];
            records.append(&mut frees);
            // The pages are somebody else's from here on.
            records.push(record(RfcOp::AllocDomheapPages, Some(PAGE_SIZE), PAGES, &["alloc_domheap_pages"]));
            records.push(record(RfcOp::FreeDomheapPages, None, PAGES, &["free_domheap_pages"]));
            let rfc = book_of(records);
            assert_eq!(live(&rfc), []);
            assert_eq!(rfc.layered, 3);
            assert_eq!(rfc.applied.book.totals().domheap.counters.freed, 1);
            assert_eq!(rfc.applied.book.findings().unmatched.count, 0);
        }
    }
}

#[test]
fn a_page_for_the_pool_is_the_pools() {
    let grows =
        ["alloc_domheap_pages", "alloc_xenheap_pages", "xmalloc_pool_get", "xmem_pool_alloc", "_xmalloc"];
    let inlined = ["alloc_domheap_pages", "alloc_xenheap_pages", "_xmalloc"];
    for through in [&grows[..], &inlined, &[]] {
        let rfc = book_of(vec![
            record(RfcOp::AllocDomheapPages, Some(PAGE_SIZE), PAGES, through),
            record(RfcOp::XmemPoolAlloc, Some(100), PAGES + 16, &["_xmalloc"]),
        ]);
        assert_eq!(live(&rfc), [(Kind::PoolGrowth, PAGES, PAGE_SIZE), (Kind::Xmalloc, PAGES + 16, 100)]);
    }
    // It goes when the pool shrinks, inside of `xfree`.
    let rfc = book_of(vec![
        record(RfcOp::AllocDomheapPages, Some(PAGE_SIZE), PAGES, &grows),
        record(RfcOp::FreeXenheapPages, None, PAGES, &["free_xenheap_pages", "xmem_pool_free", "xfree"]),
    ]);
    assert_eq!((live(&rfc), rfc.layered), (vec![], 0));
}

#[test]
fn pages_that_were_freed_are_no_inner_half() {
    let rfc = book_of(vec![
        record(RfcOp::AllocDomheapPages, Some(PAGE_SIZE), PAGES, &["alloc_domheap_pages"]),
        record(RfcOp::FreeDomheapPages, None, PAGES, &["free_domheap_pages"]),
        record(RfcOp::XmallocWholePages, Some(4000), PAGES, &["_xmalloc"]),
    ]);
    assert_eq!(rfc.layered, 0);
    assert_eq!(rfc.applied.book.totals().domheap.counters.freed, 1);
    assert_eq!(live(&rfc), [(Kind::Xmalloc, PAGES, 4000)]);
}

#[test]
fn a_record_without_a_pointer_is_damaged_and_pointer_0_is_a_failure() {
    let mut none = record(RfcOp::Xfree, None, 0, &["xfree"]);
    none.ptr = None;
    let rfc = book_of(vec![none, record(RfcOp::XmemPoolAlloc, Some(64), 0, &["_xmalloc"])]);
    assert_eq!((rfc.damaged, rfc.records), (1, 1));
    assert_eq!(rfc.applied.book.totals().xmalloc.counters.failed, 1);
    assert_eq!(live(&rfc), []);
}
