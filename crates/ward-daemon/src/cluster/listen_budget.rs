//! How much workers may have the daemon hold by listening.

use super::listener::Listener;
use super::{Primary, WorkerConfig};

/// EMFILE.
pub(super) const TOO_MANY: i32 = 24;

/// E2BIG: what all workers shall share is larger than [`DATA_BYTES`].
const TOO_BIG: i32 = 7;

/// ENOBUFS: what all listeners of an instance share is larger than [`ALL_DATA_BYTES`].
const NO_BUFFER: i32 = 105;

/// The largest `data` of a listener with its key, in bytes of their JSON; a larger one is refused. TLS servers share ticket keys of 96 digits.
pub(super) const DATA_BYTES: usize = 64 << 10;

/// The `data` and the keys of all listeners of one instance, in bytes. What would exceed it is refused.
const ALL_DATA_BYTES: usize = 256 << 10;

/// So many listeners one worker may have; each takes a descriptor of the daemon.
const LISTENERS: usize = 1024;

impl Primary {
    /// Whether an instance may have one more listener, with what its workers shall share.
    pub(super) fn check_room(
        &self,
        listeners: usize,
        config: &WorkerConfig,
        data: usize,
    ) -> Result<(), i32> {
        if listeners >= LISTENERS {
            return Err(TOO_MANY);
        }
        if data > DATA_BYTES {
            return Err(TOO_BIG);
        }
        let own = |it: &&Listener| it.retained_by.contains(&config.instance);
        let held = self.listeners.values().filter(own);
        let held: usize = held.map(|it| it.data.size() + it.key.len()).sum();
        if held + data > ALL_DATA_BYTES {
            return Err(NO_BUFFER);
        }
        Ok(())
    }
}
