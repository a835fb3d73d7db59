//! The growing delay between restarts.

use core::time::Duration;

/// No delay grows beyond this.
const CEILING: u64 = 15_000;

/// The delay after `previous`, or the first one: 100 → 150 → 225 → 337 … 15000 ms. A delay too
/// small for the factor still grows by a millisecond.
pub(crate) fn next(first: Duration, previous: Option<Duration>) -> Duration {
    let Some(previous) = previous else {
        return first;
    };
    let previous = u64::try_from(previous.as_millis())
        .unwrap_or(CEILING)
        .min(CEILING);
    let grown = (previous.saturating_mul(3) / 2)
        .max(previous + 1)
        .min(CEILING);
    Duration::from_millis(grown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(first: u64, count: usize) -> Vec<u64> {
        let first = Duration::from_millis(first);
        let mut previous = None;
        let mut delays = Vec::new();
        for _ in 0..count {
            let delay = next(first, previous);
            delays.push(u64::try_from(delay.as_millis()).unwrap());
            previous = Some(delay);
        }
        delays
    }

    #[test]
    fn grows_as_observed_in_pm2() {
        let seen = [
            100, 150, 225, 337, 505, 757, 1135, 1702, 2553, 3829, 5743, 8614, 12921, 15000, 15000,
        ];
        assert_eq!(sequence(100, seen.len()), seen);
    }

    #[test]
    fn a_tiny_first_value_grows_too() {
        assert_eq!(sequence(1, 6), [1, 2, 3, 4, 6, 9]);
    }
}
