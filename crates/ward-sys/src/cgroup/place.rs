//! Where the cgroup of a process is mounted.

use std::fs;
use std::path::{Path, PathBuf};

/// The directory of the cgroup v2 this process is in.
pub(super) fn own_cgroup() -> Option<PathBuf> {
    cgroup_of("self")
}

/// Likewise of another process, by its name in `/proc`.
pub(super) fn cgroup_of(process: &str) -> Option<PathBuf> {
    let membership = fs::read_to_string(format!("/proc/{process}/cgroup")).ok()?;
    let path = membership
        .lines()
        .find_map(|line| line.strip_prefix("0::"))?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let found = mounts.lines().find_map(|line| place(line, path))?;
    found.is_dir().then_some(found)
}

/// The directory of the cgroup `path` under the mount in a line of `mountinfo`, if that is a mount
/// of cgroup v2.
fn place(mount: &str, path: &str) -> Option<PathBuf> {
    let (before, after) = mount.split_once(" - ")?;
    if after.split(' ').next() != Some("cgroup2") {
        return None;
    }
    let mut fields = before.split(' ').skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    // Outside of our namespace ("/../x"), or outside of what is mounted.
    let below = Path::new(path).strip_prefix(root).ok()?;
    let inside = below
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    inside.then(|| Path::new(point).join(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_of_all_kinds() {
        let pure = "31 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";
        let hybrid = "40 39 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
        let container = "50 49 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw";
        let old = "41 39 0:36 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
        let known = [
            (pure, "/a/b", "/sys/fs/cgroup/a/b"),
            (hybrid, "/", "/sys/fs/cgroup/unified"),
            (container, "/docker/abc/x", "/sys/fs/cgroup/x"),
        ];
        for (mount, path, expected) in known {
            assert_eq!(place(mount, path), Some(PathBuf::from(expected)));
        }
        for (mount, path) in [
            (container, "/docker/other"),
            (pure, "/../elsewhere"),
            (old, "/"),
        ] {
            assert_eq!(place(mount, path), None, "{mount} {path}");
        }
    }
}
