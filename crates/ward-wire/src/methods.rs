//! The methods that a client may call.
//!
//! PM2 looks names up in a JavaScript object and so finds `toString`; here they are a fixed table.
//! Its order and parameter names are those of PM2 7.0.4, whose `methods` reply drivers compare.
//! Methods of our own carry the prefix `ward:` and are not listed there, but are asked for by name.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// The prefix of methods which only ward has.
pub const OWN_PREFIX: &str = "ward:";

/// A method a client may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Method {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its parameter names as PM2 reports them, the callback included.
    pub params: &'static [&'static str],
}

const fn method(name: &'static str, params: &'static [&'static str]) -> Method {
    Method { name, params }
}

/// PM2's methods, in PM2's order.
pub const METHODS: [Method; 30] = [
    method("killMe", &[]),
    method("profileCPU", &[]),
    method("profileMEM", &[]),
    method("prepare", &["env", "cb"]),
    method("getMonitorData", &["env", "cb"]),
    method("getSystemData", &["env", "cb"]),
    method("startProcessId", &["id", "cb"]),
    method("stopProcessId", &["id", "cb"]),
    method("restartProcessId", &["opts", "cb"]),
    method("deleteProcessId", &["id", "cb"]),
    method("sendLineToStdin", &["packet", "cb"]),
    method("softReloadProcessId", &["opts", "cb"]),
    method("reloadProcessId", &["opts", "cb"]),
    method("duplicateProcessId", &["id", "cb"]),
    method("resetMetaProcessId", &["id", "cb"]),
    method("stopWatch", &["method", "value", "fn"]),
    method("startWatch", &["method", "value", "fn"]),
    method("toggleWatch", &["method", "value", "fn"]),
    method("notifyByProcessId", &["opts", "cb"]),
    method("notifyKillPM2", &[]),
    method("monitor", &["pm_id", "cb"]),
    method("unmonitor", &["pm_id", "cb"]),
    method("msgProcess", &["cmd", "cb"]),
    method("sendDataToProcessId", &["packet", "cb"]),
    method("sendSignalToProcessId", &["opts", "cb"]),
    method("sendSignalToProcessName", &["opts", "cb"]),
    method("ping", &["env", "cb"]),
    method("getVersion", &["env", "cb"]),
    method("getReport", &["arg", "cb"]),
    method("reloadLogs", &["opts", "cb"]),
];

/// PM2's method of that name. Calls may have any number of arguments: missing ones are null,
/// further ones are ignored.
pub fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// A table in the shape of the `methods` reply: a map from name to name and parameters.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a>(pub &'a [Method]);

impl Serialize for Listing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for method in self.0 {
            map.serialize_entry(method.name, method)?;
        }
        map.end()
    }
}
