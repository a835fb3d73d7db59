//! `jlist`: prints all records as one line of JSON, also with `--silent`.

use serde_json::Value;
use ward_wire::json;

use crate::cli::args::Invocation;
use crate::exit::Failure;

/// Prints the records, without a newline at their end as PM2 does.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let records = super::connect(invocation)?.records()?;
    invocation
        .console
        .data(json::to_string(&Value::Array(records)));
    Ok(())
}
