//! A socket that workers listen on.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use ward_core::id::InstanceId;
use ward_wire::node_cluster::SocketName;

use super::Waiting;
use super::bind::SocketFile;
use crate::poll::Token;

/// One socket.
#[derive(Debug)]
pub(super) struct Listener {
    /// The app that was the first to want it.
    pub(super) app: String,
    /// Nobody else can have it: the system chose its port, or it was a descriptor of one worker.
    pub(super) private: bool,
    pub(super) key: String,
    pub(super) socket: Arc<OwnedFd>,
    /// Connections can be accepted from it; otherwise the workers can only share it.
    pub(super) listens: bool,
    /// What the first worker wanted all to share, such as TLS ticket keys.
    pub(super) data: Value,
    /// Where it is bound, for TCP and UDP.
    pub(super) name: Option<SocketName>,
    /// Where it is bound, for people.
    pub(super) place: String,
    /// The channels of the workers that hold it, in the order of their turns.
    pub(super) holders: Vec<Token>,
    /// Whose turn it is.
    pub(super) next: usize,
    /// The instances that hold it, or did when they last ran.
    pub(super) owners: BTreeSet<InstanceId>,
    /// Accepted, and nobody to take them.
    pub(super) waiting: Waiting,
    /// Waiting connections are told of.
    pub(super) armed: bool,
    /// Nothing is accepted until then: the daemon is out of descriptors.
    pub(super) exhausted: Option<Instant>,
    /// Connections came that have no head to read, which was told.
    pub(super) told_of_strangers: bool,
    /// The file to remove in the end.
    pub(super) file: Option<SocketFile>,
}

/// Under what a listener is found: its key, and the app if nobody else can have it.
pub(super) type Entry = (Option<String>, String);

impl Listener {
    pub(super) fn entry(&self) -> Entry {
        let app = self.private.then(|| self.app.clone());
        (app, self.key.clone())
    }
}
