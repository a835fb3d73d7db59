//! Answers of the core in the forms of PM2's wire (axon-rpc.md 4.1).

use serde_json::{Value, json};
use ward_core::id::{InstanceId, RequestId};
use ward_core::instance::Instance;
use ward_core::request::{Outcome, Reply, RequestError};
use ward_core::supervisor::Supervisor;
use ward_core::view;

use super::pending::{Form, Waiting};
use super::rpc::ListKind;
use super::run::Daemon;

impl Daemon {
    /// The core answered a request.
    pub(super) fn answer(&mut self, request: RequestId, reply: Reply) {
        match self.clients.pending.take(request) {
            Waiting::Nobody => {}
            Waiting::Job { responder, form } => match reply {
                Ok(Outcome::Job(results)) => responder.ok(form.answer(&results)),
                Ok(_) => responder.ok(form.answer(&[])),
                Err(error) => responder.error(&refusal("", "", &error)),
            },
            Waiting::End => self.shutdown.ended = true,
            Waiting::Method {
                responder,
                form,
                id,
                method,
            } => match reply {
                Ok(Outcome::Instances(_)) if form == Form::List => {
                    self.list_unmeasured(ListKind::Records, responder);
                }
                Ok(outcome) => match shape(&self.core.supervisor, form, outcome) {
                    Ok(result) => responder.ok(result),
                    Err(failed) => responder.error(&failed.to_string()),
                },
                Err(error) => responder.error(&refusal(method, &id, &error)),
            },
        }
    }
}

/// Nothing came of a start; the reason completes "cannot …".
#[derive(Debug, thiserror::Error)]
#[error("cannot {0}")]
struct StartFailed(String);

/// The result in the form a method promises. A start of which nothing came is a failure.
fn shape(supervisor: &Supervisor, form: Form, outcome: Outcome) -> Result<Value, StartFailed> {
    let ids = match outcome {
        // PM2's own words for an instance that had no process.
        Outcome::WasNotRunning(_) => {
            return Ok(json!({ "error": true, "message": "could not kill process w/o pid" }));
        }
        Outcome::Gone(process) if form == Form::Child => return Ok(child_of(*process)),
        Outcome::Gone(process) => return Ok(*process),
        Outcome::Instances(ids) => ids,
        Outcome::Done | Outcome::Job(_) => Vec::new(),
    };
    let found: Vec<&Instance> = ids
        .iter()
        .filter_map(|id| supervisor.instance(*id))
        .collect();
    let starts = matches!(form, Form::Child | Form::Children);
    let failures: Vec<&str> = found.iter().filter_map(|it| it.start_failure()).collect();
    if let Some(reason) = failures.first()
        && starts
        && failures.len() == found.len()
    {
        return Err(StartFailed((*reason).to_owned()));
    }
    Ok(match form {
        Form::Children => found.into_iter().map(child).collect(),
        Form::Child => found.first().map_or(Value::Null, |it| child(it)),
        Form::Process => found.first().map_or(Value::Null, |it| view::process(it)),
        // It is made in slices.
        Form::List => Value::Null,
        Form::Paused(id, paused) => json!({ "pm_id": id.0, "paused": paused }),
        Form::Monitored(id) => json!({ "success": true, "pm_id": id.0 }),
    })
}

/// A "child": what PM2 gives of Node's object, as far as callers use it.
pub(super) fn child(instance: &Instance) -> Value {
    child_of(view::process(instance))
}

fn child_of(mut process: Value) -> Value {
    let pid = process["pid"].clone();
    process["process"] = json!({ "pid": pid });
    process["connected"] = (pid != 0).into();
    process["killed"] = false.into();
    process["exitCode"] = Value::Null;
    process["signalCode"] = Value::Null;
    process
}

/// PM2's text for a refusal. Scripts match these.
pub(super) fn refusal(method: &str, id: &str, error: &RequestError) -> String {
    match (error, method) {
        (RequestError::UnknownInstance(_), _) => unknown(method, id),
        (RequestError::AlreadyOnline(_), _) => "process already online".to_owned(),
        (RequestError::AlreadyStarting(_), _) => "process already started".to_owned(),
        (RequestError::Lingering { pid, .. }, _) => {
            format!("Process with pid {pid} already exists")
        }
        (RequestError::Reloading(_), _) => {
            format!("Reload already in progress for process id {id}, retry later")
        }
        (RequestError::Offline(_), "sendLineToStdin" | "sendDataToProcessId") => {
            format!("Process with ID <{id}> offline.")
        }
        (RequestError::Offline(_), "msgProcess") => format!("{id} : id offline"),
        (RequestError::Offline(_), _) => {
            "Error when sending signal (process not running)".to_owned()
        }
        (RequestError::ShuttingDown, "restartProcessId") | (RequestError::KillAnnounced, _) => {
            "[RestartProcessId] PM2 is being killed, stopping restart procedure...".to_owned()
        }
        (RequestError::SpawnFailed { reason, .. }, _) => format!("cannot {reason}"),
        (
            RequestError::UnknownApp(_)
            | RequestError::ReloadFailed { .. }
            | RequestError::Superseded { .. }
            | RequestError::ShuttingDown
            | RequestError::BadSpec(_)
            | RequestError::TooManyOfApp { .. }
            | RequestError::TooMany { .. }
            | RequestError::TooManyNamed(_),
            _,
        ) => error.to_string(),
    }
}

/// PM2's text for an id nobody has.
pub(super) fn unknown(method: &str, id: &str) -> String {
    match method {
        "stopProcessId" | "deleteProcessId" => format!("{id} : id unknown"),
        "restartProcessId" => "God db process id unknown".to_owned(),
        "reloadProcessId" => "PM2 ID unknown".to_owned(),
        "softReloadProcessId" => format!("pm_id {id} not available in {id}"),
        "sendLineToStdin" | "sendDataToProcessId" => format!("Process with ID <{id}> unknown."),
        "notifyByProcessId" => "process id doesnt exists".to_owned(),
        "monitor" | "unmonitor" => "Unknown pm_id".to_owned(),
        _ => format!("{id} id unknown"),
    }
}

/// An id as clients send it: a number, or the same in text.
pub(super) fn instance_id(value: &Value) -> Option<InstanceId> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number
        .and_then(|number| u32::try_from(number).ok())
        .map(InstanceId)
}

/// An id as it is put into a text.
pub(super) fn id_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SEVEN: InstanceId = InstanceId(7);

    #[rstest]
    #[case("startProcessId", "7 id unknown")]
    #[case("stopProcessId", "7 : id unknown")]
    #[case("deleteProcessId", "7 : id unknown")]
    #[case("restartProcessId", "God db process id unknown")]
    #[case("reloadProcessId", "PM2 ID unknown")]
    #[case("softReloadProcessId", "pm_id 7 not available in 7")]
    #[case("duplicateProcessId", "7 id unknown")]
    #[case("resetMetaProcessId", "7 id unknown")]
    #[case("sendLineToStdin", "Process with ID <7> unknown.")]
    #[case("sendDataToProcessId", "Process with ID <7> unknown.")]
    #[case("msgProcess", "7 id unknown")]
    #[case("notifyByProcessId", "process id doesnt exists")]
    #[case("monitor", "Unknown pm_id")]
    fn an_unknown_id_in_pm2s_words(#[case] method: &str, #[case] text: &str) {
        let error = RequestError::UnknownInstance(SEVEN);
        assert_eq!(refusal(method, "7", &error), text);
    }

    #[rstest]
    #[case(
        "startProcessId",
        RequestError::AlreadyOnline(SEVEN),
        "process already online"
    )]
    #[case(
        "startProcessId",
        RequestError::AlreadyStarting(SEVEN),
        "process already started"
    )]
    #[case("startProcessId", RequestError::Lingering { instance: SEVEN, pid: 5 }, "Process with pid 5 already exists")]
    #[case(
        "reloadProcessId",
        RequestError::Reloading(SEVEN),
        "Reload already in progress for process id 7, retry later"
    )]
    #[case(
        "sendSignalToProcessId",
        RequestError::Offline(SEVEN),
        "Error when sending signal (process not running)"
    )]
    #[case("msgProcess", RequestError::Offline(SEVEN), "7 : id offline")]
    #[case(
        "restartProcessId",
        RequestError::ShuttingDown,
        "[RestartProcessId] PM2 is being killed, stopping restart procedure..."
    )]
    #[case(
        "reloadProcessId",
        RequestError::KillAnnounced,
        "[RestartProcessId] PM2 is being killed, stopping restart procedure..."
    )]
    #[case("prepare", RequestError::SpawnFailed { instance: SEVEN, reason: "run it".into() }, "cannot run it")]
    fn refusals_in_pm2s_words(
        #[case] method: &str,
        #[case] error: RequestError,
        #[case] text: &str,
    ) {
        assert_eq!(refusal(method, "7", &error), text);
    }

    #[rstest]
    #[case(json!(3), Some(3))]
    #[case(json!("3"), Some(3))]
    #[case(json!(" 3 "), Some(3))]
    #[case(json!("_old_3"), None)]
    #[case(json!(-1), None)]
    #[case(json!(3.5), None)]
    #[case(json!(4_294_967_296_u64), None)]
    #[case(Value::Null, None)]
    #[case(json!({ "id": 3 }), None)]
    fn ids_are_numbers_or_numbers_in_text(#[case] given: Value, #[case] id: Option<u32>) {
        assert_eq!(instance_id(&given), id.map(InstanceId));
    }
}
