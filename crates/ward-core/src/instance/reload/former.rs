//! What an instance remembers of a worker that was replaced, until that one is gone.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::event::ExitStatus;
use crate::instance::view::{self, Status};
use crate::instance::{AppReport, Instance, LastExit, LastReload, State};
use crate::policy::{self, History};
use crate::time::Wall;

/// The facts in which the record of the old worker differs from that of its successor. The record is
/// made of them when somebody wants it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Former {
    created_at: Option<Wall>,
    began_at: Option<Wall>,
    restarts: u32,
    history: History,
    last_exit: Option<LastExit>,
    failure: Option<String>,
    version: Option<String>,
    reported: AppReport,
    last_reload: Option<LastReload>,
}

impl Former {
    /// Of the worker `instance` is about now.
    pub(super) fn of(instance: &Instance) -> Self {
        Self {
            created_at: instance.created_at,
            began_at: instance.began_at,
            restarts: instance.restarts,
            history: instance.history,
            last_exit: instance.last_exit,
            failure: instance.failure.clone(),
            version: instance.version.clone(),
            reported: instance.reported.clone(),
            last_reload: instance.last_reload,
        }
    }

    /// Its main process ended. As in PM2 only the code of the exit is told.
    pub(super) fn exited(&mut self, status: ExitStatus, at: Wall) {
        self.last_exit = Some(LastExit {
            code: Some(policy::exit_code(status).unwrap_or(0)),
            signal: self.last_exit.and_then(|exit| exit.signal),
            at,
        });
    }

    /// `pm2_env` of the old worker, under the id `_old_<n>`. `instance` is the one it belonged to.
    pub(super) fn record(&self, instance: &Instance, status: Status) -> Map<String, Value> {
        let mut shown = instance.clone();
        // It is not launching, whatever its successor does.
        shown.state = State::Stopped;
        shown.created_at = self.created_at;
        shown.began_at = self.began_at;
        shown.restarts = self.restarts;
        shown.history = self.history;
        shown.last_exit = self.last_exit;
        shown.failure.clone_from(&self.failure);
        shown.version.clone_from(&self.version);
        shown.reported = self.reported.clone();
        shown.last_reload = self.last_reload;
        let mut record = view::record_as(&shown, status);
        record.insert("pm_id".to_owned(), old_id(instance));
        record
    }

    /// What the reply to a reload carries: the old worker, which is gone.
    pub(super) fn process(&self, instance: &Instance) -> Value {
        json!({
            "pid": 0,
            "name": instance.spec.name,
            "pm2_env": self.record(instance, Status::Stopped),
            "pm_id": old_id(instance),
        })
    }
}

fn old_id(instance: &Instance) -> Value {
    format!("_old_{}", instance.id).into()
}
