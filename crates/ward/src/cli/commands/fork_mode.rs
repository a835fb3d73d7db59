//! Warns of apps that are declared for cluster mode but cannot be workers: they run in fork mode,
//! and the command prints once what to declare instead.

use serde_json::Value;

use crate::cli::messages::Console;

/// Warns of each such app in a reply, once for all of its instances.
pub(crate) fn warn<'a>(console: &Console, entries: impl IntoIterator<Item = &'a Value>) {
    let mut told: Vec<&str> = Vec::new();
    for entry in entries {
        let (Some(name), Some(reason)) = (entry["name"].as_str(), entry["fork_reason"].as_str())
        else {
            continue;
        };
        if !told.contains(&name) {
            console.warn_aside(format!("App [{name}] runs in fork mode: {reason}"));
            told.push(name);
        }
    }
}
