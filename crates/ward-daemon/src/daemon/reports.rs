//! What our agent inside a cluster worker tells: the same as PM2's library, until the app brings a
//! library of its own.

use serde_json::{Value, json};
use ward_core::event::{Event, Report, ReportSource};
use ward_core::id::{InstanceId, Life};
use ward_wire::json::RawJson;

use super::parts::Core;
use super::run::Daemon;
use super::told;

/// What the agent does when it is triggered.
const OWN_ACTIONS: [&str; 1] = ["km:heapdump"];

impl Daemon {
    /// A report of the agent. It may come from anything inside the worker, so nothing is expected
    /// to be there.
    pub(super) fn agent_reports(&mut self, life: Life, body: &RawJson) {
        let Some(id) = self.workers.speakers.get(&life).copied() else {
            return;
        };
        let names = [
            "node_version",
            "options",
            "actions",
            "monitor",
            "exception",
            "reply",
        ];
        let found = body.fields(names).unwrap_or_default();
        let [version, options, actions, monitor, exception, reply] = found;
        let has_facts = version.is_some() || options.is_some() || actions.is_some();
        let has_facts = has_facts || monitor.is_some() || reply.is_some();
        // Sent only when nobody else would.
        self.publish_object(id, "process:exception", exception);
        if !has_facts {
            return;
        }
        // The core refuses the rest, too, and has the agent silenced.
        let is_heard = self.core.supervisor.report_source(life) != Some(ReportSource::App);
        let mut reports: Vec<Report> = version
            .as_ref()
            .and_then(told::version)
            .into_iter()
            .collect();
        if let Some(options) = options {
            told::options(&options, &mut reports);
        }
        if let Some(actions) = actions {
            told::actions(&actions, &mut reports);
        }
        if let Some(monitor) = monitor {
            told::metrics(&monitor, &mut reports);
        }
        self.handle(Event::Reported {
            life,
            source: ReportSource::Agent,
            reports,
        });
        if is_heard {
            self.publish_object(id, "axm:reply", reply);
        }
    }

    fn publish_object(&mut self, id: InstanceId, topic: &str, data: Option<RawJson>) {
        if let Some(data) = data.filter(RawJson::is_object) {
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
