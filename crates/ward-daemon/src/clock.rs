//! The two clocks, read together.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use ward_core::time::{Mono, Now, Wall};

/// Now, on both clocks.
pub(crate) fn now() -> Now {
    let mono = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(mono.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(mono.tv_nsec).unwrap_or_default();
    Now {
        mono: Mono(seconds * 1_000_000_000 + nanos),
        wall: wall(),
    }
}

/// The wall clock alone.
pub(crate) fn wall() -> Wall {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Wall(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
