//! `send`: writes a line to the standard input of an app.

use serde_json::json;

use crate::cli::args::Invocation;
use crate::cli::client::{CallError, Client};
use crate::exit::Failure;

/// Sends the line with a newline at its end.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let [id, line, ..] = invocation.targets.as_slice() else {
        return Err(Failure::new("send needs an id and a line"));
    };
    let mut client = super::connect(invocation)?;
    line_to(&mut client, id, &format!("{line}\n"))?;
    super::list::print_after(&mut client, invocation)
}

/// Writes text to an app's standard input.
pub(super) fn line_to(client: &mut Client, id: &str, line: &str) -> Result<(), Failure> {
    match client.call("sendLineToStdin", &[json!({"pm_id": id, "line": line})]) {
        Ok(_) => Ok(()),
        Err(CallError::Refused(reason)) => Err(Failure::new(format!("Error: {reason}"))),
        Err(other) => Err(other.into()),
    }
}
