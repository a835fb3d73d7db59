//! `trigger <target> <action> [params]`: runs an action that apps have registered, and prints their
//! answers.

use core::time::Duration;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};
use ward_wire::bus::{Choice, Event};
use ward_wire::text::printable;

use crate::cli::args::Invocation;
use crate::cli::client::{CallError, Subscription};
use crate::cli::messages::Console;
use crate::cli::out::json as out_json;
use crate::cli::select;
use crate::exit::Failure;

/// Sends the action, and waits until every process has answered or ended.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let [target, action, params @ ..] = invocation.targets.as_slice() else {
        return Err(Failure::new("trigger needs a target and an action"));
    };
    let console = &invocation.console;
    let mut client = super::connect(invocation)?;
    let records = client.records()?;
    let named = records
        .iter()
        .any(|record| record["name"] == target.as_str());
    let by_id = select::is_number(target) && !named;
    let waiting: Vec<u64> = records
        .iter()
        .filter(|record| {
            if by_id {
                target.parse() == Ok(id_of(record))
            } else {
                is_called(record, target) && offers(record, action)
            }
        })
        .map(id_of)
        .collect();
    let mut command = json!({ "msg": action });
    command[if by_id { "id" } else { "name" }] = target.as_str().into();
    if let Some(params) = params.first() {
        command["opts"] = params.as_str().into();
    }
    // First, so that no answer is missed.
    let choice = Choice {
        topics: vec!["axm:reply".to_owned(), "process:event".to_owned()],
        ..Choice::default()
    };
    let events = events(Subscription::open(&invocation.paths, &choice)?);
    let count = match client.call("msgProcess", &[command]) {
        Ok(reply) => reply["process_count"].as_u64().unwrap_or_default(),
        Err(CallError::Refused(reason)) => {
            console.aside(reason);
            return Err(Failure::said());
        }
        Err(other) => return Err(other.into()),
    };
    if count == 0 {
        console.aside("Not any process has received a command (offline or unexistent)");
        return Err(Failure::said());
    }
    console.line(format!(
        "{count} processes have received command {}",
        printable(action)
    ));
    let wait = Wait {
        action,
        count,
        waiting,
        patience: client.patience(),
    };
    wait.run(&events, console)
}

/// The wait for the answers.
struct Wait<'a> {
    action: &'a str,
    /// The number of processes that got the action.
    count: u64,
    /// The ids of the processes that have not answered, whose end counts as a failure.
    waiting: Vec<u64>,
    patience: Duration,
}

impl Wait<'_> {
    fn run(mut self, events: &Receiver<Event>, console: &Console) -> Result<(), Failure> {
        let deadline = Instant::now() + self.patience;
        let (mut done, mut failed) = (0, false);
        while done < self.count {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = match events.recv_timeout(left) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => {
                    let (silent, count) = (self.count - done, self.count);
                    let text = format!("{silent} of {count} processes did not answer in time");
                    return Err(Failure::new(text));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::new("the daemon ended before all had answered"));
                }
            };
            let process = &event.payload["process"];
            if is_answer(&event, self.action) {
                done += 1;
                self.waiting.retain(|id| process["pm_id"] != *id);
                let value = &event.payload["data"]["return"];
                console.line(format!(
                    "{}={}",
                    shown(process),
                    out_json::to_terminal(value)
                ));
            } else if let Some(place) = self.waiting.iter().position(|id| is_end(&event, *id)) {
                done += 1;
                failed = true;
                self.waiting.swap_remove(place);
                console.aside(format!("{} ended before it answered", shown(process)));
            }
        }
        if failed {
            return Err(Failure::said());
        }
        Ok(())
    }
}

/// The events of a subscription, for a reader with a deadline.
fn events(subscription: Subscription) -> Receiver<Event> {
    let (sender, receiver) = mpsc::channel();
    // The thread ends with this process, or with the first event after the receiver is dropped.
    thread::spawn(move || {
        for event in subscription {
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    receiver
}

fn id_of(record: &Value) -> u64 {
    record["pm_id"].as_u64().unwrap_or(u64::MAX)
}

fn offers(record: &Value, action: &str) -> bool {
    let actions = record["pm2_env"]["axm_actions"].as_array();
    actions
        .into_iter()
        .flatten()
        .any(|offered| offered["action_name"] == action)
}

fn is_called(record: &Value, target: &str) -> bool {
    let env = &record["pm2_env"];
    let script = env["pm_exec_path"].as_str().unwrap_or_default();
    let file = script.rsplit('/').next().unwrap_or(script);
    target == "all" || record["name"] == target || env["namespace"] == target || file == target
}

fn is_answer(event: &Event, action: &str) -> bool {
    let of = &event.payload["data"]["action_name"];
    event.topic == "axm:reply" && (of.is_null() || of == action)
}

/// Whether the event reports the end of this process.
fn is_end(event: &Event, id: u64) -> bool {
    event.topic == "process:event"
        && event.payload["event"] == "exit"
        && event.payload["process"]["pm_id"] == id
}

/// `[name:id:namespace]`.
fn shown(process: &Value) -> String {
    let text = |key: &str| match &process[key] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let shown = format!("[{}:{}:{}]", text("name"), text("pm_id"), text("namespace"));
    printable(&shown).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_names_namespaces_and_files() {
        let record = json!({
            "name": "web", "pm_id": 3,
            "pm2_env": { "namespace": "shop", "pm_exec_path": "/srv/http.js",
                "axm_actions": [{ "action_name": "go" }] },
        });
        for target in ["web", "shop", "http.js", "all"] {
            assert!(is_called(&record, target), "{target}");
        }
        for target in ["3", "/srv/http.js", "http", ""] {
            assert!(!is_called(&record, target), "{target}");
        }
        assert!(offers(&record, "go") && !offers(&record, "stay"));
    }

    #[test]
    fn answers_to_other_actions_are_not_ours() {
        let event = |topic: &str, action: Value| Event {
            topic: topic.to_owned(),
            payload: json!({ "data": { "action_name": action } }),
        };
        assert!(is_answer(&event("axm:reply", json!("go")), "go"));
        assert!(is_answer(&event("axm:reply", Value::Null), "go"));
        assert!(!is_answer(&event("axm:reply", json!("stay")), "go"));
        assert!(!is_answer(&event("process:msg", json!("go")), "go"));
    }
}
