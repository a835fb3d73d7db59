//! How much of its full share a fresh worker gets: its caches are cold, and its code is not
//! compiled yet.

use core::time::Duration;

/// The share a fresh worker begins with, in percent.
const FIRST: u128 = 10;

/// The full share, in percent.
pub const FULL: i64 = 100;

/// The share in percent of a worker that has been in the rotation for `age`. It grows evenly from a
/// tenth to the whole within `slow`.
pub fn share(slow: Duration, age: Duration) -> i64 {
    if age >= slow {
        return FULL;
    }
    let whole = u128::from(FULL.unsigned_abs());
    let grown = (whole - FIRST) * age.as_millis() / slow.as_millis().max(1);
    i64::try_from(FIRST + grown).unwrap_or(FULL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_grows_from_a_tenth_to_the_whole() {
        let slow = Duration::from_secs(10);
        let shares = [0, 5, 10, 99].map(|age| share(slow, Duration::from_secs(age)));
        assert_eq!(shares, [10, 55, 100, 100]);
    }

    #[test]
    fn without_a_slow_start_the_share_is_full_at_once() {
        assert_eq!(share(Duration::ZERO, Duration::ZERO), FULL);
    }
}
