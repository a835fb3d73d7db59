//! Actions on many instances in one request: `ward:prepare`, `ward:act`, `ward:scale`.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use ward_core::id::InstanceId;
use ward_core::record;
use ward_core::request::{Change, Request, WatchChange};

use super::control::registration;
use crate::daemon::batch::{Batch, Verb};
use crate::daemon::pending::Waiting;
use crate::daemon::rpc::Responder;
use crate::daemon::run::Daemon;

const PREPARE: Verb = Verb {
    action: "prepare",
    method: "prepare",
    event: None,
};

/// What clients may ask for, with PM2's method for the error texts and the event PM2's client
/// would publish afterwards. `delete` publishes its own.
const WORDS: [Verb; 7] = [
    Verb {
        action: "start",
        method: "startProcessId",
        event: Some("restart"),
    },
    Verb {
        action: "restart",
        method: "restartProcessId",
        event: Some("restart"),
    },
    Verb {
        action: "reload",
        method: "reloadProcessId",
        event: Some("reload"),
    },
    Verb {
        action: "softReload",
        method: "softReloadProcessId",
        event: Some("graceful reload"),
    },
    Verb {
        action: "stop",
        method: "stopProcessId",
        event: Some("stop"),
    },
    Verb {
        action: "delete",
        method: "deleteProcessId",
        event: None,
    },
    Verb {
        action: "reset",
        method: "resetMetaProcessId",
        event: None,
    },
];

impl Daemon {
    /// Registers and starts apps, all side by side.
    pub(super) fn prepare_all(&mut self, options: &Value, responder: Responder) {
        let apps = options["apps"].as_array().map_or(&[][..], Vec::as_slice);
        let requests: Result<Vec<_>, _> =
            apps.iter().map(|app| registration(object(app))).collect();
        match requests {
            Err(error) => responder.error(&error.to_string()),
            Ok(requests) => {
                let mut batch = Batch::new(responder, PREPARE, usize::MAX, deadline(options));
                let requests = self.in_turns(requests);
                // The answers name the instances.
                let parts = requests.into_iter().map(|request| (InstanceId(0), request));
                batch.queue.extend(parts);
                self.run_batch(batch);
            }
        }
    }

    /// Apps that begin together have ids in turns, as under PM2; what is restored keeps its order.
    fn in_turns(&self, requests: Vec<Request>) -> Vec<Request> {
        let said = |request: &Request| match request {
            Request::Prepare(spec) => Some(spec.instances),
            _ => None,
        };
        let Some(counts) = requests.iter().map(said).collect::<Option<Vec<_>>>() else {
            return requests;
        };
        let places = self.supervisor.places(&counts);
        let placed = requests.into_iter().zip(places);
        placed
            .map(|(request, ids)| match request {
                Request::Prepare(spec) => Request::PrepareAt(spec, ids),
                other => other,
            })
            .collect()
    }

    /// One action on many instances.
    pub(super) fn act(&mut self, options: &Value, responder: Responder) {
        let Some(verb) = WORDS
            .into_iter()
            .find(|verb| options["action"] == verb.action)
        else {
            return responder.error(&format!("no action is called {}", options["action"]));
        };
        let ids: Option<Vec<InstanceId>> = options["ids"].as_array().and_then(|ids| {
            ids.iter()
                .map(crate::daemon::replies::instance_id)
                .collect()
        });
        let Some(ids) = ids else {
            return responder.error("ids must be a list of instance ids");
        };
        let change = match change(options) {
            Ok(change) => change,
            Err(text) => return responder.error(&text),
        };
        let parallel = options["parallel"]
            .as_u64()
            .and_then(|count| usize::try_from(count).ok());
        let declared = ids
            .first()
            .and_then(|id| self.supervisor.instance(*id)?.spec.cluster.parallel)
            .filter(|_| verb.reloads())
            .and_then(|count| usize::try_from(count).ok());
        let parallel = parallel.or(declared).unwrap_or(match verb.action {
            "delete" => 10,
            _ if ids.len() > 2 => 2,
            _ => 1,
        });
        let watch = match options["watch"].as_str() {
            Some("on") => Some(WatchChange::On),
            Some("off") => Some(WatchChange::Off),
            Some("toggle") => Some(WatchChange::Toggle),
            _ => None,
        };
        let mut batch = Batch::new(responder, verb, parallel, deadline(options));
        for id in ids {
            if let Some(change) = watch {
                self.ask(Request::Watch(id, change), Waiting::Nobody);
            }
            batch.queue.push_back((id, request(verb, id, &change)));
        }
        self.run_batch(batch);
    }

    /// More or fewer instances of an app.
    pub(super) fn scale(&mut self, options: &Value, responder: Responder) {
        let name = options["name"].as_str().unwrap_or_default();
        let ids: Vec<InstanceId> = self
            .supervisor
            .instances()
            .filter(|it| it.spec.name == name)
            .map(|it| it.id)
            .collect();
        let (Some(first), Some(wanted)) = (ids.first().copied(), options["count"].as_u64()) else {
            return responder.error(&format!("Application {name} not found"));
        };
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let scale = Verb {
            action: "scale",
            method: "duplicateProcessId",
            event: None,
        };
        let mut batch = Batch::new(responder, scale, usize::MAX, deadline(options));
        if wanted >= ids.len() {
            let more = wanted - ids.len();
            batch
                .queue
                .extend((0..more).map(|_| (first, Request::Duplicate(first))));
        } else {
            let fewer = ids.len() - wanted;
            batch.queue.extend(
                ids.into_iter()
                    .take(fewer)
                    .map(|id| (id, Request::Retire(id))),
            );
        }
        self.run_batch(batch);
    }
}

fn request(verb: Verb, id: InstanceId, change: &Change) -> Request {
    match verb.action {
        "start" => Request::Start(id),
        "restart" => Request::Restart(id, change.clone()),
        "reload" => Request::Reload(id, change.clone()),
        "softReload" => Request::SoftReload(id, change.clone()),
        "stop" => Request::Stop(id),
        "delete" => Request::Delete(id),
        _ => Request::Reset(id),
    }
}

fn change(options: &Value) -> Result<Change, String> {
    let spec = match options.get("spec").and_then(Value::as_object) {
        None => None,
        Some(app) => Some(Box::new(
            record::spec_from(app).map_err(|error| error.to_string())?,
        )),
    };
    Ok(Change {
        spec,
        env: object(&options["env"]).clone(),
        conf: object(&options["conf"]).clone(),
        replace_captured: options["replace_captured"] == json!(true),
        keeps_captured: options["keeps_captured"] == json!(true),
        respects_autostart: options["respects_autostart"] == json!(true),
    })
}

fn object(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY)
}

fn deadline(options: &Value) -> Option<Instant> {
    let milliseconds = options["deadline_ms"].as_u64()?;
    Instant::now().checked_add(Duration::from_millis(milliseconds))
}
