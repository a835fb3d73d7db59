//! Apps that were declared for a cluster and cannot be workers: they run in fork mode, and whoever
//! declared them is told once what to write instead.

use serde_json::Value;

use crate::cli::messages::Console;

/// Warns of each app among the entries of an answer, once for all of its instances.
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
