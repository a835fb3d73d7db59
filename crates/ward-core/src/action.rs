//! Everything the core may ask of the shell. Imperative.

use serde_json::{Map, Value};

use crate::id::{InstanceId, Life, RequestId, WatchId};
use crate::launch::Launch;
use crate::request::{PartResult, Reply};
use crate::time::Wall;
use crate::watch_plan::WatchPlan;

/// Do this. Actions of one `handle` call are performed in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Start a process. Answered at once by `Spawned` or `SpawnFailed`.
    Spawn {
        /// The instance the process belongs to.
        instance: InstanceId,
        /// The new life.
        life: Life,
        /// The program, its environment, its user and its output.
        launch: Box<Launch>,
    },
    /// Ask a life to end by itself.
    Terminate {
        /// The life that is asked.
        life: Life,
        /// The way in which it is asked.
        how: Ask,
    },
    /// SIGKILL to every process of the life.
    Kill {
        /// The life that is killed.
        life: Life,
        /// Everything, or the main process alone.
        scope: Scope,
    },
    /// Count the processes of the life. Answered by `Probed`, at once or, when something is left,
    /// again when an orphan is reaped.
    Probe {
        /// The life whose processes are counted.
        life: Life,
    },
    /// A signal for the main process, asked for by a user.
    Signal {
        /// The life that is signalled.
        life: Life,
        /// The number of the signal.
        signal: i32,
    },
    /// Take a cluster worker out of the rotation and let it finish. Answered by `Drained`.
    Drain {
        /// The life of the worker.
        life: Life,
    },
    /// A cluster worker counts as ready: it gets connections from now on. Comes before any reply that
    /// tells of it.
    Admit {
        /// The life of the worker.
        life: Life,
    },
    /// No worker of this instance will come by itself: what only it listened on is closed. Comes
    /// before any reply that tells of its end, so that whoever is answered may listen there.
    CloseListeners {
        /// The instance that came to rest or was deleted.
        instance: InstanceId,
    },
    /// Give the workers of an instance no connections until further notice, or do again.
    Pause {
        /// The instance that is paused, whatever its process.
        instance: InstanceId,
        /// No connections (true), or connections again (false).
        paused: bool,
    },
    /// Tell ward's agent inside a worker to report nothing more: the app reports by itself.
    SilenceAgent {
        /// The life of the worker.
        life: Life,
    },
    /// Measure the memory of the trees of these lives. Answered by one `Sampled` for each that could
    /// be measured.
    Sample {
        /// Running lives whose apps have a memory limit.
        lives: Vec<Life>,
    },
    /// Publish on the bus.
    Publish(Notice),
    /// Answer a request.
    Reply {
        /// The request that is answered.
        request: RequestId,
        /// The answer.
        reply: Reply,
    },
    /// A line for the daemon's log.
    Log {
        /// Error or not.
        error: bool,
        /// The text, without date and line end.
        text: String,
    },
    /// The life is over and forgotten: drop its pidfd, channel and pid file. Its log pipes live
    /// until their own end.
    Release {
        /// The life that is over.
        life: Life,
    },
    /// The instance was deleted: close what belongs to it.
    Forget {
        /// The instance that was deleted.
        instance: InstanceId,
    },
    /// Watch files for an app, or from now on otherwise. Answered by `FilesChanged` for each burst of
    /// changes, or by `WatchFailed`.
    Watch {
        /// Which app.
        app: WatchId,
        /// What.
        plan: Box<WatchPlan>,
        /// What changed after this moment counts, however long it takes to read the tree.
        since: Wall,
    },
    /// Watch nothing for this app any more.
    Unwatch {
        /// Which app.
        app: WatchId,
    },
    /// The spec of an instance changed in a way the shell watches over (memory limits).
    Configure {
        /// The instance whose declaration changed.
        instance: InstanceId,
    },
}

/// The polite request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// This signal to these processes.
    Signal(i32, Scope),
    /// The IPC message `shutdown`.
    Message,
}

/// How much of a life is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole tree.
    Tree,
    /// The main process.
    Main,
}

/// A bus event made by the core.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// `process:event`; `process` is the record at that moment, without `env`.
    Process {
        /// PM2's word: `online`, `exit`, `start`, …
        event: &'static str,
        /// Whether a person asked for it.
        manually: bool,
        /// The record at that moment, in PM2's form, without `env`.
        process: Map<String, Value>,
    },
    /// `ward:progress`: a part of a job is done. Made for listeners only.
    Progress {
        /// What the job does, as requests call it.
        action: &'static str,
        /// What became of the part; none when it has several results.
        part: Option<Box<PartResult>>,
        /// How many parts are done.
        done: usize,
        /// How many there are.
        total: usize,
    },
}
