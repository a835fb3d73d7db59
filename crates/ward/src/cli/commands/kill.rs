//! `kill`: stops all apps, then the daemon. The command does not start a daemon for it.

use serde_json::{Value, json};

use super::act::{self, Action, Extras};
use crate::cli::args::Invocation;
use crate::cli::client::{CallError, Client};
use crate::cli::select::{Candidate, select};
use crate::exit::Failure;

/// Ends all apps and the daemon; without a daemon it succeeds and does nothing.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let console = &invocation.console;
    match Client::connect_existing(&invocation.paths)? {
        None => console.warn_aside("No process found"),
        Some(mut client) => {
            if let Some(patience) = invocation.timeout() {
                client.set_patience(patience);
            }
            end(invocation, client)?;
        }
    }
    console.say("[v] All Applications Stopped");
    console.say("[v] PM2 Daemon Stopped");
    Ok(())
}

fn end(invocation: &Invocation, mut client: Client) -> Result<(), Failure> {
    let console = &invocation.console;
    let candidates = Candidate::from_records(&client.summaries()?);
    match select(&candidates, "all", &super::cwd()?, true) {
        Err(_) => console.warn_aside("No process found"),
        Ok(selection) => {
            act::applying(console, Action::Delete, "all", &selection);
            // An app that does not stop must not keep the daemon alive.
            act::on_ids(
                invocation,
                &mut client,
                Action::Delete,
                (&selection.ids, &candidates),
                &Extras::new(),
            )
            .or(Ok::<_, Failure>(()))?;
        }
    }
    match client.call("ward:shutdown", &[json!({})]) {
        Ok(Value::Null | Value::Object(_)) | Err(CallError::Closed) => {}
        Ok(_) => return Err(CallError::Garbage.into()),
        Err(error) => return Err(error.into()),
    }
    client.wait_for_end().map_err(Failure::from)
}
