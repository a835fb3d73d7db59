//! The cluster of an earlier daemon process goes on here.

use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ward_core::id::Life;
use ward_wire::json::RawJson;
use ward_wire::node_cluster::SocketName;

use super::affinity::{Affinity, Waiter};
use super::connection_count::Count;
use super::export::{ExportedCluster, Holding, ListenerState, WorkerState};
use super::listener::Listener;
use super::socket_file::SocketFile;
use super::worker::{Flight, Held, Phase, Worker};
use super::{Context, Primary, SILENCE};
use crate::poll::Token;

/// Why a plane cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// A descriptor that the state tells of is not there.
    #[error("the descriptor of {0} is missing")]
    Missing(String),
    /// The state of a worker's port is not one of its protocol.
    #[error("the state of a worker cannot be read: {0}")]
    Port(#[from] serde_json::Error),
    /// The thread cannot be started.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Descriptors by what they are.
type Descriptors = HashMap<Holding, OwnedFd>;

fn take(from: &mut Descriptors, holding: Holding) -> Result<Arc<OwnedFd>, ImportError> {
    let missing = || ImportError::Missing(format!("{holding:?}"));
    from.remove(&holding).map(Arc::new).ok_or_else(missing)
}

impl Primary {
    /// The cluster that was exported. The channels of its workers have to be there already; a worker
    /// without one is taken for one that has ended since.
    ///
    /// # Errors
    ///
    /// State and descriptors do not belong together.
    pub(crate) fn import(exported: ExportedCluster, cx: &mut Context) -> Result<Self, ImportError> {
        let mut descriptors: Descriptors = exported.descriptors.into_iter().collect();
        let mut primary = Self::default();
        let (state, now) = (exported.state, Instant::now());
        primary.paused = state.paused.into_iter().collect();
        primary.counts = state.counts;
        let mut listeners = Vec::new();
        let mut waiting = Vec::new();
        for (place, state) in state.listeners.into_iter().enumerate() {
            let queue = state.waiting.iter().copied().enumerate();
            let queue = queue.map(|(number, affinity)| {
                let connection = take(&mut descriptors, Holding::Waiting(place, number))?;
                Ok(Waiter {
                    connection,
                    affinity,
                })
            });
            waiting.push(queue.collect::<Result<VecDeque<Waiter>, ImportError>>()?);
            let socket = take(&mut descriptors, Holding::Listener(place))?;
            let token = cx.links.add_listener(Arc::clone(&socket));
            let listener = restored_listener(state, socket, cx);
            primary.by_key.insert(listener.entry(), token);
            primary.listeners.insert(token, listener);
            listeners.push(token);
        }
        let mut owners = HashMap::new();
        for state in state.workers {
            let (life, cookies) = (state.life, state.cookies.clone());
            let worker = primary.restored_worker(state, &listeners, &mut descriptors, now)?;
            // One whose channel is gone is forgotten as if it ended now.
            if let Some(token) = cx.links.find(life) {
                owners.extend(cookies.into_iter().map(|cookie| (cookie, token)));
                primary.workers.insert(token, worker);
            } else {
                for flight in worker.inflight.into_values() {
                    primary.return_connection(flight.listener, flight.connection);
                }
            }
        }
        primary.resume_counting(owners, cx);
        primary.wake_by(Some(now));
        for (token, queue) in listeners.into_iter().zip(waiting) {
            primary.resume_listener(token, queue, now, cx);
        }
        Ok(primary)
    }

    /// Whose first request has not come is waited for again; for all others it is known already.
    fn resume_listener(
        &mut self,
        token: Token,
        queue: VecDeque<Waiter>,
        now: Instant,
        cx: &mut Context,
    ) {
        for waiter in queue {
            let seen = if waiter.affinity == Affinity::Unknown && self.is_sticky(token) {
                self.see(token, waiter.connection, now, cx)
            } else {
                Some(waiter)
            };
            if let Some(listener) = self.listeners.get_mut(&token) {
                listener.waiting.extend(seen);
            }
        }
        self.dispatch(token, now, cx);
    }

    fn restored_worker(
        &self,
        state: WorkerState,
        listeners: &[Token],
        descriptors: &mut Descriptors,
        now: Instant,
    ) -> Result<Worker, ImportError> {
        let port = state.config.protocol.resume(state.port)?;
        let silent = now + SILENCE;
        let mut worker = Worker::new(state.life, state.config, silent);
        worker.port = port;
        worker.pid = state.pid;
        worker.silent_until = state.is_silent.then_some(silent);
        worker.paused = self.paused.contains(&worker.config.instance);
        worker.admitted = state.admitted;
        worker.phase = state.phase;
        worker.retired = state.retired;
        worker.credit = state.credit;
        worker.open = state.open;
        worker.reason = state.reason;
        worker.drained = state.drained;
        worker.drain_told_at = (state.phase == (Phase::Draining { told: true })).then_some(now);
        worker.grants = state.grants.into_iter().collect();
        let age = state.in_rotation_for.map(Duration::from_millis);
        worker.in_rotation_since = age.map(|age| now.checked_sub(age).unwrap_or(now));
        if let Count::Exact(_) = worker.count {
            worker.count_by(Count::Exact(state.cookies.len() as u64));
        }
        for (key, held) in state.keys {
            let Some(listener) = listeners.get(held.listener).copied() else {
                continue;
            };
            if worker.phase == (Phase::Draining { told: true })
                && let Some(listener) = self.listeners.get(&listener).filter(|it| it.listens)
            {
                worker.endpoints.add(&listener.socket);
            }
            let held = Held {
                listener,
                shared: held.shared,
                listening: held.listening,
            };
            worker.keys.insert(key, held);
        }
        for flight in state.inflight {
            let holding = Holding::InFlight(worker.life, flight.delivery);
            let connection = take(descriptors, holding)?;
            if let Some(listener) = listeners.get(flight.listener).copied() {
                let arrived = flight.arrived;
                let flying = Flight {
                    listener,
                    connection,
                    since: now,
                    arrived,
                };
                worker.inflight.insert(flight.delivery, flying);
            }
        }
        worker.begin_estimate();
        Ok(worker)
    }
}

fn restored_listener(state: ListenerState, socket: Arc<OwnedFd>, cx: &Context) -> Listener {
    let holder = |life: Life| cx.links.find(life);
    let name = |(address, port)| SocketName { address, port };
    Listener {
        app: state.app,
        private: state.private,
        user: state.user,
        key: state.key,
        socket,
        listens: state.listens,
        data: RawJson::new(state.data.into()).unwrap_or(RawJson::null()),
        name: state.name.map(name),
        place: state.place,
        attached: state.attached.into_iter().filter_map(holder).collect(),
        next: state.next,
        retained_by: state.retained_by,
        waiting: VecDeque::new(),
        armed: false,
        told_of_strangers: state.told_of_strangers,
        counts: state.counts,
        file: state.file.map(SocketFile::take_over),
    }
}
