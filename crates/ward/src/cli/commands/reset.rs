//! `reset`: sets restart counters to zero.

use serde_json::json;

use crate::cli::args::Invocation;
use crate::cli::select::{Candidate, NotFound, select};
use crate::exit::Failure;

/// Resets the target's instances.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let mut client = super::connect(invocation)?;
    let target = invocation.target().unwrap_or_default();
    let candidates = Candidate::from_records(&client.summaries()?);
    let console = &invocation.console;
    let selected = match select(&candidates, target, &super::cwd()?, false) {
        // `all` with an empty list is no failure.
        Err(NotFound::Nothing) if target == "all" => Ok(Vec::new()),
        selected => selected.map(|selection| selection.ids),
    };
    let ids = selected.map_err(|reason| {
        match reason {
            NotFound::Nothing => console.warn_aside("No process found"),
            NotFound::Id(id) => console.aside(format!("{id} id unknown")),
            NotFound::Name(_) => console.aside("Unknown process name"),
            NotFound::Pattern(reason) => {
                console.error(format!("cannot read the pattern: {reason}"));
            }
        }
        Failure::said()
    })?;
    for id in ids {
        console.say(format!("Resetting meta for process id {id}"));
        client.call("resetMetaProcessId", &[json!(id)])?;
    }
    super::list::print_after(&mut client, invocation)
}
