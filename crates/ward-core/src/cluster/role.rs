//! Which part a process plays.

use serde::{Deserialize, Serialize};

/// The part a process plays in a cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// None: it is an app of its own, which may talk to the daemon.
    #[default]
    Standalone,
    /// It has workers of its own, and the daemon takes no part in that.
    Primary,
    /// It gets listeners and connections from the daemon, which is its primary.
    Worker,
    /// It belongs to a cluster and serves its workers, but gets no connections.
    Agent,
}

impl Role {
    /// Whether the daemon is its primary: it may ask for listeners.
    pub const fn has_primary(self) -> bool {
        matches!(self, Self::Worker)
    }

    /// Whether ward's own code in the process may report about it.
    pub const fn reports(self) -> bool {
        matches!(self, Self::Worker | Self::Agent)
    }
}
