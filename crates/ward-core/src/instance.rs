//! One slot of an app: its state, and what it remembers between its lives.
//!
//! `State` says what is; `Then` says what is wanted once an ending life is gone. Each event has one
//! method, and each method looks at every state. The methods live in the modules below, by theme.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ending::Ending;
use crate::event::ExitStatus;
use crate::id::{InstanceId, Life, RequestId};
use crate::policy::History;
use crate::request::{Outcome, Reply, RequestError};
use crate::spec::{AppSpec, Mode};
use crate::time::{Mono, Wall};
use crate::turn::Turn;

mod end;
mod events;
mod requests;

/// What an instance is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// Nothing runs, nothing is wanted.
    Stopped,
    /// A life began and is not ready yet.
    Launching {
        /// The life.
        life: Life,
        /// Its process, once the spawn is answered.
        pid: Option<u32>,
        /// When it began.
        began: Mono,
        /// It counts as ready then, whatever it said.
        ready_by: Mono,
    },
    /// A life runs.
    Online {
        /// The life.
        life: Life,
        /// Its process.
        pid: u32,
        /// When it began.
        began: Mono,
    },
    /// A life is ending: asked, killed, or swept after its main process is gone.
    Stopping {
        /// How far.
        ending: Ending,
        /// What is wanted afterwards.
        then: Then,
        /// Somebody asked for the end; otherwise the main process ended by itself.
        asked: bool,
    },
    /// Nothing runs until the delay is over.
    Waiting {
        /// When the next life begins.
        until: Mono,
        /// The whole delay, for the log and the record.
        delay: Duration,
    },
    /// Nothing runs, and only a request changes that.
    Errored {
        /// Why, for people.
        reason: String,
    },
}

/// What follows when an ending life is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Then {
    /// Nothing.
    Stay,
    /// The next life; it counts as a restart or not.
    Start {
        /// Whether it counts.
        counted: bool,
    },
    /// The next life, not before this moment.
    Restart {
        /// When.
        at: Mono,
        /// The whole delay.
        delay: Duration,
    },
    /// The instance is forgotten.
    Remove,
    /// It is `errored`, for this reason.
    Fail {
        /// Why.
        reason: String,
    },
}

/// How the last life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastExit {
    /// Exit code; 128 + n for a signal.
    pub code: Option<i32>,
    /// The signal, when it was one.
    pub signal: Option<i32>,
    /// When.
    pub at: Wall,
}

/// What the app told about itself (PM2's `axm_*`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Actions that can be triggered.
    pub actions: Vec<Value>,
    /// Metrics.
    pub monitor: Map<String, Value>,
    /// Options.
    pub options: Map<String, Value>,
    /// Version of node.
    pub node_version: Option<String>,
}

/// A promise to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiter {
    request: RequestId,
    goal: Goal,
}

/// What was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Goal {
    /// It runs.
    Up,
    /// It does not run.
    Down,
    /// It is forgotten.
    Gone,
}

/// One slot of an app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Stable over restarts.
    pub id: InstanceId,
    /// Number among the instances of the same name.
    pub number: u32,
    /// What was declared.
    pub spec: AppSpec,
    /// Found in the environment of every process of this instance.
    pub unique_id: String,
    /// What it is doing.
    pub state: State,
    /// When the record began; none after too many unstable lives.
    pub created_at: Option<Wall>,
    /// When the last life began.
    pub began_at: Option<Wall>,
    /// How often it was started again.
    pub restarts: u32,
    /// For the restart policy.
    pub history: History,
    /// How the last life ended.
    pub last_exit: Option<LastExit>,
    /// Completes "cannot …": why it does not run, or why a reload failed.
    pub failure: Option<String>,
    /// Version of the app.
    pub version: Option<String>,
    /// What the app told about itself.
    pub told: Told,
    /// `monitor` and `unmonitor`.
    pub monitored: Option<bool>,
    /// Whether files are watched now, and which.
    pub watching: Option<Value>,
    /// A life that nothing could kill.
    pub lingering: Option<Ending>,
    /// Not online yet since it was registered: the `start` event is due.
    fresh: bool,
    /// Deleted; the supervisor drops it at the end of the turn.
    forgotten: bool,
    waiters: Vec<Waiter>,
}

impl Instance {
    pub(crate) fn new(id: InstanceId, number: u32, spec: AppSpec, unique_id: String) -> Self {
        Self {
            id,
            number,
            watching: spec.watch.watch.clone(),
            spec,
            unique_id,
            state: State::Stopped,
            created_at: None,
            began_at: None,
            restarts: 0,
            history: History::default(),
            last_exit: None,
            failure: None,
            version: None,
            told: Told::default(),
            monitored: None,
            lingering: None,
            fresh: true,
            forgotten: false,
            waiters: Vec::new(),
        }
    }

    /// The life this instance is about, if any.
    pub fn life(&self) -> Option<Life> {
        match &self.state {
            State::Launching { life, .. } | State::Online { life, .. } => Some(*life),
            State::Stopping { ending, .. } => Some(ending.life),
            State::Stopped | State::Waiting { .. } | State::Errored { .. } => None,
        }
    }

    /// The main process that runs, if any.
    pub fn pid(&self) -> Option<u32> {
        match &self.state {
            State::Launching { pid, .. } => *pid,
            State::Online { pid, .. } => Some(*pid),
            State::Stopping { ending, .. } if !ending.main_gone => ending.pid,
            State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => None,
        }
    }

    /// Whether it is a worker of a cluster.
    pub fn is_worker(&self) -> bool {
        self.spec.mode == Mode::Cluster
    }

    /// When time alone changes something.
    pub fn deadline(&self) -> Option<Mono> {
        match &self.state {
            State::Launching { ready_by, .. } => Some(*ready_by),
            State::Stopping { ending, .. } => Some(ending.deadline()),
            State::Waiting { until, .. } => Some(*until),
            State::Online { .. } | State::Stopped | State::Errored { .. } => None,
        }
    }

    pub(crate) fn is_forgotten(&self) -> bool {
        self.forgotten
    }

    fn title(&self) -> String {
        format!("App [{}:{}]", self.spec.name, self.id)
    }

    fn remember_exit(&mut self, status: ExitStatus, turn: &mut Turn<'_>) {
        let signal = match status {
            ExitStatus::Signal(signal) => Some(signal),
            ExitStatus::Code(_) | ExitStatus::Unknown => None,
        };
        let code = crate::policy::exit_code(status);
        self.last_exit = Some(LastExit {
            code,
            signal,
            at: turn.now.wall,
        });
        self.told.actions.clear();
        self.told.monitor.clear();
        // PM2 prints code 0 with a signal and SIGINT without one; scripts read these lines.
        let shown = if signal.is_some() {
            0
        } else {
            code.unwrap_or(0)
        };
        let name = crate::signal::name(signal.unwrap_or(crate::signal::INT));
        turn.log(format!(
            "{} exited with code [{shown}] via signal [{name}]",
            self.title()
        ));
    }

    // Promises.

    pub(crate) fn promise(&mut self, request: RequestId, goal: Goal) {
        self.waiters.push(Waiter { request, goal });
    }

    fn settle(&mut self, goal: Goal, turn: &mut Turn<'_>, reply: impl Fn(&Self) -> Reply) {
        let (due, kept) = self.waiters.iter().partition(|waiter| waiter.goal == goal);
        self.waiters = kept;
        let due: Vec<Waiter> = due;
        for waiter in due {
            turn.pending
                .settle(waiter.request, reply(self), turn.actions);
        }
    }

    fn settle_up(&mut self, turn: &mut Turn<'_>) {
        self.settle(Goal::Up, turn, |instance| {
            Ok(Outcome::Instances(vec![instance.id]))
        });
    }

    /// A later request changed the course: those who waited for `goal` will not get it.
    fn supersede(&mut self, goal: Goal, turn: &mut Turn<'_>) {
        self.settle(goal, turn, |instance| {
            Err(RequestError::Superseded(instance.id))
        });
    }
}
