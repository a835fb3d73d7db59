//! Jobs: one request about many instances, done part by part.
//!
//! A job says how many of its parts run at once ([`at_once`]), until when its answer may wait, and
//! what became of each part. When the deadline passes, it is answered with what there is and goes on
//! all the same: nothing stays half done because nobody waits for it any more. Restarts for changed
//! files ([`watched`]) are jobs that nobody asked for. All of it is part of the snapshot.

mod at_once;
mod begin;
mod entries;
mod progress;
mod throttle;
mod watch_plan;
mod watched;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{InstanceId, JobId, Life, PartKey, RequestId, WatchId};
use crate::request::{Change, PartResult, RestoredState, Verb};
use crate::spec::AppSpec;
use crate::time::Mono;

use at_once::Lanes;
pub(crate) use watched::WatchedApps;

/// All jobs under way. Bounded by construction: one for each request that was not answered or goes
/// on after its deadline, with the parts the request named, and one for each watched app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Jobs {
    open: BTreeMap<JobId, Job>,
    /// The number of the last job.
    last: u64,
    /// How many parts were begun, ever: each has a request of its own.
    begun: u64,
    /// Jobs that may begin further parts. Empty between two events.
    ready: BTreeSet<JobId>,
    /// Jobs that have begun as many parts as one event may; the next tick goes on with them.
    unfinished: BTreeSet<JobId>,
    /// Parts that wait for the tally of the worker they replaced.
    counting: BTreeMap<Life, Counting>,
    /// The request of the part that begins. None between two events, unless it failed at a fault.
    #[serde(skip)]
    beginning: Option<RequestId>,
}

/// One request about many instances, or a restart for changed files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Job {
    kind: Kind,
    /// Who is answered; none once that is done, and for what nobody asked for.
    request: Option<RequestId>,
    /// How long the answer may wait, and until when that is.
    deadline: Option<(Duration, Mono)>,
    /// What `Work::Act` changes, by position.
    changes: Vec<Change>,
    parts: Vec<Part>,
    /// What waits and what runs.
    lanes: Lanes,
    /// An instance could not be restarted for changed files, because somebody else reloads it.
    met_reload: bool,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    /// The same to many instances.
    Act(Verb),
    /// Registers and starts apps.
    Prepare,
    /// More or fewer instances of an app.
    Scale,
    /// Restarts an app because its files changed.
    WatchRestart(WatchId),
}

/// One instance of a job, or one app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    work: Work,
    /// What became of it, once it is done and while somebody waits for it.
    results: Option<Vec<PartResult>>,
}

/// What is to be done. A declaration is taken out when the part begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Work {
    Act {
        id: InstanceId,
        /// Position of the change.
        change: usize,
    },
    Prepare {
        name: String,
        spec: Option<Box<AppSpec>>,
        places: Vec<InstanceId>,
    },
    Register {
        name: String,
        spec: Option<Box<AppSpec>>,
        restored: RestoredState,
    },
    Duplicate(InstanceId),
    Retire(InstanceId),
    Reload(InstanceId),
}

/// A reload that is done but for the tally of the worker that went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Counting {
    part: PartKey,
    /// The record of that worker.
    process: Value,
    /// Nobody waits longer.
    until: Mono,
}

impl Jobs {
    /// When time alone changes something.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        // Only a fault leaves the other two.
        if !self.unfinished.is_empty() || !self.ready.is_empty() || self.beginning.is_some() {
            return Some(Mono(0));
        }
        let answers = self.open.values().filter_map(|job| job.deadline);
        let tallies = self.counting.values().map(|counting| counting.until);
        answers.map(|(_, at)| at).chain(tallies).min()
    }
}

impl Kind {
    /// As it is called in `ward:progress`.
    fn name(self) -> &'static str {
        match self {
            Self::Act(verb) => verb.name(),
            Self::Prepare => "prepare",
            Self::Scale => "scale",
            Self::WatchRestart(_) => "watch",
        }
    }

    /// The app whose files changed.
    fn watched(self) -> Option<WatchId> {
        match self {
            Self::WatchRestart(app) => Some(app),
            Self::Act(_) | Self::Prepare | Self::Scale => None,
        }
    }

    /// Whether a failed start is a failure of the job.
    fn starts(self) -> bool {
        match self {
            Self::Act(verb) => verb.starts(),
            Self::Prepare | Self::Scale | Self::WatchRestart(_) => true,
        }
    }
}

impl Part {
    fn new(work: Work) -> Self {
        let results = None;
        Self { work, results }
    }

    /// The instance it is about; none for an app that is registered.
    fn instance(&self) -> Option<InstanceId> {
        match self.work {
            Work::Act { id, .. } | Work::Duplicate(id) | Work::Retire(id) | Work::Reload(id) => {
                Some(id)
            }
            Work::Prepare { .. } | Work::Register { .. } => None,
        }
    }

    /// The app it registers.
    fn app(&self) -> Option<&str> {
        match &self.work {
            Work::Prepare { name, .. } | Work::Register { name, .. } => Some(name),
            Work::Act { .. } | Work::Duplicate(_) | Work::Retire(_) | Work::Reload(_) => None,
        }
    }
}
