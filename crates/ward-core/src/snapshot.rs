//! The whole supervisor as a value: for the live upgrade, for the recovery after a crash, and, in
//! PM2's words, for `save`.
//!
//! Unknown fields are ignored, so that an older ward can take back what a newer one wrote as long
//! as the version is the same.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::defaults::Defaults;
use crate::instance::Instance;
use crate::record;
use crate::supervisor::{Supervisor, SupervisorState};
use crate::view;

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
    pub fn restore(snapshot: Snapshot, defaults: Defaults) -> Result<Self, RestoreError> {
        if snapshot.version != VERSION {
            return Err(RestoreError::Version(snapshot.version));
        }
        Ok(Self::from_state(snapshot.state, defaults))
    }

    /// The entries of `dump.pm2`, in the order of the list. Modules are installed, not saved.
    pub fn dump_entries(&self) -> Vec<Map<String, Value>> {
        self.instances()
            .filter(|it| !it.spec.extra.contains_key("pmx_module"))
            .map(dump_entry)
            .collect()
    }
}

fn dump_entry(instance: &Instance) -> Map<String, Value> {
    let mut entry = view::record(instance);
    for key in ["instances", "pm_id", "prev_restart_delay"] {
        entry.shift_remove(key);
    }
    // PM2 ignores this key; ward needs the layers of the environment apart, or a variable that is
    // taken out of a file would live on in the restored app.
    let layers = record::layers_apart(&instance.spec.env);
    entry.insert("ward".to_owned(), layers);
    entry
}
