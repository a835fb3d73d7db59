//! `env <id>`: prints the environment of one process.

use crate::cli::args::Invocation;
use crate::cli::out::color::Paint;
use crate::cli::out::env;
use crate::cli::out::record::Record;
use crate::exit::Failure;

/// Prints the variables.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let wanted = invocation.target().unwrap_or_default();
    let records = super::connect(invocation)?.records()?;
    let found = records
        .iter()
        .map(Record::new)
        .find(|record| record.id().to_string() == wanted);
    let Some(record) = found else {
        return Err(Failure::new(format!("Modules with id {wanted} not found")));
    };
    let paint = Paint {
        on: invocation.console.color(),
    };
    let text = env::render(record, paint);
    invocation
        .console
        .line(text.strip_suffix('\n').unwrap_or(&text));
    Ok(())
}
