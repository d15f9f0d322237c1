use std::fmt;

/// Operations of the RFC's recorder. Their order is that of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RfcOp {
    /// `alloc_domheap_pages`.
    AllocDomheapPages,
    /// `free_domheap_pages`.
    FreeDomheapPages,
    /// `free_xenheap_pages`.
    FreeXenheapPages,
    /// `xfree`.
    Xfree,
    /// `xmalloc_whole_pages`.
    XmallocWholePages,
    /// `xmem_pool_alloc`.
    XmemPoolAlloc,
}

impl RfcOp {
    /// All operations.
    pub const ALL: [RfcOp; 6] = [
        RfcOp::AllocDomheapPages,
        RfcOp::FreeDomheapPages,
        RfcOp::FreeXenheapPages,
        RfcOp::Xfree,
        RfcOp::XmallocWholePages,
        RfcOp::XmemPoolAlloc,
    ];

    /// The name, as the RFC's recorder prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            RfcOp::AllocDomheapPages => "alloc_domheap_pages",
            RfcOp::FreeDomheapPages => "free_domheap_pages",
            RfcOp::FreeXenheapPages => "free_xenheap_pages",
            RfcOp::Xfree => "xfree",
            RfcOp::XmallocWholePages => "xmalloc_whole_pages",
            RfcOp::XmemPoolAlloc => "xmem_pool_alloc",
        }
    }

    /// Whether it allocates for an `xmalloc()`.
    pub fn is_xmalloc(self) -> bool {
        matches!(self, RfcOp::XmallocWholePages | RfcOp::XmemPoolAlloc)
    }
}

impl fmt::Display for RfcOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
