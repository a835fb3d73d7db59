//! A socket that workers listen on.

use std::collections::{BTreeSet, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use ward_core::id::InstanceId;
use ward_wire::json::RawJson;
use ward_wire::node_cluster::{Endpoint, ListenQuery, SocketName};

use super::bind::Bound;
use super::metrics::ConnectionCounts;
use super::socket_file::SocketFile;
use super::{Waiting, WorkerConfig};
use crate::poll::Token;

/// Between the key and the slot.
pub(super) const SLOT: char = ' ';

/// One socket.
#[derive(Debug)]
pub(super) struct Listener {
    /// The app that was the first to want it.
    pub(super) app: String,
    /// Nobody else can have it: the system chose its port, or it was a descriptor of one worker.
    pub(super) private: bool,
    /// The user it was bound for, if it is not the daemon's.
    pub(super) user: Option<u32>,
    pub(super) key: String,
    pub(super) socket: Arc<OwnedFd>,
    /// Connections can be accepted from it; otherwise the workers can only share it.
    pub(super) listens: bool,
    /// What the first worker wanted all to share, such as TLS ticket keys.
    pub(super) data: RawJson,
    /// Where it is bound, for TCP and UDP.
    pub(super) name: Option<SocketName>,
    /// Where it is bound, for people.
    pub(super) place: String,
    /// The channels of the workers that hold it, in the order of their turns.
    pub(super) attached: Vec<Token>,
    /// Whose turn it is.
    pub(super) next: usize,
    /// The instances that hold it, or did when they last ran.
    pub(super) retained_by: BTreeSet<InstanceId>,
    /// Accepted, and nobody to take them.
    pub(super) waiting: Waiting,
    /// Waiting connections are told of.
    pub(super) armed: bool,
    /// Connections came that have no head to read, which was told.
    pub(super) told_of_strangers: bool,
    /// What came in so far.
    pub(super) counts: ConnectionCounts,
    /// The file to remove in the end.
    pub(super) file: Option<SocketFile>,
}

/// Under what a listener is found: its key, and the app if nobody else can have it.
pub(super) type Entry = (Option<String>, String);

impl Listener {
    /// What was bound for the first worker that wanted it.
    pub(super) fn new(
        (config, key): (WorkerConfig, String),
        bound: Bound,
        query: &ListenQuery,
        endpoint: &Endpoint,
    ) -> Self {
        let name = match endpoint {
            Endpoint::Path(_) | Endpoint::Abstract(_) => None,
            _ => ward_sys::listener::local_address(&bound.socket)
                .ok()
                .flatten()
                .map(|address| SocketName {
                    address: address.ip(),
                    port: address.port(),
                }),
        };
        Self {
            user: config.rights.uid(),
            app: config.app,
            key,
            private: is_private(endpoint),
            listens: bound.listens,
            data: query.data.detached(),
            name,
            place: place_of(endpoint, name),
            attached: Vec::new(),
            next: 0,
            retained_by: BTreeSet::new(),
            waiting: VecDeque::new(),
            armed: false,
            told_of_strangers: false,
            counts: ConnectionCounts::default(),
            file: bound.file,
            socket: Arc::new(bound.socket),
        }
    }

    /// Under what it is found.
    pub(super) fn entry(&self) -> Entry {
        let app = self.private.then(|| self.app.clone());
        (app, self.key.clone())
    }
}

/// Whether this means another socket for each app.
pub(super) const fn is_private(endpoint: &Endpoint) -> bool {
    matches!(
        endpoint,
        Endpoint::Tcp { port: 0, .. } | Endpoint::Udp { port: 0, .. } | Endpoint::Descriptor(_)
    )
}

/// The key of a listener; with one socket per slot the slot is a part of it.
pub(super) fn named(key: &str, slot: Option<InstanceId>) -> String {
    slot.map_or_else(|| key.to_owned(), |slot| format!("{key}{SLOT}{slot}"))
}

/// Where a listener is, for people.
pub(super) fn place_of(endpoint: &Endpoint, name: Option<SocketName>) -> String {
    match (endpoint, name) {
        (
            Endpoint::Tcp {
                host: Some(host),
                port,
                ..
            },
            name,
        ) => {
            let port = name.map_or(*port, |name| name.port);
            std::net::SocketAddr::new(host.address, port).to_string()
        }
        (Endpoint::Tcp { port, .. }, name) => {
            format!("port {}", name.map_or(*port, |name| name.port))
        }
        (Endpoint::Udp { port, .. }, name) => {
            format!("UDP port {}", name.map_or(*port, |name| name.port))
        }
        (Endpoint::Path(path), _) => path.clone(),
        (Endpoint::Abstract(name), _) => format!("@{name}"),
        (Endpoint::Descriptor(number), _) => format!("descriptor {number}"),
    }
}
