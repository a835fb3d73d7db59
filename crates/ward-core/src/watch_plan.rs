//! What to watch for an app.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::spec::UserSpec;

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
    /// With whose rights folders are read.
    #[serde(default, skip_serializing_if = "is_callers")]
    pub user: UserSpec,
}

fn is_callers(user: &UserSpec) -> bool {
    *user == UserSpec::default()
}
