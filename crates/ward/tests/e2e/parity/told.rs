//! What apps have told of themselves: `got/<id>.<pid>.json` beside them, from a shell `.text`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::side::id;

/// Removes what apps have told.
pub(super) fn forget(folder: &Path) {
    for path in told(folder) {
        fs::remove_file(path).ok();
    }
}

/// The files in which apps have told of themselves.
pub(super) fn told(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(folder, &mut |path| {
        let is_whole = path
            .extension()
            .is_some_and(|it| it == "json" || it == "text");
        if is_whole && path.parent().is_some_and(|it| it.ends_with("got")) {
            files.push(path.to_owned());
        }
    });
    files
}

/// What this app has told: `got/<id>.<pid>.json`, by itself or by a process below it.
pub(super) fn whose<'a>(told: &'a [PathBuf], record: &Value) -> Option<&'a PathBuf> {
    let id = format!("{}.", id(record));
    let own = format!("{id}{}.", record["pid"]);
    let name = |path: &&PathBuf| path.file_name().unwrap_or_default().display().to_string();
    let is_own = told.iter().find(|path| name(path).starts_with(&own));
    is_own.or_else(|| told.iter().find(|path| name(path).starts_with(&id)))
}

/// Reads what an app wrote: JSON, or from a shell the kernel's own text.
pub(super) fn read(path: &Path) -> Value {
    let text = String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned();
    if path.extension().is_some_and(|it| it == "json") {
        return serde_json::from_str(&text).expect("JSON of an app");
    }
    let (variables, rest) = text.rsplit_once('\0').expect("an environment");
    let variables = variables.split('\0').filter_map(|it| it.split_once('='));
    let env: serde_json::Map<String, Value> = variables
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let mut lines = rest.lines();
    let mut line = || lines.next().unwrap_or_default();
    json!({"env": env, "cwd": line(), "uid": line(), "gid": line(), "argv": lines.collect::<Vec<_>>()})
}

/// Whether the version of its Node is still on the way: an app tells it before it tells us, but to the daemon.
pub(super) fn is_version_missing(told: &[PathBuf], record: &Value) -> bool {
    let settings = &record["pm2_env"];
    whose(told, record).is_some()
        && settings["exec_interpreter"] == "node"
        && settings["node_version"].is_null()
}

/// Visits every file below a folder.
pub(super) fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            walk(&path, visit);
        } else {
            visit(&path);
        }
    }
}
