//! The part of a record that a list or a selection needs. A whole record holds the environment
//! twice; with a hundred apps that is half a megabyte to build, send and read for every command.

use serde_json::{Map, Value, json};

use super::status;
use crate::instance::Instance;
use crate::spec::Mode;

/// What a table of apps shows.
pub const SHOWN: &[&str] = &[
    "namespace",
    "status",
    "exec_mode",
    "version",
    "pm_uptime",
    "restart_time",
    "watch",
    "uid",
    "username",
    "pmx_module",
    "trace",
    "_km_monitored",
];

/// All keys of `pm2_env` that a brief record can have.
pub const KEYS: &[&str] = &[
    "name",
    "namespace",
    "status",
    "exec_mode",
    "version",
    "pm_exec_path",
    "pm_cwd",
    "exec_interpreter",
    "pm_uptime",
    "restart_time",
    "watch",
    "uid",
    "username",
    "pmx_module",
    "trace",
    "_km_monitored",
    "cron_restart",
];

/// As [`super::process`], with nothing in `pm2_env` but some of [`KEYS`]: each says the same there and
/// here.
pub fn brief(instance: &Instance, chosen: &[&str]) -> Value {
    json!({
        "pid": instance.pid().unwrap_or(0),
        "name": instance.shown_name(),
        "pm2_env": keys(instance, chosen),
        "pm_id": instance.id.0,
    })
}

fn keys(instance: &Instance, chosen: &[&str]) -> Map<String, Value> {
    chosen
        .iter()
        .filter_map(|key| {
            let value = own(instance, key).or_else(|| inherited(instance, key))?;
            Some(((*key).to_owned(), value))
        })
        .collect()
}

/// What ward itself says under a key.
fn own(instance: &Instance, key: &str) -> Option<Value> {
    let spec = &instance.spec;
    let value: Value = match key {
        "name" => spec.name.clone().into(),
        "namespace" => spec.namespace.clone().into(),
        "status" => status(&instance.state).word().into(),
        "exec_mode" if instance.alone.is_some() => "fork_mode".into(),
        "exec_mode" => match spec.mode {
            Mode::Fork => "fork_mode".into(),
            Mode::Cluster => "cluster_mode".into(),
        },
        "version" => instance.version.as_deref().unwrap_or("N/A").into(),
        "pm_exec_path" => spec.program.script.clone().into(),
        "pm_cwd" => spec.program.cwd.clone().into(),
        "exec_interpreter" => spec.program.interpreter.clone().into(),
        "pm_uptime" => instance.began_at.map(|at| at.0).into(),
        "restart_time" => instance.restarts.into(),
        "watch" if spec.watch.watch.is_some() || instance.watching.is_some() => {
            instance.watching.clone().unwrap_or(false.into())
        }
        "uid" => json!(spec.user.uid.as_ref()?),
        "username" => spec.user.username.clone()?.into(),
        "_km_monitored" if instance.monitored.is_some() => instance.monitored.into(),
        "cron_restart" => json!(spec.restart.cron.as_ref()?),
        _ => spec.extra.get(key)?.clone(),
    };
    Some(value)
}

/// Variables stand in the record, too, where ward itself says nothing.
fn inherited(instance: &Instance, key: &str) -> Option<Value> {
    let value = instance.spec.env.get(key)?;
    (!value.is_object()).then(|| value.clone())
}
