//! What became of the parts of a job.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::InstanceId;
use crate::request::RequestError;
use crate::tally::Tally;

/// The result for one instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartResult {
    /// None when the app could not even be registered.
    pub instance: Option<InstanceId>,
    /// The name of its app, as far as it is known.
    pub name: Option<String>,
    /// `{pid, name, pm2_env, pm_id}`: the brief record of an instance that is there (`view::brief`), or
    /// the whole one of what went.
    pub process: Option<Value>,
    /// Why it is a failure.
    pub error: Option<PartError>,
    /// What became of the connections of the worker that was replaced.
    pub connections: Option<Tally>,
    /// Why an app that was declared for a cluster runs as in fork mode.
    pub fork_reason: Option<String>,
    /// What `Scale` did.
    pub effect: Option<Effect>,
}

/// What `Scale` did to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
}

/// Why a part failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartError {
    /// The request was refused, or its promise broken.
    Refused(RequestError),
    /// It was started and does not run; completes "cannot …".
    NotRunning(String),
    /// It is not done, and goes on; the answer could wait this long.
    Late(Duration),
}

impl PartResult {
    /// About an instance of which nothing else is known.
    pub(crate) fn of(instance: InstanceId) -> Self {
        Self {
            instance: Some(instance),
            ..Self::unregistered(None)
        }
    }

    /// About an app without instances.
    pub(crate) fn unregistered(error: Option<PartError>) -> Self {
        Self {
            instance: None,
            name: None,
            process: None,
            error,
            connections: None,
            fork_reason: None,
            effect: None,
        }
    }
}
