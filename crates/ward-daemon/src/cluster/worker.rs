//! One worker, as its primary sees it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use ward_core::balance::weight::Credit;
use ward_core::event::{Taken, Tally};
use ward_core::id::Life;

use super::connection_count::Count;
use super::port::{Delivery, WorkerPort};
use super::sockets::Endpoints;
use super::{Connection, Context, WorkerConfig, WorkerEvent};
use crate::poll::Token;

/// The first pause after a refusal; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// One worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) life: Life,
    pub(super) config: WorkerConfig,
    pub(super) pid: Option<u32>,
    pub(super) port: Box<dyn WorkerPort>,
    /// What it listens on, by key.
    pub(super) keys: HashMap<String, Held>,
    /// Sockets it was given to share and has not confirmed, by message.
    pub(super) grants: HashMap<Delivery, Grant>,
    /// Connections it was given and has not taken, by message. No more than the window
    /// and one.
    pub(super) inflight: HashMap<Delivery, Flight>,
    /// It may get connections.
    pub(super) admitted: bool,
    pub(super) phase: Phase,
    /// It gets no connections until then, because it refused some.
    pub(super) pause: Option<Instant>,
    next_pause: Duration,
    /// Its instance is stopped: what it listened on is not kept for a successor.
    pub(super) retired: bool,
    /// The user wants it to get no connections for now.
    pub(super) paused: bool,
    /// Since when it may get connections.
    pub(super) in_rotation_since: Option<Instant>,
    /// If it says nothing until then, it is no cluster worker.
    pub(super) silent_until: Option<Instant>,
    /// For weighted turns.
    pub(super) credit: Credit,
    /// How many connections it has, if anybody wants to know.
    pub(super) count: Count,
    /// Connections that were open when it began to drain, and now.
    pub(super) open: Option<(u64, u64)>,
    /// Where they came in, if they have to be counted from outside.
    pub(super) endpoints: Endpoints,
    /// Why its channel would close now.
    pub(super) reason: Reason,
    /// It said, or it was found, that none is open any more.
    pub(super) drained: bool,
    /// When it was told to finish.
    pub(super) drain_told_at: Option<Instant>,
    /// It has not taken a connection for too long, and gets no others until it does.
    pub(super) late: bool,
    /// It was told that it answers nothing because it is stopped.
    pub(super) hung: bool,
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// It serves.
    Serving,
    /// It gets no connections and shall finish those it has.
    Draining {
        /// Nothing is on the way to it any more, and it was told.
        told: bool,
    },
    /// It leaves.
    Leaving,
}

/// Why its channel would close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reason {
    /// Nobody asked for it.
    Unasked,
    /// It was told to close its servers and to leave when the last connection has ended.
    Finished,
    /// It was asked to end, whatever it has.
    Asked,
}

/// A listener in the hands of a worker.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) listener: Token,
    /// It has the socket itself and accepts by itself.
    pub(super) shared: bool,
    /// It said so; only then it can take connections.
    pub(super) listening: bool,
}

/// A socket to share on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    /// The number of the question it answers.
    pub(super) question: u64,
    pub(super) key: String,
    /// How often it was sent.
    pub(super) times: u32,
}

/// A connection on its way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) listener: Token,
    pub(super) connection: Connection,
    pub(super) since: Instant,
    /// The worker has read it; whether it takes it is not known yet.
    pub(super) arrived: bool,
}

impl Worker {
    /// Nothing is known of it yet.
    pub(super) fn new(life: Life, config: WorkerConfig, silent_until: Instant) -> Self {
        Self {
            life,
            pid: None,
            port: config.protocol.open(),
            keys: HashMap::new(),
            grants: HashMap::new(),
            inflight: HashMap::new(),
            admitted: !config.wait_ready,
            phase: Phase::Serving,
            pause: None,
            next_pause: FIRST_PAUSE,
            retired: false,
            paused: false,
            in_rotation_since: None,
            silent_until: Some(silent_until),
            credit: Credit::default(),
            open: None,
            endpoints: Endpoints::default(),
            reason: Reason::Unasked,
            drained: false,
            drain_told_at: None,
            late: false,
            hung: false,
            count: if config.counts_connections() && !config.options.sched.is_shared() {
                Count::Exact(0)
            } else {
                Count::Unwanted
            },
            config,
        }
    }

    /// Whether it may get connections of this key at all, now or after a pause.
    pub(super) fn is_in_rotation(&self, key: &str) -> bool {
        self.admitted
            && !self.paused
            && self.phase == Phase::Serving
            && self
                .keys
                .get(key)
                .is_some_and(|held| held.listening && !held.shared)
    }

    /// Whether one more connection may be on its way. Node confirms the descriptor as it reads it,
    /// and before it runs code of the app for that connection it says whether it takes it: so the
    /// first word makes room already, and the worker finds the next connection when it comes back.
    /// No more than one beyond the window waits for the second word.
    pub(super) fn has_room(&self) -> bool {
        let on_their_way = self.inflight.values().filter(|flight| !flight.arrived);
        let window = self.config.options.window;
        !self.late
            && self.inflight.len() <= window
            && on_their_way.count() < window
            && !self.is_full()
    }

    /// Whether it has as many connections as it may have.
    pub(super) fn is_full(&self) -> bool {
        let most = self.config.options.max_connections;
        most.is_some_and(|most| {
            let open = self.open_connections();
            open.is_some_and(|open| open >= u64::from(most.get()))
        })
    }

    /// Whether it pauses because it refused.
    pub(super) fn is_pausing(&self, now: Instant) -> bool {
        self.pause.is_some_and(|until| until > now)
    }

    /// It is gone: what became of its connections, if it was drained.
    pub(super) fn tell_tally(&self, cx: &Context) {
        if !matches!(self.phase, Phase::Draining { .. }) {
            return;
        }
        let taken = |(began, left): (u64, u64)| Taken {
            drained: began.saturating_sub(left),
            cut: left,
        };
        let tally = Tally {
            redispatched: self.inflight.len() as u64,
            taken: self.open.map(taken),
        };
        let event = WorkerEvent::Finished(tally);
        let life = self.life;
        cx.tell(life, event);
    }

    /// How many descriptors it has. Linux tells it as the size of the folder since 6.2; before that
    /// the size is always 0.
    pub(super) fn open_descriptors(&self) -> Option<u64> {
        let folder = self.pid.map(|pid| format!("/proc/{pid}/fd"))?;
        let size = std::fs::metadata(folder).ok()?.len();
        (size > 0).then_some(size)
    }

    /// It refused: it gets nothing for a while, so that no connection is thrown to and fro. Those
    /// that were on their way by then do not count again.
    pub(super) fn refused(&mut self, now: Instant) {
        if self.is_pausing(now) {
            return;
        }
        self.pause = Some(now + self.next_pause);
        self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
    }

    /// It took one.
    pub(super) fn took(&mut self) {
        self.pause = None;
        self.next_pause = FIRST_PAUSE;
    }
}
