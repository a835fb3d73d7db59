//! What the launch plane has done and is doing.

use serde::Serialize;

/// The counts of the plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LaunchMetrics {
    #[serde(flatten)]
    pub(super) threads: PoolLoad,
    #[serde(flatten)]
    pub(super) counts: LaunchCounts,
    /// Starts that have not come to their end.
    pub(super) open_starts: usize,
    /// Pid files and cgroups of lives that are over, not removed yet.
    pub(super) open_removals: usize,
}

/// Its threads at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PoolLoad {
    /// All there are.
    pub(super) threads: usize,
    /// Those without work.
    pub(super) idle: usize,
    /// Those that are at one job for long.
    pub(super) stuck: usize,
    /// Jobs that wait for a thread.
    pub(super) waiting: usize,
}

/// Counts since the daemon began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LaunchCounts {
    /// Starts that were asked for.
    pub(super) starts: u64,
    /// Those that have failed.
    pub(super) failed: u64,
}
