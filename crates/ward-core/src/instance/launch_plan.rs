//! From a declaration to a process: words, environment, files.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::config::env_bytes::take_exact;
use crate::defaults::Defaults;
use crate::id::{InstanceId, Life};
use crate::instance::Instance;
use crate::instance::view;
use crate::launch::{Launch, Output};
use crate::spec::AppSpec;

impl Launch {
    /// What is needed to begin the next life of `instance`.
    pub(crate) fn of(instance: &Instance, life: Life, defaults: &Defaults) -> Self {
        let spec = &instance.spec;
        let argv = argv(instance, defaults);
        let mut env = child_env(instance, defaults);
        let exact_env = take_exact(&mut env, &spec.env.captured);
        Self {
            program: argv.first().cloned().unwrap_or_default(),
            argv,
            env,
            exact_env,
            own_variables: own_variables(spec),
            cwd: spec.program.cwd.clone(),
            script: spec.program.script.clone(),
            user: spec.user.clone(),
            ipc: spec.start.ipc || instance.is_worker(),
            worker: instance
                .is_worker()
                .then(|| u32::try_from(life.0).unwrap_or(u32::MAX)),
            marker: instance.unique_id.clone(),
            output: output(instance),
            pid_path: spec
                .pid_path
                .as_deref()
                .map(|path| numbered(path, ".pid", instance.id)),
        }
    }
}

fn argv(instance: &Instance, defaults: &Defaults) -> Vec<String> {
    let program = &instance.spec.program;
    let mut argv = Vec::new();
    if program.interpreter != "none" {
        argv.push(program.interpreter.clone());
        argv.extend(program.interpreter_args.iter().map(word));
        argv.extend(defaults.node_options.iter().cloned());
    }
    argv.push(program.script.clone());
    argv.extend(program.args.iter().flatten().map(word));
    argv
}

/// A declared word as the process gets it.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

/// The merge of all layers, as the record shows it under `env`.
pub(crate) fn merged_env(instance: &Instance) -> Map<String, Value> {
    let spec = &instance.spec;
    let mut env = Map::clone(&spec.env.captured);
    let mut layer = |values: &Map<String, Value>| {
        for (name, value) in values {
            env.insert(name.clone(), value.clone());
        }
    };
    layer(&spec.env.evaluated);
    layer(&spec.env.declared);
    layer(&spec.env.injected);
    if let Some(port) = spec.port {
        env.entry("PORT").or_insert_with(|| port.into());
    }
    env.insert("unique_id".to_owned(), instance.unique_id.clone().into());
    env
}

/// The environment of the process, as PM2 gives it: every scalar of the record and of the app's
/// environment. What the app declared itself wins over the record; what was merely inherited does
/// not, since a shell inside another managed app carries that app's `name` and `pm_id`.
fn child_env(instance: &Instance, defaults: &Defaults) -> Vec<(String, String)> {
    let mut env: IndexMap<String, String> = IndexMap::new();
    let mut put = |values: &Map<String, Value>| {
        for (name, value) in values {
            if let Some(text) = text(value) {
                env.insert(name.clone(), text);
            }
        }
    };
    let mut merged = merged_env(instance);
    if !defaults.home.is_empty() {
        merged
            .entry("PM2_HOME")
            .or_insert_with(|| defaults.home.clone().into());
    }
    put(&merged);
    let mut own = view::own_keys(instance);
    if instance.version.is_none() {
        // The list shows a mark in its place; an app would take that for a version.
        own.shift_remove("version");
    }
    put(&own);
    put(&instance.spec.env.declared);
    put(&instance.spec.env.injected);
    env.into_iter().collect()
}

/// What the declaration sets itself, for an app that runs as another user.
fn own_variables(spec: &AppSpec) -> BTreeSet<String> {
    if spec.user.uid.as_ref().is_none_or(Value::is_null) {
        return BTreeSet::new();
    }
    let layers = [&spec.env.evaluated, &spec.env.declared, &spec.env.injected];
    layers.into_iter().flat_map(Map::keys).cloned().collect()
}

/// Scalars only: arrays, objects and null do not reach a process.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn output(instance: &Instance) -> Output {
    let spec = &instance.spec;
    let paths = log_paths(spec, instance.id);
    let file = |key: &str| {
        paths
            .get(key)
            .filter(|path| path.as_str() != "/dev/null")
            .cloned()
    };
    Output {
        app_name: spec.name.clone(),
        namespace: spec.namespace.clone(),
        pm_id: instance.id.0,
        disabled: spec.log.disabled,
        out_path: file("pm_out_log_path"),
        err_path: file("pm_err_log_path"),
        combined_path: file("pm_log_path"),
        json: spec.log.kind.as_deref() == Some("json"),
        date_format: spec
            .log
            .date_format
            .clone()
            .or_else(|| (spec.log.time == Some(true)).then(|| "YYYY-MM-DDTHH:mm:ss".to_owned())),
    }
}

/// The log files of an instance by record key, its id put in.
pub(crate) fn log_paths(spec: &AppSpec, id: InstanceId) -> BTreeMap<&'static str, String> {
    let declared = [
        ("pm_log_path", &spec.log.combined_path),
        ("pm_out_log_path", &spec.log.out_path),
        ("pm_err_log_path", &spec.log.err_path),
    ];
    declared
        .into_iter()
        .filter_map(|(key, path)| {
            let path = path.as_deref()?;
            let path = if spec.log.merge {
                path.to_owned()
            } else {
                numbered(path, ".log", id)
            };
            Some((key, path))
        })
        .collect()
}

/// `a.log` and `a-7.log` become `a-<id>.log`; a path with another ending is shared.
pub(crate) fn numbered(path: &str, termination: &str, id: InstanceId) -> String {
    let Some(stem) = path.strip_suffix(termination) else {
        return path.to_owned();
    };
    let digits = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = if digits.len() < stem.len() {
        digits.strip_suffix('-').unwrap_or(stem)
    } else {
        stem
    };
    format!("{stem}-{id}{termination}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_put_in_once() {
        let numbered = |path| numbered(path, ".log", InstanceId(3));
        assert_eq!(numbered("/l/web-out.log"), "/l/web-out-3.log");
        assert_eq!(numbered("/l/web-out-0.log"), "/l/web-out-3.log");
        assert_eq!(numbered("/l/web2.log"), "/l/web2-3.log");
        assert_eq!(numbered("/l/web.txt"), "/l/web.txt");
    }
}
