//! What our agent inside a cluster worker tells: the same as PM2's library, until the app brings a
//! library of its own.

use serde_json::{Map, Value, json};
use ward_core::event::{Event, Report};
use ward_core::id::{InstanceId, Life};

use super::messages::object;
use super::run::Daemon;
use super::workers::ReportSource;

/// Keys every report has: `cmd` and `act`.
const ENVELOPE: usize = 2;

/// What the agent does when it is triggered.
const OWN_ACTIONS: [&str; 1] = ["km:heapdump"];

impl Daemon {
    /// A report of the agent. It may come from anything inside the worker, so nothing is expected
    /// to be there.
    pub(super) fn agent_reports(&mut self, life: Life, mut body: Map<String, Value>) {
        let Some(id) = self.speakers.get(&life).copied() else {
            return;
        };
        // Sent only when nobody else would.
        self.publish_object(id, "process:exception", body.remove("exception"));
        if body.len() <= ENVELOPE {
            return;
        }
        if *self
            .workers
            .report_sources
            .entry(life)
            .or_insert(ReportSource::Agent)
            == ReportSource::App
        {
            return self.silence(life);
        }
        let mut take = |key: &str| body.remove(key);
        let version = take("node_version").and_then(|it| it.as_str().map(str::to_owned));
        let options = take("options").map(|options| {
            let mut options = object(&options);
            // Only the app itself may rename itself.
            options.remove("name");
            options
        });
        let actions = match take("actions") {
            Some(Value::Array(actions)) => actions,
            _ => Vec::new(),
        };
        let reports = version
            .map(Report::NodeVersion)
            .into_iter()
            .chain(options.map(Report::Options))
            .chain(actions.into_iter().map(Report::Action))
            .chain(take("monitor").as_ref().map(object).map(Report::Monitor));
        for report in reports.collect::<Vec<_>>() {
            self.handle(Event::Reported { life, report });
        }
        self.publish_object(id, "axm:reply", body.remove("reply"));
    }

    fn publish_object(&mut self, id: InstanceId, topic: &str, data: Option<Value>) {
        if let Some(data) = data.filter(Value::is_object) {
            self.publish_from(id, topic, "data", &data);
        }
    }

    /// The app of a worker reports by itself: what the agent told is taken back.
    pub(super) fn speaks_for_itself(&mut self, life: Life) {
        let before = self.workers.report_sources.insert(life, ReportSource::App);
        if before == Some(ReportSource::Agent) {
            let report = Report::Retraction;
            self.handle(Event::Reported { life, report });
            self.silence(life);
        }
    }

    fn silence(&self, life: Life) {
        let message = json!({ "cmd": "NODE_WARD", "act": "silence" });
        self.channel.send(life, &message);
    }

    /// The command for an action the agent offers; the app does not see it.
    pub(super) fn as_own_action(&self, life: Life, command: &Value) -> Option<Value> {
        let name = command.get("msg")?.as_str()?;
        let offered = OWN_ACTIONS.contains(&name);
        let has_agent = self.workers.report_sources.get(&life) == Some(&ReportSource::Agent);
        (offered && has_agent).then(|| {
            json!({
                "cmd": "NODE_WARD", "act": "action", "name": name, "opts": command.get("opts"),
            })
        })
    }
}
