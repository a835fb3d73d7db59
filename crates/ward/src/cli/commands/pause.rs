//! `pause` and `resume`: stop and start new connections to cluster workers. Open connections stay.

use serde_json::json;

use crate::cli::args::Invocation;
use crate::cli::client::CallError;
use crate::cli::select::{Candidate, select};
use crate::exit::Failure;

/// Stops new connections to the target's workers.
pub(crate) fn pause(invocation: &Invocation) -> Result<(), Failure> {
    run(invocation, true)
}

/// Starts new connections to the target's workers again.
pub(crate) fn resume(invocation: &Invocation) -> Result<(), Failure> {
    run(invocation, false)
}

fn run(invocation: &Invocation, paused: bool) -> Result<(), Failure> {
    let word = if paused { "pause" } else { "resume" };
    let console = &invocation.console;
    let Some(target) = invocation.target() else {
        return Err(Failure::new(format!("{word} needs an app, an id or all")));
    };
    let mut client = super::connect(invocation)?;
    let candidates = Candidate::from_records(&client.summaries()?);
    let selection = select(&candidates, target, &super::cwd()?, false).map_err(|_| {
        Failure::new(format!(
            "cannot {word} {target}: there is no such app or id"
        ))
    })?;
    let mut failed = false;
    for id in selection.ids {
        match client.call("ward:pause", &[json!({ "id": id, "paused": paused })]) {
            Ok(_) if paused => console.say(format!("Process id {id} gets no new connections")),
            Ok(_) => console.say(format!("Process id {id} gets connections again")),
            Err(CallError::Refused(reason)) => {
                console.error(reason);
                failed = true;
            }
            Err(other) => return Err(other.into()),
        }
    }
    if failed {
        return Err(Failure::said());
    }
    super::list::print_after(&mut client, invocation)
}
