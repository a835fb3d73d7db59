//! Settings among the variables of `env_<name>`. PM2 lays the variables of an app over its record,
//! so many of them act; files in the wild count on it.

use serde_json::{Map, Value};

use super::fields::{self, Kind};
use super::{Decl, check};

/// What acts: exactly these names, as in PM2. Not among them are those PM2 has used already when it
/// looks at the variables (`script`, `cwd`, the files) and usual names of variables that it only
/// shows (`port`, `time`, `username`, `version`).
const ACTING: [&str; 33] = [
    "name",
    "namespace",
    "args",
    "node_args",
    "exec_interpreter",
    "exec_mode",
    "instances",
    "uid",
    "gid",
    "watch",
    "ignore_watch",
    "watch_delay",
    "autostart",
    "autorestart",
    "stop_exit_codes",
    "restart_delay",
    "exp_backoff_restart_delay",
    "min_uptime",
    "max_restarts",
    "max_memory_restart",
    "cron_restart",
    "wait_ready",
    "listen_timeout",
    "kill_timeout",
    "kill_signal",
    "shutdown_with_message",
    "treekill",
    "merge_logs",
    "disable_logs",
    "log_type",
    "log_date_format",
    "instance_var",
    "increment_var",
];

/// Lets the settings among `variables`, those in `env_<name>` of an app, act; they stay variables.
/// Returns warnings.
pub(super) fn act(app: &mut Decl, name: &str, variables: &Map<String, Value>) -> Vec<String> {
    let key = format!("env_{name}");
    let label = app.get("name").and_then(Value::as_str).unwrap_or_default();
    let place = format!("{label}: {key}");
    let mut acting = Vec::new();
    let mut warnings = Vec::new();
    for (setting, value) in variables {
        if !ACTING.contains(&setting.as_str()) {
            continue;
        }
        match read(setting, value) {
            Some(decl) => {
                acting.push(setting.as_str());
                app.extend(decl);
            }
            None => warnings.push(format!(
                "{place} sets the variable {setting} to {value}, which does not fit the setting of this name: it stays a mere variable"
            )),
        }
    }
    if !acting.is_empty() {
        let list = acting.join(", ");
        warnings.insert(
            0,
            format!("{place} sets {list}: an unusual place for settings; they act, and the app gets them as variables, too"),
        );
    }
    warnings
}

/// One setting, checked. Variables are often text where a setting is none.
fn read(setting: &str, value: &Value) -> Option<Decl> {
    let field = fields::find(setting)?;
    let value = match value {
        Value::String(text) if text.is_empty() || text == "null" => return None,
        Value::String(text) if field.types.contains(&Kind::Flag) => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => value.clone(),
        },
        _ => value.clone(),
    };
    let written = Map::from_iter([(setting.to_owned(), value)]);
    let checked = check::options(&written).ok()?;
    Some(checked.decl).filter(|decl| !decl.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn acting(variables: &Value) -> (Value, Vec<String>) {
        let app = json!({"name": "web", "script": "web.js", "watch": false, "env": {"autorestart": false},
            "env_prod": variables, "env_test": {"watch": true}});
        let mut app = app.as_object().unwrap().clone();
        let before = app.clone();
        let variables = variables.as_object().unwrap();
        let warnings = act(&mut app, "prod", variables);
        app.retain(|key, value| before.get(key) != Some(value));
        (Value::Object(app), warnings)
    }

    #[test]
    fn settings_of_the_chosen_environment_act() {
        let (acted, warnings) = acting(&json!({
            "NODE_ENV": "production", "watch": "true", "exec_mode": "cluster", "instances": "2",
            "node_args": "--a --b", "max_memory_restart": "1K", "name": "api",
        }));
        assert_eq!(
            acted,
            json!({"watch": true, "exec_mode": "cluster_mode", "instances": 2,
                "node_args": ["--a", "--b"], "max_memory_restart": 1024, "name": "api"})
        );
        assert_eq!(
            warnings,
            [
                "web: env_prod sets watch, exec_mode, instances, node_args, max_memory_restart, name: an unusual place for settings; they act, and the app gets them as variables, too"
            ]
        );
    }

    #[test]
    fn usual_variables_do_not_act() {
        let variables = json!({"port": 80, "time": true, "cwd": "/", "script": "x", "out_file": "y",
            "version": "1", "maxRestarts": 3, "interpreter": "bash"});
        assert_eq!(acting(&variables), (json!({}), Vec::new()));
    }

    #[test]
    fn what_does_not_fit_stays_a_variable() {
        let (acted, warnings) = acting(&json!({"watch": {}, "kill_timeout": "soon", "name": ""}));
        assert_eq!(acted, json!({}));
        assert_eq!(warnings.len(), 3, "{warnings:?}");
    }
}
