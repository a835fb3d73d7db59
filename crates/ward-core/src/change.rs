//! What a restart changes in a declaration.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::cluster::ClusterOptions;
use crate::request::{Change, RequestError};
use crate::spec::{AppSpec, Mode};

/// The declaration after `change`.
pub(crate) fn apply(spec: &AppSpec, change: &Change) -> Result<AppSpec, RequestError> {
    let mut changed = match &change.spec {
        Some(new) => {
            let mut changed = replaced(spec, new);
            if change.keeps_captured {
                crate::record::keep_captured(&mut changed, spec);
            }
            changed
        }
        None => spec.clone(),
    };
    if change.replace_captured {
        crate::record::recapture(&mut changed, &change.env);
    } else {
        merge_env(&mut changed, &change.env);
    }
    crate::record::apply_conf(&mut changed, &change.conf)
        .map_err(|bad| RequestError::BadSpec(bad.to_string()))?;
    check(&changed)?;
    // What was restored from a saved list with wrong options runs, and may be restarted.
    if changed.cluster != spec.cluster || changed.mode != spec.mode {
        check_cluster(&changed)?;
    }
    Ok(changed)
}

/// Refuses what could not be carried out later.
pub(crate) fn check(spec: &AppSpec) -> Result<(), RequestError> {
    match &spec.restart.cron {
        Some(Value::String(pattern)) if pattern != "0" => {
            crate::cron::check(pattern).map_err(|bad| RequestError::BadSpec(bad.to_string()))
        }
        _ => Ok(()),
    }
}

/// Refuses options of a cluster that cannot be used. An app in fork mode has none.
pub(crate) fn check_cluster(spec: &AppSpec) -> Result<(), RequestError> {
    if spec.mode == Mode::Fork {
        return Ok(());
    }
    ClusterOptions::of(&spec.cluster, None)
        .map(drop)
        .map_err(|bad| RequestError::BadSpec(bad.to_string()))
}

/// A new declaration keeps what ward itself put into the environment.
fn replaced(old: &AppSpec, new: &AppSpec) -> AppSpec {
    let mut spec = new.clone();
    for (name, value) in &old.env.injected {
        spec.env
            .injected
            .entry(name.clone())
            .or_insert_with(|| value.clone());
    }
    spec
}

/// PM2 merges over the whole environment, so a variable is changed in the layer that decides it.
fn merge_env(spec: &mut AppSpec, env: &Map<String, Value>) {
    for (name, value) in env {
        let env = &mut spec.env;
        let layers = [&mut env.injected, &mut env.declared, &mut env.evaluated];
        let mut layers = layers.into_iter();
        match layers.find(|layer| layer.contains_key(name)) {
            Some(deciding) => deciding.insert(name.clone(), value.clone()),
            None => Arc::make_mut(&mut env.captured).insert(name.clone(), value.clone()),
        };
    }
}
