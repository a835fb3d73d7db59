//! Methods that only tell something.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use ward_core::event::Event;
use ward_core::id::Life;
use ward_core::instance::{Instance, State};
use ward_core::view;
use ward_sys::Pid;
use ward_sys::cgroup::Cgroup;

use super::Args;
use crate::daemon::rpc::{Peer, Responder};
use crate::daemon::run::Daemon;
use ward_home::PM2_VERSION;

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
                let list = self.monitor_data();
                responder.written(&list);
            }
            "getSystemData" => {
                let system = self.system.measure();
                responder.ok(system);
            }
            "getReport" => responder.ok(self.report()),
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

    /// All processes with what they use, written one by one: all records together, environments
    /// twice in each, would be many megabytes of values at once.
    fn monitor_data(&mut self) -> Vec<u8> {
        self.list(view::process)
    }

    /// The same without what only few look at: for selections, or as a table, which has `monit`.
    pub(super) fn summaries(&mut self, table: bool) -> Vec<u8> {
        if table {
            return self.list(|instance| view::brief(instance, view::SHOWN_KEYS));
        }
        let brief = |instance| view::brief(instance, view::BRIEF_KEYS);
        written(self.supervisor.instances().map(brief))
    }

    fn list(&mut self, process: impl Fn(&Instance) -> Value) -> Vec<u8> {
        let online = |it: &Instance| matches!(it.state, State::Online { .. });
        let (lives, workers) = (&self.processes, &self.workers);
        let roots: Vec<(Pid, Option<&Cgroup>)> = self
            .supervisor
            .instances()
            .filter(|it| online(it))
            .filter_map(|it| Some((pid_of(it)?, lives.cgroup(it.life()?))))
            .collect();
        let usages = self.usages.sample(&roots);
        written(self.supervisor.instances().map(|instance| {
            let mut process = process(instance);
            let usage = pid_of(instance)
                .filter(|_| online(instance))
                .and_then(|pid| usages.get(&pid));
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
            if let Some(step) = self.waits_for(instance) {
                process["pm2_env"]["waits_for"] = step.into();
            }
            if instance.paused {
                process["pm2_env"]["paused"] = true.into();
            }
            process
        }))
    }

    /// Tells the core how much memory the tree of each of these lives holds.
    pub(in crate::daemon) fn sample_memory(&mut self, lives: &[Life]) {
        let pid = |life: Life| {
            pid_of(
                self.supervisor
                    .instance(self.supervisor.instance_of(life)?)?,
            )
        };
        let measured: Vec<_> = lives
            .iter()
            .filter_map(|life| Some((*life, pid(*life)?)))
            .collect();
        let cgroup = |life| self.processes.cgroup(life);
        let roots: Vec<_> = measured
            .iter()
            .map(|(life, pid)| (*pid, cgroup(*life)))
            .collect();
        let usages = self.usages.sample(&roots);
        for (life, pid) in measured {
            if let Some(usage) = usages.get(&pid) {
                self.handle(Event::Sampled {
                    life,
                    memory_bytes: usage.memory_bytes,
                });
            }
        }
    }

    fn report(&self) -> Value {
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
            "managed_apps": self.supervisor.instances().count(),
            "started_at": self.began_at_ms,
        })
    }
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

/// The process of an instance.
fn pid_of(instance: &Instance) -> Option<Pid> {
    Pid::from_raw(i32::try_from(instance.pid()?).ok()?)
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
