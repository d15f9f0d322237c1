//! Xen's allocators and their frees, by the names of their functions: the one table of them.

use AllocatorRole::{
    Domheap, DomheapFree, Vmalloc, VmallocInline, VmallocStep, Xenheap, XenheapFree, Xmalloc, XmallocFree,
    XmallocFreeStep, XmallocInline, XmallocStep,
};

/// What a function of Xen has to do with allocating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocatorRole {
    /// It allocates any size and charges nobody.
    Xmalloc,
    /// An inline function of a header that only calls an [`AllocatorRole::Xmalloc`].
    XmallocInline,
    /// A part of an xmalloc: a small block, the growth of the pool, or whole pages.
    XmallocStep,
    /// It allocates pages that are mapped in a row, and charges nobody.
    Vmalloc,
    /// An inline function of a header that only calls an [`AllocatorRole::Vmalloc`].
    VmallocInline,
    /// A part of a vmalloc.
    VmallocStep,
    /// It allocates pages that are always mapped, and charges nobody.
    Xenheap,
    /// It allocates pages for the domain that it is told, or for nobody ([`CHARGING`]).
    Domheap,
    /// It frees what an xmalloc allocated.
    XmallocFree,
    /// A part of freeing an xmalloc: the pool shrinks.
    XmallocFreeStep,
    /// It frees what [`AllocatorRole::Xenheap`] allocated.
    XenheapFree,
    /// It frees what [`AllocatorRole::Domheap`] allocated.
    DomheapFree,
}

/// The allocator that is told whom to charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charging {
    /// Its name.
    pub name: &'static str,
    /// Which of its parameters is the domain, from 0.
    pub domain: usize,
    /// Which of its parameters are the flags (`MEMF_*`), from 0.
    pub flags: usize,
}

/// `struct page_info *alloc_domheap_pages(struct domain *d, unsigned int order, unsigned int memflags)`.
pub const CHARGING: Charging = Charging { name: "alloc_domheap_pages", domain: 0, flags: 2 };

/// The name of [`CHARGING`], for patterns.
const ALLOC_DOMHEAP_PAGES: &str = CHARGING.name;

impl AllocatorRole {
    /// That of a function, by the name that the source has (see [`crate::clean`]). From
    /// `common/xmalloc_tlsf.c`, `common/vmap.c`, `common/page_alloc.c` and their headers in Xen
    /// 4.14 to 4.22.
    pub fn of(function: &str) -> Option<Self> {
        Some(match function {
            "_xmalloc" | "_xzalloc" | "_xrealloc" => Xmalloc,
            "_xmalloc_array" => XmallocInline,
            "xmem_pool_alloc" | "xmalloc_pool_get" | "xmalloc_whole_pages" => XmallocStep,
            "_xvmalloc" | "_xvzalloc" | "_xvrealloc" | "vmalloc" | "vzalloc" | "vmalloc_xen" => Vmalloc,
            "_xvmalloc_array" | "_xvzalloc_array" => VmallocInline,
            "vmalloc_type" => VmallocStep,
            "alloc_xenheap_pages" => Xenheap,
            ALLOC_DOMHEAP_PAGES => Domheap,
            "xfree" => XmallocFree,
            "xmem_pool_free" | "xmalloc_pool_put" => XmallocFreeStep,
            "free_xenheap_pages" => XenheapFree,
            "free_domheap_pages" => DomheapFree,
            _ => return None,
        })
    }

    /// Whether callers ask it for memory.
    pub fn is_allocator(self) -> bool {
        matches!(self, Xmalloc | Vmalloc | Xenheap | Domheap)
    }

    /// Whether it works for an allocator, or is one: what it calls is a step of somebody else's
    /// request.
    pub fn serves(self) -> bool {
        self.is_allocator() || matches!(self, XmallocStep | VmallocStep)
    }

    /// Whether it belongs to a vmalloc or an xvmalloc.
    pub fn is_of_vmalloc(self) -> bool {
        matches!(self, Vmalloc | VmallocInline | VmallocStep)
    }

    /// Whether it stands at the end of stacks that other tools record, behind who asked for the
    /// memory.
    pub fn ends_stacks(self) -> bool {
        matches!(self, Xmalloc | XmallocInline | XmallocStep | Xenheap | Domheap)
    }
}
