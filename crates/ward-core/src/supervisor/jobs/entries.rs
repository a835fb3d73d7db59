//! The results of parts, and the events that a client of PM2's would publish after them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Job, Kind};
use crate::action::{Action, Notice};
use crate::id::InstanceId;
use crate::instance::view;
use crate::instance::{Instance, State};
use crate::request::{Effect, Outcome, PartError, PartResult, Reply};
use crate::supervisor::Supervisor;

impl Supervisor {
    /// What became of a part: one result, or for an app that was registered one for each instance.
    pub(super) fn results(
        &self,
        job: &Job,
        index: usize,
        reply: &Reply,
        actions: &mut Vec<Action>,
    ) -> Vec<PartResult> {
        let id = job.parts.get(index).and_then(super::Part::instance);
        let Some(id) = id else {
            return match reply {
                Ok(Outcome::Instances(ids)) => {
                    let ids = ids.iter();
                    ids.map(|id| self.entry(job.kind, *id, None)).collect()
                }
                Ok(_) => Vec::new(),
                Err(error) => {
                    let error = PartError::Refused(error.clone());
                    vec![PartResult::unregistered(Some(error))]
                }
            };
        };
        vec![match (reply, job.kind) {
            (Err(error), _) => self.entry(job.kind, id, Some(PartError::Refused(error.clone()))),
            (Ok(Outcome::Instances(ids)), Kind::Scale) => PartResult {
                effect: Some(Effect::Added),
                ..self.entry(job.kind, ids.first().copied().unwrap_or(id), None)
            },
            (Ok(Outcome::Gone(_) | Outcome::WasNotRunning(_)), Kind::Scale) => PartResult {
                effect: Some(Effect::Removed),
                ..PartResult::of(id)
            },
            (Ok(Outcome::Gone(process)), _) => {
                // A reload answers with the worker that went; its event tells of the one that came.
                self.announce(job.kind, id, Some(process), actions);
                self.gone(job.kind, id, process)
            }
            (Ok(_), _) => {
                self.announce(job.kind, id, None, actions);
                self.entry(job.kind, id, None)
            }
        }]
    }

    fn gone(&self, kind: Kind, id: InstanceId, process: &Value) -> PartResult {
        let reloads = matches!(kind, Kind::Act(verb) if verb.reloads());
        let instance = self.instance(id).filter(|_| reloads);
        PartResult {
            name: process
                .get("name")
                .and_then(Value::as_str)
                .map(str::to_owned),
            process: Some(process.clone()),
            connections: instance.and_then(|it| it.last_reload?.tally),
            ..PartResult::of(id)
        }
    }

    /// The result for one instance. Why it does not run matters only to those who started it.
    fn entry(&self, kind: Kind, id: InstanceId, error: Option<PartError>) -> PartResult {
        let Some(instance) = self.instance(id) else {
            return PartResult {
                error,
                ..PartResult::of(id)
            };
        };
        let failure = instance.start_failure().filter(|_| kind.starts());
        let failure = failure.map(|reason| PartError::NotRunning(reason.to_owned()));
        PartResult {
            name: Some(instance.spec.name.clone()),
            process: Some(view::brief(instance, view::BRIEF_KEYS)),
            error: error.or(failure),
            fork_reason: instance.alone.clone().filter(|_| kind.starts()),
            ..PartResult::of(id)
        }
    }

    /// The event PM2's client would ask for after a success, with the record of an instance that is
    /// gone. Whole records are made for listeners only.
    fn announce(
        &self,
        kind: Kind,
        id: InstanceId,
        gone: Option<&Value>,
        actions: &mut Vec<Action>,
    ) {
        let Kind::Act(verb) = kind else { return };
        let Some(event) = verb.event().filter(|_| self.defaults().followed) else {
            return;
        };
        let record = self.instance(id).map(view::record);
        let gone = || gone?.get("pm2_env")?.as_object().cloned();
        if let Some(mut process) = record.or_else(gone) {
            process.shift_remove("env");
            actions.push(Action::Publish(Notice::Process {
                event,
                manually: true,
                process,
            }));
        }
    }

    /// The results of a job whose time is over.
    pub(super) fn late_results(&self, job: &Job) -> Vec<Vec<PartResult>> {
        let waited = job.deadline.map(|(waited, _)| waited).unwrap_or_default();
        let late = || Some(PartError::Late(waited));
        // Of several parts with one name the first tells of all its instances: each telling of all would be a square.
        let mut told = BTreeSet::new();
        let of_app = |app: &str| -> Vec<PartResult> {
            let instances = self.state().instances.named(app).map(|instance| {
                let error = late().filter(|_| !matches!(instance.state, State::Online { .. }));
                self.entry(job.kind, instance.id, error)
            });
            instances.collect()
        };
        let results = job.parts.iter().map(|part| {
            if let Some(results) = &part.results {
                return results.clone();
            }
            match (part.instance(), part.app()) {
                (Some(id), _) => vec![self.entry(job.kind, id, late())],
                (None, app) => {
                    let app = app.unwrap_or_default();
                    if !told.insert(app) {
                        return Vec::new();
                    }
                    let found = of_app(app);
                    if !found.is_empty() {
                        return found;
                    }
                    vec![PartResult {
                        name: Some(app.to_owned()),
                        ..PartResult::unregistered(late())
                    }]
                }
            }
        });
        results.collect()
    }
}

impl Instance {
    /// Why it does not run, although it was started; completes "cannot …". One that runs can live
    /// with what it cannot have, such as a port in use.
    pub fn start_failure(&self) -> Option<&str> {
        let runs = matches!(self.state, State::Online { .. });
        self.failure.as_deref().filter(|_| !runs)
    }
}
