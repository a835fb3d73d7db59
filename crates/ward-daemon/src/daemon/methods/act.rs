//! Actions on many instances in one request: `ward:prepare`, `ward:act`, `ward:scale`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use ward_core::id::InstanceId;
use ward_core::jobs::{Act, PrepareAll, Registration, Scale, Verb};
use ward_core::record::{self, BadSpec};
use ward_core::request::{Change, Request, WatchChange};

use super::control::registration;
use crate::daemon::jobs::JobForm;
use crate::daemon::pending::Waiting;
use crate::daemon::replies::instance_id;
use crate::daemon::rpc::Responder;
use crate::daemon::run::Daemon;

impl Daemon {
    /// Registers and starts apps, all side by side.
    pub(super) fn prepare_all(&mut self, options: &Value, responder: Responder) {
        let apps = options["apps"].as_array().map_or(&[][..], Vec::as_slice);
        let shared = shared_environments(&options["environments"]);
        let apps: Result<Vec<_>, _> = apps.iter().map(|app| app_from(app, &shared)).collect();
        let deadline = deadline(options);
        match apps {
            Err(error) => responder.error(&error.to_string()),
            Ok(apps) => {
                let request = Request::PrepareAll(PrepareAll { apps, deadline });
                self.begin_job(JobForm::Prepare, request, responder);
            }
        }
    }

    /// One action on many instances. `ids` with one change, or under `each` several of them.
    pub(super) fn act(&mut self, options: &Value, responder: Responder) {
        let verb = options["action"].as_str().and_then(Verb::named);
        let Some(verb) = verb else {
            return responder.error(&format!("no action is called {}", options["action"]));
        };
        let each = options["each"].as_array();
        let each: Vec<&Value> = each.map_or_else(|| vec![options], |each| each.iter().collect());
        let mut targets = Vec::new();
        for options in each {
            match target(options) {
                Ok(target) => targets.push(target),
                Err(error) => return responder.error(&error.to_string()),
            }
        }
        let parallel = options["parallel"].as_u64();
        let act = Act {
            verb,
            targets,
            watch: match options["watch"].as_str() {
                Some("on") => Some(WatchChange::On),
                Some("off") => Some(WatchChange::Off),
                Some("toggle") => Some(WatchChange::Toggle),
                _ => None,
            },
            parallel: parallel.and_then(|count| usize::try_from(count).ok()),
            deadline: deadline(options),
        };
        self.begin_job(JobForm::Act(verb), Request::Act(Box::new(act)), responder);
    }

    /// More or fewer instances of an app.
    pub(super) fn scale(&mut self, options: &Value, responder: Responder) {
        let name = options["name"].as_str().unwrap_or_default();
        let Some(wanted) = options["count"].as_u64() else {
            return responder.error(&format!("Application {name} not found"));
        };
        let scale = Scale {
            name: name.to_owned(),
            wanted: usize::try_from(wanted).unwrap_or(usize::MAX),
            deadline: deadline(options),
        };
        self.begin_job(JobForm::Scale, Request::Scale(scale), responder);
    }

    fn begin_job(&mut self, form: JobForm, request: Request, responder: Responder) {
        self.ask(request, Waiting::Job { responder, form });
    }
}

/// Environments that several apps of a request have captured. They have them in the same memory.
fn shared_environments(given: &Value) -> Vec<Arc<Map<String, Value>>> {
    let given = given.as_array().into_iter().flatten();
    given.map(|it| Arc::new(object(it).clone())).collect()
}

/// An app of a request. Where its captured environment should be stands which of the shared ones it is.
fn app_from(app: &Value, shared: &[Arc<Map<String, Value>>]) -> Result<Registration, BadSpec> {
    let which = app["ward"]["captured"].as_u64();
    let which = which.and_then(|which| usize::try_from(which).ok());
    let mut registration = registration(object(app))?;
    if let Some(environment) = which.and_then(|which| shared.get(which))
        && let Registration::New(spec) = &mut registration
    {
        spec.env.captured = Arc::clone(environment);
    }
    Ok(registration)
}

/// A target of an action that cannot be read.
#[derive(Debug, thiserror::Error)]
enum BadTarget {
    #[error("ids must be a list of instance ids")]
    Ids,
    #[error(transparent)]
    Spec(#[from] BadSpec),
}

fn target(options: &Value) -> Result<(Vec<InstanceId>, Change), BadTarget> {
    let ids = options["ids"].as_array();
    let ids = ids.and_then(|ids| ids.iter().map(instance_id).collect());
    let ids = ids.ok_or(BadTarget::Ids)?;
    Ok((ids, change(options)?))
}

fn change(options: &Value) -> Result<Change, BadSpec> {
    let spec = match options.get("spec").and_then(Value::as_object) {
        None => None,
        Some(app) => Some(Box::new(record::spec_from(app)?)),
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

fn deadline(options: &Value) -> Option<Duration> {
    options["deadline_ms"].as_u64().map(Duration::from_millis)
}
