//! How many connections one worker has: counted, or estimated by its descriptors.

use std::time::{Duration, Instant};

use super::Count;
use crate::cluster::worker::Worker;

/// How often descriptors are counted while a worker has too many.
const RECOUNT: Duration = Duration::from_millis(20);

impl Worker {
    /// How many connections it has, those on their way included. `None` when nobody wants them
    /// counted, or when the kernel cannot even tell its descriptors.
    pub(in crate::cluster) fn open_connections(&self) -> Option<u64> {
        match self.count {
            Count::Unwanted => None,
            Count::Exact(open) => Some(open),
            Count::Estimated { before } => {
                let taken = self.open_descriptors()?.saturating_sub(before?);
                let coming = self.inflight.values().filter(|it| !it.arrived);
                Some(taken + coming.count() as u64)
            }
        }
    }

    /// When it is worth looking again whether it still has as many as it may have. Those counted one
    /// by one tell by themselves.
    pub(in crate::cluster) fn recount(&self, now: Instant) -> Option<Instant> {
        let estimated = matches!(self.count, Count::Estimated { .. });
        (estimated && self.is_full()).then_some(now + RECOUNT)
    }

    /// Whether the kernel tells of the end of each of its connections.
    pub(in crate::cluster) fn is_counted(&self) -> bool {
        matches!(self.count, Count::Exact(_))
    }

    /// From now on its connections are counted like this.
    pub(in crate::cluster) fn count_by(&mut self, count: Count) {
        self.count = count;
        self.config.gauge.show(count);
    }

    /// Once it listens, further descriptors are taken for connections.
    pub(in crate::cluster) fn begin_estimate(&mut self) {
        let listens = self.keys.values().any(|held| held.listening);
        if listens && self.count == (Count::Estimated { before: None }) {
            let before = self.open_descriptors();
            self.count_by(Count::Estimated { before });
        }
    }
}
