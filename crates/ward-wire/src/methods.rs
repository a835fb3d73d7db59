//! The 30 methods PM2 exposes, in its order, with the parameter names it reports.

use serde_json::{Map, Value, json};

/// Names and parameters as PM2's reply to `methods` lists them.
pub const METHODS: [(&str, &[&str]); 30] = [
    ("killMe", &[]),
    ("profileCPU", &[]),
    ("profileMEM", &[]),
    ("prepare", &["env", "cb"]),
    ("getMonitorData", &["env", "cb"]),
    ("getSystemData", &["env", "cb"]),
    ("startProcessId", &["id", "cb"]),
    ("stopProcessId", &["id", "cb"]),
    ("restartProcessId", &["opts", "cb"]),
    ("deleteProcessId", &["id", "cb"]),
    ("sendLineToStdin", &["packet", "cb"]),
    ("softReloadProcessId", &["opts", "cb"]),
    ("reloadProcessId", &["opts", "cb"]),
    ("duplicateProcessId", &["id", "cb"]),
    ("resetMetaProcessId", &["id", "cb"]),
    ("stopWatch", &["method", "value", "fn"]),
    ("startWatch", &["method", "value", "fn"]),
    ("toggleWatch", &["method", "value", "fn"]),
    ("notifyByProcessId", &["opts", "cb"]),
    ("notifyKillPM2", &[]),
    ("monitor", &["pm_id", "cb"]),
    ("unmonitor", &["pm_id", "cb"]),
    ("msgProcess", &["cmd", "cb"]),
    ("sendDataToProcessId", &["packet", "cb"]),
    ("sendSignalToProcessId", &["opts", "cb"]),
    ("sendSignalToProcessName", &["opts", "cb"]),
    ("ping", &["env", "cb"]),
    ("getVersion", &["env", "cb"]),
    ("getReport", &["arg", "cb"]),
    ("reloadLogs", &["opts", "cb"]),
];

/// The message that answers `{"type":"methods"}`.
pub fn listing() -> Value {
    let methods: Map<String, Value> = METHODS
        .iter()
        .map(|(name, params)| {
            (
                (*name).to_owned(),
                json!({ "name": name, "params": params }),
            )
        })
        .collect();
    json!({ "methods": methods })
}
