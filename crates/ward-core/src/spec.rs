//! What was declared: one app, resolved and typed. Every key a user can write has its place here,
//! also those that are only kept and shown.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A declared app. All instances of one `prepare` start from equal specs; each instance holds its
/// own, because a restart may change one instance alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppSpec {
    /// Shown name, the usual selector.
    pub name: String,
    /// Prefix a module puts before its name.
    pub name_prefix: Option<String>,
    /// Group of apps.
    pub namespace: String,
    /// The program and its arguments.
    pub program: Program,
    /// Alone or as a worker of Node's cluster.
    pub mode: Mode,
    /// Number of instances as declared: absent, `0` (one per CPU), negative (CPUs + n) or a count.
    pub instances: Option<i64>,
    /// The environment, layer by layer.
    pub env: EnvLayers,
    /// Name of the variable that carries the instance number; `NODE_APP_INSTANCE` by default.
    pub instance_var: String,
    /// Variable that is one higher in each further instance.
    pub increment_var: Option<String>,
    /// Inherited variables to leave out.
    pub filter_env: Option<FilterEnv>,
    /// Port given to the app as `PORT`.
    pub port: Option<u16>,
    /// The user and group of the process.
    pub user: UserSpec,
    /// The log files and their form.
    pub log: LogSpec,
    /// Pid file as declared, before the instance id is put in.
    pub pid_path: Option<String>,
    /// How it starts and when it is ready.
    pub start: StartSpec,
    /// How it is asked to stop, and killed.
    pub stop: StopSpec,
    /// When it is started again: after an exit, by the calendar, for too much memory.
    pub restart: RestartSpec,
    /// Restart when files change.
    pub watch: WatchSpec,
    /// Cluster options of this app.
    pub cluster: ClusterSpec,
    /// Options about Node's instrumentation, kept and shown.
    pub node: NodeSpec,
    /// Keys ward does not act on: kept, shown in the record and written to the dump.
    pub extra: Map<String, Value>,
}

/// The program, its interpreter and the arguments of both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Absolute path of the script or binary. As given: symbolic links are resolved at each spawn.
    pub script: String,
    /// Working directory, absolute.
    pub cwd: String,
    /// The working directory as declared, when it was: only shown.
    #[serde(default)]
    pub cwd_stated: Option<String>,
    /// Words after the script, as declared: the process gets numbers as text. Absent and empty are
    /// shown differently.
    pub args: Option<Vec<Value>>,
    /// Interpreter; `none` runs the script itself.
    pub interpreter: String,
    /// Words between interpreter and script (`node_args`), likewise.
    pub interpreter_args: Vec<Value>,
}

/// Whether the processes of an app are workers of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// A process of its own.
    Fork,
    /// A worker of Node's cluster whose primary is the daemon.
    Cluster,
}

/// The environment of an app, kept apart until spawn: later layers win.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EnvLayers {
    /// The environment of the shell that issued the command, after `filter_env`.
    /// Shared by apps that have the same.
    #[serde(with = "shared")]
    pub captured: Arc<Map<String, Value>>,
    /// What evaluating the file changed in the environment (`process.env.X = …`, `dotenv`). Apart
    /// from the captured layer, or it would be lost when that one is taken anew (`--update-env`).
    #[serde(default)]
    pub evaluated: Map<String, Value>,
    /// `env` of the file merged with the chosen `env_<name>`.
    pub declared: Map<String, Value>,
    /// What ward or a client adds (`unique_id`, `<name>`, module configuration).
    pub injected: Map<String, Value>,
    /// All `env_<name>` objects of the file, by full key, for the record.
    pub variants: Map<String, Value>,
}

impl EnvLayers {
    /// What a variable is in the merge of all layers, which is not made for it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let upper = [&self.injected, &self.declared, &self.evaluated];
        let found = upper.into_iter().find_map(|layer| layer.get(name));
        found.or_else(|| self.captured.get(name))
    }
}

/// Written as what is shared.
mod shared {
    use super::{Arc, Map, Value};

    pub(super) fn serialize<S: serde::Serializer>(
        map: &Arc<Map<String, Value>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(&**map, serializer)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Map<String, Value>>, D::Error> {
        serde::Deserialize::deserialize(deserializer).map(Arc::new)
    }
}

/// `filter_env`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FilterEnv {
    /// Drop everything inherited.
    All,
    /// Drop variables whose name contains one of these.
    Containing(Vec<String>),
    /// Drop exactly this one.
    Exactly(String),
}

/// The user and group a process runs as.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSpec {
    /// Name or number.
    pub uid: Option<Value>,
    /// Name or number; the user's own group when absent.
    pub gid: Option<Value>,
    /// Name of who started the app, for the list.
    pub username: Option<String>,
}

/// The log files of an app and the form of their lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogSpec {
    /// Standard output file, before the instance id is put in; `None` or `/dev/null`: no file.
    pub out_path: Option<String>,
    /// Standard error file, likewise.
    pub err_path: Option<String>,
    /// File that gets both, likewise.
    pub combined_path: Option<String>,
    /// One file for all instances: no id in the file names.
    pub merge: bool,
    /// Whether `merge_logs` was stated (it is shown only then).
    pub merge_stated: bool,
    /// Drop all output.
    pub disabled: bool,
    /// `json` for one object per line; anything else is plain.
    pub kind: Option<String>,
    /// Prefix of each line in day.js notation.
    pub date_format: Option<String>,
    /// The `time` flag as given.
    pub time: Option<bool>,
}

/// How an app starts, and when it counts as ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartSpec {
    /// False: only registered, as stopped.
    pub autostart: bool,
    /// Online only after the message `ready`.
    pub wait_ready: bool,
    /// How long readiness may take; absent: the daemon's default (3 s).
    pub listen_timeout: Option<Duration>,
    /// Give a Node IPC channel; on for every app as PM2 does, off by `ipc: false`.
    pub ipc: bool,
}

/// How an app is asked to stop, and killed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopSpec {
    /// Grace period between the polite request and SIGKILL; absent: the daemon's default (1.6 s).
    pub kill_timeout: Option<Duration>,
    /// Kept for the record; ward is told of an exit and does not poll.
    pub kill_retry_time: Duration,
    /// Ask by the IPC message `shutdown` instead of a signal.
    pub with_message: bool,
    /// Signal of the polite request, by name; absent: the daemon's default (SIGINT).
    pub signal: Option<String>,
    /// The whole tree, not only the main process.
    pub tree: bool,
}

/// When an app is started again: after an exit, by the calendar, for too much memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestartSpec {
    /// Start again at all.
    pub auto: bool,
    /// Exit codes after which the app stays stopped.
    pub stop_exit_codes: Vec<i32>,
    /// Fixed delay before each restart.
    pub delay: Duration,
    /// First value of a delay that grows with each restart (`exp_backoff_restart_delay`).
    pub backoff: Option<Duration>,
    /// A life shorter than this is unstable.
    pub min_uptime: Option<Duration>,
    /// So many unstable lives in a row end as `errored`.
    pub max_restarts: Option<u32>,
    /// The app is restarted when its process tree holds more bytes than this.
    pub max_memory: Option<u64>,
    /// Pattern of planned restarts; `0` or absent: none.
    pub cron: Option<Value>,
}

/// Files whose change restarts an app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WatchSpec {
    /// Whether files are watched now. `Value` as declared: bool, path or list.
    pub watch: Option<Value>,
    /// Patterns that are not watched.
    pub ignore: Option<Value>,
    /// Delay before the restart.
    pub delay: Option<Duration>,
    /// Options of PM2's watcher, kept.
    pub options: Option<Value>,
}

/// Options of an app whose processes are workers of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// How connections are spread: `rr` by default.
    pub sched: Option<String>,
    /// Weights, limits and others by name, as declared; [`crate::cluster::ClusterOptions`] are these
    /// checked.
    pub options: BTreeMap<String, Value>,
    /// How long a worker may drain before it is asked to stop; absent: default.
    pub drain_timeout: Option<Duration>,
    /// How many instances a rolling reload replaces at once.
    pub parallel: Option<u32>,
    /// Preload the draining agent.
    pub agent: Option<bool>,
}

/// Options that concern Node's instrumentation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// `pmx`.
    pub pmx: Option<Value>,
    /// `automation`.
    pub automation: Option<bool>,
    /// `disable_source_map_support`.
    pub disable_source_maps: bool,
    /// `vizion`.
    pub vizion: Option<bool>,
    /// `treekill`-like flags and others that only the record shows, by key.
    pub shown: Map<String, Value>,
}

impl NodeSpec {
    /// Whether the app may be looked into: `pmx` does not say no.
    pub fn is_instrumented(&self) -> bool {
        match &self.pmx {
            Some(Value::Bool(wanted)) => *wanted,
            Some(Value::String(wanted)) => wanted != "false",
            None | Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                true
            }
        }
    }
}
