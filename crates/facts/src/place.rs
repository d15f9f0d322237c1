//! Places in the source, said the same wherever the tree was built.

/// A place in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place<'a> {
    /// As the compiler has it: relative to where it ran, possibly with `./`.
    pub file: &'a str,
    /// From 1.
    pub line: u32,
    /// From 1; 0 if it is not known.
    pub column: u32,
}

/// Makes a path relative to `root`, the folder in which the compiler ran, and resolves `.` and `..`.
///
/// What lies outside stays absolute, so that nobody takes it for a file of Xen's.
pub fn relative(path: &str, root: Option<&str>) -> String {
    let path = normal(path);
    let Some(root) = root.map(normal).filter(|root| !root.is_empty()) else { return path };
    match path.strip_prefix(&root).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) => rest.to_owned(),
        None => path,
    }
}

fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn paths_do_not_depend_on_where_the_tree_was() {
        for (path, root, expected) in [
            ("/b/xen/common/softirq.c", Some("/b/xen"), "common/softirq.c"),
            ("/b/xen/./include/xen/lib.h", Some("/b/xen/"), "include/xen/lib.h"),
            ("/b/xen-other/common/x.c", Some("/b/xen"), "/b/xen-other/common/x.c"),
            ("./common/x.c", None, "common/x.c"),
            ("arch/x86/../../common/x.c", Some("/b/xen"), "common/x.c"),
            ("../x.c", None, "../x.c"),
        ] {
            assert_eq!(relative(path, root), expected);
        }
    }
}
