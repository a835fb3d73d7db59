//! The layers of an app's environment: inherited from the shell, set by the configuration file
//! during its evaluation, declared in it, added by ward.

use serde_json::{Map, Value, json};
use ward_core::config::env;
use ward_home::file::{self, LARGEST_CONFIG};

use super::owner::Owner;
use super::{Draft, text};

/// The separate layers.
pub(super) struct Layers {
    captured: Map<String, Value>,
    evaluated: Map<String, Value>,
    declared: Map<String, Value>,
    injected: Map<String, Value>,
}

/// Builds the layers of an app.
pub(super) fn layers(
    draft: &mut Draft<'_>,
    name: &str,
    interpreter: &str,
    owner: Option<&Owner>,
) -> Layers {
    let context = draft.context;
    let inherited = env::without_internal(context.env.clone());
    let mut captured = env::filter(inherited, draft.decl.get("filter_env"));
    if draft.decl.contains_key("cwd") && captured.contains_key("PWD") {
        captured.insert("PWD".to_owned(), json!(text(&draft.cwd)));
    }
    if let Some(owner) = owner {
        captured.insert("HOME".to_owned(), json!(owner.home));
    }
    let evaluated = split_off(&mut captured, &context.evaluated);
    let mut declared = draft
        .decl
        .get("env")
        .map(env::variables)
        .unwrap_or_default();
    if let Some(port) = draft.decl.get("port") {
        declared.insert("PORT".to_owned(), port.clone());
    }
    if let Some(io) = draft.decl.get("io") {
        declared
            .entry("io")
            .or_insert_with(|| json!(io.to_string()));
    }
    let mut injected = Map::new();
    injected.insert("PM2_HOME".to_owned(), json!(text(&context.paths.home)));
    injected.insert("PM2_USAGE".to_owned(), json!("CLI"));
    if context.is_file {
        injected.insert("PM2_JSON_PROCESSING".to_owned(), json!("true"));
    }
    if interpreter.contains("python") && !declared.contains_key("PYTHONUNBUFFERED") {
        injected.insert("PYTHONUNBUFFERED".to_owned(), json!("1"));
    }
    let section = section(draft, name);
    for (key, value) in &section {
        injected.insert(key.clone(), value.clone());
    }
    // PM2 passes an object from the command line, which never reaches the app, and a string from a
    // file.
    let section = Value::Object(section);
    let own = if context.is_file {
        json!(section.to_string())
    } else {
        section
    };
    // A name with `=` cannot be a variable, and an app must not fail because of it.
    if !name.contains('=') {
        injected.insert(name.to_owned(), own);
    }
    Layers {
        captured,
        evaluated,
        declared,
        injected,
    }
}

/// Removes the variables that the file has set, except those that a higher layer overrides (such as
/// the app's own user and folder) or a filter has removed.
fn split_off(captured: &mut Map<String, Value>, set: &Map<String, Value>) -> Map<String, Value> {
    let mut evaluated = Map::new();
    for (name, value) in set {
        if captured.get(name) == Some(value) {
            captured.shift_remove(name);
            evaluated.insert(name.clone(), value.clone());
        }
    }
    evaluated
}

/// The values that `set <name>:<key> <value>` has stored for an app of this name.
fn section(draft: &mut Draft<'_>, name: &str) -> Map<String, Value> {
    let path = &draft.context.paths.module_conf;
    let text = match file::read_text(path, LARGEST_CONFIG) {
        Ok(text) => text,
        Err(error) if error.is_missing() => return Map::new(),
        Err(error) => {
            let message = format!("{} cannot be read and is ignored: {error}", path.display());
            draft.warnings.push(message);
            return Map::new();
        }
    };
    match serde_json::from_str::<Map<String, Value>>(&text) {
        Ok(mut all) => match all.shift_remove(name) {
            Some(Value::Object(section)) => section,
            _ => Map::new(),
        },
        Err(error) => {
            let message = format!("{} cannot be read and is ignored: {error}", path.display());
            draft.warnings.push(message);
            Map::new()
        }
    }
}

impl Layers {
    /// Merges the layers; later layers win.
    pub(super) fn merged(&self) -> Value {
        let mut env = self.captured.clone();
        env.extend(self.evaluated.clone());
        env.extend(self.declared.clone());
        env.extend(self.injected.clone());
        Value::Object(env)
    }

    /// The layers as the daemon reads them.
    pub(super) fn apart(&self) -> Value {
        json!({
            "captured": self.captured, "evaluated": self.evaluated, "declared": self.declared,
            "injected": self.injected,
        })
    }
}
