//! `pid [name]`: prints pids, one per line, and 0 for an app that does not run; also with
//! `--silent`.

use crate::cli::args::Invocation;
use crate::cli::out::record::Record;
use crate::exit::Failure;

/// Prints the pids; an unknown name prints one empty line and is no failure.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let wanted = invocation.target();
    let records = super::connect(invocation)?.summaries()?;
    let pids: Vec<String> = records
        .iter()
        .map(Record::new)
        .filter(|record| wanted.is_none_or(|name| record.name() == name))
        .map(|record| record.pid().unwrap_or(0).to_string())
        .collect();
    invocation.console.data(pids.join("\n") + "\n");
    Ok(())
}
