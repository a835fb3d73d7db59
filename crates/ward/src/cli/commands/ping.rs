//! `ping`: checks that the daemon answers, and starts it if there is none, as PM2 does.

use serde_json::json;

use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Prints the daemon's reply as PM2 does.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let answer = client.call("ping", &[json!({})])?;
    let text = answer["msg"].as_str().unwrap_or_default();
    invocation.console.line(format!("{{ msg: '{text}' }}"));
    Ok(())
}
