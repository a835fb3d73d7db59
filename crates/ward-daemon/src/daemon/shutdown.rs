//! The end of the daemon: the apps stop, whoever asked is told, and what is queued for clients goes
//! out as long as they read it.

use std::time::Duration;

use serde_json::json;
use ward_core::request::Request;
use ward_sys::signal::Signal as ProcessSignal;

use super::launches::abandon_starts;
use super::pending::Waiting;
use super::rpc::Responder;
use super::run::Daemon;

/// How long the last output of the apps may take to reach the disk when the daemon ends.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

/// How long clients may take to read the last replies. One that reads gets all of them; one that
/// does not must not keep the daemon alive.
const LAST_REPLIES: Duration = Duration::from_secs(2);

/// Likewise for subscribers and the last events.
const LAST_EVENTS: Duration = Duration::from_secs(2);

/// The end of the daemon, once it was asked for.
#[derive(Debug, Default)]
pub(super) struct Shutdown {
    /// How many apps there were; `None` while nobody asked.
    pub(super) apps: Option<usize>,
    /// All have stopped: leave the loop.
    pub(super) ended: bool,
    /// The signal that asked for it first.
    pub(super) signal: Option<ProcessSignal>,
    /// Who is answered at the very end.
    pub(super) responders: Vec<Responder>,
    /// Clients of PM2's that wait for SIGQUIT.
    pub(super) callers: Vec<ward_sys::Pid>,
}

impl Daemon {
    /// All apps stop side by side, then the daemon ends. Asked once more it goes on as it is: who is
    /// impatient must not leave half of the apps behind.
    pub(super) fn end(&mut self, why: &str) {
        if self.shutdown.apps.is_some() {
            return;
        }
        self.shutdown.apps = Some(self.core.supervisor.instances().count());
        let text = format!("pm2 has been killed {why}");
        self.planes
            .bus
            .publish("pm2:kill", &json!({ "status": "killed", "msg": text }));
        self.planes.say(false, &text);
        self.ask(Request::Shutdown, Waiting::End);
    }

    /// Nothing runs any more. Who asked for the end is told when the sockets are gone, so that the
    /// next command does not talk to a daemon that is leaving.
    pub(super) async fn close(mut self) {
        self.planes.say(false, "the daemon has ended");
        abandon_starts(&self.planes.launch);
        self.home.release();
        let stopped = self.shutdown.apps.unwrap_or_default();
        for responder in self.shutdown.responders.drain(..) {
            responder.ok(json!({ "stopped": stopped }));
        }
        for caller in self.shutdown.callers.drain(..) {
            rustix::process::kill_process(caller, rustix::process::Signal::QUIT).ok();
        }
        let published = self.planes.bus.close(LAST_EVENTS);
        // Requests nobody will come to any more are answered, too.
        drop(self.clients.pending);
        self.clients.unwritten.flushed(LAST_REPLIES).await;
        // The limit of the bus runs since it was closed. Its thread is gone: that is an end, too.
        published.await.ok();
        self.processes.close();
        self.planes.log.stop(LAST_OUTPUT);
    }
}
