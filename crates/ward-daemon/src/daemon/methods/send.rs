//! Methods that send lines, values, actions and signals to apps.

use serde_json::{Value, json};
use ward_core::action::Scope;
use ward_core::id::Life;
use ward_core::instance::{Instance, State};
use ward_core::request::Request;
use ward_core::view;
use ward_sys::signal::{self, Signal};

use crate::daemon::pending::Form;
use crate::daemon::replies::{id_text, unknown};
use crate::daemon::reports::own_action;
use crate::daemon::rpc::Responder;
use crate::daemon::run::Daemon;

impl Daemon {
    pub(super) fn send_line(&mut self, packet: &Value, responder: Responder) {
        let (Some(id), Some(line)) = (
            packet.get("pm_id"),
            packet.get("line").and_then(Value::as_str),
        ) else {
            return responder.error("pm_id or line field missing");
        };
        let Some(instance) = self.core.instance(id) else {
            return responder.error(&unknown("sendLineToStdin", &id_text(id)));
        };
        if instance.is_worker() {
            return responder.error("Cannot send line to processes in cluster mode");
        }
        let Some(life) = running(instance) else {
            return responder.error(&format!("Process with ID <{}> offline.", id_text(id)));
        };
        match self.processes.write_line(life, line) {
            Ok(()) => responder.ok(packet.clone()),
            Err(error) => responder.error(&format!("cannot write to its standard input: {error}")),
        }
    }

    pub(super) fn send_data(&mut self, packet: &Value, responder: Responder) {
        let has = |key: &str| packet.get(key).is_some_and(|value| !value.is_null());
        if !has("id") || !has("data") || !has("topic") {
            return responder.error("ID, DATA or TOPIC field is missing");
        }
        let id = &packet["id"];
        let Some(instance) = self.core.instance(id) else {
            return responder.error(&unknown("sendDataToProcessId", &id_text(id)));
        };
        match running(instance) {
            Some(life) => {
                self.planes.channel.send(life, packet);
                responder.ok(json!({ "success": true, "data": packet }));
            }
            None => responder.error(&format!("Process with ID <{}> offline.", id_text(id))),
        }
    }

    /// Sends an action that the app has registered (`trigger`).
    pub(super) fn send_action(&mut self, command: &Value, responder: Responder) {
        let message = id_text(command.get("msg").unwrap_or(&Value::Null));
        let by_id = command.get("id").filter(|id| !id.is_null());
        let targets: Vec<Life> = if let Some(id) = by_id {
            let Some(instance) = self.core.instance(id) else {
                return responder.error(&unknown("msgProcess", &id_text(id)));
            };
            if !offers(instance, &message) {
                let name = &instance.spec.name;
                return responder.error(&format!("Action doesn't exist {message} for {name}"));
            }
            let Some(life) = running(instance) else {
                return responder.error(&format!("{} : id offline", id_text(id)));
            };
            vec![life]
        } else if let Some(name) = command.get("name").and_then(Value::as_str) {
            let wanted = |it: &&Instance| is_called(it, name) && offers(it, &message);
            self.core
                .supervisor
                .instances()
                .filter(wanted)
                .filter_map(running)
                .collect()
        } else {
            return responder.error("method requires name or id field");
        };
        // PM2 sends only the name of the action if there is nothing else to send.
        let has = |key: &str| command.get(key).is_some_and(|value| !value.is_null());
        let bare = !has("opts") && (by_id.is_none() || !has("uuid"));
        let value = if bare {
            Value::from(message)
        } else {
            command.clone()
        };
        for life in &targets {
            let own = own_action(&self.core, *life, command);
            self.planes
                .channel
                .send(*life, own.as_ref().unwrap_or(&value));
        }
        responder.ok(json!({ "process_count": targets.len(), "success": true }));
    }

    pub(super) fn signal_by_id(&mut self, options: &Value, responder: Responder) {
        let id = options.get("process_id").unwrap_or(&Value::Null);
        let shown = if id.is_null() {
            "undefined".to_owned()
        } else {
            id_text(id)
        };
        let Some(instance) = self.core.known(id) else {
            return responder.error(&unknown("sendSignalToProcessId", &shown));
        };
        let Some(signal) = signal_of(&options["signal"]) else {
            return responder.error("Error when sending signal (signal unknown)");
        };
        let request = |_| Request::Signal(instance, signal.as_raw());
        self.one("sendSignalToProcessId", Form::List, id, responder, request);
    }

    pub(super) fn signal_by_name(&mut self, options: &Value, responder: Responder) {
        let name = id_text(&options["process_name"]);
        let found: Vec<Option<Life>> = self
            .core
            .supervisor
            .instances()
            .filter(|it| name == "all" || it.spec.name == name || it.spec.program.script == name)
            .map(running)
            .collect();
        if found.is_empty() {
            return responder.error("Unknown process name");
        }
        let Some(signal) = signal_of(&options["signal"]) else {
            return responder.error(&format!("Unknown signal: {}", id_text(&options["signal"])));
        };
        for life in found.into_iter().flatten() {
            self.processes.signal(life, signal, Scope::Main);
        }
        responder.ok(self
            .core
            .supervisor
            .instances()
            .map(view::process)
            .collect());
    }

    pub(super) fn notify(&mut self, options: &Value, responder: Responder) {
        let Some(id) = options.get("id").filter(|id| !id.is_null()) else {
            return responder.error("process id missing");
        };
        let Some(instance) = self.core.instance(id) else {
            return responder.error(&unknown("notifyByProcessId", &id_text(id)));
        };
        let mut record = view::record(instance);
        record.shift_remove("env");
        let event = id_text(options.get("action_name").unwrap_or(&Value::Null));
        let manually = options.get("manually").is_some();
        self.planes.publish_process(&event, manually, record);
        responder.results(&[]);
    }

    /// Ends the daemon for a PM2 client, which has deleted the apps before and waits for SIGQUIT.
    pub(super) fn kill_me(&mut self, options: &Value, peer: &super::Peer, responder: Responder) {
        let caller = options
            .get("pid")
            .and_then(Value::as_i64)
            .and_then(|pid| i32::try_from(pid).ok());
        // A client can only make the daemon signal the client's own process.
        let caller = caller
            .filter(|pid| peer.pid == Some(*pid))
            .and_then(ward_sys::Pid::from_raw);
        self.shutdown.callers.extend(caller);
        responder.never();
        self.end("via CLI");
    }
}

fn running(instance: &Instance) -> Option<Life> {
    match instance.state {
        State::Launching { life, .. } | State::Online { life, .. } => Some(life),
        State::Stopped | State::Stopping { .. } | State::Waiting { .. } | State::Errored { .. } => {
            None
        }
    }
}

fn offers(instance: &Instance, action: &str) -> bool {
    instance
        .reported
        .actions
        .iter()
        .any(|offered| offered["action_name"] == action)
}

fn is_called(instance: &Instance, name: &str) -> bool {
    let script = &instance.spec.program.script;
    let file = script.rsplit('/').next().unwrap_or(script);
    name == "all" || instance.spec.name == name || instance.spec.namespace == name || file == name
}

/// Reads a signal as clients name it: the string "SIGUSR2" or a JSON number.
fn signal_of(value: &Value) -> Option<Signal> {
    match value {
        Value::Number(number) => signal::from_number(i32::try_from(number.as_i64()?).ok()?),
        Value::String(name) if name.starts_with("SIG") => {
            signal::from_number(ward_core::signal::number(name)?)
        }
        _ => None,
    }
}
