//! What the log plane has done, counted by its thread and read by any.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// What the log plane has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LogMetrics {
    /// Streams that are read at present; an app has two.
    pub(crate) streams: u64,
    /// Bytes read from apps.
    pub(crate) bytes_read: u64,
    /// Line ends among them.
    pub(crate) lines: u64,
    /// Bytes written to files, dates and JSON included.
    pub(crate) bytes_written: u64,
    /// Failed writes; each is tried again with the next output.
    pub(crate) write_errors: u64,
    /// Bytes that did not reach a file: a failed write, or a fault.
    pub(crate) bytes_lost: u64,
    /// Events made for subscribers.
    pub(crate) events: u64,
    /// Turns of the loop that took longer than 100 ms: a disk that hangs, mostly.
    pub(crate) stalls: u64,
    /// Files that took longer than 100 ms to open.
    pub(crate) slow_opens: u64,
    /// Panics that were contained.
    pub(crate) faults: u64,
    /// Lines of the daemon's own log that were dropped while the disk hung.
    pub(crate) lines_unsaid: u64,
}

macro_rules! counters {
    ($($name:ident),*) => {
        /// The same, while it is counted.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
        }

        impl Counters {
            /// All of them. Each is exact; together they may be of slightly different moments.
            pub(super) fn read(&self) -> LogMetrics {
                LogMetrics { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters!(
    streams,
    bytes_read,
    lines,
    bytes_written,
    write_errors,
    bytes_lost,
    events,
    stalls,
    slow_opens,
    faults,
    lines_unsaid
);

/// One number.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}
