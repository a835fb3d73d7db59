//! Reports each of many instances as soon as the daemon is done with it.

use std::collections::BTreeSet;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use serde_json::Value;
use ward_wire::bus::Choice;

use super::Action;
use crate::cli::args::Invocation;
use crate::cli::client::Subscription;

/// The least number of instances for which the progress is shown.
const WORTH_WATCHING: usize = 3;

/// A thread that prints the progress events of the daemon.
#[derive(Debug)]
pub(super) struct Progress(Option<(UnixStream, JoinHandle<BTreeSet<u32>>)>);

impl Progress {
    /// Starts the thread. Without a bus all instances are reported at the end.
    pub(super) fn watch(invocation: &Invocation, action: Action, ids: BTreeSet<u32>) -> Self {
        if ids.len() < WORTH_WATCHING {
            return Self(None);
        }
        let choice = Choice {
            topics: vec!["ward:progress".to_owned()],
            ..Choice::default()
        };
        let subscription = Subscription::open(&invocation.paths, &choice).ok();
        let begun = subscription.and_then(|subscription| {
            let end = subscription.end().ok()?;
            let console = invocation.console.clone();
            let thread = thread::spawn(move || {
                let mut told = BTreeSet::new();
                for event in subscription.filter(|event| event.topic == "ward:progress") {
                    let Some((id, name)) = done(action, &event.payload) else {
                        continue;
                    };
                    if ids.contains(&id) && told.insert(id) {
                        console.say(format!("[{name}]({id}) ✓"));
                    }
                }
                told
            });
            Some((end, thread))
        });
        Self(begun)
    }

    /// Ends the thread and returns the ids that it has reported.
    pub(super) fn finish(self) -> BTreeSet<u32> {
        let Some((end, thread)) = self.0 else {
            return BTreeSet::new();
        };
        // If the connection is closed already, the thread has ended.
        end.shutdown(Shutdown::Both).ok();
        thread.join().unwrap_or_default()
    }
}

/// The instance a progress event reports as done, if it has a name to show.
fn done(action: Action, payload: &Value) -> Option<(u32, &str)> {
    let ours = payload["action"] == action.word() && payload["ok"] == true;
    let id = payload["pm_id"]
        .as_u64()
        .filter(|_| ours)
        .and_then(|id| u32::try_from(id).ok())?;
    Some((id, payload["name"].as_str()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_done_is_reported() {
        let event = |action: &str, ok: bool, name: Value| json!({"action": action, "pm_id": 3, "name": name, "ok": ok, "done": 1, "total": 9});
        let stop =
            |payload: &Value| done(Action::Stop, payload).map(|(id, name)| (id, name.to_owned()));
        let told = Some((3, "web".to_owned()));
        assert_eq!(stop(&event("stop", true, json!("web"))), told);
        assert_eq!(stop(&event("restart", true, json!("web"))), None);
        assert_eq!(stop(&event("stop", false, json!("web"))), None);
        assert_eq!(stop(&event("stop", true, Value::Null)), None);
    }
}
