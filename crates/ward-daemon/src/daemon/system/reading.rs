//! One reading of the kernel's counters. A counter that cannot be read is zero or missing.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

/// The counters at one moment.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) at: Instant,
    pub(super) cpu: Cpu,
    /// The memory of the host in bytes: total, available.
    pub(super) memory: (u64, u64),
    pub(super) interfaces: BTreeMap<String, Interface>,
    pub(super) disk: Disk,
    pub(super) mounts: Vec<Mount>,
}

/// The time of all processors together, in clock ticks (`/proc/stat`).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cpu {
    pub(super) busy: u64,
    pub(super) all: u64,
}

/// The traffic of a network interface (`/proc/net/dev`).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) received: Traffic,
    pub(super) sent: Traffic,
}

/// The counters of one direction.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) bytes: u64,
    pub(super) errors: u64,
    pub(super) dropped: u64,
}

/// The sectors that all disks together have read and written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Disk {
    pub(super) read_sectors: u64,
    pub(super) written_sectors: u64,
}

/// A mounted file system on a device, in bytes.
#[derive(Debug)]
pub(super) struct Mount {
    pub(super) path: String,
    pub(super) used: u64,
    /// The bytes available to users without privileges.
    pub(super) free: u64,
    pub(super) size: u64,
}

/// Prefixes of block devices that are not disks.
const VIRTUAL_DISKS: [&str; 4] = ["loop", "ram", "dm-", "fd"];

impl Reading {
    pub(super) fn take() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            at: Instant::now(),
            cpu: cpu(&read("/proc/stat")),
            memory: ward_sys::limits::memory(),
            interfaces: interfaces(&read("/proc/net/dev")),
            disk: disk(),
            mounts: mounts(&read("/proc/mounts")),
        }
    }
}

fn numbers(text: &str) -> Vec<u64> {
    let words = text.split_ascii_whitespace();
    words.map(|word| word.parse().unwrap_or_default()).collect()
}

fn cpu(stat: &str) -> Cpu {
    let line = stat.lines().next().unwrap_or_default();
    let times = numbers(line.strip_prefix("cpu ").unwrap_or_default());
    // User time includes the time of guests.
    let all: u64 = times.iter().take(8).sum();
    let idle: u64 = times.iter().skip(3).take(2).sum();
    Cpu {
        busy: all - idle,
        all,
    }
}

fn interfaces(dev: &str) -> BTreeMap<String, Interface> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let interface = |line: &str| {
        let (name, counts) = line.split_once(':')?;
        let name = name.trim();
        let counts = numbers(counts);
        let at = |index: usize| counts.get(index).copied().unwrap_or_default();
        let traffic = |first: usize| Traffic {
            bytes: at(first),
            errors: at(first + 2),
            dropped: at(first + 3),
        };
        let found = Interface {
            received: traffic(0),
            sent: traffic(8),
        };
        name.bytes().all(plain).then(|| (name.to_owned(), found))
    };
    dev.lines().filter_map(interface).collect()
}

fn disk() -> Disk {
    let mut sum = Disk::default();
    for device in fs::read_dir("/sys/block").into_iter().flatten().flatten() {
        let name = device.file_name();
        let name = name.to_string_lossy();
        if VIRTUAL_DISKS.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let counts = numbers(&fs::read_to_string(device.path().join("stat")).unwrap_or_default());
        let at = |index: usize| counts.get(index).copied().unwrap_or_default();
        sum.read_sectors += at(2);
        sum.written_sectors += at(6);
    }
    sum
}

/// The mounted devices, each once, because a bind mount shows the same file system again.
fn mounts(table: &str) -> Vec<Mount> {
    let mut seen = Vec::new();
    let mut mounts = Vec::new();
    for line in table.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(device), Some(path)) = (words.next(), words.next()) else {
            continue;
        };
        if !device.starts_with("/dev/") || seen.contains(&device) {
            continue;
        }
        let path = unescaped(path);
        if let Ok(stat) = rustix::fs::statvfs(path.as_str()) {
            seen.push(device);
            mounts.push(Mount {
                path,
                used: stat.f_blocks.saturating_sub(stat.f_bfree) * stat.f_frsize,
                free: stat.f_bavail * stat.f_frsize,
                size: stat.f_blocks * stat.f_frsize,
            });
        }
    }
    mounts
}

/// Decodes a path of `/proc/mounts`, where the kernel writes white space as octal escapes.
fn unescaped(path: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(path.to_owned(), |path, (from, to)| path.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors() {
        let stat = "cpu  10 1 5 100 4 0 2 0 7 0\ncpu0 1 2 3 4\n";
        assert_eq!(cpu(stat), Cpu { busy: 18, all: 122 });
        assert_eq!(cpu("nothing"), Cpu::default());
    }

    #[test]
    fn interfaces_by_name() {
        let dev = "Inter-|   Receive\n face |bytes packets\n\
            \x20 eth0: 100 1 2 3 0 0 0 0 200 2 4 5 0 0 0 0\nstrange name: 1\n";
        let found = interfaces(dev);
        let names: Vec<&String> = found.keys().collect();
        assert_eq!(names, ["eth0"]);
        let sent = Traffic {
            bytes: 200,
            errors: 4,
            dropped: 5,
        };
        assert_eq!(found["eth0"].sent, sent);
        assert_eq!(found["eth0"].received.dropped, 3);
    }

    #[test]
    fn only_devices_are_mounts() {
        let table = "proc /proc proc rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/x / ext4 rw 0 0\n\
            /dev/x /elsewhere ext4 rw 0 0\n";
        let found = mounts(table);
        let paths: Vec<&str> = found.iter().map(|mount| mount.path.as_str()).collect();
        assert_eq!(paths, ["/"]);
        assert!(found[0].size >= found[0].used);
    }

    #[test]
    fn spaces_in_paths() {
        assert_eq!(unescaped("/my\\040disk"), "/my disk");
    }
}
