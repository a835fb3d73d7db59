//! What clients may ask about many instances at once.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::InstanceId;
use crate::request::{Change, RestoredState, WatchChange};
use crate::spec::AppSpec;

/// The same to many instances. The reply has one list of one result for each id, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// What is done.
    pub verb: Verb,
    /// Instances, and what changes in their declarations.
    pub targets: Vec<(Vec<InstanceId>, Change)>,
    /// Whether files are watched from now on.
    pub watch: Option<WatchChange>,
    /// How many at once, where the client says so.
    pub parallel: Option<usize>,
    /// The reply waits no longer than this; what is not done by then goes on.
    pub deadline: Option<Duration>,
}

/// Registers apps and starts their instances, side by side. The reply has one list for each app, with
/// a result for each of its instances.
#[derive(Clone, Debug, PartialEq)]
pub struct PrepareAll {
    /// The apps.
    pub apps: Vec<Registration>,
    /// The reply waits no longer than this; what is not done by then goes on.
    pub deadline: Option<Duration>,
}

/// An app to be registered.
#[derive(Clone, Debug, PartialEq)]
pub enum Registration {
    /// With all its instances.
    New(Box<AppSpec>),
    /// One instance as it was saved (`resurrect`). Started, unless it was stopped.
    Saved(Box<AppSpec>, RestoredState),
}

/// More or fewer instances of an app. The oldest go first; workers finish their connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// The app.
    pub name: String,
    /// How many instances it is to have.
    pub wanted: usize,
    /// The reply waits no longer than this; what is not done by then goes on.
    pub deadline: Option<Duration>,
}

/// An action on instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// Start what does not run.
    Start,
    /// Stop and start again, or start.
    Restart,
    /// Replace running cluster workers without losing work; otherwise as `Restart`.
    Reload,
    /// As `Reload`, asking the old worker by the message `shutdown`.
    SoftReload,
    /// Stop.
    Stop,
    /// Stop and forget.
    Delete,
    /// Counters to zero.
    Reset,
}

impl Verb {
    const ALL: [Self; 7] = [
        Self::Start,
        Self::Restart,
        Self::Reload,
        Self::SoftReload,
        Self::Stop,
        Self::Delete,
        Self::Reset,
    ];

    /// The verb of a request.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }

    /// As requests and `ward:progress` call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::SoftReload => "softReload",
            Self::Stop => "stop",
            Self::Delete => "delete",
            Self::Reset => "reset",
        }
    }

    /// The bus event a client of PM2's publishes after a success. A deletion publishes its own.
    pub(crate) const fn event(self) -> Option<&'static str> {
        match self {
            Self::Start | Self::Restart => Some("restart"),
            Self::Reload => Some("reload"),
            Self::SoftReload => Some("graceful reload"),
            Self::Stop => Some("stop"),
            Self::Delete | Self::Reset => None,
        }
    }

    /// Whether workers are replaced.
    pub(crate) const fn reloads(self) -> bool {
        matches!(self, Self::Reload | Self::SoftReload)
    }

    /// Whether the instances are to run afterwards.
    pub(crate) const fn starts(self) -> bool {
        !matches!(self, Self::Reset | Self::Stop | Self::Delete)
    }
}
