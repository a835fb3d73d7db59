//! Many changes, one restart: changes are collected until it is quiet for a moment.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How much longer than planned is waited for quiet. A program that writes without end must not
/// put the restart off without end.
const LONGEST: Duration = Duration::from_secs(2);

/// The changes of one app that were not told yet.
#[derive(Debug, Default)]
pub(super) struct Debounce(Option<Pending>);

/// Changes that were not told yet, for a successor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PendingChange {
    path: PathBuf,
    /// Since the first change.
    first_age: Duration,
    /// Since the last change.
    last_age: Duration,
    /// When the last change was, in milliseconds of the wall clock.
    last_ms: u64,
}

#[derive(Debug)]
struct Pending {
    /// What changed first: people look for the cause, not for what followed from it.
    path: PathBuf,
    first: Instant,
    last: Instant,
    last_ms: u64,
}

impl Debounce {
    /// Something changed; `wall_ms` is the same moment as `now`.
    pub(super) fn note(&mut self, path: PathBuf, now: Instant, wall_ms: u64) {
        let pending = self.0.get_or_insert(Pending {
            path,
            first: now,
            last: now,
            last_ms: wall_ms,
        });
        pending.last = now;
        pending.last_ms = pending.last_ms.max(wall_ms);
    }

    /// When the changes are to be told: `delay` after the first (PM2's `watch_delay`), and not
    /// before it was `quiet` for a while.
    pub(super) fn due(&self, delay: Duration, quiet: Duration) -> Option<Instant> {
        let pending = self.0.as_ref()?;
        let calm = (pending.first + delay).max(pending.last + quiet);
        Some(calm.min(pending.first + delay.max(quiet) + LONGEST))
    }

    /// What is pending, as ages at `now`: another process has other instants.
    pub(super) fn pending(&self, now: Instant) -> Option<PendingChange> {
        let pending = self.0.as_ref()?;
        Some(PendingChange {
            path: pending.path.clone(),
            first_age: now.saturating_duration_since(pending.first),
            last_age: now.saturating_duration_since(pending.last),
            last_ms: pending.last_ms,
        })
    }

    /// Goes on with what was pending elsewhere.
    pub(super) fn resume(change: Option<PendingChange>, now: Instant) -> Self {
        Self(change.map(|change| Pending {
            path: change.path,
            first: now.checked_sub(change.first_age).unwrap_or(now),
            last: now.checked_sub(change.last_age).unwrap_or(now),
            last_ms: change.last_ms,
        }))
    }

    /// What changed first and when something changed last. From now on it is told.
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
        changes.note("a".into(), start, 1000);
        assert_eq!(changes.due(Duration::ZERO, QUIET), Some(start + QUIET));
        changes.note("b".into(), start + millis(70), 1070);
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
        changes.note("a".into(), start, 0);
        changes.note("a".into(), start + millis(300), 300);
        assert_eq!(changes.due(millis(1000), QUIET), Some(start + millis(1000)));
        changes.note("a".into(), start + millis(950), 950);
        assert_eq!(changes.due(millis(1000), QUIET), Some(start + millis(1050)));
    }

    #[test]
    fn who_never_stops_writing_does_not_put_it_off_for_ever() {
        let start = Instant::now();
        let mut changes = Debounce::default();
        for step in 0..100 {
            changes.note("a".into(), start + millis(step * 50), step * 50);
        }
        assert_eq!(
            changes.due(Duration::ZERO, QUIET),
            Some(start + QUIET + LONGEST)
        );
    }
}
