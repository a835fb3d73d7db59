//! Debouncing: many changes in a short time cause one restart.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long a report may be postponed beyond its planned time. A program that writes all the time
/// must not postpone the restart for ever.
const MAX_POSTPONEMENT: Duration = Duration::from_secs(2);

/// The changes of one app that are not reported yet.
#[derive(Debug, Default)]
pub(super) struct Debounce(Option<Pending>);

/// Unreported changes in a form that a successor process can read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PendingChange {
    path: PathBuf,
    /// The time since the first change.
    first_age: Duration,
    /// The time since the last change.
    last_age: Duration,
    /// The time of the last change, in milliseconds since the epoch.
    last_ms: u64,
}

#[derive(Debug)]
struct Pending {
    /// The path that changed first, because users look for the cause and not for its consequences.
    path: PathBuf,
    first: Instant,
    last: Instant,
    last_ms: u64,
}

impl Debounce {
    /// Records a change; `wall_ms` is `now` in milliseconds since the epoch.
    pub(super) fn record(&mut self, path: PathBuf, now: Instant, wall_ms: u64) {
        let pending = self.0.get_or_insert(Pending {
            path,
            first: now,
            last: now,
            last_ms: wall_ms,
        });
        pending.last = now;
        pending.last_ms = pending.last_ms.max(wall_ms);
    }

    /// When the changes are to be reported: `delay` (PM2's `watch_delay`) after the first change,
    /// and at least `quiet` after the last one.
    pub(super) fn due(&self, delay: Duration, quiet: Duration) -> Option<Instant> {
        let pending = self.0.as_ref()?;
        let calm = (pending.first + delay).max(pending.last + quiet);
        Some(calm.min(pending.first + delay.max(quiet) + MAX_POSTPONEMENT))
    }

    /// The unreported changes with their ages at `now`, since an `Instant` means nothing in another
    /// process.
    pub(super) fn pending(&self, now: Instant) -> Option<PendingChange> {
        let pending = self.0.as_ref()?;
        Some(PendingChange {
            path: pending.path.clone(),
            first_age: now.saturating_duration_since(pending.first),
            last_age: now.saturating_duration_since(pending.last),
            last_ms: pending.last_ms,
        })
    }

    /// Restores changes that another process had not reported.
    pub(super) fn resume(change: Option<PendingChange>, now: Instant) -> Self {
        Self(change.map(|change| Pending {
            path: change.path,
            first: now.checked_sub(change.first_age).unwrap_or(now),
            last: now.checked_sub(change.last_age).unwrap_or(now),
            last_ms: change.last_ms,
        }))
    }

    /// Takes the changes for a report: the path that changed first and the time of the last change.
    pub(super) fn take(&mut self) -> Option<(PathBuf, u64)> {
        self.0.take().map(|pending| (pending.path, pending.last_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_millis(100);

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn nothing_is_due_without_a_change() {
        let mut changes = Debounce::default();
        assert_eq!(changes.due(Duration::ZERO, QUIET), None);
        assert_eq!(changes.take(), None);
    }

    #[test]
    fn a_burst_is_told_once_when_it_is_quiet() {
        let start = Instant::now();
        let mut changes = Debounce::default();
        changes.record("a".into(), start, 1000);
        assert_eq!(changes.due(Duration::ZERO, QUIET), Some(start + QUIET));
        changes.record("b".into(), start + millis(70), 1070);
        assert_eq!(
            changes.due(Duration::ZERO, QUIET),
            Some(start + millis(170))
        );
        assert_eq!(changes.take(), Some(("a".into(), 1070)));
        assert_eq!(changes.due(Duration::ZERO, QUIET), None);
    }

    #[test]
    fn the_delay_counts_from_the_first_change() {
        let start = Instant::now();
        let mut changes = Debounce::default();
        changes.record("a".into(), start, 0);
        changes.record("a".into(), start + millis(300), 300);
        assert_eq!(changes.due(millis(1000), QUIET), Some(start + millis(1000)));
        changes.record("a".into(), start + millis(950), 950);
        assert_eq!(changes.due(millis(1000), QUIET), Some(start + millis(1050)));
    }

    #[test]
    fn who_never_stops_writing_does_not_put_it_off_for_ever() {
        let start = Instant::now();
        let mut changes = Debounce::default();
        for step in 0..100 {
            changes.record("a".into(), start + millis(step * 50), step * 50);
        }
        assert_eq!(
            changes.due(Duration::ZERO, QUIET),
            Some(start + QUIET + MAX_POSTPONEMENT)
        );
    }
}
