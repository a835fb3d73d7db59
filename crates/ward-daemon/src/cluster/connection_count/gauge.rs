//! How many connections a worker has, for other threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Count;

/// Shows other threads how many connections a worker has.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionCount(Arc<AtomicU64>);

/// What a gauge shows while nobody counts.
const UNKNOWN: u64 = u64::MAX;

impl Default for ConnectionCount {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(UNKNOWN)))
    }
}

impl PartialEq for ConnectionCount {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl ConnectionCount {
    /// How many there are, if they are counted one by one.
    pub(crate) fn read(&self) -> Option<u64> {
        let shown = self.0.load(Ordering::Relaxed);
        (shown != UNKNOWN).then_some(shown)
    }

    pub(super) fn show(&self, count: Count) {
        let shown = match count {
            Count::Exact(open) => open,
            Count::Unwanted | Count::Estimated { .. } => UNKNOWN,
        };
        self.0.store(shown, Ordering::Relaxed);
    }
}
