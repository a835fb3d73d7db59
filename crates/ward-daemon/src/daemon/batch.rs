//! Actions on many instances as one request (`ward:prepare`, `ward:act`): some run at once, each
//! has its own result, a deadline bounds the whole.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use serde_json::{Value, json};
use ward_core::id::InstanceId;
use ward_core::instance::{Instance, State};
use ward_core::request::{Outcome, Reply, Request};
use ward_core::view;

use super::pending::Waiting;
use super::replies::refusal;
use super::rpc::Responder;
use super::run::Daemon;

/// All batches under way.
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: BTreeMap<u64, Batch>,
    last: u64,
    /// Batches of which a part was answered.
    moved: VecDeque<u64>,
}

/// One request with many parts.
#[derive(Debug)]
pub(super) struct Batch {
    /// Gone when it was answered before all was done.
    responder: Option<Responder>,
    /// PM2's word for the action, as in its RPC and events.
    pub(super) action: Verb,
    /// What was not begun yet.
    pub(super) queue: VecDeque<(InstanceId, Request)>,
    /// How many may run at once.
    pub(super) parallel: usize,
    pub(super) deadline: Option<Instant>,
    asked: Instant,
    /// All parts: the instance, or for `prepare` the name of the app.
    parts: Vec<(InstanceId, String)>,
    running: usize,
    begun: usize,
    results: BTreeMap<usize, Value>,
}

/// An action and what it is called where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verb {
    /// In requests.
    pub(super) action: &'static str,
    /// The method of PM2's that does it, for error texts.
    pub(super) method: &'static str,
    /// The bus event a client of PM2's would publish afterwards.
    pub(super) event: Option<&'static str>,
}

impl Verb {
    /// Whether workers are replaced.
    pub(super) fn reloads(self) -> bool {
        matches!(self.action, "reload" | "softReload")
    }
}

/// One part of a batch.
#[derive(Debug)]
pub(super) struct Part {
    batch: u64,
    index: usize,
    pub(super) id: InstanceId,
}

impl Batch {
    pub(super) fn new(
        responder: Responder,
        action: Verb,
        parallel: usize,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            responder: Some(responder),
            action,
            queue: VecDeque::new(),
            parallel: parallel.max(1),
            deadline,
            asked: Instant::now(),
            parts: Vec::new(),
            running: 0,
            begun: 0,
            results: BTreeMap::new(),
        }
    }
}

impl Batch {
    /// Answers with all results: a list, or for `scale` the ids that came and went.
    fn answer(&mut self) {
        let Some(responder) = self.responder.take() else {
            return;
        };
        let results: Vec<Value> = core::mem::take(&mut self.results).into_values().collect();
        if self.action.action != "scale" {
            return responder.ok(results.into());
        }
        let all = |key: &str| -> Vec<Value> {
            let values = results.iter().filter_map(|result| result.get(key));
            values.filter(|value| !value.is_null()).cloned().collect()
        };
        let answer = json!({
            "added": all("added"), "removed": all("removed"), "errors": all("error"),
        });
        responder.ok(answer);
    }
}

impl Batches {
    /// When a batch has to be answered as it is.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.values().filter_map(|batch| batch.deadline).min()
    }
}

impl Daemon {
    /// Begins a batch.
    pub(super) fn run_batch(&mut self, mut batch: Batch) {
        let part = |(id, request): &(InstanceId, Request)| (*id, app_of(request));
        batch.parts = batch.queue.iter().map(part).collect();
        self.batches.last += 1;
        let number = self.batches.last;
        self.batches.open.insert(number, batch);
        self.handle_all(|daemon| daemon.advance(number));
    }

    /// Goes on with a batch of which a part was answered; false when there is none.
    pub(super) fn advance_batches(&mut self) -> bool {
        let Some(number) = self.batches.moved.pop_front() else {
            return false;
        };
        self.advance(number);
        true
    }

    /// Begins as many parts as may run, and answers when none is left.
    fn advance(&mut self, number: u64) {
        loop {
            let Some(batch) = self.batches.open.get_mut(&number) else {
                return;
            };
            if batch.running >= batch.parallel {
                return;
            }
            let Some((id, request)) = batch.queue.pop_front() else {
                break;
            };
            let index = batch.begun;
            batch.begun += 1;
            batch.running += 1;
            self.ask(
                request,
                Waiting::Part(Part {
                    batch: number,
                    index,
                    id,
                }),
            );
        }
        let done = self
            .batches
            .open
            .get(&number)
            .is_some_and(|batch| batch.running == 0);
        if let Some(mut batch) = done.then(|| self.batches.open.remove(&number)).flatten() {
            batch.answer();
        }
    }

    /// A part was answered. The answer about a reload waits until it is known what became of the
    /// connections of the old worker.
    pub(super) fn part_done(&mut self, part: Part, reply: Reply) {
        let Some(verb) = self.batches.open.get(&part.batch).map(|batch| batch.action) else {
            return;
        };
        if verb.reloads() && matches!(reply, Ok(Outcome::Gone(_))) && self.is_counting(part.id) {
            return self.workers.held.push((part, reply));
        }
        let result = self.result(verb, part.id, reply);
        let Some(batch) = self.batches.open.get_mut(&part.batch) else {
            return;
        };
        batch.running -= 1;
        let total = batch.begun + batch.queue.len();
        if self.bus.is_followed() {
            let progress = json!({
                "action": verb.action, "pm_id": result["pm_id"], "name": result["name"], "ok": result["ok"],
                "done": batch.begun - batch.running, "total": total,
            });
            self.bus.publish("ward:progress", &progress);
        }
        batch.results.insert(part.index, result);
        self.batches.moved.push_back(part.batch);
    }

    /// The result of one part: an entry, or for `prepare` one entry per instance.
    fn result(&mut self, verb: Verb, id: InstanceId, reply: Reply) -> Value {
        match reply {
            Ok(Outcome::Instances(ids)) if verb.action == "prepare" => ids
                .into_iter()
                .map(|id| self.entry(verb, id, None))
                .collect(),
            Ok(Outcome::Instances(ids)) if verb.action == "scale" => {
                let added = ids.first().copied().unwrap_or(id);
                let mut entry = self.entry(verb, added, None);
                entry["added"] = added.0.into();
                entry
            }
            Ok(Outcome::Gone(_) | Outcome::WasNotRunning(_)) if verb.action == "scale" => {
                json!({ "pm_id": id.0, "ok": true, "removed": id.0 })
            }
            Ok(Outcome::Gone(process)) => {
                // A reload answers with the worker that went; its event tells of the one that came.
                self.announce(verb, id, &process["pm2_env"]);
                let mut entry = json!({ "pm_id": id.0, "name": process["name"], "ok": true, "process": process });
                let instance = self.supervisor.instance(id);
                let last = instance.and_then(|instance| instance.last_reload);
                let tally = last.and_then(|last| last.tally);
                if let Some(tally) = tally.filter(|_| verb.reloads()) {
                    entry["connections"] = view::connections(tally);
                }
                entry
            }
            Ok(Outcome::Instances(_) | Outcome::Done | Outcome::WasNotRunning(_)) => {
                self.announce(verb, id, &Value::Null);
                self.entry(verb, id, None)
            }
            Err(error) if verb.action == "prepare" => {
                json!([{ "ok": false, "error": refusal(verb.method, "", &error) }])
            }
            Err(error) => self.entry(
                verb,
                id,
                Some(refusal(verb.method, &id.to_string(), &error)),
            ),
        }
    }

    /// The result for one instance. Why it does not run matters only to those who started it.
    fn entry(&self, verb: Verb, id: InstanceId, error: Option<String>) -> Value {
        let Some(instance) = self.supervisor.instance(id) else {
            return json!({ "pm_id": id.0, "ok": error.is_none(), "error": error });
        };
        // One that runs can live with what it cannot have.
        let runs = matches!(instance.state, State::Online { .. });
        let starts = !matches!(verb.action, "reset" | "stop" | "delete");
        let failure = instance.failure.as_ref().filter(|_| starts && !runs);
        let failure = failure.map(|reason| format!("cannot {reason}"));
        let error = error.or(failure);
        let mut entry = json!({
            "pm_id": id.0, "name": instance.spec.name, "ok": error.is_none(), "process": view::brief(instance, view::BRIEF_KEYS),
        });
        if let Some(error) = error {
            entry["error"] = error.into();
        }
        if let Some(reason) = instance.alone.as_ref().filter(|_| starts) {
            entry["fork_reason"] = reason.clone().into();
        }
        entry
    }

    /// The entries of an app that is not ready when the time of the request is over.
    fn unready(&self, verb: Verb, name: &str, waited: f32) -> Value {
        let error = format!("{name} is not ready within {waited}s; it goes on");
        let of_app = |it: &&Instance| it.spec.name == name;
        let entries: Vec<Value> = self
            .supervisor
            .instances()
            .filter(of_app)
            .map(|it| {
                let running = matches!(it.state, State::Online { .. });
                self.entry(verb, it.id, (!running).then(|| error.clone()))
            })
            .collect();
        if entries.is_empty() {
            return json!([{ "name": name, "ok": false, "error": error }]);
        }
        entries.into()
    }

    /// The event PM2's client would ask for after a success, with the record of an instance that is
    /// gone. Whole records are made for listeners only.
    fn announce(&mut self, verb: Verb, id: InstanceId, gone: &Value) {
        let Some(event) = verb.event.filter(|_| self.bus.is_followed()) else {
            return;
        };
        let record = self.supervisor.instance(id).map(view::record);
        if let Some(mut record) = record.or_else(|| gone.as_object().cloned()) {
            record.shift_remove("env");
            self.publish_process(event, true, record);
        }
    }

    /// Answers the batches whose time is over with what there is. What was not begun yet is begun
    /// all the same: nothing stays half done because nobody waits for it any more.
    pub(super) fn give_up_batches(&mut self) {
        let now = Instant::now();
        let due: Vec<u64> = self
            .batches
            .open
            .iter()
            .filter(|(_, batch)| batch.deadline.is_some_and(|deadline| deadline <= now))
            .map(|(number, _)| *number)
            .collect();
        for number in due {
            let Some(mut batch) = self.batches.open.remove(&number) else {
                continue;
            };
            let waited = batch
                .deadline
                .map_or(0.0, |at| (at - batch.asked).as_secs_f32());
            let late = format!("not done within {waited}s; it goes on");
            let ids: Vec<InstanceId> = batch.parts.iter().map(|(id, _)| *id).collect();
            for (index, id) in ids.into_iter().enumerate() {
                let entry = || match batch.action.action {
                    "prepare" => self.unready(batch.action, &batch.parts[index].1, waited),
                    _ => self.entry(batch.action, id, Some(late.clone())),
                };
                batch.results.entry(index).or_insert_with(entry);
            }
            batch.answer();
            batch.deadline = None;
            self.batches.open.insert(number, batch);
        }
    }
}

/// The app a request registers.
fn app_of(request: &Request) -> String {
    match request {
        Request::Prepare(spec) | Request::PrepareAt(spec, _) | Request::Register(spec, _) => {
            spec.name.clone()
        }
        _ => String::new(),
    }
}
