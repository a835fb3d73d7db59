//! Flags of an instance: watched, monitored.

use serde_json::{Value, json};
use ward_core::id::InstanceId;
use ward_core::request::{Request, WatchChange};
use ward_core::view;

use super::Args;
use crate::daemon::pending::{Form, Waiting};
use crate::daemon::replies::{id_text, unknown};
use crate::daemon::rpc::Responder;
use crate::daemon::run::Daemon;

impl Daemon {
    /// `startWatch`, `stopWatch`, `toggleWatch`: the first argument names the action that comes
    /// next, the second whom it is about. Nobody is no error.
    pub(super) fn watch(&mut self, method: &str, args: &Args, responder: Responder) {
        let change = match method {
            "startWatch" => WatchChange::On,
            "stopWatch" => WatchChange::Off,
            _ => WatchChange::Toggle,
        };
        let about = args.at(1);
        let about = about
            .get("id")
            .or_else(|| about.get("pm_id"))
            .unwrap_or(about);
        let all = args
            .at(0)
            .as_str()
            .is_some_and(|action| action.ends_with("All"));
        let ids: Vec<InstanceId> = if all {
            self.core.supervisor.instances().map(|it| it.id).collect()
        } else {
            self.core.known(about).into_iter().collect()
        };
        let already = ids
            .first()
            .and_then(|id| self.core.supervisor.instance(*id))
            .is_some_and(view::is_watching);
        for id in ids {
            self.ask(Request::Watch(id, change), Waiting::Nobody);
        }
        responder.ok(match change {
            WatchChange::On if already => json!({ "success": true, "notrestarted": true }),
            _ => json!({ "success": true }),
        });
    }

    pub(super) fn monitor(&mut self, method: &str, id: &Value, responder: Responder) {
        let on = method == "monitor";
        match self.core.known(id) {
            Some(instance) => {
                let request = |id| Request::Monitor(id, on);
                self.one("monitor", Form::Monitored(instance), id, responder, request);
            }
            None => responder.error(&unknown("monitor", &id_text(id))),
        }
    }
}
