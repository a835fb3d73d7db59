//! `jlist`: prints all records as one line of JSON, also with `--silent`.

use serde_json::Value;

use crate::cli::args::Invocation;
use crate::cli::out::json;
use crate::exit::Failure;

/// Prints the records, without a newline at their end as PM2 does.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let records = super::connect(invocation)?.records()?;
    invocation
        .console
        .data(json::to_terminal(&Value::Array(records)));
    Ok(())
}
