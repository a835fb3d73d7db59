//! One slot of an app: its state, and what it remembers between its lives.
//!
//! `State` says what is; `NextGoal` says what is wanted once an ending life is gone. Each event has one
//! method, and each method looks at every state. The methods live in the modules below, by theme.
#![warn(clippy::wildcard_enum_match_arm)]

use core::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::cluster::Role;
use crate::cron::Planned;
use crate::event::ReportSource;
use crate::id::{InstanceId, Life};
use crate::policy::History;
use crate::spec::{AppSpec, Mode};
use crate::termination::Termination;
use crate::time::{Mono, Wall};

mod end;
mod events;
mod launch_plan;
mod planned;
mod promises;
mod ready;
mod reload;
mod reports;
mod requests;
mod shortage;
mod started;
mod traffic;
pub mod view;

use ready::ListenHistory;
pub use ready::Readiness;
pub(crate) use ready::ReadySignal;
pub use reload::{LastReload, Replacement};
pub use reports::limits;
pub use shortage::Shortage;

/// What an instance is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// Nothing runs, nothing is wanted.
    Stopped,
    /// A life began and is not ready yet.
    Launching {
        /// The life that runs.
        life: Life,
        /// Its process, once the spawn is answered.
        pid: Option<u32>,
        /// The moment at which it was spawned.
        began: Mono,
        /// It counts as ready then, whatever it said.
        ready_by: Mono,
        /// The signs of readiness it has given so far.
        readiness: Readiness,
    },
    /// A life runs.
    Online {
        /// The life that runs.
        life: Life,
        /// Its main process.
        pid: u32,
        /// The moment at which it was spawned.
        began: Mono,
        /// It listens (workers only).
        listening: bool,
        /// Those who started it are answered then at the latest; until then a worker may still
        /// begin to listen, and they want to hear of a worker that does.
        answer_by: Option<Mono>,
        /// Delays between restarts begin anew then.
        calm_at: Option<Mono>,
    },
    /// A life is ending: asked, killed, or swept after its main process is gone.
    Stopping {
        /// The ending life, and how far its end is.
        termination: Termination,
        /// The goal once nothing of the life is left.
        next_goal: NextGoal,
        /// Somebody asked for the end; otherwise the main process ended by itself.
        asked: bool,
    },
    /// Nothing runs until the delay is over.
    Waiting {
        /// The moment at which the next life begins.
        until: Mono,
        /// The whole delay, for the log and the record.
        delay: Duration,
    },
    /// Nothing runs, and only a request changes that.
    Errored {
        /// The reason; completes "cannot …".
        reason: String,
    },
}

/// What follows when an ending life is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NextGoal {
    /// The instance stays stopped.
    Stay,
    /// The next life; it counts as a restart or not.
    Start {
        /// Whether it counts.
        counted: bool,
    },
    /// The next life, not before this moment.
    Restart {
        /// The moment from which on it may begin.
        at: Mono,
        /// The whole delay.
        delay: Duration,
    },
    /// The instance is forgotten.
    Remove,
    /// It is `errored`, for this reason.
    Fail {
        /// The reason; completes "cannot …".
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
    /// The moment of the exit.
    pub at: Wall,
}

/// What the app told about itself (PM2's `axm_*`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AppReport {
    /// Actions that can be triggered (`axm_actions`).
    pub actions: Vec<Value>,
    /// Metrics by name (`axm_monitor`).
    pub monitor: Map<String, Value>,
    /// Options by name (`axm_options`).
    pub options: Map<String, Value>,
    /// The version of Node.js it runs on.
    pub node_version: Option<String>,
    /// Who speaks for it; none as long as nobody did.
    #[serde(default)]
    pub source: Option<ReportSource>,
    /// What this life cannot have; completes "cannot …".
    #[serde(default)]
    pub trouble: Option<String>,
    /// Something it told was not kept, which was said.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub refused: bool,
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
    /// The state of its current life, or of the wait for the next one.
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
    /// What a start waits for, if the last one failed because something was short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortage: Option<Shortage>,
    /// Why the daemon ended the last life; told with the next one. Completes "cannot …".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Why an app that was declared for a cluster runs as in fork mode; decided anew when it is
    /// declared anew.
    #[serde(default)]
    pub alone: Option<String>,
    /// Version of the app.
    pub version: Option<String>,
    /// What the app told about itself.
    pub reported: AppReport,
    /// `monitor` and `unmonitor`.
    pub monitored: Option<bool>,
    /// Whether files are watched now, and which.
    pub watching: Option<Value>,
    /// Lives that nothing could kill.
    pub lingering: Vec<Termination>,
    /// The second life while a worker is being replaced.
    pub replacement: Option<Replacement>,
    /// The last reload that succeeded.
    #[serde(default)]
    pub last_reload: Option<LastReload>,
    /// Its workers get no connections until further notice; ends when it comes to rest.
    #[serde(default)]
    pub paused: bool,
    /// The next planned restart.
    pub planned: Option<Planned>,
    /// A worker began since its listeners were closed, so it may have some.
    #[serde(default)]
    may_listen: bool,
    /// Whether workers of this program listen.
    listen_history: ListenHistory,
    /// The life that was restarted for its memory, so that it is not done twice.
    heavy: Option<Life>,
    /// Not online yet since it was registered: the `start` event is due.
    fresh: bool,
    /// Deleted; the supervisor drops it at the end of the turn.
    forgotten: bool,
    waiters: Vec<promises::Waiter>,
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
            shortage: None,
            ended: None,
            alone: None,
            version: None,
            reported: AppReport::default(),
            monitored: None,
            lingering: Vec::new(),
            replacement: None,
            last_reload: None,
            paused: false,
            planned: None,
            may_listen: false,
            listen_history: ListenHistory::default(),
            heavy: None,
            fresh: true,
            forgotten: false,
            waiters: Vec::new(),
        }
    }

    /// The life this instance is about, if any.
    pub fn life(&self) -> Option<Life> {
        match &self.state {
            State::Launching { life, .. } | State::Online { life, .. } => Some(*life),
            State::Stopping { termination, .. } => Some(termination.life),
            State::Stopped | State::Waiting { .. } | State::Errored { .. } => None,
        }
    }

    /// The main process that runs, if any.
    pub fn pid(&self) -> Option<u32> {
        match &self.state {
            State::Launching { pid, .. } => *pid,
            State::Online { pid, .. } => Some(*pid),
            State::Stopping { termination, .. } if !termination.main_gone => termination.pid,
            State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => None,
        }
    }

    /// The part its processes play. An app that was declared for a cluster and cannot be a worker
    /// stands alone.
    pub fn role(&self) -> Role {
        match self.spec.mode {
            Mode::Cluster if self.alone.is_none() => Role::Worker,
            Mode::Cluster | Mode::Fork => Role::Standalone,
        }
    }

    /// Whether it is a worker of a cluster.
    pub fn is_worker(&self) -> bool {
        self.role() == Role::Worker
    }

    /// Whether a life began and is not ready yet.
    pub fn is_launching(&self) -> bool {
        match &self.state {
            State::Launching { .. } => true,
            State::Online { .. }
            | State::Stopping { .. }
            | State::Stopped
            | State::Waiting { .. }
            | State::Errored { .. } => false,
        }
    }

    /// When time alone changes something.
    pub fn deadline(&self) -> Option<Mono> {
        let state = match &self.state {
            State::Launching { ready_by, .. } => Some(*ready_by),
            State::Stopping { termination, .. } => Some(termination.deadline()),
            State::Waiting { until, .. } => Some(*until),
            State::Online {
                answer_by, calm_at, ..
            } => [*answer_by, *calm_at].into_iter().flatten().min(),
            State::Stopped | State::Errored { .. } => None,
        };
        let replacement = self.replacement.as_ref().map(Replacement::deadline);
        let planned = self.planned.as_ref().map(|planned| planned.at);
        [state, replacement, planned].into_iter().flatten().min()
    }

    pub(crate) fn is_forgotten(&self) -> bool {
        self.forgotten
    }

    fn title(&self) -> String {
        format!("App [{}:{}]", self.spec.name, self.id)
    }
}
