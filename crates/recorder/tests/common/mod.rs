//! A tree that has what the recorder needs of Xen, and nothing else.

#![allow(dead_code, reason = "each test target uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use xenheap_recorder::{Author, PatchInfo};

/// The files that are edited, and what is in them: headers of definitions and prose of our own.
pub const FILES: &[(&str, &str)] = &[
    (
        "xen/Makefile",
        "# where the version lives\nexport XEN_VERSION       = 4\nexport XEN_SUBVERSION    = 17\n\
         export XEN_EXTRAVERSION ?= .5$(XEN_VENDORVERSION)\n",
    ),
    (
        "xen/include/xen/config.h",
        "#ifndef GUARD\n#define GUARD\n\n#ifdef A\n#define B\n#endif\n\n#endif /* GUARD */\n",
    ),
    ("xen/common/Makefile", "obj-y += argo.o\nobj-y += guestcopy.o\nobj-y += irq.o\n\nextra-y := other.o\n"),
    (
        "xen/Kconfig.debug",
        "\nmenu \"Debugging\"\n\nif DEBUG || EXPERT\n\nconfig FRAME_POINTER\n\tbool \"Frame pointers\"\n\n\
         endif # DEBUG || EXPERT\n\nendmenu\n",
    ),
    ("xen/Rules.mk", "c_flags = -MMD\na_flags = -MMD\n\nc_flags += $(CFLAGS-y)\na_flags += $(CFLAGS-y)\n"),
    (
        "xen/common/page_alloc.c",
        "/* calls alloc_domheap_pages(...) */\n\
         void f(void)\n{\n    alloc_xenheap_pages(0, 0);\n}\n\
         #ifdef SEPARATE\n\
         void init_xenheap_pages(paddr_t ps, paddr_t pe)\n{\n}\n\n\
         void *alloc_xenheap_pages(unsigned int order, unsigned int memflags)\n{\n}\n\n\
         void free_xenheap_pages(void *v, unsigned int order)\n{\n}\n\
         #else\n\
         void init_xenheap_pages(paddr_t ps, paddr_t pe)\n{\n    init_domheap_pages(ps, pe);\n}\n\n\
         void *alloc_xenheap_pages(unsigned int order, unsigned int memflags)\n{\n    assign_pages(x);\n}\n\n\
         void free_xenheap_pages(void *v, unsigned int order)\n{\n}\n\
         #endif\n\
         void init_domheap_pages(paddr_t ps, paddr_t pe)\n{\n}\n\n\
         int assign_pages(\n    struct page_info *pg,\n    unsigned int nr,\n    struct domain *d,\n    unsigned int memflags)\n{\n}\n\n\
         struct page_info *alloc_domheap_pages(\n    struct domain *d, unsigned int order, unsigned int memflags)\n{\n}\n\n\
         void free_domheap_pages(struct page_info *pg, unsigned int order)\n{\n}\n\n\
         unsigned long domain_adjust_tot_pages(struct domain *d, long pages)\n{\n}\n\n\
         int offline_page(mfn_t mfn, int broken, uint32_t *status)\n{\n}\n\n\
         unsigned int online_page(mfn_t mfn, uint32_t *status)\n{\n}\n",
    ),
    (
        "xen/common/xmalloc_tlsf.c",
        "void *xmem_pool_alloc(unsigned long size, struct xmem_pool *pool)\n{\n}\n\n\
         void *_xmalloc(unsigned long size, unsigned long align)\n{\n    xmem_pool_alloc(size, pool);\n}\n\n\
         void *_xrealloc(void *ptr, unsigned long size, unsigned long align)\n{\n    xfree(ptr);\n}\n\n\
         void xfree(void *p)\n{\n}\n",
    ),
    ("xen/common/shutdown.c", "void hwdom_shutdown(unsigned char reason)\n{\n}\n"),
    ("xen/arch/x86/acpi/power.c", "static long cf_check enter_state_helper(void *data)\n{\n}\n"),
    (
        "xen/common/vmap.c",
        "static unsigned int vm_size(const void *va, enum vmap_region type)\n{\n}\n\n\
         void *vmalloc(size_t size)\n{\n}\n\n\
         void *vmalloc_xen(size_t size)\n{\n}\n\n\
         void *vzalloc(size_t size)\n{\n    vmalloc(size);\n}\n\n\
         void vfree(void *va)\n{\n    vm_size(va, VMAP_DEFAULT);\n}\n",
    ),
    (
        "xen/xsm/flask/avc.c",
        "int avc_has_perm_noaudit(u32 ssid, u32 tsid, u16 tclass, u32 requested,\n                         struct av_decision *in_avd)\n{\n}\n\n\
         int avc_has_perm(u32 ssid, u32 tsid, u16 tclass,\n                 u32 requested, struct avc_audit_data *auditdata)\n{\n}\n",
    ),
    (
        "xen/arch/x86/mm.c",
        "/* Kurt G\u{f6}del's page */\nint steal_page(\n    struct domain *d, struct page_info *page, unsigned int memflags)\n{\n}",
    ),
    (
        "xen/common/domain.c",
        "struct domain *domain_create(domid_t domid,\n                             struct xen_domctl_createdomain *config,\n                             unsigned int flags)\n{\n}\n\n\
         int domain_kill(struct domain *d)\n{\n}\n\n\
         static void cf_check complete_domain_destroy(struct rcu_head *head)\n{\n}\n\n\
         void domain_destroy(struct domain *d)\n{\n    call_rcu(&d->rcu, complete_domain_destroy);\n}\n",
    ),
    ("xen/common/domctl.c", "long do_domctl(XEN_GUEST_HANDLE_PARAM(xen_domctl_t) u_domctl)\n{\n}\n"),
    ("xen/common/sched/core.c", "int sched_move_domain(struct domain *d, struct cpupool *c)\n{\n}\n"),
    ("xen/common/softirq.c", "void process_pending_softirqs(void)\n{\n}\n"),
    ("xen/common/wait.c", "void prepare_to_wait(struct waitqueue_head *wq)\n{\n}\n"),
    (
        "xen/arch/x86/pv/hypercall.c",
        "#ifdef CONFIG_PV32\nvoid do_entry_int82(struct cpu_user_regs *regs)\n{\n}\n#endif\n\n\
         void pv_hypercall(struct cpu_user_regs *regs)\n{\n}\n",
    ),
    (
        "xen/arch/x86/traps.c",
        "void do_page_fault(struct cpu_user_regs *regs)\n{\n}\n\n\
         void asm_domain_crash_synchronous(unsigned long addr)\n{\n}\n",
    ),
    ("xen/arch/x86/pv/emul-priv-op.c", "int pv_emulate_privileged_op(struct cpu_user_regs *regs)\n{\n}\n"),
    ("xen/arch/x86/hvm/svm/svm.c", "void asmlinkage svm_vmexit_handler(void)\n{\n}\n"),
    ("xen/arch/x86/hvm/vmx/vmx.c", "void asmlinkage vmx_vmexit_handler(struct cpu_user_regs *regs)\n{\n}\n"),
    (
        "xen/arch/x86/mm/hap/hap.c",
        "static struct page_info *hap_alloc(struct domain *d)\n{\n}\n\n\
         static void hap_free(struct domain *d, mfn_t mfn)\n{\n}\n\n\
         static struct page_info *cf_check hap_alloc_p2m_page(struct domain *d)\n{\n    pg = hap_alloc(d);\n}\n",
    ),
    (
        "xen/arch/x86/mm/shadow/common.c",
        "mfn_t shadow_alloc(struct domain *d,\n                    u32 shadow_type,\n                    unsigned long backpointer)\n{\n}\n\n\
         void shadow_free(struct domain *d, mfn_t smfn)\n{\n}\n\n\
         static void cf_check\nshadow_free_p2m_page(struct domain *d)\n{\n    shadow_free(d, m);\n}\n",
    ),
    (
        "xen/arch/arm/traps.c",
        "void enter_hypervisor_from_guest(void)\n{\n}\n\nvoid leave_hypervisor_to_guest(void)\n{\n}\n",
    ),
    (
        "xen/arch/arm/p2m.c",
        "static struct page_info *p2m_alloc_page(struct domain *d)\n{\n}\n\n\
         static void p2m_free_page(struct domain *d, struct page_info *pg)\n{\n}\n",
    ),
];

/// How many of the files are edited.
pub const EDITED: usize = FILES.len() - 1;

/// How many definitions are renamed ...
pub const RENAMES: usize = 49;

/// ... and how many of them are static.
pub const STATICS: usize = 7;

pub struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    pub fn new() -> Self {
        let fixture = Self { folder: tempfile::tempdir().unwrap() };
        for (path, content) in FILES {
            fixture.write(path, content);
        }
        fixture
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Replaces a text that must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, &text.replace(from, to));
    }
}

/// Every file below a folder with its content, without what git keeps.
pub fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().unwrap() != ".git" {
                    folders.push(path);
                }
            } else {
                all.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    all
}

/// Runs git in a folder, away from the configuration of whoever runs the tests.
pub fn git(folder: &Path, args: &[&str]) -> Output {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args([
            "-c",
            "user.name=Ada Example",
            "-c",
            "user.email=ada@example.org",
            "-c",
            "core.autocrlf=false",
        ])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("these tests need git");
    assert!(
        output.status.success(),
        "git {args:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

pub fn stdout(output: Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}

/// Makes a folder a repository with everything in it committed.
pub fn commit_all(folder: &Path) {
    git(folder, &["init", "-q"]);
    git(folder, &["add", "-A", "-f"]);
    git(folder, &["commit", "-q", "-m", "as it was"]);
}

pub fn info(author: &str) -> PatchInfo {
    PatchInfo { author: Author::parse(author).unwrap(), date: 1_767_225_600, sign_off: true }
}
