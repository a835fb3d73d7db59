//! What our agent inside a cluster worker tells: the same as PM2's library, until the app brings a
//! library of its own.

use serde_json::{Map, Value, json};
use ward_core::event::{Event, Report, ReportSource};
use ward_core::id::{InstanceId, Life};

use super::messages::object;
use super::parts::Core;
use super::run::Daemon;

/// Keys every report has: `cmd` and `act`.
const ENVELOPE: usize = 2;

/// What the agent does when it is triggered.
const OWN_ACTIONS: [&str; 1] = ["km:heapdump"];

impl Daemon {
    /// A report of the agent. It may come from anything inside the worker, so nothing is expected
    /// to be there.
    pub(super) fn agent_reports(&mut self, life: Life, mut body: Map<String, Value>) {
        let Some(id) = self.workers.speakers.get(&life).copied() else {
            return;
        };
        // Sent only when nobody else would.
        self.publish_object(id, "process:exception", body.remove("exception"));
        if body.len() <= ENVELOPE {
            return;
        }
        // The core refuses the rest, too, and has the agent silenced.
        let is_heard = self.core.supervisor.report_source(life) != Some(ReportSource::App);
        let mut take = |key: &str| body.remove(key);
        let version = take("node_version").and_then(|it| it.as_str().map(str::to_owned));
        let options = take("options").as_ref().map(object);
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
        self.handle(Event::Reported {
            life,
            source: ReportSource::Agent,
            reports: reports.collect(),
        });
        if is_heard {
            self.publish_object(id, "axm:reply", body.remove("reply"));
        }
    }

    fn publish_object(&mut self, id: InstanceId, topic: &str, data: Option<Value>) {
        if let Some(data) = data.filter(Value::is_object) {
            let instance = self.core.supervisor.instance(id);
            self.planes.publish_from(instance, topic, ("data", &data));
        }
    }
}

/// The command for an action the agent offers; the app does not see it.
pub(super) fn own_action(core: &Core, life: Life, command: &Value) -> Option<Value> {
    let name = command.get("msg")?.as_str()?;
    let offered = OWN_ACTIONS.contains(&name);
    let has_agent = core.supervisor.report_source(life) == Some(ReportSource::Agent);
    (offered && has_agent).then(|| {
        json!({
            "cmd": "NODE_WARD", "act": "action", "name": name, "opts": command.get("opts"),
        })
    })
}
