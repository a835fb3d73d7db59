//! The resources of this machine and the limits of this process.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit on open files to the hard one, returns the limits from before. Apps should
/// be spawned with those, as programs that use `select` or close "all" descriptors suffer from a
/// large limit.
///
/// # Errors
///
/// The kernel refuses the limit.
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

/// Has the kernel make room for `count` descriptors. A process with threads that outgrows its table
/// of descriptors waits until all processors have let go of the old one, which takes milliseconds
/// each time the table doubles; without other threads it waits for nobody. To be called before
/// threads start. The table costs 8 bytes of the kernel's memory for each.
///
/// # Errors
///
/// The limit on open files is lower, or there is no standard input.
pub fn make_room_for_descriptors(count: i32) -> io::Result<()> {
    let last = rustix::io::fcntl_dupfd_cloexec(io::stdin(), count - 1)?;
    drop(last);
    Ok(())
}

/// The least number of descriptors that is kept for the daemon's own work, unless half of the limit is
/// less. Beyond, it is a sixteenth of the limit.
const LEAST_RESERVE: u64 = 64;

/// The number of the first descriptor that is kept in reserve. The kernel gives the lowest free number
/// (open(2)): who gets this one or a higher one knows, without asking, that only the reserve is left.
pub fn reserve_begins() -> RawFd {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let reserve = (limit / 16).max(LEAST_RESERVE).min(limit / 2);
    RawFd::try_from(limit - reserve).unwrap_or(RawFd::MAX)
}

/// Whether a descriptor below this number is free.
pub fn is_free_below(begins: RawFd, any: impl AsFd) -> bool {
    rustix::io::fcntl_dupfd_cloexec(any, 0).is_ok_and(|copy| copy.as_raw_fd() < begins)
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

/// Keeps the allocator small: one arena for all threads, as only one of ours allocates much, and
/// large blocks mapped and unmapped one by one. Stated, that threshold does not grow with the first
/// large reply. To be called before threads start.
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

/// Gives up the mapped pages of the program's and its libraries' files, which the kernel keeps: whatever is used again is
/// mapped again, 16 pages at a time, without being read. For the end of the start and of rare work, of which a lot is not
/// used again for long: the table of relocations alone has 55 pages.
pub fn release_file_pages() {
    // SAFETY: the callback matches the type, and what it does is stated there; it needs no data.
    unsafe { libc::dl_iterate_phdr(Some(release_object), std::ptr::null_mut()) };
}

/// One object: its segments that nobody can write, the dynamic linker neither. They are as the file
/// is.
unsafe extern "C" fn release_object(
    object: *mut libc::dl_phdr_info,
    _: usize,
    _: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: `dl_iterate_phdr` passes a valid object, alive during the call.
    let object = unsafe { &*object };
    // SAFETY: pointer and number of the program headers belong together.
    let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()) };
    let page = rustix::param::page_size() - 1;
    for header in headers {
        if header.p_type != libc::PT_LOAD || header.p_flags & libc::PF_W != 0 {
            continue;
        }
        let (Ok(base), Ok(at), Ok(length)) = (
            usize::try_from(object.dlpi_addr),
            usize::try_from(header.p_vaddr),
            usize::try_from(header.p_filesz),
        ) else {
            continue;
        };
        // The last page may hold the beginning of the next segment.
        let begin = (base + at + page) & !page;
        let end = (base + at + length) & !page;
        if begin < end {
            let begin: *mut libc::c_void = std::ptr::without_provenance_mut(begin);
            // SAFETY: a private mapping of a file, never written: dropped pages come back with the
            // same content. (rustix's is unsafe too.) The vdso, which is no file, refuses; so may a
            // locked mapping.
            unsafe { libc::madvise(begin, end - begin.addr(), libc::MADV_DONTNEED) };
        }
    }
    0
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
    fn room_takes_no_descriptors() {
        raise_open_files().unwrap();
        let free = || rustix::io::dup(io::stderr()).unwrap();
        make_room_for_descriptors(512).unwrap();
        let number = free().as_raw_fd();
        assert!(number < 511, "{number}");
    }

    #[test]
    fn the_reserve_is_at_the_end() {
        raise_open_files().unwrap();
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let begins = reserve_begins();
        assert!(begins > 0 && u64::try_from(begins).unwrap() <= limit);
        assert!(is_free_below(begins, io::stderr()));
        assert!(!is_free_below(0, io::stderr()));
    }

    #[test]
    fn there_is_a_machine() {
        let (total, available) = memory();
        assert!(total >= available && available > 0);
        assert!(cpu_count() > 0);
    }
}
