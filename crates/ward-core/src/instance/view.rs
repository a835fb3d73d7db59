//! The PM2-shaped record of an instance. Nothing else in the core speaks PM2's words.

mod brief;

use serde_json::{Map, Value, json};

use crate::event::Tally;
use crate::instance::launch_plan;
use crate::instance::{Instance, LastReload, State};
use crate::record::keys_without_env;
use crate::spec::Mode;

pub use brief::{KEYS as BRIEF_KEYS, SHOWN as SHOWN_KEYS, brief};

/// PM2's word for what an instance is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A life runs.
    Online,
    /// A life began and is not ready yet.
    Launching,
    /// A life is ending.
    Stopping,
    /// Nothing runs, and nothing is wanted.
    Stopped,
    /// Nothing runs, because it cannot; only a request changes that.
    Errored,
    /// Nothing runs until a delay is over.
    Waiting,
}

impl Status {
    /// As written in records.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Launching => "launching",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Errored => "errored",
            Self::Waiting => "waiting restart",
        }
    }
}

/// The one mapping from states to words.
pub const fn status(state: &State) -> Status {
    match state {
        State::Stopped => Status::Stopped,
        State::Launching { .. } => Status::Launching,
        State::Online { .. } => Status::Online,
        State::Stopping { .. } => Status::Stopping,
        State::Waiting { .. } => Status::Waiting,
        State::Errored { .. } => Status::Errored,
    }
}

/// `{pid, name, pm2_env, pm_id}`: what replies carry. The shell adds `monit`. This `name` is what the app
/// calls itself, if it does; the one in `pm2_env` is the declared one, which selects it.
pub fn process(instance: &Instance) -> Value {
    json!({
        "pid": instance.pid().unwrap_or(0),
        "name": instance.shown_name(),
        "pm2_env": record(instance),
        "pm_id": instance.id.0,
    })
}

/// `pm2_env`.
pub fn record(instance: &Instance) -> Map<String, Value> {
    record_as(instance, status(&instance.state))
}

/// `pm2_env` with another status: PM2 publishes some events before it changes the status.
pub fn record_as(instance: &Instance, status: Status) -> Map<String, Value> {
    let mut own = own_keys(instance);
    own.insert("status".to_owned(), status.word().into());
    let env = launch_plan::merged_env(instance);
    let flat = flattened(&env, &own);
    // `own_keys` keeps a place for it.
    own.insert("env".to_owned(), Value::Object(env));
    // The environment is no key of ward's own, but stands between the declaration and `status`,
    // which begins PM2's part about the running process.
    let mut record = Map::with_capacity(own.len() + flat.len());
    let mut flat = Some(flat);
    for (key, value) in own {
        if key == "status" {
            record.extend(flat.take().into_iter().flatten());
        }
        record.insert(key, value);
    }
    record
}

/// Every variable once more at the top, behind the declaration. A key of ward's own is never
/// replaced: `pm_id` in an app's environment must not change which app is meant.
fn flattened(env: &Map<String, Value>, own: &Map<String, Value>) -> Vec<(String, Value)> {
    env.iter()
        .filter(|(name, value)| !value.is_object() && !own.contains_key(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// All keys that are not the app's environment, which has an empty place among them.
pub(crate) fn own_keys(instance: &Instance) -> Map<String, Value> {
    let spec = &instance.spec;
    let mut keys = keys_without_env(spec);
    let mut put = |key: &str, value: Value| {
        keys.insert(key.to_owned(), value);
    };
    if instance.alone.is_some() {
        put("exec_mode", "fork_mode".into());
    }
    if spec.watch.watch.is_some() || instance.watching.is_some() {
        put("watch", instance.watching.clone().unwrap_or(false.into()));
    }
    for (key, path) in launch_plan::log_paths(spec, instance.id) {
        put(key, path.into());
    }
    if let Some(path) = &spec.pid_path {
        put(
            "pm_pid_path",
            launch_plan::numbered(path, ".pid", instance.id).into(),
        );
    }
    put("vizion_running", false.into());
    put(&spec.instance_var, instance.number.into());
    put("status", status(&instance.state).word().into());
    // What never ran counts from its registration: programs subtract this from the clock.
    let began = instance.began_at.or(instance.created_at);
    put("pm_uptime", began.map(|at| at.0).into());
    put("axm_actions", instance.reported.actions.clone().into());
    put("axm_monitor", instance.reported.monitor.clone().into());
    put("axm_options", options(instance).into());
    put("axm_dynamic", json!({}));
    put("created_at", instance.created_at.map(|at| at.0).into());
    put("pm_id", instance.id.0.into());
    put("restart_time", instance.restarts.into());
    put("unstable_restarts", instance.history.unstable.into());
    if spec.mode == Mode::Cluster {
        put("_pm2_version", "7.0.4".into());
    }
    put(
        "version",
        instance.version.clone().unwrap_or("N/A".into()).into(),
    );
    runtime_extras(instance, &mut keys);
    keys
}

/// In PM2 the library it injects into node apps tells their name; programs look for it.
fn options(instance: &Instance) -> Map<String, Value> {
    let mut options = instance.reported.options.clone();
    let spec = &instance.spec;
    let node = ["node", "bun"]
        .iter()
        .any(|name| spec.program.interpreter.ends_with(name));
    if node
        && spec.node.is_instrumented()
        && instance.began_at.is_some()
        && !instance.is_launching()
    {
        options
            .entry("module_name")
            .or_insert_with(|| spec.name.clone().into());
    }
    options
}

/// Keys that exist only when there is something to say.
fn runtime_extras(instance: &Instance, keys: &mut Map<String, Value>) {
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            keys.insert(key.to_owned(), value);
        }
    };
    let exit = instance.last_exit;
    put(
        "node_version",
        instance.reported.node_version.clone().map(Into::into),
    );
    put("exit_code", exit.and_then(|exit| exit.code).map(Into::into));
    let signal = exit.and_then(|exit| exit.signal);
    put(
        "exit_signal",
        signal.map(|it| crate::signal::name(it).into()),
    );
    // From the first restart on it is always there; without a delay it is 0.
    let restarted = instance.restarts > 0;
    let delay = instance.history.delay.map(|delay| delay.as_millis());
    let millis = delay.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX));
    let shown = millis.or(restarted.then_some(0));
    put("prev_restart_delay", shown.map(Into::into));
    put("_km_monitored", instance.monitored.map(Into::into));
    put("last_reload", instance.last_reload.map(last_reload));
    let cannot = |reason: &String| format!("cannot {reason}").into();
    put("failure", instance.failure.as_ref().map(cannot));
    put("fork_reason", instance.alone.clone().map(Into::into));
}

/// The connections of the worker that was replaced; without counts as long as it is not gone.
fn last_reload(last: LastReload) -> Value {
    let mut shown = json!({ "at": last.at.0 });
    if let Some(tally) = last.tally {
        shown["connections"] = connections(tally);
    }
    shown
}

/// What became of connections. What was not counted is null.
pub fn connections(tally: Tally) -> Value {
    json!({
        "drained": tally.taken.map(|taken| taken.drained),
        "redispatched": tally.redispatched,
        "cut": tally.taken.map(|taken| taken.cut),
    })
}

/// The files ward itself writes for an instance: logs and pid.
pub fn own_files(instance: &Instance) -> Vec<String> {
    let spec = &instance.spec;
    let logs = launch_plan::log_paths(spec, instance.id);
    let pid = spec.pid_path.as_deref();
    let pid = pid.map(|path| launch_plan::numbered(path, ".pid", instance.id));
    logs.into_values().chain(pid).collect()
}

/// Whether files are watched now.
pub fn is_watching(instance: &Instance) -> bool {
    match &instance.watching {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(
            Value::Bool(true)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
        ) => true,
    }
}
