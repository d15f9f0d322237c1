//! Paths of source files, said the same wherever the tree was built.

/// Makes `path` relative to `root` (the folder in which the compiler ran, Xen's `xen/`) and
/// resolves `.` and `..`.
///
/// What lies outside stays absolute, so that nobody mistakes it for a file of Xen's.
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
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ => parts.push(part),
            },
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
            ("/b/xen/arch/x86/../../common/x.c", Some("/b/xen"), "common/x.c"),
            ("/b/xen-other/common/x.c", Some("/b/xen"), "/b/xen-other/common/x.c"),
            ("/usr/lib/gcc/stdarg.h", Some("/b/xen"), "/usr/lib/gcc/stdarg.h"),
            ("common/x.c", Some("/b/xen"), "common/x.c"),
            ("./common/x.c", None, "common/x.c"),
            ("arch/x86/../../common/x.c", Some("/b/xen"), "common/x.c"),
            ("../x.c", None, "../x.c"),
        ] {
            assert_eq!(relative(path, root), expected);
        }
    }
}
