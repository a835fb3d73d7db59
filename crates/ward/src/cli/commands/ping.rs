//! `ping`: is the daemon there? Starts it when it is not, as PM2 does.

use serde_json::json;

use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Prints the daemon's answer as PM2 prints it.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let answer = client.call("ping", &[json!({})])?;
    let text = answer["msg"].as_str().unwrap_or_default();
    invocation.console.line(format!("{{ msg: '{text}' }}"));
    Ok(())
}
