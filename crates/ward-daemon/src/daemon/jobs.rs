//! Jobs of the core, as clients read about them: results and progress as JSON.

use core::time::Duration;

use serde_json::{Value, json};
use ward_core::jobs::{Effect, PartError, PartResult, Verb};
use ward_core::view;

use super::replies::refusal;

/// The form of an answer about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobForm {
    /// `ward:act`: one entry for each instance.
    Act(Verb),
    /// `ward:prepare`: a list of entries for each app.
    Prepare,
    /// `ward:scale`: the ids that came and went.
    Scale,
}

impl JobForm {
    /// All results.
    pub(super) fn answer(self, results: &[Vec<PartResult>]) -> Value {
        let entries = |part: &Vec<PartResult>| -> Vec<Value> {
            part.iter().map(|result| self.entry(result)).collect()
        };
        match self {
            Self::Act(_) => results.iter().flat_map(entries).collect(),
            Self::Prepare => results.iter().map(entries).collect(),
            Self::Scale => {
                let entries: Vec<Value> = results.iter().flat_map(entries).collect();
                let all = |key: &str| -> Vec<Value> {
                    let values = entries.iter().filter_map(|entry| entry.get(key));
                    values.filter(|value| !value.is_null()).cloned().collect()
                };
                json!({ "added": all("added"), "removed": all("removed"), "errors": all("error") })
            }
        }
    }

    /// The method of PM2's that does it, for error texts.
    fn method(self) -> &'static str {
        match self {
            Self::Act(Verb::Start) => "startProcessId",
            Self::Act(Verb::Restart) => "restartProcessId",
            Self::Act(Verb::Reload) => "reloadProcessId",
            Self::Act(Verb::SoftReload) => "softReloadProcessId",
            Self::Act(Verb::Stop) => "stopProcessId",
            Self::Act(Verb::Delete) => "deleteProcessId",
            Self::Act(Verb::Reset) => "resetMetaProcessId",
            Self::Prepare => "prepare",
            Self::Scale => "duplicateProcessId",
        }
    }

    fn entry(self, result: &PartResult) -> Value {
        let error = result.error.as_ref().map(|error| self.text(result, error));
        let ok = error.is_none();
        let Some(id) = result.instance else {
            let mut entry = json!({ "ok": ok, "error": error });
            if let Some(name) = &result.name {
                entry = json!({ "name": name, "ok": ok, "error": error });
            }
            return entry;
        };
        if result.effect == Some(Effect::Removed) {
            return json!({ "pm_id": id.0, "ok": true, "removed": id.0 });
        }
        let mut entry = match &result.process {
            None => json!({ "pm_id": id.0, "ok": ok, "error": error }),
            Some(process) => {
                json!({ "pm_id": id.0, "name": result.name, "ok": ok, "process": process })
            }
        };
        if let Some(error) = error {
            entry["error"] = error.into();
        }
        if let Some(reason) = &result.fork_reason {
            entry["fork_reason"] = reason.clone().into();
        }
        if let Some(tally) = result.connections {
            entry["connections"] = view::connections(tally);
        }
        if result.effect == Some(Effect::Added) {
            entry["added"] = id.0.into();
        }
        entry
    }

    fn text(self, result: &PartResult, error: &PartError) -> String {
        let late = |waited: &Duration| waited.as_secs_f32();
        match (error, self) {
            (PartError::Refused(error), _) => {
                let id = result.instance.map(|id| id.to_string());
                refusal(self.method(), &id.unwrap_or_default(), error)
            }
            (PartError::NotRunning(reason), _) => format!("cannot {reason}"),
            (PartError::Late(waited), Self::Prepare) => {
                let name = result.name.as_deref().unwrap_or_default();
                format!("{name} is not ready within {}s; it goes on", late(waited))
            }
            (PartError::Late(waited), Self::Act(_) | Self::Scale) => {
                format!("not done within {}s; it goes on", late(waited))
            }
        }
    }
}

/// `ward:progress`.
pub(super) fn progress(
    action: &str,
    part: Option<&PartResult>,
    (done, total): (usize, usize),
) -> Value {
    json!({
        "action": action,
        "pm_id": part.and_then(|part| part.instance).map(|id| id.0),
        "name": part.and_then(|part| part.name.as_ref()),
        "ok": part.map(|part| part.error.is_none()),
        "done": done,
        "total": total,
    })
}

#[cfg(test)]
mod tests {
    use ward_core::id::InstanceId;
    use ward_core::request::RequestError;

    use super::*;

    fn result() -> PartResult {
        PartResult {
            instance: Some(InstanceId(3)),
            name: Some("web".to_owned()),
            process: Some(json!({ "pid": 7 })),
            error: None,
            connections: None,
            fork_reason: None,
            effect: None,
        }
    }

    #[test]
    fn an_entry_says_what_there_is_to_say() {
        let form = JobForm::Act(Verb::Restart);
        let entry = form.answer(&[vec![result()]]).to_string();
        let wanted = r#"[{"pm_id":3,"name":"web","ok":true,"process":{"pid":7}}]"#;
        assert_eq!(entry, wanted);
        let refused = PartResult {
            name: None,
            process: None,
            error: Some(PartError::Refused(RequestError::UnknownInstance(
                InstanceId(3),
            ))),
            ..result()
        };
        let wanted = r#"[{"pm_id":3,"ok":false,"error":"God db process id unknown"}]"#;
        assert_eq!(form.answer(&[vec![refused]]).to_string(), wanted);
    }

    #[test]
    fn what_is_late_goes_on() {
        let late = PartResult {
            error: Some(PartError::Late(Duration::from_millis(1500))),
            ..result()
        };
        let answer = JobForm::Act(Verb::Stop).answer(&[vec![late.clone()]]);
        assert_eq!(answer[0]["error"], "not done within 1.5s; it goes on");
        let answer = JobForm::Prepare.answer(&[vec![late]]);
        let wanted = "web is not ready within 1.5s; it goes on";
        assert_eq!(answer[0][0]["error"], wanted);
    }

    #[test]
    fn a_scale_tells_who_came_and_went() {
        let added = PartResult {
            effect: Some(Effect::Added),
            error: Some(PartError::NotRunning("execute it".to_owned())),
            ..result()
        };
        let removed = PartResult {
            instance: Some(InstanceId(1)),
            effect: Some(Effect::Removed),
            ..result()
        };
        let answer = JobForm::Scale.answer(&[vec![added], vec![removed]]);
        let wanted = r#"{"added":[3],"removed":[1],"errors":["cannot execute it"]}"#;
        assert_eq!(answer.to_string(), wanted);
    }
}
