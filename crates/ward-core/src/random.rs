//! The random bits of unique ids: a seed from the daemon, stretched by a generator of our own.
//!
//! No crate serves here. The state is part of the snapshot, and the same seed must give the same ids in
//! every version of ward: the golden snapshots hold them. Generators in crates promise neither.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// `SplitMix64` (Steele, Lea and Flood, 2014). Good enough to tell instances apart; not for secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Random(u64);

impl Random {
    /// Starts from `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// This delay or up to a quarter less, in whole milliseconds: many that wait for the same do not
    /// all try at the same moment.
    pub(crate) fn within_quarter(&mut self, delay: Duration) -> Duration {
        let quarter = u64::try_from(delay.as_millis() / 4).unwrap_or(0);
        delay.saturating_sub(Duration::from_millis(self.next() % (quarter + 1)))
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let high = self.next();
        let low = self.next();
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff,
        )
    }
}
