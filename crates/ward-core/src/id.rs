//! The names of things: instance, life, request.

use core::fmt;

use serde::{Deserialize, Serialize};

/// One slot of an app, stable over restarts. PM2 calls it `pm_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceId(pub u32);

/// One process of an instance. Numbered once over the whole life of the supervisor, so that a
/// late event of an earlier life is recognised by its number alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Life(pub u64);

/// One request. Those of clients are numbered by the shell, from one on, and are unique while the
/// supervisor lives; the upper half of the numbers is for the supervisor's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// One watched app. Never used again for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WatchId(pub u64);

/// Names a job. Never used again for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct JobId(pub(crate) u64);

/// One part of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartKey {
    /// The job.
    pub(crate) job: JobId,
    /// Its place among the parts.
    pub(crate) index: usize,
}

impl RequestId {
    /// The supervisor's own request of this number.
    pub(crate) const fn own(number: u64) -> Self {
        Self(number | 1 << 63)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
