//! What clients may ask of the supervisor, and what they get. Imperative.
//! Reading (lists, records) is no request: the shell looks at the supervisor directly.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::InstanceId;
use crate::limits::{MOST_INSTANCES, MOST_INSTANCES_OF_APP};
use crate::spec::AppSpec;
use crate::time::Wall;

mod ask;
mod result;

pub use ask::{Act, PrepareAll, Registration, Scale, Verb};
pub use result::{Effect, PartError, PartResult};

/// One thing asked. The reply goes out when the promised state is reached.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Register an app and start its instances, side by side. The reply names all of them once
    /// each is running, stopped or errored; what became of one is told by its record (`failure`).
    Prepare(Box<AppSpec>),
    /// As `Prepare`, with these ids as far as they are free: one of several apps that begin together
    /// (`Supervisor::places`).
    PrepareAt(Box<AppSpec>, Vec<InstanceId>),
    /// The same to many instances, some at once.
    Act(Box<Act>),
    /// Register and start many apps.
    PrepareAll(PrepareAll),
    /// More or fewer instances of an app.
    Scale(Scale),
    /// Register one instance as it was saved (`resurrect`). Started, unless it was stopped.
    Register(Box<AppSpec>, RestoredState),
    /// Start a registered, not running instance.
    Start(InstanceId),
    /// Stop an instance; already stopped is a success.
    Stop(InstanceId),
    /// Stop and start again, or start when it is not running.
    Restart(InstanceId, Change),
    /// Replace a running cluster worker without losing work; otherwise as `Restart`.
    Reload(InstanceId, Change),
    /// As `Reload`, asking the old worker by the message `shutdown`.
    SoftReload(InstanceId, Change),
    /// Stop and forget.
    Delete(InstanceId),
    /// As `Delete`, but a running worker finishes its work first (scaling down).
    Retire(InstanceId),
    /// One more instance like this one.
    Duplicate(InstanceId),
    /// Counters to zero.
    Reset(InstanceId),
    /// A signal to the main process.
    Signal(InstanceId, i32),
    /// Mark as monitored or not (`_km_monitored`).
    Monitor(InstanceId, bool),
    /// No connections for the worker, or connections again (false). It holds for its instance,
    /// whatever its process, until that is stopped.
    Pause(InstanceId, bool),
    /// Watching on, off or toggled.
    Watch(InstanceId, WatchChange),
    /// Stop all instances of all apps and forget them; the daemon ends after the reply.
    Shutdown,
}

impl Request {
    /// Whether it replaces what runs.
    pub(crate) const fn restarts(&self) -> bool {
        matches!(
            self,
            Self::Restart(..) | Self::Reload(..) | Self::SoftReload(..)
        )
    }
}

/// What a saved instance keeps beside its declaration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredState {
    /// It was stopped: only register it.
    pub stopped: bool,
    /// Number among the instances of its name; the lowest free one when it is taken.
    pub number: Option<u32>,
    /// When the record began.
    pub created_at: Option<Wall>,
    /// How often it was started again; kept by a stopped instance only, as in PM2.
    pub restarts: u32,
}

/// What a restart changes in the spec.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// A whole new declaration (from a file): takes the place of the old one.
    pub spec: Option<Box<AppSpec>>,
    /// PM2's way: variables merged over the environment …
    pub env: serde_json::Map<String, Value>,
    /// … and record keys merged over the record (`current_conf`; the string `null` deletes).
    pub conf: serde_json::Map<String, Value>,
    /// Take `env` as the whole captured environment instead of merging it.
    pub replace_captured: bool,
    /// The new declaration comes without its captured environment: the app keeps the one it has.
    pub keeps_captured: bool,
    /// A file is started again and nobody asked for this app: one that is not to start by itself
    /// and rests takes the declaration and goes on resting.
    pub respects_autostart: bool,
}

/// Watching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchChange {
    /// Begin.
    On,
    /// End.
    Off,
    /// The other way.
    Toggle,
}

/// The answer to a request.
pub type Reply = Result<Outcome, RequestError>;

/// A promise kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// These instances were acted on; the shell shows their records.
    Instances(Vec<InstanceId>),
    /// The record of an instance as it was when it ended (stop, delete, reload of a worker).
    Gone(Box<Value>),
    /// The instance was not running and not stopped (errored, waiting): now it is stopped.
    WasNotRunning(InstanceId),
    /// The results of a job: for each part a list, with one result for an instance, and as many as it
    /// has instances for an app.
    Job(Vec<Vec<PartResult>>),
    /// Done; nothing to show.
    Done,
}

/// A promise refused or broken. PM2's texts are made of these by the shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RequestError {
    /// No app of this name.
    #[error("Application {0} not found")]
    UnknownApp(String),
    /// No such instance.
    #[error("no instance has the id {0}")]
    UnknownInstance(InstanceId),
    /// `Start` of a running one.
    #[error("instance {0} is online already")]
    AlreadyOnline(InstanceId),
    /// `Start` of a starting one.
    #[error("instance {0} is starting already")]
    AlreadyStarting(InstanceId),
    /// A process that nothing can kill still holds the slot.
    #[error("process {pid} of instance {instance} does not die")]
    Lingering {
        /// The instance.
        instance: InstanceId,
        /// The process.
        pid: u32,
    },
    /// The instance does not run, so nothing can be sent to it.
    #[error("instance {0} is not running")]
    Offline(InstanceId),
    /// A reload of this instance is under way.
    #[error("instance {0} is being reloaded")]
    Reloading(InstanceId),
    /// The new worker did not get ready; the old one goes on.
    #[error("instance {instance} was not replaced: {reason}")]
    ReloadFailed {
        /// The instance.
        instance: InstanceId,
        /// The reason, for people.
        reason: String,
    },
    /// Nothing runs.
    #[error("cannot {reason}")]
    SpawnFailed {
        /// The instance, which is `errored` now.
        instance: InstanceId,
        /// Completes "cannot …".
        reason: String,
    },
    /// A later request changed the course (stop during start, delete during restart).
    #[error("{}", .by.outcome(*.instance))]
    Superseded {
        /// The instance both requests are about.
        instance: InstanceId,
        /// What took over.
        by: SupersededBy,
    },
    /// The supervisor is ending.
    #[error("the daemon is stopping")]
    ShuttingDown,
    /// The end of the daemon was announced, so nothing is restarted now.
    #[error("the daemon is about to be killed, nothing is restarted")]
    KillAnnounced,
    /// The change cannot be applied.
    #[error("{0}")]
    BadSpec(String),
    /// More instances of one app than there can be.
    #[error(
        "an app can have at most {MOST_INSTANCES_OF_APP} instances, and this would make {wanted}"
    )]
    TooManyOfApp {
        /// How many there would be.
        wanted: usize,
    },
    /// More instances than there can be.
    #[error(
        "all apps together can have at most {MOST_INSTANCES} instances, and this would make {wanted}"
    )]
    TooMany {
        /// How many there would be.
        wanted: usize,
    },
    /// A request names more instances than there can be.
    #[error("a request can name at most {MOST_INSTANCES} instances, and this one names {0}")]
    TooManyNamed(usize),
}

/// What takes over from a request that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SupersededBy {
    /// A request to start.
    Start,
    /// A request to stop.
    Stop,
    /// A restart, asked for or planned.
    Restart,
    /// A request to delete.
    Delete,
    /// Fewer instances are wanted.
    ScaleDown,
    /// The end of the daemon.
    Shutdown,
    /// No request: the process ended by itself.
    Exit,
}

impl SupersededBy {
    /// What became of the instance instead, for people.
    fn outcome(self, instance: InstanceId) -> String {
        let (request, outcome) = match self {
            Self::Start => ("a later start", "is starting"),
            Self::Stop => ("a later stop", "is being stopped"),
            Self::Restart => ("a later restart", "is being restarted"),
            Self::Delete => ("a later delete", "is being deleted"),
            Self::ScaleDown => ("scaling down", "is being deleted"),
            Self::Shutdown => ("the end of the daemon", "is being stopped"),
            Self::Exit => return format!("instance {instance} ended before this was done"),
        };
        format!("{request} took over: instance {instance} {outcome}")
    }
}
