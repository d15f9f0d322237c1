//! Any bytes as an archive of artifacts, or an archive that is made of any names and contents. It
//! is refused, which is never called a fault of our own files; or all that was unpacked lies in the
//! folder, is a plain file of a wanted kind, and keeps to the limits, and of an archive that was
//! made here it is each wanted file with its own content.
#![no_main]

use std::{
    fs,
    io::{Cursor, Write},
    path::Path,
};

use libfuzzer_sys::fuzz_target;
use xenheap_fuzz::{below, folder};
use xenheap_gitlab::{Content, Limits, Stop, unpack};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const LIMITS: Limits = Limits { trace: 0, archive: 1 << 20, file: 4 << 10, kept: 8 << 10, entries: 32 };

/// What an input begins with that is no archive but names and contents.
const NAMES: &[u8] = b"names:";

/// Lines as names, each with itself as its content; one more letter packs what follows well.
fn pack(lines: &str) -> Option<(Vec<u8>, Vec<&str>)> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut names = Vec::new();
    for (at, name) in lines.lines().enumerate().take(LIMITS.entries) {
        let way = if at % 2 == 0 { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        // What this writer does not write twice, an archive of others may have twice: that is for
        // the other way in.
        if zip.start_file(name, SimpleFileOptions::default().compression_method(way)).is_ok() {
            zip.write_all(name.as_bytes()).ok()?;
            names.push(name);
        }
    }
    Some((zip.finish().ok()?.into_inner(), names))
}

fn unpacked(archive: &[u8]) -> Option<Vec<(String, u64)>> {
    let here = folder();
    let (file, into) = (here.join("a.zip"), here.join("in"));
    fs::write(&file, archive).expect("our own folder");
    let result = unpack(&file, &into, &LIMITS);
    // Nothing lies beside.
    let all = below(&here);
    let beside = |path: &Path| path != Path::new("a.zip") && !path.starts_with("in");
    assert!(!all.iter().any(|(path, _)| beside(path)), "{all:?}");
    match result {
        Ok(()) => {}
        Err(Stop::Refused(_)) => return None,
        Err(Stop::Ours(error)) => panic!("{error}"),
    }
    let kept: Vec<_> = all.into_iter().filter(|(path, _)| path.starts_with("in")).collect();
    assert!(kept.len() <= LIMITS.entries);
    assert!(kept.iter().map(|(_, data)| data.len()).sum::<u64>() <= LIMITS.kept);
    let told = kept.into_iter().map(|(path, data)| {
        let name = path.to_str().expect("names are made safe").to_owned();
        assert!(
            data.is_file() && data.len() <= LIMITS.file && name.bytes().all(|byte| byte.is_ascii_graphic())
        );
        (name, data.len())
    });
    Some(told.collect())
}

fuzz_target!(|data: &[u8]| {
    let Some(lines) = data.strip_prefix(NAMES) else {
        let once = unpacked(data);
        assert_eq!(once, unpacked(data));
        return;
    };
    let Ok(lines) = std::str::from_utf8(lines) else { return };
    let Some((archive, names)) = pack(lines) else { return };
    let Some(kept) = unpacked(&archive) else { return };
    let mut wanted: Vec<u64> = names
        .iter()
        .filter(|name| Content::of(name).is_some() && !name.ends_with('/'))
        .map(|name| name.len() as u64)
        .collect();
    let mut found: Vec<u64> = kept.iter().map(|(_, size)| *size).collect();
    wanted.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, wanted);
});
