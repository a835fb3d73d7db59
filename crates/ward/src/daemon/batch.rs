//! Actions on many instances as one request (`ward:prepare`, `ward:act`): some run at once, each
//! has its own result, a deadline bounds the whole.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use serde_json::{Map, Value, json};
use ward_core::id::InstanceId;
use ward_core::request::{Outcome, Reply, Request};
use ward_core::view;

use super::answers::refusal;
use super::pending::Waiting;
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
    pub(super) responder: Responder,
    /// PM2's word for the action, as in its RPC and events.
    pub(super) action: Word,
    /// What was not begun yet.
    pub(super) queue: VecDeque<(InstanceId, Request)>,
    /// How many may run at once.
    pub(super) parallel: usize,
    pub(super) deadline: Option<Instant>,
    running: usize,
    begun: usize,
    results: BTreeMap<usize, Value>,
}

/// An action and what it is called where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// In requests.
    pub(super) action: &'static str,
    /// The method of PM2's that does it, for error texts.
    pub(super) method: &'static str,
    /// The bus event a client of PM2's would publish afterwards.
    pub(super) event: Option<&'static str>,
}

/// One part of a batch.
#[derive(Debug)]
pub(super) struct Part {
    batch: u64,
    index: usize,
    id: InstanceId,
}

impl Batch {
    pub(super) fn new(
        responder: Responder,
        action: Word,
        parallel: usize,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            responder,
            action,
            queue: VecDeque::new(),
            parallel: parallel.max(1),
            deadline,
            running: 0,
            begun: 0,
            results: BTreeMap::new(),
        }
    }
}

impl Batch {
    /// Answers with all results: a list, or for `scale` the ids that came and went.
    fn finish(self) {
        let results: Vec<Value> = self.results.into_values().collect();
        if self.action.action != "scale" {
            return self.responder.ok(results.into());
        }
        let all = |key: &str| -> Vec<Value> {
            let values = results.iter().filter_map(|result| result.get(key));
            values.filter(|value| !value.is_null()).cloned().collect()
        };
        let answer = json!({
            "added": all("added"), "removed": all("removed"), "errors": all("error"),
        });
        self.responder.ok(answer);
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
    pub(super) fn run_batch(&mut self, batch: Batch) {
        self.batches.last += 1;
        let number = self.batches.last;
        self.batches.open.insert(number, batch);
        self.advance(number);
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
        if let Some(batch) = done.then(|| self.batches.open.remove(&number)).flatten() {
            batch.finish();
        }
    }

    /// A part was answered.
    pub(super) fn part_done(&mut self, part: &Part, reply: Reply) {
        let Some(word) = self.batches.open.get(&part.batch).map(|batch| batch.action) else {
            return;
        };
        let result = self.result(word, part.id, reply);
        let Some(batch) = self.batches.open.get_mut(&part.batch) else {
            return;
        };
        batch.running -= 1;
        let total = batch.begun + batch.queue.len();
        if self.bus.is_followed() {
            let progress = json!({
                "action": word.action, "pm_id": result["pm_id"], "name": result["name"], "ok": result["ok"],
                "done": batch.results.len() + 1, "total": total,
            });
            self.bus.publish("ward:progress", &progress);
        }
        batch.results.insert(part.index, result);
        self.batches.moved.push_back(part.batch);
    }

    /// The result of one part: an entry, or for `prepare` one entry per instance.
    fn result(&mut self, word: Word, id: InstanceId, reply: Reply) -> Value {
        match reply {
            Ok(Outcome::Instances(ids)) if word.action == "prepare" => {
                ids.into_iter().map(|id| self.entry(id, None)).collect()
            }
            Ok(Outcome::Instances(ids)) if word.action == "scale" => {
                let added = ids.first().copied().unwrap_or(id);
                let mut entry = self.entry(added, None);
                entry["added"] = added.0.into();
                entry
            }
            Ok(Outcome::Gone(_) | Outcome::WasNotRunning(_)) if word.action == "scale" => {
                json!({ "pm_id": id.0, "ok": true, "removed": id.0 })
            }
            Ok(Outcome::Gone(process)) => {
                self.announce(word, process["pm2_env"].as_object());
                json!({ "pm_id": id.0, "name": process["name"], "ok": true, "process": process })
            }
            Ok(Outcome::Instances(_) | Outcome::Done | Outcome::WasNotRunning(_)) => {
                if self.bus.is_followed() {
                    let record = self.supervisor.instance(id).map(view::record);
                    self.announce(word, record.as_ref());
                }
                self.entry(id, None)
            }
            Err(error) if word.action == "prepare" => {
                json!([{ "ok": false, "error": refusal(word.method, "", &error) }])
            }
            Err(error) => self.entry(id, Some(refusal(word.method, &id.to_string(), &error))),
        }
    }

    fn entry(&self, id: InstanceId, error: Option<String>) -> Value {
        let Some(instance) = self.supervisor.instance(id) else {
            return json!({ "pm_id": id.0, "ok": error.is_none(), "error": error });
        };
        let failure = instance
            .failure
            .as_ref()
            .map(|reason| format!("cannot {reason}"));
        let error = error.or(failure);
        let mut entry = json!({
            "pm_id": id.0, "name": instance.spec.name, "ok": error.is_none(), "process": view::brief(instance, view::BRIEF_KEYS),
        });
        if let Some(error) = error {
            entry["error"] = error.into();
        }
        entry
    }

    /// The event PM2's client would ask for after a success.
    fn announce(&mut self, word: Word, record: Option<&Map<String, Value>>) {
        if let (Some(event), Some(record)) = (word.event, record) {
            let mut record = record.clone();
            record.shift_remove("env");
            self.publish_process(event, true, record);
        }
    }

    /// Answers the batches whose time is over with what there is.
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
            let late =
                || json!({ "ok": false, "error": "not done before the deadline; it goes on" });
            for index in 0..batch.begun + batch.queue.len() {
                let entry = if batch.action.action == "prepare" {
                    json!([late()])
                } else {
                    late()
                };
                batch.results.entry(index).or_insert(entry);
            }
            batch.finish();
        }
    }
}
