//! What apps say over their IPC channels: readiness, facts about themselves, and events for others
//! (pm2-lifecycle.md 7.2 describes PM2's rules).

use ward_core::event::{Event, Report, ReportSource};
use ward_core::id::{InstanceId, Life};
use ward_wire::json::RawJson;
use ward_wire::node_ipc::is_ready;

use super::run::Daemon;
use super::told;
use crate::cluster::WorkerReport;
use crate::worker_loop::ChannelEvent;

/// The longest type of a message, in bytes of its JSON, that is a topic. A longer one is heard as
/// `process:msg`.
const LONGEST_TOPIC: usize = 1024;

/// Topics only the daemon speaks on. An app that uses one is heard as `process:msg`, so that
/// nobody can fake the end of another app or of the daemon.
const OWN_TOPICS: [&str; 5] = ["process:event", "log:out", "log:err", "log:PM2", "pm2:kill"];

impl Daemon {
    /// Something came over a channel.
    pub(super) fn message(&mut self, event: ChannelEvent) {
        match event {
            ChannelEvent::Message {
                life,
                value,
                credit,
            } => {
                self.heard(life, &value);
                drop(credit);
            }
            ChannelEvent::Report { life, body, credit } => {
                self.agent_reports(life, &body);
                drop(credit);
            }
            ChannelEvent::Choked { life } => {
                let name = self.core.name_of(life);
                self.planes.say(
                    true,
                    &format!("{name} does not read its messages, some were dropped"),
                );
            }
            ChannelEvent::Deaf { life } => self.end_deaf(life),
            ChannelEvent::Worker(WorkerReport {
                life,
                event,
                credit,
            }) => {
                self.worker_event(life, event, credit);
            }
            ChannelEvent::Fault { life, task, fault } => {
                let whose = life.map(|life| format!(" of {}", self.core.name_of(life)));
                let whose = whose.unwrap_or_default();
                let text = format!(
                    "A fault in ward: {task}{whose} was dropped, and all else goes on: {fault}"
                );
                self.planes.say(true, &text);
            }
            ChannelEvent::Junk { life, junk } => {
                let name = self.core.name_of(life);
                self.planes
                    .say(true, &format!("{name} sent no message but junk: {junk}"));
            }
            ChannelEvent::Acknowledged { number } => self.acknowledged(number),
            ChannelEvent::Closed { life } => {
                self.workers.speakers.remove(&life);
                self.workers.places.remove(&life);
                self.workers.notices.remove(&life);
                self.disconnected(life);
            }
        }
    }

    /// A worker closed its channel and lives on; at its end there is nothing to tell, nor of
    /// other apps, which may have closed it unread.
    fn disconnected(&mut self, life: Life) {
        let instance = self.core.instance_of(life);
        if let Some(it) = instance.filter(|it| it.is_worker()) {
            let text = format!("App name:{} id:{} disconnected", it.spec.name, it.id);
            self.planes.say(false, &text);
        }
    }

    fn heard(&mut self, life: Life, value: &RawJson) {
        // The last words of an app come after its end.
        let Some(id) = self.workers.speakers.get(&life).copied() else {
            return;
        };
        if is_ready(value) {
            self.pass_on(id, "process:msg", ("raw", value));
            self.handle(Event::Ready { life });
            return;
        }
        let names = ["node_version", "type", "data"];
        let [version, kind, data] = value.fields(names).unwrap_or_default();
        if let Some(report) = version.and_then(|version| told::version(&version)) {
            self.app_reports(life, vec![report]);
            return;
        }
        match typed(kind.as_ref(), data) {
            Some((kind, data)) => self.heard_typed(life, id, &kind, &data, value),
            None => self.pass_on(id, "process:msg", ("raw", value)),
        }
    }

    fn heard_typed(
        &mut self,
        life: Life,
        id: InstanceId,
        kind: &str,
        data: &RawJson,
        whole: &RawJson,
    ) {
        let mut reports = Vec::new();
        match kind {
            "axm:action" => reports.push(told::action(data)),
            "axm:monitor" => told::metrics(data, &mut reports),
            "axm:option:configuration" => told::options(data, &mut reports),
            "axm:option:setPID" => return,
            own if OWN_TOPICS.contains(&own) || own.starts_with("ward:") => {
                return self.pass_on(id, "process:msg", ("raw", whole));
            }
            topic => return self.pass_on(id, topic, ("data", data)),
        }
        self.app_reports(life, reports);
    }

    fn pass_on(&mut self, id: InstanceId, topic: &str, fact: (&str, &RawJson)) {
        let instance = self.core.supervisor.instance(id);
        self.planes.publish_from(instance, topic, fact);
    }

    /// An app told something about itself.
    fn app_reports(&mut self, life: Life, reports: Vec<Report>) {
        self.handle(Event::Reported {
            life,
            source: ReportSource::App,
            reports,
        });
    }
}

/// A message with a `type` and `data`, both truthy as JavaScript sees it.
fn typed(kind: Option<&RawJson>, data: Option<RawJson>) -> Option<(String, RawJson)> {
    let kind = kind?.string_within(LONGEST_TOPIC);
    let kind = kind.filter(|kind| !kind.is_empty())?;
    let data = data.filter(RawJson::is_true)?;
    Some((kind, data))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case(json!({ "type": "my:event", "data": { "a": 1 } }), Some("my:event"))]
    #[case(json!({ "type": "my:event", "data": "text" }), Some("my:event"))]
    #[case(json!({ "type": "my:event", "data": [] }), Some("my:event"))]
    #[case(json!({ "type": "my:event", "data": 0 }), None)]
    #[case(json!({ "type": "my:event", "data": "" }), None)]
    #[case(json!({ "type": "my:event", "data": null }), None)]
    #[case(json!({ "type": "my:event" }), None)]
    #[case(json!({ "type": "", "data": 1 }), None)]
    #[case(json!({ "type": 5, "data": 1 }), None)]
    #[case(json!("text"), None)]
    #[case(json!(["type", "data"]), None)]
    #[case(Value::Null, None)]
    fn a_typed_message_has_a_type_and_data(#[case] message: Value, #[case] kind: Option<&str>) {
        let message = RawJson::from(&message);
        let [found, data] = message.fields(["type", "data"]).unwrap_or_default();
        let found = typed(found.as_ref(), data).map(|(kind, _)| kind);
        assert_eq!(found.as_deref(), kind);
    }
}
