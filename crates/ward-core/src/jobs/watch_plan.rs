//! What to watch for an app.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::instance::Instance;
use crate::instance::view;

/// What to watch for an app, as it was declared; the shell reads the patterns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WatchPlan {
    /// The app, for people.
    pub name: String,
    /// What relative paths are relative to.
    pub cwd: String,
    /// `watch`: `true`, or paths and patterns.
    pub watch: Option<Value>,
    /// `ignore_watch`.
    pub ignore: Option<Value>,
    /// `watch_options`.
    pub options: Option<Value>,
    /// `watch_delay`.
    pub delay: Duration,
    /// The files ward itself writes for this app: logs and pid files.
    pub own: Vec<String>,
}

impl WatchPlan {
    /// What an instance declares, without any own files.
    pub(super) fn of(instance: &Instance) -> Self {
        let spec = &instance.spec;
        Self {
            name: spec.name.clone(),
            cwd: spec.program.cwd.clone(),
            watch: instance.watching.clone(),
            ignore: spec.watch.ignore.clone(),
            options: spec.watch.options.clone(),
            delay: spec.watch.delay.unwrap_or_default(),
            own: Vec::new(),
        }
    }

    /// Whether an instance is one of this app: apps of the same name in two folders are two.
    pub(super) fn is_of(&self, instance: &Instance) -> bool {
        self.name == instance.spec.name && self.cwd == instance.spec.program.cwd
    }

    pub(super) fn add_own(&mut self, instance: &Instance) {
        self.own.extend(view::own_files(instance));
    }
}
