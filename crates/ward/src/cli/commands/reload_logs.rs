//! `reloadLogs`: the daemon opens the log files again.

use serde_json::json;

use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Returns when the daemon has opened the files again.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    invocation.console.line("Reloading all logs...");
    client.call("reloadLogs", &[json!({})])?;
    invocation.console.line("All logs reloaded");
    Ok(())
}
