//! `slist`: the daemon's metrics of this machine.

use serde_json::json;

use crate::cli::args::Invocation;
use crate::cli::out::{inspect::inspect, tree};
use crate::exit::Failure;

/// Prints them as node prints objects, or as a tree.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let metrics = super::connect(invocation)?.call("getSystemData", &[json!({})])?;
    let text = if invocation.is_set("tree") {
        tree::render(&metrics) + "\n"
    } else {
        inspect(&metrics)
    };
    invocation.console.data(text);
    Ok(())
}
