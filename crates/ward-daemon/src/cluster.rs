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
pub(crate) mod agent;
mod bind;
mod connection_count;
mod dispatch;
mod drain;
mod listen_requests;
mod listener;
mod options;
mod ownership;
mod pending_heads;
mod runtime;
pub(crate) mod sockets;
mod sticky;
#[cfg(test)]
mod tests;
mod worker;
mod worker_config;

use std::collections::{HashMap, HashSet, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ward_core::event::Tally;
use ward_core::id::{InstanceId, Life};
use ward_wire::node_cluster::{ClusterMessage, NodeMessage, WorkerAct};

use crate::channel::Links;
use crate::poll::Token;
use affinity::Waiter;
use connection_count::Census;
pub(crate) use connection_count::ConnectionCount;
use listener::{Entry, Listener};
use pending_heads::Heads;
pub(crate) use runtime::{Runtime, spread_inspectors};
use worker::{Phase, Worker};
pub(crate) use worker_config::{Sched, WorkerConfig};

/// A worker that is silent for so long does not run a cluster runtime; worth a line in the log.
const SILENCE: Duration = Duration::from_secs(10);

/// What a worker did, as far as the control thread cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WorkerEvent {
    /// The runtime is up.
    Online,
    /// It listens.
    Listening {
        /// It bound the socket itself: nobody balances it.
        by_itself: bool,
        /// Where.
        place: String,
    },
    /// It has loaded, does nothing and has asked for no socket: it may never listen.
    Settled,
    /// The version of its Node.
    Version(String),
    /// It turned out that it cannot be a worker, for this reason; it runs as in fork mode.
    Alone(String),
    /// It has finished what it was doing.
    Drained,
    /// A worker that was to be drained is gone; said once for each. What became of its connections.
    Finished(Tally),
    /// It cannot have the socket it wants.
    Refused {
        /// What it wants, for people.
        place: String,
        /// The TCP or UDP port, if it is one.
        port: Option<u16>,
        /// Who has it, if it is one of ours.
        held_by: Option<Holder>,
        /// The positive error number.
        errno: i32,
    },
    /// It listens where another app does, too: both get connections.
    Joined {
        /// Where.
        place: String,
        /// The other one.
        app: String,
    },
    /// Connections come in of which no header can be read: they are spread by address.
    Unreadable {
        /// Where.
        place: String,
    },
    /// Never said `online`.
    Silent,
    /// The kernel does not tell of connections that are gone, for this reason.
    Uncounted(String),
    /// The daemon cannot accept connections for now; they wait in the kernel.
    Exhausted {
        /// Where.
        place: String,
        /// Why.
        error: String,
    },
}

/// Which app of ours has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    /// This one.
    App(String),
    /// The very app that wants it, under another way to spread connections.
    OtherSched,
}

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
    /// Instances that get no connections for now, whatever their process.
    paused: HashSet<InstanceId>,
    /// The connections of draining workers are not counted again before.
    count_after: Option<Instant>,
    /// When something is to be tried again.
    wake: Option<Instant>,
}

impl Primary {
    /// A worker is about to begin.
    pub(crate) fn add(&mut self, token: Token, life: Life, config: WorkerConfig) {
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
    pub(crate) fn tick(&mut self, now: Instant, links: &mut Links) {
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
                    links.tell_of_worker(life, event);
                }
                other => later = [later, other].into_iter().flatten().min(),
            }
        }
        self.wake_by(later);
        let listeners: Vec<Token> = self.listeners.keys().copied().collect();
        for listener in listeners {
            self.resume(listener, now, links);
        }
        self.look_at_draining(now, links);
        self.give_up_heads(now, links);
    }

    /// Gives an instance no connections until further notice, or does again.
    pub(crate) fn pause(&mut self, instance: InstanceId, paused: bool, links: &mut Links) {
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
            self.serve_all(token, Instant::now(), links);
        }
    }

    /// The worker's process.
    pub(crate) fn born(&mut self, life: Life, pid: u32, links: &mut Links) {
        let Some(worker) = self.worker_of(life, links) else {
            return;
        };
        worker.pid = Some(pid);
        worker.begin_estimate();
        // Bun says so only when the app loads its cluster module, and many have no need to.
        if worker.config.runtime == Runtime::Bun {
            worker.silent_until = None;
            links.tell_of_worker(life, WorkerEvent::Online);
        }
    }

    /// A worker counts as ready: connections may come.
    pub(crate) fn admit(&mut self, life: Life, links: &mut Links) {
        if let Some(token) = links.find(life) {
            self.said_ready(token, links);
        }
    }

    /// The app said `ready`.
    pub(crate) fn said_ready(&mut self, token: Token, links: &mut Links) {
        if let Some(worker) = self.workers.get_mut(&token)
            && !core::mem::replace(&mut worker.admitted, true)
        {
            worker.begin_rotation(Instant::now());
            self.serve_all(token, Instant::now(), links);
        }
    }

    /// An internal message of a worker.
    pub(crate) fn heard(&mut self, token: Token, message: NodeMessage, links: &mut Links) {
        match message {
            NodeMessage::Cluster(message) => self.heard_cluster(token, message, links),
            NodeMessage::HandleAck => self.arrived(token, links),
            NodeMessage::HandleNack => self.lost(token, links),
            NodeMessage::Ward { act, body } => self.agent_said(token, &act, &body, links),
            NodeMessage::Handle(_)
            | NodeMessage::SocketGetCount { .. }
            | NodeMessage::SocketNotifyClose { .. }
            | NodeMessage::Other { .. } => {}
        }
    }

    fn heard_cluster(&mut self, token: Token, message: ClusterMessage, links: &mut Links) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        worker.outbox.dialect = message.dialect;
        match message.act {
            WorkerAct::Online => {
                worker.silent_until = None;
                let life = worker.life;
                let event = WorkerEvent::Online;
                links.tell_of_worker(life, event);
            }
            WorkerAct::QueryServer { seq, query } => self.query(token, seq, &query, links),
            WorkerAct::Listening(query) => self.listening(token, &query, links),
            WorkerAct::Close { key } => self.closed(token, &key, links),
            WorkerAct::ExitedAfterDisconnect { seq } => {
                worker.phase = Phase::Leaving;
                let mut line = Vec::new();
                worker.outbox.ack(&mut line, seq);
                links.send(token, line, None);
            }
            WorkerAct::Reply { ack, accepted } => self.replied(token, ack, accepted, links),
            WorkerAct::Unknown => {}
        }
    }

    /// `disconnect`: the worker closes its servers, finishes and leaves.
    pub(crate) fn disconnect(&mut self, life: Life, links: &mut Links) {
        let Some(token) = links.find(life) else {
            return;
        };
        if let Some(worker) = self.workers.get_mut(&token) {
            worker.phase = Phase::Leaving;
            let mut line = Vec::new();
            worker.outbox.disconnect(&mut line);
            links.send(token, line, None);
        }
    }

    fn worker_of(&mut self, life: Life, links: &Links) -> Option<&mut Worker> {
        self.workers.get_mut(&links.find(life)?)
    }

    /// Offers connections to a worker that can take some again, on everything it listens on.
    fn serve_all(&mut self, token: Token, now: Instant, links: &mut Links) {
        let Some(worker) = self.workers.get(&token) else {
            return;
        };
        let listeners: Vec<Token> = worker.keys.values().map(|held| held.listener).collect();
        for listener in listeners {
            self.resume(listener, now, links);
        }
    }
}

/// A connection that waits for a worker, or for a worker's word.
type Connection = Arc<OwnedFd>;

/// Connections without a worker, in the order they came.
type Waiting = VecDeque<Waiter>;
