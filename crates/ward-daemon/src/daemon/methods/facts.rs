//! Methods that only tell something.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use ward_core::view;
use ward_home::PM2_VERSION;
use ward_sys::Pid;

use super::Args;
use crate::daemon::launches::waits_for;
use crate::daemon::parts::{Core, Identity};
use crate::daemon::rpc::{Peer, Responder};
use crate::daemon::run::Daemon;
use crate::daemon::sampling::{Purpose, is_online, pid_of};
use crate::launch::Measured;

impl Daemon {
    pub(super) fn fact_method(
        &mut self,
        method: &str,
        args: &Args,
        peer: &Peer,
        responder: Responder,
    ) -> Option<Responder> {
        match method {
            "ping" => responder.ok(json!({ "msg": "pong" })),
            "getVersion" => {
                let version = peer.pid.and_then(version_of_client);
                responder.ok(version.unwrap_or_else(|| PM2_VERSION.to_owned()).into());
            }
            "getMonitorData" => {
                let table = false;
                self.sample(Purpose::List { table, responder });
            }
            "getSystemData" => {
                let system = self.facts.system.measure();
                responder.ok(system);
            }
            "getReport" => responder.ok(report(&self.core, &self.identity)),
            "profileCPU" | "profileMEM" => {
                let _what_for = args.at(0);
                responder.ok(
                    json!({ "error": "the daemon is no Node.js program: it has no such profile" }),
                );
            }
            _ => return Some(responder),
        }
        None
    }

    /// All processes with what they use: with all their facts, or with those a table has. Written one
    /// by one: all records together, environments twice in each, would be many megabytes of values at
    /// once.
    pub(in crate::daemon) fn list(&self, table: bool, measured: &Measured) -> Vec<u8> {
        let (lives, workers) = (&self.processes, &self.workers);
        written(self.core.supervisor.instances().map(|instance| {
            let mut process = if table {
                view::brief(instance, view::SHOWN_KEYS)
            } else {
                view::process(instance)
            };
            let usage = pid_of(instance)
                .filter(|_| is_online(instance))
                .and_then(|pid| measured.get(&pid));
            let usage = usage.copied().unwrap_or_default();
            process["monit"] = json!({ "memory": usage.memory_bytes, "cpu": usage.cpu_percent });
            let worker = instance.life().and_then(|life| lives.get(life));
            let connections = worker.and_then(|it| it.connections.as_ref()?.read());
            if let Some(open) = connections {
                process["pm2_env"]["open_connections"] = open.into();
            }
            let places = instance.life().and_then(|life| workers.places.get(&life));
            if let Some(places) = places {
                process["pm2_env"]["listens_on"] = json!(places);
            }
            if let Some(step) = waits_for(&self.planes.launch, instance) {
                process["pm2_env"]["waits_for"] = step.into();
            }
            if instance.paused {
                process["pm2_env"]["paused"] = true.into();
            }
            process
        }))
    }
}

/// All processes without what only few look at: for selections.
pub(super) fn summaries(core: &Core) -> Vec<u8> {
    let brief = |instance| view::brief(instance, view::BRIEF_KEYS);
    written(core.supervisor.instances().map(brief))
}

/// Facts about the daemon, in the form of those PM2 tells about its own.
fn report(core: &Core, identity: &Identity) -> Value {
    let env: Map<String, Value> = std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned().into(),
            )
        })
        .collect();
    json!({
        "pm2_version": PM2_VERSION,
        "node_version": "N/A",
        "node_path": std::env::current_exe().unwrap_or_default(),
        "argv0": "ward",
        "argv": std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>(),
        "user": env.get("USER").cloned().unwrap_or_default(),
        "uid": rustix::process::getuid().as_raw(),
        "gid": rustix::process::getgid().as_raw(),
        "env": env,
        "managed_apps": core.supervisor.instances().count(),
        "started_at": identity.began_at_ms,
    })
}

/// A list, of which never more than one element is a value.
fn written(elements: impl Iterator<Item = Value>) -> Vec<u8> {
    let mut list = b"[".to_vec();
    for element in elements {
        if list.len() > 1 {
            list.push(b',');
        }
        ward_wire::json::write_value(&mut list, &element);
    }
    list.push(b']');
    list
}

/// The version of the PM2 command line that asks, so that it does not complain about ours: its
/// script is the second word of its command line, its package.json beside the script's folder.
fn version_of_client(pid: i32) -> Option<String> {
    let words = ward_sys::proc::cmdline(Pid::from_raw(pid)?).ok()?;
    let script = words
        .get(1)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())?;
    let script = std::fs::canonicalize(script).ok()?;
    let path = script.parent().and_then(Path::parent)?.join("package.json");
    let package: Value = serde_json::from_slice(&crate::launch::read_package(&path)?).ok()?;
    (package["name"] == "pm2")
        .then(|| package["version"].as_str().map(str::to_owned))
        .flatten()
}
