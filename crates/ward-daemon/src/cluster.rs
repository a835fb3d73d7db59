//! ward as the primary of Node's cluster workers: the listening sockets belong to the daemon, and
//! connections are handed to unmodified `node app.js` over its IPC channel.
//!
//! All of it lives on the channel thread. A [`Primary`] knows the workers and the listeners; it is
//! told what workers say ([`Primary::heard`]), when connections wait, and what the control thread
//! wants, and it answers through [`Links`]. Nothing here blocks and nothing here decides whether a
//! worker shall live.
//!
//! - A listener belongs to the instances of an app that asked for it, not to their processes: it
//!   stays open while any of them may come back.
//! - A connection is kept until its worker has taken it. If the worker dies first, another one
//!   gets it; if there is none, it waits.

mod affinity;
mod bind;
mod connection_count;
mod deliveries;
mod dispatch;
mod drain;
mod event;
mod export;
mod hear;
mod hung;
mod import;
mod joining;
mod listen_budget;
mod listen_requests;
mod listener;
mod listening;
mod metrics;
mod ownership;
mod pending_heads;
mod port;
pub(crate) mod port_holders;
mod room;
mod socket_file;
mod sockets;
mod sticky;
#[cfg(test)]
mod tests;
mod turns;
mod worker;
mod worker_config;

use std::collections::{HashMap, HashSet, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::poll::Token;
use affinity::Waiter;
use connection_count::Census;
pub(crate) use connection_count::ConnectionCount;
pub(crate) use event::{Context, Holder, WorkerEvent, WorkerReport};
pub(crate) use export::{ClusterState, ExportedCluster, Holding};
pub(crate) use import::ImportError;
use listener::{Entry, Listener};
pub(crate) use metrics::ClusterMetrics;
use metrics::ConnectionCounts;
use pending_heads::Heads;
pub(crate) use port::{Protocol, Words};
use room::Room;
use ward_core::id::{InstanceId, Life};
use worker::Worker;
pub(crate) use worker_config::WorkerConfig;

/// A worker that is silent for so long does not run a cluster runtime; worth a line in the log.
const SILENCE: Duration = Duration::from_secs(10);

/// The primary of all workers.
#[derive(Debug, Default)]
pub(crate) struct Primary {
    workers: HashMap<Token, Worker>,
    listeners: HashMap<Token, Listener>,
    by_key: HashMap<Entry, Token>,
    /// How many connections each worker has, where an app needs that.
    census: Census,
    /// Connections whose first request decides whose they are.
    heads: Heads,
    /// Whether there are descriptors for more connections.
    room: Room,
    /// Instances that get no connections for now, whatever their process.
    paused: HashSet<InstanceId>,
    /// The connections of draining workers are not counted again before.
    count_after: Option<Instant>,
    /// What came in so far.
    counts: ConnectionCounts,
    /// When something is to be tried again.
    wake: Option<Instant>,
}

impl Primary {
    /// A worker is about to begin.
    pub(crate) fn add(&mut self, token: Token, life: Life, mut config: WorkerConfig, cx: &Context) {
        if let Some(complaint) = config.complaint.take() {
            cx.tell(life, WorkerEvent::BadOptions(complaint));
        }
        let mut worker = Worker::new(life, config, Instant::now() + SILENCE);
        worker.paused = self.paused.contains(&worker.config.instance);
        self.wake_by(worker.silent_until);
        self.workers.insert(token, worker);
    }

    /// When [`Self::tick`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.wake
    }

    fn wake_by(&mut self, at: Option<Instant>) {
        self.wake = [self.wake, at].into_iter().flatten().min();
    }

    /// Time passed.
    pub(crate) fn tick(&mut self, now: Instant, cx: &mut Context) {
        if self.wake.is_none_or(|at| at > now) {
            return;
        }
        self.wake = None;
        let mut later = None;
        for worker in self.workers.values_mut() {
            match worker.silent_until {
                Some(at) if at <= now => {
                    worker.silent_until = None;
                    let life = worker.life;
                    let event = WorkerEvent::Silent;
                    cx.tell(life, event);
                }
                other => later = [later, other].into_iter().flatten().min(),
            }
        }
        self.wake_by(later);
        self.tell_of_room(now, cx);
        let listeners: Vec<Token> = self.listeners.keys().copied().collect();
        for listener in listeners {
            self.resume(listener, now, cx);
        }
        self.look_at_silence(now, cx);
        self.look_at_late(now, cx);
        self.look_at_draining(now, cx);
        self.give_up_heads(now, cx);
    }

    /// Gives an instance no connections until further notice, or does again.
    pub(crate) fn pause(&mut self, instance: InstanceId, paused: bool, cx: &mut Context) {
        crate::fault::inject("cluster.pause");
        if paused {
            self.paused.insert(instance);
        } else {
            self.paused.remove(&instance);
        }
        let mut concerned = Vec::new();
        for (token, worker) in &mut self.workers {
            if worker.config.instance == instance {
                worker.paused = paused;
                concerned.push(*token);
            }
        }
        for token in concerned {
            self.serve_all(token, Instant::now(), cx);
        }
    }

    /// The worker's process.
    pub(crate) fn born(&mut self, life: Life, pid: u32, cx: &mut Context) {
        let Some(worker) = self.worker_of(life, cx) else {
            return;
        };
        worker.pid = Some(pid);
        worker.begin_estimate();
        if worker.port.is_up_at_birth() {
            worker.silent_until = None;
            cx.tell(life, WorkerEvent::Online);
        }
    }

    /// A worker counts as ready: connections may come.
    pub(crate) fn admit(&mut self, life: Life, cx: &mut Context) {
        if let Some(token) = cx.links.find(life) {
            self.said_ready(token, cx);
        }
    }

    fn worker_of(&mut self, life: Life, cx: &Context) -> Option<&mut Worker> {
        self.workers.get_mut(&cx.links.find(life)?)
    }

    /// Offers connections to a worker that can take some again, on everything it listens on.
    fn serve_all(&mut self, token: Token, now: Instant, cx: &mut Context) {
        let Some(worker) = self.workers.get(&token) else {
            return;
        };
        let listeners: Vec<Token> = worker.keys.values().map(|held| held.listener).collect();
        for listener in listeners {
            self.resume(listener, now, cx);
        }
    }
}

/// A connection that waits for a worker, or for a worker's word.
type Connection = Arc<OwnedFd>;

/// Connections without a worker, in the order they came.
type Waiting = VecDeque<Waiter>;
