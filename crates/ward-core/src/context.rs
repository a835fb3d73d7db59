//! What an instance may touch while it handles one event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::{Action, Notice};
use crate::defaults::Defaults;
use crate::id::{InstanceId, Life};
use crate::pending::Pending;
use crate::random::Random;
use crate::time::Now;

/// One call of `Supervisor::handle`.
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) defaults: &'a Defaults,
    pub(crate) lives: &'a mut LifeIndex,
    pub(crate) pending: &'a mut Pending,
    pub(crate) random: &'a mut Random,
    pub(crate) actions: &'a mut Vec<Action>,
}

/// Which instance a life belongs to, and the number of the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LifeIndex {
    last: u64,
    owners: BTreeMap<Life, InstanceId>,
}

impl LifeIndex {
    pub(crate) fn begin(&mut self, owner: InstanceId) -> Life {
        self.last += 1;
        let life = Life(self.last);
        self.owners.insert(life, owner);
        life
    }

    pub(crate) fn owner(&self, life: Life) -> Option<InstanceId> {
        self.owners.get(&life).copied()
    }
}

impl Context<'_> {
    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub(crate) fn log(&mut self, text: String) {
        self.act(Action::Log { error: false, text });
    }

    pub(crate) fn log_error(&mut self, text: String) {
        self.act(Action::Log { error: true, text });
    }

    /// Publishes a `process:event` with the record, which never carries `env` on the bus. Without
    /// listeners the record is not even built.
    pub(crate) fn publish(
        &mut self,
        event: &'static str,
        manually: bool,
        process: impl FnOnce() -> serde_json::Map<String, serde_json::Value>,
    ) {
        if !self.defaults.followed {
            return;
        }
        let mut process = process();
        process.shift_remove("env");
        self.act(Action::Publish(Notice::Process {
            event,
            manually,
            process,
        }));
    }

    /// The life is over in every respect.
    pub(crate) fn release(&mut self, life: Life) {
        self.lives.owners.remove(&life);
        self.act(Action::Release { life });
    }
}
