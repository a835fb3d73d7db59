//! The cluster on its way to another daemon process: listeners, the connections nobody has taken, and
//! what is known of the workers. Clients notice nothing: their connections wait in the kernel, or
//! travel along.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ward_core::balance::weight::Credit;
use ward_core::id::{InstanceId, Life};

use super::affinity::Affinity;
use super::metrics::ConnectionCounts;
use super::port::Delivery;
use super::socket_file::{LeftFile, SocketFile};
use super::worker::{Grant, Phase, Reason};
use super::{Primary, WorkerConfig};
use crate::channel::owned;
use crate::poll::Token;

/// What a descriptor of the cluster is. Listeners are named by their place in
/// [`ClusterState::listeners`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Holding {
    /// A socket that workers listen on.
    Listener(usize),
    /// A connection that was accepted there and that no worker has, with its place in the queue.
    Waiting(usize, usize),
    /// A connection that was sent to a worker, which has not taken it.
    InFlight(Life, Delivery),
}

/// The cluster, with its descriptors.
#[derive(Debug, Default)]
pub(crate) struct ExportedCluster {
    /// Everything else.
    pub(crate) state: ClusterState,
    /// All descriptors.
    pub(crate) descriptors: Vec<(Holding, OwnedFd)>,
}

/// What there is to know of the cluster besides its descriptors.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ClusterState {
    pub(super) listeners: Vec<ListenerState>,
    pub(super) workers: Vec<WorkerState>,
    pub(super) paused: BTreeSet<InstanceId>,
    pub(super) counts: ConnectionCounts,
}

/// A listener; its fields are those of [`super::listener::Listener`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ListenerState {
    pub(super) app: String,
    pub(super) private: bool,
    #[serde(default)]
    pub(super) user: Option<u32>,
    pub(super) key: String,
    pub(super) listens: bool,
    pub(super) data: String,
    pub(super) name: Option<(IpAddr, u16)>,
    pub(super) place: String,
    pub(super) attached: Vec<Life>,
    pub(super) next: usize,
    pub(super) retained_by: BTreeSet<InstanceId>,
    pub(super) waiting: Vec<Affinity>,
    pub(super) told_of_strangers: bool,
    pub(super) counts: ConnectionCounts,
    pub(super) file: Option<LeftFile>,
}

/// A worker; its fields are those of [`super::worker::Worker`]. Times are in ms.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WorkerState {
    pub(super) life: Life,
    pub(super) config: WorkerConfig,
    pub(super) port: Value,
    pub(super) pid: Option<u32>,
    pub(super) keys: BTreeMap<String, HeldState>,
    pub(super) grants: Vec<(Delivery, Grant)>,
    pub(super) inflight: Vec<FlightState>,
    pub(super) admitted: bool,
    pub(super) phase: Phase,
    pub(super) retired: bool,
    pub(super) in_rotation_for: Option<u64>,
    pub(super) is_silent: bool,
    pub(super) credit: Credit,
    pub(super) cookies: Vec<u64>,
    pub(super) open: Option<(u64, u64)>,
    pub(super) reason: Reason,
    pub(super) drained: bool,
}

/// A listener in the hands of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HeldState {
    pub(super) listener: usize,
    pub(super) shared: bool,
    pub(super) listening: bool,
}

/// A connection that a worker has not taken.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FlightState {
    pub(super) delivery: Delivery,
    pub(super) listener: usize,
    pub(super) arrived: bool,
}

impl Primary {
    /// Gives everything away for another process; nothing is left here, and no file is removed.
    ///
    /// # Errors
    ///
    /// A descriptor cannot be duplicated, or a worker's port cannot be written down.
    pub(crate) fn export(&mut self) -> io::Result<ExportedCluster> {
        let tokens: Vec<Token> = self.listeners.keys().copied().collect();
        let places: HashMap<Token, usize> = tokens.iter().copied().zip(0..).collect();
        let mut exported = ExportedCluster::default();
        for (place, token) in tokens.into_iter().enumerate() {
            self.export_listener(place, token, &mut exported)?;
        }
        let tokens: Vec<Token> = self.workers.keys().copied().collect();
        for token in tokens {
            self.export_worker(token, &places, &mut exported)?;
        }
        exported.state.paused = self.paused.drain().collect();
        exported.state.counts = self.counts;
        self.by_key.clear();
        Ok(exported)
    }

    fn export_listener(
        &mut self,
        place: usize,
        token: Token,
        to: &mut ExportedCluster,
    ) -> io::Result<()> {
        // Whose first request has not come is looked at again over there.
        let unread = self.heads.take_of(token);
        let lives = |holder: &Token| self.workers.get(holder).map(|worker| worker.life);
        let Some(mut it) = self.listeners.remove(&token) else {
            return Ok(());
        };
        let waiting: Vec<_> = it.waiting.drain(..).collect();
        let unread = unread.into_iter().map(|it| (Affinity::Unknown, it));
        let waiting = waiting.into_iter().map(|it| (it.affinity, it.connection));
        let (affinities, connections): (Vec<_>, Vec<_>) = waiting.chain(unread).unzip();
        to.state.listeners.push(ListenerState {
            attached: it.attached.iter().filter_map(lives).collect(),
            app: it.app,
            private: it.private,
            user: it.user,
            key: it.key,
            listens: it.listens,
            data: it.data.as_str().to_owned(),
            name: it.name.map(|name| (name.address, name.port)),
            place: it.place,
            next: it.next,
            retained_by: it.retained_by,
            waiting: affinities,
            told_of_strangers: it.told_of_strangers,
            counts: it.counts,
            file: it.file.map(SocketFile::leave),
        });
        let listener = (Holding::Listener(place), owned(it.socket)?);
        to.descriptors.push(listener);
        for (number, connection) in connections.into_iter().enumerate() {
            let holding = Holding::Waiting(place, number);
            to.descriptors.push((holding, owned(connection)?));
        }
        Ok(())
    }

    fn export_worker(
        &mut self,
        token: Token,
        places: &HashMap<Token, usize>,
        to: &mut ExportedCluster,
    ) -> io::Result<()> {
        let cookies = self.cookies_of(token);
        let Some(it) = self.workers.remove(&token) else {
            return Ok(());
        };
        let life = it.life;
        let mut inflight = Vec::new();
        for (delivery, flight) in it.inflight {
            // Its listener may be closed by now; then nobody else could have the connection.
            if let Some(listener) = places.get(&flight.listener).copied() {
                let (arrived, connection) = (flight.arrived, owned(flight.connection)?);
                let holding = Holding::InFlight(life, delivery);
                to.descriptors.push((holding, connection));
                inflight.push(FlightState {
                    delivery,
                    listener,
                    arrived,
                });
            }
        }
        let held = |(key, held): (String, super::worker::Held)| {
            let state = HeldState {
                listener: *places.get(&held.listener)?,
                shared: held.shared,
                listening: held.listening,
            };
            Some((key, state))
        };
        let age = it.in_rotation_since.map(|since| since.elapsed());
        to.state.workers.push(WorkerState {
            life,
            port: it.port.save()?,
            pid: it.pid,
            keys: it.keys.into_iter().filter_map(held).collect(),
            grants: it.grants.into_iter().collect(),
            inflight,
            admitted: it.admitted,
            phase: it.phase,
            retired: it.retired,
            in_rotation_for: age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            is_silent: it.silent_until.is_some(),
            credit: it.credit,
            cookies,
            open: it.open,
            reason: it.reason,
            drained: it.drained,
            config: it.config,
        });
        Ok(())
    }
}
