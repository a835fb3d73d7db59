//! What the allocator keeps for itself.
//!
//! A daemon waits most of its life. What a burst of commands needed for a moment (lists of all apps as text and as
//! values) should go back to the system, and threads that allocate little need no arenas of their own. These are knobs of
//! glibc; with another libc nothing happens here.

/// One arena for all threads, and large blocks that are mapped and unmapped one by one instead of growing the heap. To be
/// called before threads are started.
pub fn keep_little() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: sets a number inside the allocator; a value it does not like is ignored.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
        // SAFETY: as above. A stated threshold is also one that does not grow by itself.
        unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, 128 * 1024) };
    }
}

/// Gives free memory back to the system.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no preconditions; touches free memory only.
    unsafe {
        libc::malloc_trim(0)
    };
}
