//! What is counted when a worker has ended.

use serde::{Deserialize, Serialize};

/// What became of the connections of a worker that was drained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Given to another worker, because this one never took them.
    pub redispatched: u64,
    /// Those it had taken. None: nobody could count them.
    pub taken: Option<Taken>,
}

/// What became of the connections a worker had taken when it was told to finish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Ended by themselves, or by the agent after their answer.
    pub drained: u64,
    /// Open to the last.
    pub cut: u64,
}
