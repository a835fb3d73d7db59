//! The whole supervisor as a value: for the live upgrade and for the recovery after a crash.
//!
//! Unknown fields are ignored, so that an older ward can take back what a newer one wrote as long
//! as the version is the same.

use serde::{Deserialize, Serialize};

use crate::defaults::Defaults;
use crate::supervisor::{Supervisor, SupervisorState};

/// The version this ward writes. It changes when the meaning of a field does.
const VERSION: u32 = 2;

/// Everything but the defaults, which come from the environment of whoever restores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    version: u32,
    state: SupervisorState,
}

/// A snapshot that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Written by another generation.
    #[error("restore a snapshot of version {0}")]
    Version(u32),
}

impl Supervisor {
    /// Everything, to be restored by this or the next ward.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            version: VERSION,
            state: self.state().clone(),
        }
    }

    /// Goes on where the snapshot was taken. Monotonic moments in it stay valid over `exec`.
    ///
    /// # Errors
    ///
    /// The snapshot is of another version.
    pub fn restore(snapshot: Snapshot, defaults: Defaults) -> Result<Self, RestoreError> {
        if snapshot.version != VERSION {
            return Err(RestoreError::Version(snapshot.version));
        }
        Ok(Self::from_state(snapshot.state, defaults))
    }
}
