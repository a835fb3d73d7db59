//! Methods that change what runs.

use serde_json::{Map, Value};
use ward_core::id::InstanceId;
use ward_core::jobs::Registration;
use ward_core::record;
use ward_core::record::BadSpec;
use ward_core::request::{Change, Request, RestoredState};
use ward_core::time::Wall;

use super::Args;
use crate::daemon::pending::{Form, Waiting};
use crate::daemon::replies::{id_text, unknown};
use crate::daemon::rpc::Responder;
use crate::daemon::run::Daemon;

impl Daemon {
    pub(super) fn control_method(
        &mut self,
        method: &str,
        args: &Args,
        responder: Responder,
    ) -> Option<Responder> {
        let first = args.at(0);
        // PM2's own clients pass `{id}` to some of them.
        let inner = first.get("id").unwrap_or(first);
        match method {
            "prepare" => self.prepare(first, responder),
            "startProcessId" => self.one(
                "startProcessId",
                Form::Child,
                first,
                responder,
                Request::Start,
            ),
            "stopProcessId" => self.one(
                "stopProcessId",
                Form::Process,
                inner,
                responder,
                Request::Stop,
            ),
            "deleteProcessId" => self.one(
                "deleteProcessId",
                Form::Process,
                inner,
                responder,
                Request::Delete,
            ),
            "duplicateProcessId" => {
                self.one(
                    "duplicateProcessId",
                    Form::Child,
                    first,
                    responder,
                    Request::Duplicate,
                );
            }
            "resetMetaProcessId" => {
                self.one(
                    "resetMetaProcessId",
                    Form::List,
                    first,
                    responder,
                    Request::Reset,
                );
            }
            "restartProcessId" => {
                self.change("restartProcessId", first, responder, Request::Restart);
            }
            "reloadProcessId" => self.change("reloadProcessId", first, responder, Request::Reload),
            "softReloadProcessId" => {
                self.change("softReloadProcessId", first, responder, Request::SoftReload);
            }
            _ => return Some(responder),
        }
        None
    }

    fn prepare(&mut self, app: &Value, responder: Responder) {
        let Some(record) = app.as_object() else {
            return responder.error("prepare needs an app as its argument");
        };
        match registration(record) {
            Err(error) => responder.error(&error.to_string()),
            Ok(app) => {
                let request = match app {
                    Registration::New(spec) => Request::Prepare(spec),
                    Registration::Saved(spec, restored) => Request::Register(spec, restored),
                };
                let (method, id) = ("prepare", String::new());
                let form = Form::Children;
                self.ask(
                    request,
                    Waiting::Method {
                        responder,
                        form,
                        id,
                        method,
                    },
                );
            }
        }
    }

    /// A request about one instance.
    pub(super) fn one(
        &mut self,
        method: &'static str,
        form: Form,
        id: &Value,
        responder: Responder,
        request: impl FnOnce(InstanceId) -> Request,
    ) {
        match self.core.known(id) {
            Some(instance) => {
                let waiting = Waiting::Method {
                    responder,
                    form,
                    id: id_text(id),
                    method,
                };
                self.ask(request(instance), waiting);
            }
            None => responder.error(&unknown(method, &id_text(id))),
        }
    }

    fn change(
        &mut self,
        method: &'static str,
        options: &Value,
        responder: Responder,
        request: impl FnOnce(InstanceId, Change) -> Request,
    ) {
        let id = options.get("id").filter(|id| !id.is_null());
        let Some(id) = id else {
            return responder.error(match method {
                "restartProcessId" => "opts.id not passed to restartProcessId",
                _ => "PM2 ID unknown",
            });
        };
        let env = options
            .get("env")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let change = change_from(env);
        self.one(method, Form::Child, id, responder, |instance| {
            request(instance, change)
        });
    }
}

/// The request a prepare record stands for: a new app, or an instance of a saved list, which has
/// the marks of its earlier run.
pub(super) fn registration(app: &Map<String, Value>) -> Result<Registration, BadSpec> {
    let spec = Box::new(record::spec_from(app)?);
    let number = |key: &str| app.get(key).and_then(Value::as_u64);
    let count = |key: &str| number(key).and_then(|number| u32::try_from(number).ok());
    let status = app.get("status").and_then(Value::as_str);
    if status.is_none() && number("created_at").is_none() {
        return Ok(Registration::New(spec));
    }
    let kept = RestoredState {
        stopped: status == Some("stopped"),
        number: count(&spec.instance_var),
        created_at: number("created_at").map(Wall),
        restarts: count("restart_time").unwrap_or_default(),
    };
    Ok(Registration::Saved(spec, kept))
}

/// PM2's way to say what a restart changes: variables, and the record under `current_conf`.
fn change_from(mut env: Map<String, Value>) -> Change {
    let conf = env.shift_remove("current_conf");
    let conf = conf
        .and_then(|conf| conf.as_object().cloned())
        .unwrap_or_default();
    Change {
        env,
        conf,
        ..Change::default()
    }
}
