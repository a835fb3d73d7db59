//! Holding back signals around a birth.

use super::child::SIGSET_BYTES;

/// All signals of this thread are held back as long as this lives.
#[derive(Debug)]
pub(super) struct Blocked {
    before: u64,
}

impl Blocked {
    pub(super) fn all() -> Self {
        Self {
            before: swap_mask(u64::MAX),
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        swap_mask(self.before);
    }
}

/// Sets the mask of this thread, returns the old one. Raw, because libc's wrapper leaves its own
/// signals unblocked.
fn swap_mask(mask: u64) -> u64 {
    let mut before = 0u64;
    // SAFETY: both sets are 8 bytes and live. The call cannot fail with these arguments. (rustix
    // has no masks.)
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            &raw mut before,
            SIGSET_BYTES,
        )
    };
    before
}
