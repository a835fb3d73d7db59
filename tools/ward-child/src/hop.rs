//! A process that is another one every moment.
#![expect(unsafe_code, reason = "std has no fork")]

/// Forks for ever: each child becomes the leader of a session and forks the next one, and its parent
/// ends at once. Writes nothing, as there is never the same process twice.
pub(crate) fn hop() -> ! {
    loop {
        // SAFETY: the process has one thread, and the child goes on with the same memory.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // The child of a leader is none, so this works each time.
            rustix::process::setsid().ok();
        } else {
            // SAFETY: ends this process without running anything else. Without a child there is
            // nobody to go on.
            unsafe { libc::_exit(0) };
        }
    }
}
