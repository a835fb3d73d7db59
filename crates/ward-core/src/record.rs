//! The one mapping between an app declaration and PM2's words: the record a client sends to start
//! an app (`prepare`), the declared part of `pm2_env` in lists, and the entries of `dump.pm2`.
//! Nothing else in the core knows these names.

mod keys;
mod read;
mod take;
mod write;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::spec::{AppSpec, EnvLayers};

pub use read::spec_from;
pub use write::{prepare_record, spec_keys};

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
}

/// What the app gets and the record shows: later layers win.
pub fn merged_env(layers: &EnvLayers) -> Map<String, Value> {
    let mut env = layers.captured.clone();
    for layer in [&layers.declared, &layers.injected] {
        env.extend(
            layer
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    env
}

/// Merges PM2's `current_conf` over a declaration: the string `null` deletes a key, an empty `env`
/// is ignored, another `env` takes the place of the declared layer. All or nothing.
pub fn apply_conf(spec: &mut AppSpec, conf: &Map<String, Value>) -> Result<(), BadSpec> {
    let mut record = spec_keys(spec);
    record.remove("env");
    for (key, value) in conf {
        match value {
            // A running app keeps its mode and its files; a client that restarts from a file sends
            // them, and PM2 ignores them.
            _ if keys::INERT.contains(&key.as_str()) || keys::FIXED.contains(&key.as_str()) => {}
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
