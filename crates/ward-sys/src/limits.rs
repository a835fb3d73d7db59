//! What this machine and process may use.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit on open files to the hard one, returns the limits from before. Apps should be spawned with those,
/// as programs that use `select` or close "all" descriptors suffer from a large limit.
pub fn raise_open_files() -> io::Result<Rlimit> {
    let before = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: before.maximum,
            maximum: before.maximum,
        },
    )?;
    Ok(before)
}

/// Processors this process may run on, as Node counts them for `-i max`.
pub fn cpu_count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Memory of the machine in bytes: (total, available).
pub fn memory() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.split_ascii_whitespace().next())
            .and_then(|number| number.parse::<u64>().ok())
            .map_or(0, |kibibytes| kibibytes * 1024)
    };
    (field("MemTotal:"), field("MemAvailable:"))
}

/// Keeps the allocator small: one arena for all threads, as only one of ours allocates much, and large blocks mapped and
/// unmapped one by one. Stated, that threshold does not grow with the first large reply. To be called before threads start.
pub fn keep_little_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: sets a number inside the allocator; one it does not like is ignored.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
        // SAFETY: as above.
        unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, 128 * 1024) };
    }
}

/// Gives memory that was freed back to the kernel. The allocator keeps it otherwise, so that one
/// large request would make the daemon large for ever.
pub fn release_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` takes no pointer and may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_becomes_hard() {
        raise_open_files().unwrap();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current, now.maximum);
    }

    #[test]
    fn there_is_a_machine() {
        let (total, available) = memory();
        assert!(total >= available && available > 0);
        assert!(cpu_count() > 0);
    }
}
