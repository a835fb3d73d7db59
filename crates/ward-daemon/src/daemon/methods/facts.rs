//! Methods that only tell something.

use serde_json::{Map, Value, json};
use ward_home::PM2_VERSION;

use super::Args;
use crate::daemon::parts::{Core, Identity};
use crate::daemon::rpc::{ListKind, Peer, Responder};
use crate::daemon::run::Daemon;
use crate::daemon::sampling::Purpose;

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
                let launch = &mut self.planes.launch;
                self.facts.questions.version(peer.pid, responder, launch);
            }
            "getMonitorData" => {
                let kind = ListKind::Full;
                self.sample(Purpose::List { kind, responder });
            }
            "getSystemData" => {
                let launch = &mut self.planes.launch;
                self.facts.questions.system(responder, launch);
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
