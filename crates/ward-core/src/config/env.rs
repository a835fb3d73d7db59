//! Which variables an app gets: the declared ones of the chosen environment, and what is left of
//! the inherited ones.

use serde_json::{Map, Value};

use super::{Decl, default_name, env_bytes, settings, shell_split};

/// Variables of an app that runs under PM2 or ward. A command that is run inside such an app must
/// not hand them on, or the new app would take them for its own options.
const INTERNAL: &[&str] = &[
    "name",
    "exec_mode",
    "env",
    "args",
    "pm_cwd",
    "exec_interpreter",
    "pm_exec_path",
    "node_args",
    "pm_out_log_path",
    "pm_err_log_path",
    "pm_pid_path",
    "pm_id",
    "status",
    "pm_uptime",
    "created_at",
    "windowsHide",
    "username",
    "merge_logs",
    "kill_retry_time",
    "prev_restart_delay",
    "instance_var",
    "unstable_restarts",
    "restart_time",
    "axm_actions",
    "pmx_module",
    "command",
    "watch",
    "filter_env",
    "versioning",
    "vizion_runing",
    "MODULE_DEBUG",
    "pmx",
    "axm_options",
    "vizion",
    "axm_dynamic",
    "axm_monitor",
    "instances",
    "automation",
    "autostart",
    "autorestart",
    "stop_exit_codes",
    "unstable_restart",
    "treekill",
    "exit_code",
];

/// About the process that has them, or about the command that started it: nobody else may take
/// them over.
const OWN: &[&str] = &[
    "NODE_CHANNEL_FD",
    "NODE_CHANNEL_SERIALIZATION_MODE",
    "NODE_UNIQUE_ID",
    "PM2_JSON_PROCESSING",
    "PM2_USAGE",
];

/// Whether PM2 keeps a field of its own under this name beside the variables of an app.
pub fn is_internal(name: &str) -> bool {
    INTERNAL.contains(&name)
}

/// What is to be told about the choice of an environment.
#[derive(Debug, Default)]
pub struct Chosen {
    /// Neither the app nor `deploy` has such an environment.
    pub is_undefined: bool,
    /// About what it holds.
    pub warnings: Vec<String>,
}

/// Makes `env` of a declaration what it should be for one environment: `env`, then
/// `deploy.<name>.env`, then `env_<name>`, later ones winning; objects become JSON text. What is called
/// like a setting in `env_<name>` acts, too.
pub fn choose(app: &mut Decl, name: Option<&str>, deploy: Option<&Map<String, Value>>) -> Chosen {
    let mut chosen = Chosen::default();
    let mut env = Map::new();
    if let Some(name) = name {
        let deployed = deploy.and_then(|deploy| deploy.get(name)?.get("env"));
        env.extend(app.get("env").map(variables).unwrap_or_default());
        env.extend(deployed.map(variables).unwrap_or_default());
        let variant = app.get(&format!("env_{name}")).map(variables);
        chosen.is_undefined = variant.is_none() && deployed.is_none();
        let variant = variant.unwrap_or_default();
        env.extend(variant.clone());
        if app.get("append_env_to_name") == Some(&Value::Bool(true)) {
            let base = match (app.get("name"), app.get("script")) {
                (Some(Value::String(name)), _) => name.clone(),
                (_, Some(Value::String(script))) => default_name(script),
                _ => return chosen,
            };
            app.insert("name".to_owned(), Value::String(format!("{base}-{name}")));
        }
        chosen.warnings = settings::act(app, name, &variant);
    } else {
        env = app.get("env").map(variables).unwrap_or_default();
    }
    for value in env.values_mut() {
        if value.is_object() || value.is_array() || value.is_null() {
            *value = Value::String(value.to_string());
        }
    }
    if app.contains_key("env") || !env.is_empty() {
        app.insert("env".to_owned(), Value::Object(env));
    }
    chosen
}

/// The variables of an `env` value. A string holds assignments: `A=1 B="two words"`.
pub fn variables(env: &Value) -> Map<String, Value> {
    match env {
        Value::Object(map) => map.clone(),
        Value::String(text) => shell_split::words(text)
            .iter()
            .filter_map(|word| {
                let (name, value) = word.split_once('=')?;
                let quoted =
                    |q: char| value.len() > 1 && value.starts_with(q) && value.ends_with(q);
                let inner = if quoted('"') || quoted('\'') {
                    &value[1..value.len() - 1]
                } else {
                    value
                };
                Some((name.to_owned(), Value::String(inner.to_owned())))
            })
            .collect(),
        _ => Map::new(),
    }
}

/// What is left of the inherited variables: nothing for `true`, all but one for a string, all whose
/// names contain none of a list.
pub fn filter(mut inherited: Map<String, Value>, filter: Option<&Value>) -> Map<String, Value> {
    match filter {
        Some(Value::Bool(true)) => inherited.clear(),
        Some(Value::String(text)) if text == "true" => inherited.clear(),
        Some(Value::String(name)) => {
            inherited.shift_remove(name);
        }
        Some(Value::Array(parts)) => {
            if parts.contains(&Value::Bool(true)) {
                inherited.clear();
            }
            let parts: Vec<&str> = parts
                .iter()
                .filter_map(Value::as_str)
                .filter(|part| !part.is_empty())
                .collect();
            inherited.retain(|name, _| {
                name == env_bytes::KEY || !parts.iter().any(|part| name.contains(part))
            });
        }
        _ => {}
    }
    env_bytes::prune(&mut inherited);
    inherited
}

/// Takes out what a surrounding app's supervisor put in; elsewhere the same names are the user's.
pub fn without_internal(mut inherited: Map<String, Value>) -> Map<String, Value> {
    inherited.retain(|name, _| !OWN.contains(&name.as_str()));
    if inherited.contains_key("pm_id") {
        inherited.retain(|name, _| !INTERNAL.contains(&name.as_str()));
    }
    inherited
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_chosen_environment() {
        let app = json!({
            "script": "/srv/web.app.js", "append_env_to_name": true,
            "env": {"A": 1, "B": "b", "O": {"x": [1]}, "N": null}, "env_prod": {"A": 2, "C": true},
        });
        let deploy = object(
            &json!({"prod": {"env": {"B": "deployed", "D": "d"}}, "only": {"env": {"D": 1}}}),
        );
        let text = json!({"A": 1, "B": "b", "O": "{\"x\":[1]}", "N": "null"});
        for (name, wanted, label, is_undefined) in [
            (None, text.clone(), None, false),
            (
                Some("prod"),
                json!({"A": 2, "B": "deployed", "D": "d", "O": "{\"x\":[1]}", "N": "null", "C": true}),
                Some("web.app-prod"),
                false,
            ),
            (
                Some("only"),
                json!({"D": 1, "A": 1, "B": "b", "O": "{\"x\":[1]}", "N": "null"}),
                Some("web.app-only"),
                false,
            ),
            (Some("nope"), text, Some("web.app-nope"), true),
        ] {
            let mut chosen = object(&app);
            let told = choose(&mut chosen, name, Some(&deploy));
            assert_eq!(told.is_undefined, is_undefined, "{name:?}");
            assert!(told.warnings.is_empty(), "{name:?}: {told:?}");
            assert_eq!(chosen["env"], wanted, "{name:?}");
            assert_eq!(
                chosen.get("name").and_then(Value::as_str),
                label,
                "{name:?}"
            );
            assert!(chosen.contains_key("env_prod"));
        }
    }

    #[test]
    fn filters() {
        let inherited = json!({"SECRET_A": "1", "MY_SECRET_": "2", "PATH": "3"});
        for (rule, wanted) in [
            (
                json!(null),
                json!({"SECRET_A": "1", "MY_SECRET_": "2", "PATH": "3"}),
            ),
            (
                json!(false),
                json!({"SECRET_A": "1", "MY_SECRET_": "2", "PATH": "3"}),
            ),
            (json!(true), json!({})),
            (json!("true"), json!({})),
            (json!([true]), json!({})),
            (
                json!([]),
                json!({"SECRET_A": "1", "MY_SECRET_": "2", "PATH": "3"}),
            ),
            (json!(["SECRET_"]), json!({"PATH": "3"})),
            (json!("PATH"), json!({"SECRET_A": "1", "MY_SECRET_": "2"})),
            (
                json!("SECRET"),
                json!({"SECRET_A": "1", "MY_SECRET_": "2", "PATH": "3"}),
            ),
        ] {
            assert_eq!(
                Value::Object(filter(object(&inherited), Some(&rule))),
                wanted,
                "{rule}"
            );
        }
    }

    #[test]
    fn inside_an_app() {
        let inside = json!({"pm_id": "3", "name": "outer", "PORT": "80"});
        assert_eq!(
            Value::Object(without_internal(object(&inside))),
            json!({"PORT": "80"})
        );
        let channel = json!({"NODE_CHANNEL_FD": "3", "A": "1"});
        assert_eq!(
            Value::Object(without_internal(object(&channel))),
            json!({"A": "1"})
        );
        let outside = json!({"name": "mine", "PORT": "80"});
        assert_eq!(Value::Object(without_internal(object(&outside))), outside);
    }

    #[test]
    fn assignments_in_a_string() {
        assert_eq!(
            Value::Object(variables(&json!("A=1 B='two words' C=x=y junk"))),
            json!({"A": "1", "B": "two words", "C": "x=y"})
        );
    }
}
