//! Ward's own methods, for what PM2's cannot express: the state of the daemon, whole declarations,
//! logs, a shutdown that is confirmed. Actions on many instances are in `act`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use ward_core::record;
use ward_core::request::Request;
use ward_core::view;

use super::Args;
use crate::daemon::parts::Core;
use crate::daemon::pending::{Form, Waiting};
use crate::daemon::replies::{id_text, unknown};
use crate::daemon::rpc::{ListKind, Responder};
use crate::daemon::run::Daemon;
use crate::daemon::sampling::Purpose;
use crate::rights::Owner;

/// How long the counts of channels and cluster are waited for.
const WORKER_METRICS: Duration = Duration::from_secs(1);

impl Daemon {
    pub(super) fn own_method(&mut self, method: &str, args: &Args, responder: Responder) {
        let options = args.at(0);
        match method {
            "prepare" => self.prepare_all(options, responder),
            "act" => self.act(options, responder),
            "scale" => self.scale(options, responder),
            "list" => match ListKind::asked(Some(options)) {
                kind @ ListKind::Table => self.sample(Purpose::List { kind, responder }),
                kind => self.list_unmeasured(kind, responder),
            },
            "spec" => spec(&self.core, options, responder),
            "status" => responder.ok(self.status()),
            "metrics" => metrics(self, responder),
            "reason" => reason(&self.core, options, responder),
            "flush" => flush(self, options, responder),
            "pause" => self.pause(options, responder),
            "shutdown" => {
                self.shutdown.responders.push(responder);
                self.end("via CLI");
            }
            _ => responder.refuse(&ward_wire::rpc::unknown_method(&format!("ward:{method}"))),
        }
    }

    /// Pauses or resumes new connections to a worker. A pause holds for the instance, also across
    /// restarts of its process, until the instance is stopped.
    fn pause(&mut self, options: &Value, responder: Responder) {
        let id = &options["id"];
        let known = self.core.known(id);
        let Some(instance) = known.and_then(|id| self.core.supervisor.instance(id)) else {
            return responder.error(&unknown("pause", &id_text(id)));
        };
        let (name, id) = (&instance.spec.name, instance.id);
        let process = instance.life().and_then(|life| self.processes.get(life));
        match process {
            Some(process) if process.is_fed => {}
            Some(process) if process.connections.is_some() => {
                let text = format!(
                    "cannot pause {name}: with sched shared or slot its workers accept connections by themselves"
                );
                return responder.error(&text);
            }
            Some(_) => {
                let text = format!(
                    "cannot pause {name}: only workers of a cluster get their connections from ward"
                );
                return responder.error(&text);
            }
            None => return responder.error(&format!("cannot pause {name}: it is not running")),
        }
        let paused = options["paused"] != false;
        let waiting = Waiting::Method {
            responder,
            form: Form::Paused(id, paused),
            id: id.to_string(),
            method: "pause",
        };
        self.ask(Request::Pause(id, paused), waiting);
    }

    fn status(&self) -> Value {
        let memory = ward_sys::proc::stat(rustix::process::getpid())
            .map(|stat| stat.rss_pages * ward_sys::proc::page_bytes());
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "home": self.identity.paths.home,
            "uptime_ms": u64::try_from(self.identity.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "started_at": self.identity.began_at_ms,
            "apps": self.core.supervisor.instances().count(),
            "subscribers": self.planes.bus.metrics().subscribers,
            "bus_dropped": self.planes.bus.metrics().dropped_events,
            "memory_bytes": memory.unwrap_or_default(),
            "loop": self.meter.to_value(),
        })
    }
}

/// What the planes and the control loop have done since the daemon began. Those of the channels and
/// the cluster come from their thread.
fn metrics(daemon: &Daemon, responder: Responder) {
    let planes = &daemon.planes;
    let mut metrics = json!({
        "loop": daemon.meter.to_value(),
        "log": planes.log.metrics(),
        "bus": planes.bus.metrics(),
        "launch": planes.launch.metrics(),
        "watch": planes.watch.counts(),
    });
    let workers = planes.channel.metrics();
    tokio::task::spawn_local(async move {
        // Without an answer the thread is gone, or busy for so long that the others must do.
        let limit = tokio::time::timeout(WORKER_METRICS, workers);
        metrics["workers"] = json!(limit.await.ok().and_then(Result::ok));
        responder.ok(metrics);
    });
}

/// Replies with the declaration of an instance, with separate environment layers.
fn spec(core: &Core, options: &Value, responder: Responder) {
    match core.instance(&options["id"]) {
        Some(instance) => responder.ok(record::prepare_record(&instance.spec).into()),
        None => responder.error(&unknown("spec", &id_text(&options["id"]))),
    }
}

/// Why an instance does not run.
fn reason(core: &Core, options: &Value, responder: Responder) {
    let Some(instance) = core.instance(&options["id"]) else {
        return responder.error(&unknown("reason", &id_text(&options["id"])));
    };
    let record = view::record(instance);
    let key = |name: &str| record.get(name).cloned().unwrap_or_default();
    responder.ok(json!({
        "reason": key("failure"),
        "exit": { "code": key("exit_code"), "signal": key("exit_signal") },
        "last_exit_at": instance.last_exit.map(|exit| exit.at.0),
    }));
}

/// Empties the log files of some instances, or all log files with the daemon's own.
fn flush(daemon: &Daemon, options: &Value, responder: Responder) {
    let chosen = options["ids"].as_array();
    let mut files: Vec<(String, Option<Owner>)> = match chosen {
        Some(_) => Vec::new(),
        None => vec![(daemon.identity.paths.daemon_log.display().to_string(), None)],
    };
    for instance in daemon.core.supervisor.instances() {
        if chosen.is_some_and(|ids| !ids.iter().any(|id| *id == instance.id.0)) {
            continue;
        }
        let record = view::record(instance);
        let owner = Owner::of(&instance.spec.user, &daemon.identity.home);
        for key in ["pm_out_log_path", "pm_err_log_path", "pm_log_path"] {
            let path = record
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or("/dev/null");
            if path != "/dev/null" && !files.iter().any(|(file, _)| file == path) {
                files.push((path.to_owned(), Some(owner.clone())));
            }
        }
    }
    let places = files.iter();
    let places = places.map(|(path, owner)| (PathBuf::from(path), owner.clone()));
    let emptied = daemon.planes.log.flush(places.collect());
    let files: Vec<String> = files.into_iter().map(|(path, _)| path).collect();
    tokio::task::spawn_local(async move {
        // The log thread is gone only when the daemon ends.
        emptied.await.ok();
        responder.ok(json!({ "files": files }));
    });
}
