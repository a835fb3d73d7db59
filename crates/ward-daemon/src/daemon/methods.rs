//! The methods of `rpc.sock`: PM2's 30, and ward's own with the prefix `ward:`. This module alone
//! looks up their names. Missing arguments are null, extra ones are ignored.

mod act;
mod control;
mod facts;
mod own;
mod send;
mod watch;

use std::time::Duration;

use serde_json::Value;
use ward_core::event::Event;

use super::rpc::{Call, Peer, Responder};
use super::run::Daemon;

/// How long a client waits for log files to be opened anew.
const REOPEN_LIMIT: Duration = Duration::from_secs(2);

/// The arguments of a call.
#[derive(Debug)]
pub(super) struct Args(Vec<Value>);

impl Args {
    /// The argument at `index`, or null if it is missing.
    fn at(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Null)
    }
}

/// Runs a call.
pub(super) fn dispatch(daemon: &mut Daemon, call: Call) {
    let Call {
        method,
        args,
        peer,
        responder,
        turn: _turn,
    } = call;
    let args = Args(args);
    let own = method.strip_prefix("ward:");
    if let Some(own) = own {
        return daemon.own_method(own, &args, responder);
    }
    if let Some(responder) = daemon.control_method(&method, &args, responder)
        && let Some(responder) = daemon.fact_method(&method, &args, &peer, responder)
        && let Some(responder) = daemon.talk_method(&method, &args, &peer, responder)
    {
        responder.refuse(&ward_wire::rpc::unknown_method(&method));
    }
}

impl Daemon {
    fn talk_method(
        &mut self,
        method: &str,
        args: &Args,
        peer: &Peer,
        responder: Responder,
    ) -> Option<Responder> {
        match method {
            "sendLineToStdin" => self.send_line(args.at(0), responder),
            "sendDataToProcessId" => self.send_data(args.at(0), responder),
            "msgProcess" => self.send_action(args.at(0), responder),
            "sendSignalToProcessId" => self.signal_by_id(args.at(0), responder),
            "sendSignalToProcessName" => self.signal_by_name(args.at(0), responder),
            "notifyByProcessId" => self.notify(args.at(0), responder),
            "startWatch" | "stopWatch" | "toggleWatch" => self.watch(method, args, responder),
            "monitor" | "unmonitor" => self.monitor(method, args.at(0), responder),
            "reloadLogs" => {
                let reopened = self.reopen_logs();
                tokio::task::spawn_local(async move {
                    // A file on a dead mount may take for ever; all others are done long before.
                    tokio::time::timeout(REOPEN_LIMIT, reopened).await.ok();
                    responder.ok(serde_json::json!({}));
                });
            }
            "notifyKillPM2" => {
                self.handle(Event::KillAnnounced);
                responder.never();
            }
            "killMe" => self.kill_me(args.at(0), peer, responder),
            _ => return Some(responder),
        }
        None
    }
}
