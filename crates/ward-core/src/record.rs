//! The one mapping between an app declaration and PM2's words: the record a client sends to start
//! an app (`prepare`), the declared part of `pm2_env` in lists, and the entries of `dump.pm2`.
//! Nothing else in the core knows these names.

mod keys;
mod read;
mod take;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::config::env;
use crate::signal::UnknownSignal;
use crate::spec::{AppSpec, EnvLayers};

pub use read::spec_from;
pub(crate) use write::keys_without_env;
pub use write::{prepare_record, spec_keys};

/// Variable PM2's client adds when it starts an app from a file. Ours goes to the injected layer.
const FROM_FILE: &str = "PM2_JSON_PROCESSING";

/// A record that says nothing we could start, or says it in the wrong type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSpec {
    /// Nothing to execute.
    #[error("the record has no \"{0}\"")]
    Missing(&'static str),
    /// A value that cannot be read.
    #[error("\"{key}\" must be {wanted}, but is {given}")]
    Wrong {
        /// The key in PM2's words.
        key: String,
        /// What it should be.
        wanted: &'static str,
        /// What was given, as JSON, shortened.
        given: String,
    },
    /// The signal that asks the app to stop does not exist.
    #[error("\"kill_signal\": {0}")]
    Signal(#[from] UnknownSignal),
}

/// What the app gets and the record shows: later layers win.
pub fn merged_env(layers: &EnvLayers) -> Map<String, Value> {
    let mut merged = Map::clone(&layers.captured);
    for layer in [&layers.evaluated, &layers.declared, &layers.injected] {
        merged.extend(
            layer
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    merged
}

/// The layers apart, as ward's own clients and dumps carry them under `ward`.
pub(crate) fn layers_apart(layers: &EnvLayers) -> Value {
    let mut apart = json!({
        "captured": *layers.captured, "declared": layers.declared, "injected": layers.injected,
    });
    if !layers.evaluated.is_empty() {
        apart["evaluated"] = json!(layers.evaluated);
    }
    apart
}

/// Whether the declared variables of a file lie among the captured ones: PM2's clients and dumps
/// know only the merge. Such an app would lose them if its captured layer were replaced.
fn env_is_mixed(layers: &EnvLayers) -> bool {
    layers.declared.is_empty() && layers.captured.contains_key(FROM_FILE)
}

/// Takes the environment of a shell as the captured layer (`--update-env`): what the shell has no
/// longer is gone, what the app filters stays out, and what belongs to the app's own user and
/// folder stays as it is. Of what the evaluation of its file set, that stays which the shell does not
/// have, as in PM2.
pub fn recapture(spec: &mut AppSpec, shell: &Map<String, Value>) {
    let mut fresh = env::without_internal(shell.clone());
    if let Some(rule) = &spec.filter_env {
        fresh = env::filter(fresh, Some(&write::filter_env(rule)));
    }
    let old = &spec.env.captured;
    let own_folder = old.get("PWD").and_then(Value::as_str) == Some(spec.program.cwd.as_str());
    for (name, own) in [("HOME", spec.user.uid.is_some()), ("PWD", own_folder)] {
        if let Some(value) = old.get(name).filter(|_| own) {
            fresh.insert(name.to_owned(), value.clone());
        }
    }
    let evaluated = &mut spec.env.evaluated;
    evaluated.retain(|name, _| !fresh.contains_key(name));
    if env_is_mixed(&spec.env) {
        Arc::make_mut(&mut spec.env.captured).extend(fresh);
    } else {
        spec.env.captured = Arc::new(fresh);
    }
}

/// Leaves a new declaration the captured environment that the app has: who restarts it from a file in
/// another shell does not mean that one's. What the new declaration filters is left out, what belongs
/// to another user or folder is taken from it. Where the file declares no variables the shell's are
/// merged over, as PM2 does: there they are meant.
pub(crate) fn keep_captured(spec: &mut AppSpec, old: &AppSpec) {
    if env_is_mixed(&old.env) {
        return;
    }
    let mut restored = Map::clone(&old.env.captured);
    if spec.env.declared.is_empty() {
        restored.extend(Map::clone(&spec.env.captured));
    }
    if let Some(rule) = &spec.filter_env {
        restored = env::filter(restored, Some(&write::filter_env(rule)));
    }
    for (name, moved) in [
        ("HOME", old.user.uid != spec.user.uid),
        ("PWD", old.program.cwd != spec.program.cwd),
    ] {
        if let Some(value) = spec.env.captured.get(name).filter(|_| moved) {
            restored.insert(name.to_owned(), value.clone());
        }
    }
    spec.env.captured = if restored == *old.env.captured {
        Arc::clone(&old.env.captured)
    } else {
        Arc::new(restored)
    };
}

/// Merges PM2's `current_conf` over a declaration: the string `null` deletes a key, an empty `env`
/// is ignored, another `env` takes the place of the declared layer. All or nothing.
pub fn apply_conf(spec: &mut AppSpec, conf: &Map<String, Value>) -> Result<(), BadSpec> {
    let mut record = spec_keys(spec);
    record.shift_remove("env");
    // PM2's command line sends its defaults with every plain restart, and PM2's daemon then forgets
    // what was declared. A restart from a file states more: there a default is a statement.
    let unasked = conf.contains_key("windowsHide") && !conf.contains_key("treekill");
    for (key, value) in conf {
        match value {
            // A running app keeps its mode and its files; a client that restarts from a file sends
            // them, and PM2 ignores them.
            _ if keys::INERT.contains(&key.as_str()) || keys::FIXED.contains(&key.as_str()) => {}
            _ if unasked && keys::UNASKED.contains(&key.as_str()) && is_default(key, value) => {}
            Value::String(text) if text == "null" => {
                record.shift_remove(key);
            }
            // `null` is what JSON makes of JavaScript's undefined.
            Value::Null => {}
            _ if key == "env" => {}
            _ => {
                record.insert(key.clone(), value.clone());
            }
        }
    }
    let mut changed = spec_from(&record)?;
    changed.env = EnvLayers {
        variants: changed.env.variants,
        ..spec.env.clone()
    };
    if let Some(Value::Object(env)) = conf.get("env")
        && !env.is_empty()
    {
        changed.env.declared.clone_from(env);
    }
    *spec = changed;
    Ok(())
}

fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "merge_logs" => *value == Value::Bool(true),
        "instance_var" => value.as_str() == Some(read::INSTANCE_VAR),
        "kill_retry_time" => value.as_u64() == Some(100),
        "filter_env" => value.as_array().is_some_and(Vec::is_empty),
        _ => false,
    }
}
