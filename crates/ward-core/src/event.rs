//! Everything that can happen, as the shell tells it to the core. Past tense.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{InstanceId, Life, RequestId, WatchId};
use crate::request::Request;
use crate::time::Wall;

pub use crate::tally::{Taken, Tally};

/// Something that happened in the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A client asks. Answered by exactly one [`crate::action::Action::Reply`].
    Requested {
        /// Names the reply.
        id: RequestId,
        /// The request itself.
        request: Request,
    },
    /// Answer to `Action::Spawn`.
    Spawned {
        /// The life that began.
        life: Life,
        /// Its process id.
        pid: u32,
        /// `version` of the nearest package.json, when there is one.
        version: Option<String>,
    },
    /// Answer to `Action::Spawn`: nothing runs.
    SpawnFailed {
        /// The life that never began.
        life: Life,
        /// Completes "cannot …", for people.
        reason: String,
    },
    /// Answer to `Action::Spawn`: nothing runs, because the daemon or the machine is short of
    /// descriptors, processes, memory or room on a disk. The start is tried again.
    SpawnPostponed {
        /// The life that never began.
        life: Life,
        /// Completes "cannot …", for people.
        reason: String,
    },
    /// The main process of a life ended.
    Exited {
        /// The life whose main process ended.
        life: Life,
        /// The exit code or the signal.
        status: ExitStatus,
    },
    /// Answer to `Action::Probe`: how many processes of the life are alive, the main one included.
    Probed {
        /// The life whose processes were counted.
        life: Life,
        /// Zero: nothing is left.
        alive: u32,
    },
    /// The app said `ready` over IPC.
    Ready {
        /// The life that is ready.
        life: Life,
    },
    /// A cluster worker is up (`online`, before user code).
    WorkerOnline {
        /// The life of the worker.
        life: Life,
    },
    /// A life was begun as a cluster worker, but what it runs cannot be one: it runs as in fork mode.
    WorkerAlone {
        /// The life that is no worker.
        life: Life,
        /// Why, and what to do about it, for people: whole sentences.
        reason: String,
    },
    /// A cluster worker listens.
    Listening {
        /// The life of the worker.
        life: Life,
    },
    /// A cluster worker has loaded and rests, and has not asked for a socket: it may never listen.
    Settled {
        /// The life of the worker.
        life: Life,
    },
    /// A cluster worker is stopped, as by SIGSTOP, and keeps others waiting: connections that were
    /// handed to it, or those who want it replaced. Only its end lets them go on: whenever it were
    /// continued, it would take connections that others serve by then.
    WorkerHung {
        /// The life of the worker.
        life: Life,
        /// For how long it has answered nothing.
        silent_for: core::time::Duration,
    },
    /// A worker was told to finish, after all that was on its way to it had arrived: from now on it has
    /// its whole `drain_timeout`. Told once, before the answer to `Action::Drain`.
    DrainBegan {
        /// The life of the worker that drains.
        life: Life,
    },
    /// Answer to `Action::Drain`: no work is left, or the app cannot tell.
    Drained {
        /// The life of the worker that was drained.
        life: Life,
    },
    /// The channel of a life that was drained is closed: what became of its connections. The life
    /// may be over by then, so its instance is named.
    Tallied {
        /// The instance the life belonged to.
        instance: InstanceId,
        /// The worker that was drained.
        life: Life,
        /// The counts.
        tally: Tally,
    },
    /// Something was reported about an app, over its IPC channel or by the daemon in its place.
    Reported {
        /// The life it is about.
        life: Life,
        /// Who says so.
        source: ReportSource,
        /// The facts, in the order in which they were told; a report of the agent may hold none.
        reports: Vec<Report>,
    },
    /// A sample of the tree of a life.
    Sampled {
        /// The life that was measured.
        life: Life,
        /// Resident memory of the tree, in bytes.
        memory_bytes: u64,
    },
    /// Files of a watched app changed. A burst of changes is told once.
    FilesChanged {
        /// Which app.
        app: WatchId,
        /// The first of them, for people: relative to the working directory of the app when it is below.
        path: String,
        /// When the last of them changed.
        at: Wall,
    },
    /// Answer to `Action::Watch`: nothing is watched.
    WatchFailed {
        /// Which app.
        app: WatchId,
        /// Why, for people.
        reason: String,
    },
    /// A client of PM2's announced that it is going to end the daemon (`notifyKillPM2`): restarts
    /// are refused for some seconds, as PM2 does.
    KillAnnounced,
    /// The wall clock was set, or the machine slept. Told by the shell at once; the core compares the
    /// clocks at each event, too.
    ClockChanged,
    /// A deadline may have passed. Extra ticks are harmless.
    Ticked,
}

impl Event {
    /// The daemon found out one fact about an app by itself.
    pub fn found_out(life: Life, report: Report) -> Self {
        Self::Reported {
            life,
            source: ReportSource::Daemon,
            reports: vec![report],
        }
    }
}

/// The end of a process, as the kernel tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// `exit(code)`.
    Code(i32),
    /// Ended by this signal.
    Signal(i32),
    /// It is gone, nobody knows how.
    Unknown,
}

/// Who tells something about an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReportSource {
    /// The app itself, or a library in it such as PM2's: once it tells metrics or options it speaks
    /// for itself, and the agent is not listened to any more.
    App,
    /// Ward's agent inside a worker, in the place of such a library.
    Agent,
    /// The daemon, which found out by itself.
    Daemon,
}

/// What apps say about themselves (PM2's `axm:*` packets).
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// `axm:action`: an action that can be triggered.
    Action(Value),
    /// `axm:monitor`: metrics to merge.
    Monitor(Map<String, Value>),
    /// `axm:option:configuration`: options to merge; `name` is the name in lists.
    Options(Map<String, Value>),
    /// `{node_version}`.
    NodeVersion(String),
    /// What it cannot have, such as a port in use; completes "cannot …". Said by the primary of
    /// a worker in its place.
    Trouble(String),
    /// The daemon ends this life for this reason; completes "cannot …".
    Ended(String),
    /// It told something that was not even read, for this reason: see
    /// [`limits`](crate::instance::limits).
    Refused(String),
}
