//! Time as an argument: the core never reads a clock.

use core::ops::{Add, Sub};
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment of the monotonic clock, in nanoseconds. It keeps counting over `exec`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Mono(pub u64);

/// A moment of the wall clock, in milliseconds since 1970. Only shown, never compared for timers.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Wall(pub u64);

/// Both clocks, read together by the shell right before it hands an event to the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For deadlines and durations.
    pub mono: Mono,
    /// For what users see.
    pub wall: Wall,
}

impl Now {
    /// How far the wall clock is ahead of the monotonic one, in milliseconds. It changes when the wall
    /// clock is set and when the machine sleeps.
    pub(crate) fn offset_millis(self) -> i64 {
        let mono = i64::try_from(self.mono.0 / 1_000_000).unwrap_or(i64::MAX);
        i64::try_from(self.wall.0)
            .unwrap_or(i64::MAX)
            .saturating_sub(mono)
    }
}

impl Mono {
    /// The time from `earlier` to `self`, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Self;

    fn add(self, delay: Duration) -> Self {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub<Duration> for Mono {
    type Output = Self;

    fn sub(self, delay: Duration) -> Self {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}
