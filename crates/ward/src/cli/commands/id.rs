//! `id <name>`: the ids of an app, by its name or script, as node prints an array.

use serde_json::{Value, json};

use crate::cli::args::Invocation;
use crate::cli::out::inspect::inspect;
use crate::cli::out::record::Record;
use crate::cli::select;
use crate::exit::Failure;

/// Prints the ids; an unknown name prints an empty array and is no failure.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let wanted = invocation.target().unwrap_or_default();
    let script = select::resolve(&super::cwd()?, wanted);
    let records = super::connect(invocation)?.summaries()?;
    let ids: Vec<Value> = records
        .iter()
        .map(Record::new)
        .filter(|record| record.name() == wanted || record.text("pm_exec_path") == script.to_str())
        .map(|record| json!(record.id()))
        .collect();
    invocation.console.line(inspect(&Value::Array(ids)));
    Ok(())
}
