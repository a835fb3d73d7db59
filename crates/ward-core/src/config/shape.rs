//! Where the apps are in a configuration.

use serde_json::{Map, Value, json};

/// The parts of a configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Apps as written.
    pub apps: Vec<Map<String, Value>>,
    /// Environments to deploy to, kept apart.
    pub deploy: Option<Map<String, Value>>,
}

/// A configuration without apps where they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadShape {
    /// The value is no object and no list.
    #[error("a configuration is an object or a list of apps, but this is {0}")]
    NotAnObject(String),
    /// An entry of the list is no app.
    #[error("app {0} of the list is no object, but {1}")]
    NotAnApp(usize, String),
}

/// Finds the apps: under `apps`, else `pm2`, else the value itself; a list or one object. Tables
/// by name (`[apps.web]` in TOML) are apps, too. `static` entries become apps that serve files.
pub fn read(value: Value) -> Result<Shape, BadShape> {
    let (listed, deploy, statics) = match value {
        Value::Array(_) => (value, None, None),
        Value::Object(mut map) => {
            let deploy = map.shift_remove("deploy");
            let statics = map.shift_remove("static");
            let apps = map.shift_remove("apps").filter(|apps| !apps.is_null());
            let apps = apps.or_else(|| map.shift_remove("pm2").filter(|apps| !apps.is_null()));
            let alone = if map.is_empty() && (statics.is_some() || deploy.is_some()) {
                Value::Array(Vec::new())
            } else {
                Value::Object(map)
            };
            (apps.unwrap_or(alone), deploy, statics)
        }
        other => return Err(BadShape::NotAnObject(kind(&other).to_owned())),
    };
    let mut apps = Vec::new();
    for (index, app) in list(listed).into_iter().enumerate() {
        match app {
            Value::Object(map) => apps.push(map),
            other => return Err(BadShape::NotAnApp(index + 1, kind(&other).to_owned())),
        }
    }
    for entry in statics.map(list).unwrap_or_default() {
        if let Value::Object(entry) = entry {
            apps.push(static_app(&entry));
        }
    }
    let deploy = match deploy {
        Some(Value::Object(map)) => Some(map),
        _ => None,
    };
    Ok(Shape { apps, deploy })
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        Value::Object(map) if named(&map) => map
            .into_iter()
            .map(|(name, app)| match app {
                Value::Object(mut app) => {
                    app.entry("name").or_insert(Value::String(name));
                    Value::Object(app)
                }
                other => other,
            })
            .collect(),
        other => vec![other],
    }
}

/// Whether an object holds apps by name instead of being one.
fn named(map: &Map<String, Value>) -> bool {
    let app = |value: &Value| {
        let words = ["script", "exec", "cmd", "command"];
        value
            .as_object()
            .is_some_and(|app| words.iter().any(|word| app.contains_key(*word)))
    };
    !map.is_empty() && map.values().all(app)
}

fn static_app(entry: &Map<String, Value>) -> Map<String, Value> {
    let mut env = Map::new();
    for (key, variable) in [
        ("port", "PM2_SERVE_PORT"),
        ("host", "PM2_SERVE_HOST"),
        ("path", "PM2_SERVE_PATH"),
        ("spa", "PM2_SERVE_SPA"),
        ("ftp", "PM2_SERVE_FTP"),
        ("directory", "PM2_SERVE_DIRECTORY"),
        ("monitor", "PM2_SERVE_MONITOR"),
    ] {
        if let Some(value) = entry.get(key).filter(|value| !value.is_null()) {
            env.insert(variable.to_owned(), value.clone());
        }
    }
    if let Some(Value::Object(auth)) = entry.get("basic_auth") {
        env.insert("PM2_SERVE_BASIC_AUTH".to_owned(), json!("true"));
        for (key, variable) in [
            ("username", "PM2_SERVE_BASIC_AUTH_USERNAME"),
            ("password", "PM2_SERVE_BASIC_AUTH_PASSWORD"),
        ] {
            if let Some(value) = auth.get(key) {
                env.insert(variable.to_owned(), value.clone());
            }
        }
    }
    let port = match entry.get("port") {
        Some(Value::String(port)) => port.clone(),
        Some(Value::Number(port)) => port.to_string(),
        _ => "8080".to_owned(),
    };
    let mut app = Map::new();
    let name = entry.get("name").cloned();
    app.insert(
        "name".to_owned(),
        name.unwrap_or_else(|| json!(format!("static-page-server-{port}"))),
    );
    app.insert("script".to_owned(), json!("serve"));
    app.insert("env".to_owned(), Value::Object(env));
    app
}

/// What a value is, for people.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape() {
        let a = json!({"script": "a.js"});
        for value in [
            json!({"apps": [a]}),
            json!({"apps": a}),
            json!({"pm2": [a]}),
            json!({"pm2": a}),
            json!([a]),
            a.clone(),
        ] {
            let apps = read(value.clone()).unwrap().apps;
            assert_eq!(json!(apps), json!([a]), "{value}");
        }
        let named =
            read(json!({"apps": {"web": {"script": "a.js"}, "two": {"name": "x", "cmd": "b"}}}))
                .unwrap();
        assert_eq!(
            json!(named.apps),
            json!([{"script": "a.js", "name": "web"}, {"name": "x", "cmd": "b"}])
        );
        assert!(read(json!({"deploy": {"p": {}}})).unwrap().apps.is_empty());
        assert!(read(json!("text")).is_err());
        assert_eq!(
            read(json!([{}, 3])).unwrap_err().to_string(),
            "app 2 of the list is no object, but a number"
        );
    }

    #[test]
    fn deploy_and_static() {
        let shape = read(json!({
            "apps": [],
            "deploy": {"production": {"env": {"A": 1}}},
            "static": [{"port": 80, "path": "/srv", "spa": true, "basic_auth": {"username": "u", "password": "p"}}],
        }))
        .unwrap();
        assert_eq!(
            json!(shape.deploy),
            json!({"production": {"env": {"A": 1}}})
        );
        assert_eq!(
            json!(shape.apps),
            json!([{"name": "static-page-server-80", "script": "serve", "env": {
                "PM2_SERVE_PORT": 80, "PM2_SERVE_PATH": "/srv", "PM2_SERVE_SPA": true,
                "PM2_SERVE_BASIC_AUTH": "true", "PM2_SERVE_BASIC_AUTH_USERNAME": "u", "PM2_SERVE_BASIC_AUTH_PASSWORD": "p",
            }}])
        );
    }
}
