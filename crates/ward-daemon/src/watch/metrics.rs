//! The counters of the watch plane.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters that the watch thread writes and every thread may read.
#[derive(Debug, Default)]
pub(crate) struct WatchMetrics {
    pub(super) events: AtomicU64,
    pub(super) changes: AtomicU64,
    pub(super) overflows: AtomicU64,
    pub(super) faults: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct WatchCounts {
    /// Events of inotify.
    pub(crate) events: u64,
    /// Reported bursts of changes.
    pub(crate) changes: u64,
    /// Overflows of the kernel's queue, after each of which all trees were read again.
    pub(crate) overflows: u64,
    /// Contained panics.
    pub(crate) faults: u64,
}

impl WatchMetrics {
    pub(super) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> WatchCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WatchCounts {
            events: read(&self.events),
            changes: read(&self.changes),
            overflows: read(&self.overflows),
            faults: read(&self.faults),
        }
    }
}
