//! What a restart changes in a declaration.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::cluster::ClusterOptions;
use crate::request::{Change, RequestError};
use crate::spec::{AppSpec, Mode};

/// The declaration after `change`; none when nothing changes.
///
/// # Errors
///
/// What was declared, or the merge of both, cannot be used; then nothing changes.
pub(crate) fn apply(spec: &AppSpec, change: &Change) -> Result<Option<AppSpec>, RequestError> {
    let is_empty = change.spec.is_none()
        && change.env.is_empty()
        && change.conf.is_empty()
        && !change.replace_captured;
    if is_empty {
        return Ok(None);
    }
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
    // Else the declaration would be made a record and read back for nothing.
    if !change.conf.is_empty() {
        crate::record::apply_conf(&mut changed, &change.conf)
            .map_err(|bad| RequestError::BadSpec(bad.to_string()))?;
    }
    check(&changed)?;
    // What was restored from a saved list with wrong options runs, and may be restarted.
    if changed.cluster != spec.cluster || changed.mode != spec.mode {
        check_cluster(&changed)?;
    }
    Ok(Some(changed).filter(|changed| changed != spec))
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

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::record::spec_from;

    /// A declaration that a record cannot say exactly: it counts in milliseconds.
    fn precise() -> AppSpec {
        let record = json!({"name": "web", "pm_exec_path": "/srv/web.js", "env": {"A": "1"}});
        let mut spec = spec_from(record.as_object().unwrap()).unwrap();
        spec.restart.delay = Duration::from_micros(1500);
        spec
    }

    #[test]
    fn what_changes_no_key_leaves_the_declaration_as_it_is() {
        let spec = precise();
        assert_eq!(apply(&spec, &Change::default()), Ok(None));
        let env = |value: &str| Change {
            env: json!({ "A": value }).as_object().unwrap().clone(),
            ..Change::default()
        };
        assert_eq!(apply(&spec, &env("1")), Ok(None));
        let changed = apply(&spec, &env("2")).unwrap().unwrap();
        assert_eq!(changed.env.get("A"), Some(&json!("2")));
        assert_eq!(changed.restart.delay, spec.restart.delay);
    }
}
