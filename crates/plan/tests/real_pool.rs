//! The pool's model against Xen's own xmalloc, compiled for this machine from the trees that
//! `XENHEAP_XEN_TREES` names.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use xenheap_plan::pool::{Block, Pool, STRUCTURE};

/// One call of xmalloc or xfree.
#[derive(Clone, Copy, Debug)]
enum Call {
    Alloc {
        size: u64,
        align: u64,
    },
    /// One of those that are allocated, by its place among them.
    Free(prop::sample::Index),
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let size = prop_oneof![
        4 => 1..300u64,
        3 => 300..1500u64,
        2 => 1500..4033u64,
        1 => 4000..20000u64,
    ];
    let align = prop_oneof![6 => Just(1u64), 1 => Just(16), 1 => Just(64), 2 => Just(128)];
    let alloc = (size, align).prop_map(|(size, align)| Call::Alloc { size, align });
    let free = any::<prop::sample::Index>().prop_map(Call::Free);
    // Some sequences fill, some empty.
    (1..4u32, 1..4u32).prop_flat_map(move |(allocs, frees)| {
        prop::collection::vec(prop_oneof![allocs => alloc.clone(), frees => free.clone()], 1..400)
    })
}

/// How many pages a model has taken after each call, and what Xen's program is to do.
fn expected(calls: &[Call]) -> (Vec<u64>, String) {
    let mut pool = Pool::default();
    let mut whole = 0;
    let mut live: Vec<(usize, Result<Block, u64>)> = Vec::new();
    let (mut held, mut input) = (Vec::new(), String::new());
    for call in calls {
        match *call {
            Call::Alloc { size, align } => {
                input += &format!("a {size} {align}\n");
                let padded = size + align.saturating_sub(16);
                let got = pool.alloc(padded).ok_or(size.div_ceil(4096));
                whole += got.err().unwrap_or(0);
                live.push((held.len(), got));
            }
            Call::Free(_) if live.is_empty() => continue,
            Call::Free(index) => {
                let (line, got) = live.swap_remove(index.index(live.len()));
                input += &format!("f {line}\n");
                match got {
                    Ok(block) => pool.free(block),
                    Err(pages) => whole -= pages,
                }
            }
        }
        held.push(STRUCTURE + pool.pages() + whole);
    }
    (held, input)
}

/// Compiles `tests/native/pool.c` with Xen's xmalloc.
fn compile(tree: &Path, program: &Path) {
    let native = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native");
    let source = tree.join("xen/common/xmalloc_tlsf.c");
    assert!(source.is_file(), "XENHEAP_XEN_TREES: {} is no Xen tree", tree.display());
    let output = Command::new("gcc")
        .args(["-O1", "-g", "-w", "-fsanitize=undefined", "-fno-sanitize=alignment", "-I"])
        .arg(native.join("include"))
        .arg("-include")
        .arg(tree.join("xen/include/xen/xmalloc.h"))
        .args([&native.join("pool.c"), &source])
        .arg("-o")
        .arg(program)
        .output()
        .expect("gcc must be installed (apt-get install gcc)");
    assert!(output.status.success(), "{}:\n{}", tree.display(), String::from_utf8_lossy(&output.stderr));
}

/// What Xen's pool did: pages held after each call.
fn observed(program: &Path, input: &str) -> Vec<u64> {
    let mut child =
        Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let text = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("written");
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines()
        .map(|line| line.split(' ').next().and_then(|held| held.parse().ok()).expect("a number"))
        .collect()
}

#[test]
fn it_grows_and_shrinks_as_xens_does() {
    let value = env::var_os("XENHEAP_XEN_TREES").unwrap_or_default();
    let trees: Vec<PathBuf> = env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect();
    assert!(
        !trees.is_empty(),
        "this test needs unpacked Xen sources: set XENHEAP_XEN_TREES to their folders"
    );
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (number, tree) in trees.iter().enumerate() {
        let program = dir.path().join(format!("pool{number}"));
        compile(&fs::canonicalize(tree).expect("the tree is there"), &program);
        let mut runner =
            TestRunner::new(Config { cases: 512, failure_persistence: None, ..Config::default() });
        let result = runner.run(&calls(), |calls| {
            let (expected, input) = expected(&calls);
            prop_assert_eq!(observed(&program, &input), expected, "after\n{}", input);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{}: {error}", tree.display());
        }
    }
}
