//! Reading files out of a Debian package.
//!
//! Nothing but what is asked for touches the disk: a kernel's modules take half a gigabyte.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, PackageError};
use crate::package::Package;
use crate::run_tool;

/// What stands in a package under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A file.
    File(Vec<u8>),
    /// A symbolic link and where it points.
    Link(String),
}

/// A member of a package. Its path has no leading `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) path: String,
    pub(crate) content: Content,
}

/// The files and links of a package for whose paths `wanted` is true, in the package's order.
pub(crate) fn members(package: &Package, wanted: impl Fn(&str) -> bool) -> Result<Vec<Member>, Error> {
    read(package, wanted, usize::MAX)
}

/// The content of the first file of a package for whose path `wanted` is true.
pub(crate) fn file(
    package: &Package,
    what: &'static str,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<u8>, Error> {
    match read(package, wanted, 1)?.pop() {
        Some(Member { content: Content::File(body), .. }) => Ok(body),
        _ => Err(Error::Package(PackageError::NotInPackage {
            path: package.path.clone(),
            wanted: what.to_owned(),
        })),
    }
}

/// Unpacks all of a package.
pub(crate) fn extract(package: &Package, to: &Path) -> Result<(), Error> {
    let [package, to] = [&package.path, to].map(|path| path.display().to_string());
    run_tool::stdout("dpkg-deb", &["--extract", &package, &to], None).map(drop)
}

fn read(package: &Package, wanted: impl Fn(&str) -> bool, most: usize) -> Result<Vec<Member>, Error> {
    let mut unpacker = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(&package.path)
        .env("PATH", crate::supervise::search_path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| Error::Spawn { program: "dpkg-deb".to_owned(), source })?;
    let found = match unpacker.stdout.take() {
        Some(stream) => find_in_tar(stream, wanted, most),
        None => Ok(Vec::new()),
    };
    // It may not be done: all may have been found before the archive's end.
    let _ = unpacker.kill();
    let _ = unpacker.wait();
    found.map_err(Error::io("unpack", &package.path))
}

fn find_in_tar(stream: impl Read, wanted: impl Fn(&str) -> bool, most: usize) -> io::Result<Vec<Member>> {
    let mut found = Vec::new();
    for entry in tar::Archive::new(stream).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
        if !wanted(&path) {
            continue;
        }
        let content = match entry.header().entry_type() {
            tar::EntryType::Regular => {
                let mut body = Vec::new();
                entry.read_to_end(&mut body)?;
                Content::File(body)
            }
            tar::EntryType::Symlink => match entry.link_name()? {
                Some(target) => Content::Link(target.to_string_lossy().into_owned()),
                None => continue,
            },
            _ => continue,
        };
        found.push(Member { path, content });
        if found.len() >= most {
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_links_are_found_in_an_archive() -> io::Result<()> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, body) in [("./boot/config-6", "no"), ("./boot/vmlinuz-6", "kernel"), ("./boot/v", "x")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(body.len() as u64);
            header.set_cksum();
            builder.append_data(&mut header, name, body.as_bytes())?;
        }
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "./boot/vmlinuz", "vmlinuz-6")?;
        let archive = builder.into_inner()?;

        let member = |path: &str, content| Member { path: path.to_owned(), content };
        let kernel = member("boot/vmlinuz-6", Content::File(b"kernel".to_vec()));
        let link = member("boot/vmlinuz", Content::Link("vmlinuz-6".to_owned()));
        let find = |most| find_in_tar(archive.as_slice(), |path| path.starts_with("boot/vm"), most);
        assert_eq!(find(usize::MAX)?, [kernel.clone(), link]);
        assert_eq!(find(1)?, [kernel]);
        assert_eq!(find_in_tar(archive.as_slice(), |_| false, 1)?, []);
        Ok(())
    }
}
