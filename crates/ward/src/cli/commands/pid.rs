//! `pid [name]`: pids, one per line, 0 for what does not run; also when silent.

use crate::cli::args::Invocation;
use crate::cli::out::record::Record;
use crate::exit::Failure;

/// Prints the pids; an unknown name gives one empty line and no failure.
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
