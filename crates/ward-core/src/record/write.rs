//! A declaration in PM2's words and in PM2's order.

use core::time::Duration;

use serde_json::{Map, Value, json};

use super::{layers_apart, merged_env};
use crate::spec::{AppSpec, FilterEnv, Mode};

/// The declared part of `pm2_env`: what PM2 always shows, and of the rest what was stated. `env`
/// stands in its place, merged; a caller may replace its value without moving it.
pub fn spec_keys(spec: &AppSpec) -> Map<String, Value> {
    let mut keys = keys_without_env(spec);
    keys.insert("env".to_owned(), Value::Object(merged_env(&spec.env)));
    keys
}

/// The same with `null` in the place of the environment, for those who merge it themselves.
pub(crate) fn keys_without_env(spec: &AppSpec) -> Map<String, Value> {
    let mut out = Out(Map::new());
    identity(spec, &mut out);
    output(spec, &mut out);
    out.put("env", Value::Null);
    limits(spec, &mut out);
    life(spec, &mut out);
    options(spec, &mut out);
    for (key, value) in &spec.env.variants {
        out.put(key, value.clone());
    }
    resolved(spec, &mut out);
    for (key, value) in &spec.extra {
        // Among them are declared times as they were written.
        out.put(key, value.clone());
    }
    out.0
}

/// What a client sends to start exactly this app: the declared keys and the env layers apart.
pub fn prepare_record(spec: &AppSpec) -> Map<String, Value> {
    let mut record = spec_keys(spec);
    record.insert("ward".to_owned(), layers_apart(&spec.env));
    record
}

/// A filter as it is written in a file.
pub(super) fn filter_env(filter: &FilterEnv) -> Value {
    match filter {
        FilterEnv::All => json!(true),
        FilterEnv::Containing(parts) => json!(parts),
        FilterEnv::Exactly(name) => json!(name),
    }
}

fn identity(spec: &AppSpec, out: &mut Out) {
    out.put("name", json!(spec.name));
    out.some("name_prefix", spec.name_prefix.as_ref());
    if let Some(filter) = &spec.filter_env {
        out.put("filter_env", filter_env(filter));
    }
    out.put("namespace", json!(spec.namespace));
    out.some("cwd", spec.program.cwd_stated.as_ref());
    out.some("args", spec.program.args.as_ref());
    if !spec.program.interpreter_args.is_empty() {
        out.put("node_args", json!(spec.program.interpreter_args));
    }
}

fn output(spec: &AppSpec, out: &mut Out) {
    out.when("disable_logs", spec.log.disabled);
    out.some("log_type", spec.log.kind.as_ref());
    out.some("log_date_format", spec.log.date_format.as_ref());
    out.some("time", spec.log.time.as_ref());
}

fn limits(spec: &AppSpec, out: &mut Out) {
    out.some("max_memory_restart", spec.restart.max_memory.as_ref());
    if !spec.restart.delay.is_zero() {
        out.time("restart_delay", Some(spec.restart.delay));
    }
    out.time("exp_backoff_restart_delay", spec.restart.backoff);
    out.when("disable_source_map_support", spec.node.disable_source_maps);
    out.when("wait_ready", spec.start.wait_ready);
    out.time("kill_timeout", spec.stop.kill_timeout);
    out.some("kill_signal", spec.stop.signal.as_ref());
    out.when("shutdown_with_message", spec.stop.with_message);
    out.time("listen_timeout", spec.start.listen_timeout);
    out.some("port", spec.port.as_ref());
    out.some("uid", spec.user.uid.as_ref());
    out.some("gid", spec.user.gid.as_ref());
    out.some("cron_restart", spec.restart.cron.as_ref());
}

fn life(spec: &AppSpec, out: &mut Out) {
    if spec.log.merge_stated || spec.log.merge {
        out.put("merge_logs", json!(spec.log.merge));
    }
    out.some("vizion", spec.node.vizion.as_ref());
    out.put("autostart", json!(spec.start.autostart));
    out.put("autorestart", json!(spec.restart.auto));
    if !spec.restart.stop_exit_codes.is_empty() {
        out.put("stop_exit_codes", json!(spec.restart.stop_exit_codes));
    }
    out.some("watch", spec.watch.watch.as_ref());
    out.some("ignore_watch", spec.watch.ignore.as_ref());
    out.time("watch_delay", spec.watch.delay);
    out.some("watch_options", spec.watch.options.as_ref());
    out.time("min_uptime", spec.restart.min_uptime);
    out.some("max_restarts", spec.restart.max_restarts.as_ref());
}

fn options(spec: &AppSpec, out: &mut Out) {
    out.some("increment_var", spec.increment_var.as_ref());
    out.put("instance_var", json!(spec.instance_var));
    out.some("pmx", spec.node.pmx.as_ref());
    out.some("automation", spec.node.automation.as_ref());
    out.put("treekill", json!(spec.stop.tree));
    out.some("username", spec.user.username.as_ref());
    out.some("windowsHide", spec.node.shown.get("windowsHide"));
    out.time("kill_retry_time", Some(spec.stop.kill_retry_time));
    out.some("sched", spec.cluster.sched.as_ref());
    if !spec.cluster.options.is_empty() {
        out.put("cluster", json!(spec.cluster.options));
    }
    out.time("drain_timeout", spec.cluster.drain_timeout);
    out.some("parallel", spec.cluster.parallel.as_ref());
    out.some("agent", spec.cluster.agent.as_ref());
    if !spec.start.ipc {
        out.put("ipc", json!(false));
    }
}

fn resolved(spec: &AppSpec, out: &mut Out) {
    if spec.program.interpreter_args.is_empty() {
        out.put("node_args", json!([]));
    }
    out.put("pm_exec_path", json!(spec.program.script));
    out.put("pm_cwd", json!(spec.program.cwd));
    out.put("exec_interpreter", json!(spec.program.interpreter));
    let mode = match spec.mode {
        Mode::Fork => "fork_mode",
        Mode::Cluster => "cluster_mode",
    };
    out.put("exec_mode", json!(mode));
    out.some("instances", spec.instances.as_ref());
    out.some("pm_log_path", spec.log.combined_path.as_ref());
    out.some("pm_out_log_path", spec.log.out_path.as_ref());
    out.some("pm_err_log_path", spec.log.err_path.as_ref());
    out.some("pm_pid_path", spec.pid_path.as_ref());
    out.some("km_link", spec.node.shown.get("km_link"));
}

struct Out(Map<String, Value>);

impl Out {
    fn put(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    fn some<T: serde::Serialize>(&mut self, key: &str, value: Option<&T>) {
        if let Some(value) = value {
            self.put(key, json!(value));
        }
    }

    fn when(&mut self, key: &str, flag: bool) {
        if flag {
            self.put(key, json!(true));
        }
    }

    fn time(&mut self, key: &str, time: Option<Duration>) {
        if let Some(time) = time {
            self.put(
                key,
                json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            );
        }
    }
}
