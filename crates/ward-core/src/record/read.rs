//! A record becomes a declaration.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::take::{Take, word};
use super::{BadSpec, keys};
use crate::spec::{
    AppSpec, ClusterSpec, EnvLayers, FilterEnv, LogSpec, Mode, NodeSpec, Program, RestartSpec,
    StartSpec, StopSpec, UserSpec, WatchSpec,
};

/// Variable that carries the instance number when the declaration names none.
pub(super) const INSTANCE_VAR: &str = "NODE_APP_INSTANCE";

/// Poll period of PM2's stop, kept for the record.
const KILL_RETRY: Duration = Duration::from_millis(100);

/// Reads a `prepare` record (of a stock client or ours, with the env layers apart under `ward`) or
/// an entry of a dump, whose state and flattened variables are left out.
pub fn spec_from(record: &Map<String, Value>) -> Result<AppSpec, BadSpec> {
    let runtime = record.contains_key("status") || record.contains_key("pm_uptime");
    let mut take = Take::new(record, runtime);
    let mut layers = take.object("ward")?;
    let variables = layers.as_mut().and_then(|it| it.shift_remove("variables"));
    if let Some(Value::Array(names)) = variables {
        take.forget(&names);
    }
    let script = take
        .text("pm_exec_path")?
        .ok_or(BadSpec::Missing("pm_exec_path"))?;
    let name = take.text("name")?.unwrap_or_else(|| stem(&script));
    let program = program(&mut take, script)?;
    let apart = layers.is_some();
    let env = env_layers(take.object("env")?, layers, &name);
    let mut spec = AppSpec {
        name_prefix: take.text("name_prefix")?,
        namespace: take
            .text("namespace")?
            .unwrap_or_else(|| "default".to_owned()),
        program,
        mode: mode(&mut take)?,
        instances: take.read("instances", "a number", instances)?,
        env,
        instance_var: take
            .text("instance_var")?
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| INSTANCE_VAR.to_owned()),
        increment_var: take.text("increment_var")?,
        filter_env: take.value("filter_env").as_ref().and_then(filter_env),
        port: take
            .count("port")?
            .and_then(|port| u16::try_from(port).ok()),
        user: UserSpec {
            uid: take.value("uid"),
            gid: take.value("gid"),
            username: take.text("username")?,
        },
        log: log(&mut take)?,
        pid_path: take.text("pm_pid_path")?,
        start: start(&mut take)?,
        stop: stop(&mut take)?,
        restart: restart(&mut take)?,
        watch: WatchSpec {
            watch: take.value("watch"),
            ignore: take.value("ignore_watch"),
            delay: take.time("watch_delay")?,
            options: take.value("watch_options"),
        },
        cluster: ClusterSpec {
            sched: take.text("sched")?,
            options: take
                .object("cluster")?
                .map(BTreeMap::from_iter)
                .unwrap_or_default(),
            drain_timeout: take.time("drain_timeout")?,
            parallel: take.count("parallel")?,
            agent: take.flag("agent")?,
        },
        node: node(&mut take)?,
        extra: Map::new(),
        name,
    };
    let odd = take.odd();
    sort_rest(&mut spec, take.rest(), runtime && !apart);
    spec.extra.extend(odd);
    Ok(spec)
}

/// An app that runs in fork mode for a reason was declared for a cluster.
fn mode(take: &mut Take) -> Result<Mode, BadSpec> {
    let stated = take.text("exec_mode")?;
    let is_declared = take.text("fork_reason")?.is_some();
    Ok(match stated.as_deref() {
        Some("cluster_mode" | "cluster") => Mode::Cluster,
        _ if is_declared => Mode::Cluster,
        _ => Mode::Fork,
    })
}

fn program(take: &mut Take, script: String) -> Result<Program, BadSpec> {
    let cwd = match take.text("pm_cwd")? {
        Some(cwd) => cwd,
        None => parent(&script),
    };
    Ok(Program {
        cwd,
        cwd_stated: take.text("cwd")?,
        args: take.words("args")?,
        interpreter: take
            .text("exec_interpreter")?
            .unwrap_or_else(|| "node".to_owned()),
        interpreter_args: take.words("node_args")?.unwrap_or_default(),
        script,
    })
}

fn log(take: &mut Take) -> Result<LogSpec, BadSpec> {
    let merge = take.flag("merge_logs")?;
    Ok(LogSpec {
        out_path: take.text("pm_out_log_path")?,
        err_path: take.text("pm_err_log_path")?,
        combined_path: take.text("pm_log_path")?,
        merge: merge.unwrap_or(false),
        merge_stated: merge.is_some(),
        disabled: take.flag("disable_logs")?.unwrap_or(false),
        kind: take.text("log_type")?.filter(|kind| !kind.is_empty()),
        date_format: take
            .text("log_date_format")?
            .filter(|format| !format.is_empty()),
        time: take.flag("time")?,
    })
}

fn start(take: &mut Take) -> Result<StartSpec, BadSpec> {
    Ok(StartSpec {
        autostart: take.flag("autostart")?.unwrap_or(true),
        wait_ready: take.flag("wait_ready")?.unwrap_or(false),
        listen_timeout: take.time("listen_timeout")?,
        ipc: take.flag("ipc")?.unwrap_or(true),
    })
}

fn stop(take: &mut Take) -> Result<StopSpec, BadSpec> {
    Ok(StopSpec {
        kill_timeout: take.time("kill_timeout")?,
        kill_retry_time: take.time("kill_retry_time")?.unwrap_or(KILL_RETRY),
        with_message: take.flag("shutdown_with_message")?.unwrap_or(false),
        signal: take.signal("kill_signal")?,
        tree: take.flag("treekill")?.unwrap_or(true),
    })
}

fn restart(take: &mut Take) -> Result<RestartSpec, BadSpec> {
    Ok(RestartSpec {
        auto: take.flag("autorestart")?.unwrap_or(true),
        stop_exit_codes: take.codes("stop_exit_codes")?,
        delay: take.time("restart_delay")?.unwrap_or_default(),
        backoff: take
            .time("exp_backoff_restart_delay")?
            .filter(|delay| !delay.is_zero()),
        min_uptime: take.time("min_uptime")?,
        max_restarts: take.count("max_restarts")?,
        max_memory: take.bytes("max_memory_restart")?,
        cron: take.value("cron_restart"),
    })
}

fn node(take: &mut Take) -> Result<NodeSpec, BadSpec> {
    let mut shown = Map::new();
    for &key in keys::SHOWN {
        if let Some(value) = take.value(key) {
            shown.insert(key.to_owned(), value);
        }
    }
    Ok(NodeSpec {
        pmx: take.value("pmx"),
        automation: take.flag("automation")?,
        disable_source_maps: take.flag("disable_source_map_support")?.unwrap_or(false),
        vizion: take.flag("vizion")?,
        shown,
    })
}

/// Splits the environment of a record into layers. Without `ward` everything that a client adds
/// itself (`unique_id` and the key named after the app) is told from the rest by name.
fn env_layers(
    env: Option<Map<String, Value>>,
    ward: Option<Map<String, Value>>,
    name: &str,
) -> EnvLayers {
    let mut layers = EnvLayers::default();
    let mut env = env.unwrap_or_default();
    let Some(mut ward) = ward else {
        for key in ["unique_id", name] {
            if let Some(value) = env.shift_remove(key) {
                layers.injected.insert(key.to_owned(), value);
            }
        }
        layers.captured = Arc::new(env);
        return layers;
    };
    let mut part = |key: &str| match ward.shift_remove(key) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    layers.captured = Arc::new(part("captured"));
    layers.evaluated = part("evaluated");
    layers.declared = part("declared");
    layers.injected = part("injected");
    let is_known = |key: &String, value: &Value| layers.get(key) == Some(value);
    env.retain(|key, value| !is_known(key, value));
    layers.injected.extend(env);
    layers
}

/// Finds the place of everything no option asked for.
fn sort_rest(spec: &mut AppSpec, rest: Map<String, Value>, leftover_env: bool) {
    for (key, value) in rest {
        let word = key.as_str();
        let flattened = spec.env.get(word).is_some() && !keys::KEPT.contains(&word);
        if flattened
            || word == spec.instance_var
            || Some(word) == spec.increment_var.as_deref()
            || keys::RUNTIME.contains(&word)
            || keys::INERT.contains(&word)
        {
            continue;
        }
        if word.starts_with("env_") && (value.is_object() || value.is_string()) {
            spec.env.variants.insert(key, value);
        } else if leftover_env
            && !keys::KEPT.contains(&word)
            && !value.is_object()
            && !value.is_array()
        {
            // PM2 replaces `env` by the file's when it restarts from one; the shell's variables
            // then live on only here, and the app still gets them.
            let captured = Arc::make_mut(&mut spec.env.captured);
            captured.entry(key).or_insert(value);
        } else if !value.is_null() {
            spec.extra.insert(key, value);
        }
    }
}

fn instances(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(clamp)),
        Value::String(text) if text == "max" => Some(0),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float becomes the whole number next to zero, as parseInt does"
)]
fn clamp(number: f64) -> i64 {
    number as i64
}

fn filter_env(value: &Value) -> Option<FilterEnv> {
    match value {
        Value::Bool(true) => Some(FilterEnv::All),
        Value::String(text) if text == "true" => Some(FilterEnv::All),
        Value::String(text) => Some(FilterEnv::Exactly(text.clone())),
        Value::Array(list) => Some(FilterEnv::Containing(
            list.iter().filter_map(word).collect(),
        )),
        _ => None,
    }
}

fn stem(script: &str) -> String {
    let base = script.rsplit('/').next().unwrap_or(script);
    match base.rfind('.') {
        Some(dot) if dot > 0 => base[..dot].to_owned(),
        _ => base.to_owned(),
    }
}

fn parent(script: &str) -> String {
    match script.rfind('/') {
        Some(0) | None => "/".to_owned(),
        Some(slash) => script[..slash].to_owned(),
    }
}
