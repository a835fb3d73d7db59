//! The methods of `rpc.sock`: PM2's 30, and ward's own under `ward:`. A name is looked up in this
//! one table; missing arguments are null, further ones are ignored.

mod act;
mod control;
mod facts;
mod own;
mod send;
mod watch;

use serde_json::Value;
use ward_core::event::Event;

use super::rpc::{Call, Peer, Responder};
use super::run::Daemon;

/// Arguments of a call.
#[derive(Debug)]
pub(super) struct Args(Vec<Value>);

impl Args {
    /// One of them, null when it is missing.
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
                self.reopen_logs();
                responder.ok(serde_json::json!({}));
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
